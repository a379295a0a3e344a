//! `poof verify`: its lines, where it stops, and what it asks of the remote.

use std::fs;
use std::time::Duration;

use crate::harness::{BlackHole, Config, DeadEnd, Kind, Sandbox, Verdict, minio};
use crate::story::{plain, proxied};

const GOOD: [&str; 4] = [
    "installed rclone? - PoofStatus.OK",
    "exists poof.conf? - PoofStatus.OK",
    "exists rclone-poof.conf? - PoofStatus.OK",
    "encryption enabled? - PoofStatus.ENCRYPTION_DISABLED",
];
const LAST: &str = "configuration appears to be valid and has valid credentials";

#[test]
fn a_good_configuration_prints_the_lines_of_the_contract() {
    let sandbox = plain(1);
    let run = sandbox.poof(["verify"]).run().expect_code(0);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..4], GOOD);
    assert_eq!(lines[5..], [LAST]);
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    let run = sandbox.poof(["verify"]).run().expect_code(0);
    run.stdout_has("encryption enabled? - PoofStatus.ENCRYPTION_ENABLED").stdout_has(LAST);
}

#[test]
fn a_time_in_minutes_is_said() {
    let sandbox = plain(1);
    sandbox.set("keep", "30m".into());
    let run = sandbox.poof(["verify"]).run().expect_code(0).stdout_has(LAST);
    run.stderr_has("\"30m\" is 30 minutes. For 30 days, write \"30d\"");
    sandbox.set("keep", "30d".into());
    let run = sandbox.poof(["verify"]).run().expect_code(0);
    assert!(!run.stderr.contains("minutes"), "{run}");
}

#[test]
fn it_stops_at_the_first_line_that_is_not_ok() {
    let sandbox = Sandbox::new();
    let run = sandbox.poof(["verify"]).run().expect_code(3);
    assert_eq!(run.stdout.lines().count(), 2);
    let run = run.stdout_has("exists poof.conf? - PoofStatus.MISSING_CONFIG_FILE");
    run.stderr_has("`poof config` creates it");
    sandbox.poof(["config"]).run().expect_code(0);
    let run = sandbox.poof(["verify"]).run().expect_code(3);
    run.stdout_has("exists rclone-poof.conf? - PoofStatus.MISSING_CONFIG_FILE");
    sandbox.poof(["cconfig"]).run().expect_code(0);
    let run = sandbox.poof(["verify"]).run().expect_code(3);
    run.stdout_has("configuration poof.conf paths? - PoofStatus.WARN_MISCONFIGURED");
}

#[test]
fn placeholders_are_named_without_their_value() {
    let sandbox = plain(1);
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    sandbox.poof(["cconfig"]).run().expect_code(0);
    let run = sandbox.poof(["verify"]).run().expect_code(3);
    let run = run.stdout_has("PoofStatus.WARN_MISCONFIGURED").stdout_has("[poof-backup].");
    assert!(!run.stdout.contains("BOGUS") && !run.stderr.contains("BOGUS"));
}

#[test]
fn a_directory_that_is_missing_or_a_file_is_caught() {
    let sandbox = plain(1);
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("data: it cannot be opened");
    fs::write(sandbox.data(), "").unwrap();
    sandbox.poof(["verify"]).run().expect_code(3).stderr_has("data: it is not a directory");
}

#[test]
fn offline_asks_nobody_and_does_not_claim_valid_credentials() {
    let (sandbox, proxy) = proxied(false);
    let run = sandbox.poof(["verify", "--offline"]).run().expect_code(0);
    assert_eq!(proxy.total(), 0);
    assert!(!run.stdout.contains(LAST));
}

#[test]
fn the_probe_writes_reads_and_deletes_and_leaves_nothing() {
    let (sandbox, proxy) = proxied(false);
    sandbox.poof(["verify"]).run().expect_code(0);
    let of = |kind| {
        let log = proxy.log();
        log.iter().filter(|r| r.kind == kind && r.key().starts_with(".poof/")).count()
    };
    assert_eq!((of(Kind::Put), of(Kind::Get), of(Kind::Delete)), (1, 1, 1));
    let place = format!("poof-backup:{}", sandbox.bucket());
    assert_eq!(sandbox.rclone(["lsf", "-R", &place]).run().expect_code(0).stdout, "");
}

#[test]
fn a_remote_that_refuses_one_of_the_four_is_not_valid() {
    for (kind, word) in [
        (Kind::List, "cannot list"),
        (Kind::Put, "cannot write"),
        (Kind::Get, "cannot read"),
        (Kind::Delete, "cannot delete"),
    ] {
        let (sandbox, proxy) = proxied(false);
        sandbox.poof(["verify"]).run().expect_code(0);
        proxy.set_rule(move |request| {
            if request.kind == kind { Verdict::Status(403, "AccessDenied") } else { Verdict::Pass }
        });
        let run = sandbox.poof(["verify"]).run().expect_code(4).stderr_has(word);
        assert!(!run.stdout.contains(LAST), "{kind:?}");
    }
}

// Hazard 16.
#[test]
fn a_dead_server_has_its_verdict_within_ten_seconds() {
    let (dead, hole) = (DeadEnd::new(), BlackHole::new());
    for (endpoint, word) in [
        (dead.endpoint(), "refused"),
        (hole.endpoint(), "timeout"),
        ("http://no-such-host.invalid".to_owned(), "no-such-host.invalid"),
    ] {
        for command in ["verify", "backup", "download"] {
            let sandbox = Sandbox::new();
            sandbox.write_config(&Config::plain(&endpoint));
            let run = sandbox.poof([command]).run().expect_code(4).stderr_has(word);
            assert!(run.elapsed < Duration::from_secs(10), "{command}: {:?}", run.elapsed);
            let host = endpoint.trim_start_matches("http://");
            run.stderr_has("no answer at ").stderr_has(host);
        }
    }
}

#[test]
fn a_password_of_the_encryption_that_can_be_guessed_is_said_and_not_shown() {
    let sandbox = crate::story::encrypted(1);
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let bare: Vec<_> = conf.lines().filter(|line| !line.starts_with("password")).collect();
    let place = bare.iter().position(|line| *line == "[poof-crypt]").unwrap();
    let with = |passwords: &[(&str, &str)]| {
        let mut lines: Vec<_> = bare.iter().map(ToString::to_string).collect();
        for (key, text) in passwords {
            let obscured = sandbox.rclone(["obscure", text]).run().expect_code(0).stdout;
            lines.insert(place + 1, format!("{key} = {}", obscured.trim()));
        }
        fs::write(sandbox.rclone_conf(), lines.join("\n") + "\n").unwrap();
    };
    let says = |args: &[&str], is_said: bool| {
        let run = sandbox.poof(args).run().expect_code(0);
        let text = "[poof-crypt]: who has the bucket can guess its password";
        assert_eq!(run.stderr.contains(text), is_said, "{run}");
        assert!(!run.stderr.contains("hunter2") && !run.stdout.contains("hunter2"), "{run}");
    };
    let verify = &["verify", "--offline"][..];
    says(verify, false);
    with(&[("password", "hunter2")]);
    says(verify, true);
    says(&["econfig"], true);
    with(&[("password", "hunter2"), ("password2", "hunter2")]);
    says(verify, true);
    // The second is the salt of the first.
    with(&[("password", "hunter2"), ("password2", "k8$vQ!x2_mN9z?Lw")]);
    says(verify, false);
    // From elsewhere, and those that poof makes.
    with(&[]);
    let secrets = serde_json::json!({"poof-crypt.password": {"command": ["echo", "hunter2"]}});
    sandbox.set("secrets", secrets);
    says(verify, true);
    sandbox.set("secrets", serde_json::json!({}));
    says(&["econfig"], false);
    says(verify, false);
}

#[test]
fn a_way_to_the_server_that_others_can_listen_on_is_said_in_each_run() {
    let (sandbox, _) = crate::story::on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let of = |more: &str| {
        fs::write(sandbox.rclone_conf(), format!("{}\n{more}", conf.trim_end())).unwrap();
    };
    let says = |text: &str, is_said: bool| {
        for args in [&["verify"][..], &["backup"], &["check"], &["download"], &["status"]] {
            let run = sandbox.poof(args).run().expect_code(0);
            assert_eq!(run.stderr.contains(text), is_said, "{run}");
        }
        let run = sandbox.poof(["--json", "verify", "--offline"]).run().expect_code(0);
        let is_it = |line: &serde_json::Value| {
            line["type"] == "warning" && line["message"].as_str().unwrap().contains(text)
        };
        assert_eq!(run.json_lines().iter().any(is_it), is_said, "{run}");
    };
    of("override.no_check_certificate = true\n");
    says("[poof-backup].override.no_check_certificate: the certificate of the server is not", true);
    of("global.no_check_certificate = false\n");
    says("certificate", false);
    let schedule = |url: &str| sandbox.set("schedule", serde_json::json!({"ping_url": url}));
    schedule("http://monitor.example/key");
    says("\"ping_url\": the connection is not encrypted", true);
    schedule("http://localhost/key");
    says("not encrypted", false);
}

#[test]
fn a_section_changes_nothing_that_poof_relies_on() {
    let (sandbox, bucket) = crate::story::on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    for key in ["override.dry_run", "global.dry_run", "global.ignore_checksum", "override.dump"] {
        fs::write(sandbox.rclone_conf(), format!("{}\n{key} = true\n", conf.trim_end())).unwrap();
        for command in ["verify", "backup", "download", "status"] {
            let run = sandbox.poof([command]).run().expect_code(3);
            run.stderr_has(&format!("{key} would change what poof relies on"));
        }
    }
    assert!(!bucket.exists());
}
