//! No secret in any output, whatever goes wrong (hazard 18).

use std::fs;

use crate::harness::{Config, DeadEnd, Kind, Proxy, Sandbox, Verdict, minio};

/// Every secret of the configuration, obscured and revealed.
fn secrets(sandbox: &Sandbox) -> Vec<String> {
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let mut all = Vec::new();
    for line in conf.lines() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        if ["secret_access_key", "access_key_id", "password", "password2"].contains(&key) {
            all.push(value.to_owned());
        }
        if key.starts_with("password") {
            let revealed = sandbox.rclone(["reveal", value]).run();
            all.extend((revealed.code == Some(0)).then(|| revealed.stdout.trim().to_owned()));
        }
    }
    all
}

fn assert_silent(sandbox: &Sandbox, args: &[&str]) {
    for flags in [&[][..], &["-vv"], &["--json", "-vv"]] {
        let run = sandbox.poof(flags.iter().chain(args)).run();
        for secret in secrets(sandbox) {
            assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret), "{run}");
        }
    }
}

#[test]
fn a_working_remote_shows_none() {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    fs::write(sandbox.data().join("x"), "x").unwrap();
    for args in [&["verify"][..], &["backup"], &["download", "--yes"], &["econfig"], &["paths"]] {
        assert_silent(&sandbox, args);
    }
    // The state holds no copy of the configuration either.
    for entry in walkdir::WalkDir::new(sandbox.home().join(".local")).into_iter().flatten() {
        if entry.file_type().is_file() {
            let content = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
            assert!(secrets(&sandbox).iter().all(|s| !content.contains(s)), "{entry:?}");
        }
    }
}

#[test]
fn a_failing_remote_shows_none() {
    let (proxy, dead) = (Proxy::start(minio().address()), DeadEnd::new());
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (400, "AuthorizationHeaderMalformed"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&Config::encrypted(proxy.endpoint()));
        fs::write(sandbox.data().join("x"), "x").unwrap();
        proxy.set_rule(move |_| Verdict::Status(status, code));
        assert_silent(&sandbox, &["verify"]);
        proxy.set_rule(move |request| match request.kind {
            Kind::Put if request.key().len() > 1 => Verdict::Status(status, code),
            _ => Verdict::Pass,
        });
        assert_silent(&sandbox, &["backup"]);
    }
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(dead.endpoint()));
    assert_silent(&sandbox, &["verify"]);
}

#[test]
fn broken_files_show_none() {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    let good = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let known = secrets(&sandbox);
    for broken in [
        good.replace("secret_access_key = ", "secret_access_key "),
        good.replace("password = ", "password = x"),
        good.replace("type = crypt", "type = nonsense"),
        good.replace("[poof-crypt]", "[poof-crypt"),
        good.replace("password2 = ", "  "),
    ] {
        fs::write(sandbox.rclone_conf(), &broken).unwrap();
        for command in ["verify", "backup", "download", "econfig", "cryptoggle"] {
            let run = sandbox.poof(["-vv", command]).run();
            assert!(
                known.iter().all(|s| !run.stdout.contains(s) && !run.stderr.contains(s)),
                "{run}"
            );
            assert!(!run.stderr.contains("panic"), "{run}");
        }
        sandbox.write_config(&Config::encrypted(minio().endpoint()));
    }
}
