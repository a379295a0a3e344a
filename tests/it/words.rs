//! What a failure says: whose it is, which path, and what to do; never a word that harms.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command as Process;

use crate::harness::command::Run;
use crate::harness::tls::{self, Names};
use crate::harness::{Backdoor, Config, Kind, Lacks, Sandbox, Verdict, skipped};
use crate::story::{backed_up, encrypted, on_disk, plain, proxied};

/// Nothing is said of passwords, of other stores, or of a word that would let it pass.
#[track_caller]
fn blames_nobody(run: &Run) {
    for word in ["password", "another store", "changed the bucket", "--allow", "is not there"] {
        assert!(!run.stderr.contains(word), "{word:?}: {run}");
    }
}

/// What reads poof's records first.
const READERS: [&[&str]; 4] =
    [&["backup"], &["check"], &["status"], &["download", "--to", "beside"]];

#[test]
fn a_record_that_cannot_be_fetched_is_no_wrong_password_and_no_older_snapshot() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = backed_up(encrypted, &[]);
        let state = sandbox.state();
        let (aside, trees) = (state.with_extension("aside"), state.join("trees"));
        for (status, code) in [(403, "AccessDenied"), (501, "NotImplemented")] {
            proxy.set_rule(move |request| match request.kind {
                Kind::Get => Verdict::Status(status, code),
                _ => Verdict::Pass,
            });
            for args in READERS {
                // The heads and what they name.
                fs::rename(&trees, &aside).unwrap();
                let run = sandbox.poof(args).run().expect_code(4);
                blames_nobody(&run);
                run.stderr_has(code);
                let _ = fs::remove_dir_all(&trees);
                fs::rename(&aside, &trees).unwrap();
                // The identity.
                fs::rename(&state, &aside).unwrap();
                let run = sandbox.poof(args).run().expect_code(4);
                blames_nobody(&run);
                run.stderr_has(code).stderr_has("identity");
                fs::remove_dir_all(&state).unwrap();
                fs::rename(&aside, &state).unwrap();
            }
        }
        proxy.set_rule(|_| Verdict::Pass);
        sandbox.poof(["backup"]).run().expect_code(0);
    }
}

#[test]
fn an_identity_that_was_read_and_does_not_open_is_refused() {
    for sandbox in [plain(3), encrypted(3)] {
        sandbox.poof(["backup"]).run().expect_code(0);
        Backdoor::new(&sandbox).write(".poof/identity", b"something else");
        for args in [&["backup"][..], &["check"]] {
            let run = sandbox.poof(args).run().expect_code(7);
            run.stderr_has("identity").stderr_has("--allow other-remote");
        }
    }
}

/// `script`, a piece of shell in which `$S` is the state directory and `$P` poof, where
/// only it sees what it mounts. None if that is not allowed.
fn mounted(sandbox: &Sandbox, script: &str) -> Option<Run> {
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return None;
    }
    let (state, poof) = (sandbox.state(), env!("CARGO_BIN_EXE_poof"));
    let script = format!("S='{}' P='{poof}'; {script}", state.display());
    Some(sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run())
}

#[test]
fn a_full_disk_of_this_machine_is_not_blamed_on_the_bucket() {
    let (sandbox, _) = on_disk();
    for number in 0..300 {
        let name = format!("a-file-with-a-rather-long-name-number-{number}");
        fs::write(sandbox.data().join(name), "x").unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    for command in ["backup", "check", "status", "download --to beside"] {
        let script = format!("mount -t tmpfs -o size=8k,mode=700 t $S; exec $P {command}");
        let Some(run) = mounted(&sandbox, &script) else { return };
        let run = run.expect_code(1).stderr_has("o space left on device");
        let run = run.stderr_has(&sandbox.state().display().to_string()).stderr_has("Free some");
        blames_nobody(&run);
    }
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn what_this_machine_knows_and_cannot_read_is_not_taken_for_nothing() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let known = sandbox.state().join("identities.json");
    fs::remove_file(&known).unwrap();
    fs::create_dir(&known).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(1).stderr_has("identities.json");
    blames_nobody(&run);
}

#[test]
fn no_level_holds_while_nothing_is_saved() {
    let sandbox = plain(3);
    let nothing = || {
        let run = sandbox.poof(["status"]).run().expect_code(0);
        let run = run.stdout_has("Nothing is backed up yet. Next: `poof backup`\n");
        assert!(!run.stdout.contains("holds: yes"), "{run}");
        let run = sandbox.poof(["--json", "status"]).run().expect_code(0);
        let lines = run.json_lines();
        let status = lines.iter().find(|line| line["type"] == "status").unwrap();
        assert_eq!((&status["level_declared"], &status["level_actual"]), (&1.into(), &0.into()));
        assert_eq!(lines.last().unwrap()["level"], 0, "{run}");
    };
    nothing();
    // One tree of two is no backup of both.
    sandbox.poof(["backup", "--only", "config"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has("holds: 0 ");
    run.stdout_has("data: never backed up (`poof backup`)");
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    assert!(!run.stdout.contains("never backed up"), "{run}");
}

#[test]
fn no_level_holds_once_an_object_is_gone() {
    let sandbox = plain(3);
    fs::write(sandbox.data().join("thesis"), "precious").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    Backdoor::new(&sandbox).delete("data/thesis");
    let run = sandbox.poof(["status"]).run().expect_code(0).stdout_has("holds: 0 ");
    run.stdout_has("data: not proven: 1 file (`poof check` lists)");
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    assert!(!run.stdout.contains("not proven"), "{run}");
}

#[test]
fn a_status_without_the_remote_shows_what_was_seen_last() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = backed_up(encrypted, &[]);
        drop(proxy);
        let run = sandbox.poof(["status"]).run().expect_code(4).stderr_has("no answer");
        let run = run.stdout_has("data: 10 files, ").stdout_has(", as last seen");
        run.stdout_has("holds: not known, the remote could not be asked");
        let run = sandbox.poof(["--json", "status"]).run().expect_code(4);
        let lines = run.json_lines();
        let data = lines.iter().find(|line| line["tree"] == "data").unwrap();
        assert_eq!((&data["snapshot"]["files"], &data["presence"]), (&10.into(), &"here".into()));
        assert!(data["snapshot"]["unproven"].is_null(), "{run}");
    }
}

#[test]
fn a_status_of_an_emptied_bucket_still_shows_what_was_seen_last() {
    let sandbox = plain(3);
    sandbox.poof(["backup"]).run().expect_code(0);
    Backdoor::new(&sandbox).empty();
    let run = sandbox.poof(["status"]).run().expect_code(7).stdout_has("data: 3 files, ");
    run.stderr_has("nothing of poof's is at poof-backup:");
}

/// What is said of a certificate, with what helps against it.
#[test]
fn a_certificate_that_is_not_trusted_is_called_one_and_can_be_trusted() {
    let [own, other, expired] = [
        tls::serve(&Names { names: "IP:127.0.0.1", expired: false }),
        tls::serve(&Names { names: "DNS:nas.local", expired: false }),
        tls::serve(&Names { names: "IP:127.0.0.1", expired: true }),
    ];
    for (server, trusted, hint) in [
        (&own, false, "override.ca_cert=/path/to/certificate.pem"),
        (&other, true, "endpoint=https://NAME:PORT"),
        (&expired, true, "clock"),
    ] {
        let sandbox = Sandbox::new();
        let mut config = Config::plain(server.endpoint());
        if trusted {
            config = config.option("override.ca_cert", server.certificate().to_str().unwrap());
        }
        sandbox.write_config(&config);
        for command in ["verify", "backup", "status"] {
            let run = sandbox.poof([command]).run().expect_code(4);
            let run = run.stderr_has("the certificate of 127.0.0.1:").stderr_has(hint);
            assert!(!run.stderr.contains("no answer") && !run.stderr.contains("online"), "{run}");
        }
    }
    // The hint, as it is typed; and the variable that Go reads.
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(own.endpoint()));
    let certificate = own.certificate();
    sandbox.poof(["status"]).env("SSL_CERT_FILE", &certificate).run().expect_code(0);
    let setting = format!("override.ca_cert={}", certificate.display());
    sandbox.poof(["cconfig", &setting]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("data: no snapshot");
}

#[test]
fn http_and_https_are_told_apart() {
    let server = tls::serve(&Names { names: "IP:127.0.0.1", expired: false });
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(server.endpoint().replace("https", "http")));
    let run = sandbox.poof(["verify"]).run().expect_code(4);
    run.stderr_has("endpoint=https://HOST:PORT");
    let (sandbox, proxy) = proxied(false);
    sandbox.write_config(&Config::plain(proxy.endpoint().replace("http", "https")));
    let run = sandbox.poof(["verify"]).run().expect_code(4);
    run.stderr_has("endpoint=http://HOST:PORT");
}

/// What a server may say, and what helps.
#[test]
fn each_refusal_comes_with_what_helps() {
    let (sandbox, proxy) = proxied(false);
    for (status, code, exit, hint) in [
        (403, "InvalidAccessKeyId", 4, "access_key_id=YOURS"),
        (403, "SignatureDoesNotMatch", 4, "secret_access_key=YOURS"),
        (403, "RequestTimeTooSkewed", 4, "clock"),
        (400, "ExpiredToken", 4, "session_token=NEW"),
        (400, "AuthorizationHeaderMalformed", 4, "region=REGION"),
        (400, "InvalidBucketName", 4, "\"bucket\" in poof.conf"),
        (407, "ProxyAuthenticationRequired", 4, "override.http_proxy="),
        (403, "AccessDenied", 4, "what they permit"),
    ] {
        proxy.set_rule(move |_| Verdict::Status(status, code));
        for command in ["verify", "backup"] {
            let run = sandbox.poof([command]).run().expect_code(exit);
            let run = run.stderr_has(code).stderr_has(hint);
            assert!(!run.stderr.contains("no answer"), "{run}");
        }
    }
}

#[test]
fn a_quota_that_ends_in_the_middle_is_called_one() {
    let (sandbox, proxy) = backed_up(false, &[]);
    fs::write(sandbox.data().join("more"), "more").unwrap();
    proxy.set_rule(|request| match request.kind {
        Kind::Put => Verdict::Status(403, "XMinioAdminBucketQuotaExceeded"),
        _ => Verdict::Pass,
    });
    let run = sandbox.poof(["backup"]).run().expect_code(5);
    run.stderr_has("XMinioAdminBucketQuotaExceeded").stderr_has("quota");
}

#[test]
fn a_web_page_is_no_storage() {
    let page = tls::page("<!DOCTYPE html><html><head><title>Console</title><body><p>Log in");
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(format!("http://{page}")));
    for command in ["verify", "backup", "status"] {
        let run = sandbox.poof([command]).run().expect_code(4);
        run.stderr_has("A web page answers there");
    }
    assert_eq!(page.ip(), Ipv4Addr::LOCALHOST);
}

/// A program of root's that keeps the home directory of a user.
#[test]
fn root_leaves_nothing_in_the_home_of_a_user() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "only root can be refused");
        return;
    }
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    fs::remove_dir_all(sandbox.state()).unwrap();
    // Gives all of it to nobody.
    sandbox.poof_as_ordinary_user(["paths"]).run().expect_code(0);
    for args in [&["backup"][..], &["status"], &["config"], &["verify"]] {
        let run = sandbox.poof(args).env("SUDO_USER", "nobody").run().expect_code(3);
        run.stderr_has("belongs to nobody").stderr_has("without sudo").stderr_has("sudo -H");
    }
    assert!(!sandbox.state().exists() && !bucket.exists());
    assert_eq!(roots(&sandbox.home()), [""; 0]);
    sandbox.poof_as_ordinary_user(["backup"]).run().expect_code(0);
    // As one of an older poof's left it.
    fs::remove_file(sandbox.state().join("lock")).unwrap();
    fs::write(sandbox.state().join("lock"), "").unwrap();
    let poof = sandbox.bin().join("poof");
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups", poof.to_str().unwrap()];
    for command in ["backup", "status"] {
        let run = sandbox.program("setpriv").args(ids).args([command]).run().expect_code(1);
        let chown = format!("sudo chown -R nobody '{}'", sandbox.state().display());
        run.stderr_has("lock belongs to root").stderr_has(&chown);
    }
}

/// What belongs to root.
fn roots(dir: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let roots = entries.filter(|entry| entry.metadata().unwrap().uid() == 0);
    roots.map(|entry| entry.path().display().to_string()).collect()
}
