//! Secrets that stand in no file of poof's: a command, a file, the keychain, and an
//! encrypted rclone-poof.conf. They work, and they are nowhere on this disk.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use walkdir::WalkDir;

use crate::harness::command::Run;
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio};
use crate::story::{encrypted, plain};

/// `rclone reveal` of the passwords of the harness.
const PASSWORD: &str = "the first pass word";
const PASSWORD2: &str = "and the salt";

/// Declares secrets in poof.conf.
pub fn declare(sandbox: &Sandbox, secrets: &Value) {
    let path = sandbox.confdir().join("poof.conf");
    let mut conf: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    conf["secrets"] = secrets.clone();
    fs::write(&path, conf.to_string()).unwrap();
}

/// Removes the lines of these keys from rclone-poof.conf.
pub fn strip(sandbox: &Sandbox, keys: &[&str]) {
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let is_one = |line: &&str| keys.iter().any(|key| line.starts_with(&format!("{key} =")));
    let kept: Vec<_> = text.lines().filter(|line| !is_one(line)).collect();
    assert!(kept.len() < text.lines().count());
    fs::write(sandbox.rclone_conf(), kept.join("\n") + "\n").unwrap();
}

/// A private file outside of the home directory.
pub fn outside(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.home().with_file_name(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// Files below the home directory in whose content or name one of `secrets` is.
pub fn leaks(sandbox: &Sandbox, secrets: &[&str]) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| {
        secrets.iter().any(|secret| bytes.windows(secret.len()).any(|w| w == secret.as_bytes()))
    };
    let all = WalkDir::new(sandbox.home()).into_iter().map(|entry| entry.unwrap().into_path());
    all.filter(|path| {
        holds(path.as_os_str().as_bytes()) || path.is_file() && holds(&fs::read(path).unwrap())
    })
    .collect()
}

#[track_caller]
fn assert_silent(run: &Run, secrets: &[&str]) {
    for secret in secrets {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{run}");
    }
}

/// An encrypted remote whose every secret is elsewhere.
fn all_elsewhere() -> Sandbox {
    let sandbox = encrypted(12);
    strip(&sandbox, &["access_key_id", "secret_access_key", "password", "password2"]);
    let key = outside(&sandbox, "key", &format!("{ACCESS_KEY}\nnot this\n"));
    let secret = outside(&sandbox, "secret", &format!("{SECRET_KEY}\r\n"));
    let obscured = outside(&sandbox, "obscured", &obscured(&sandbox, PASSWORD2));
    declare(
        &sandbox,
        &json!({
            "poof-backup.access_key_id": {"command": ["sh", "-c", "cat \"$1\"", "-", key]},
            "poof-backup.secret_access_key": {"file": secret},
            "poof-crypt.password": {"command": ["printf", "%s\n", PASSWORD]},
            "poof-crypt.password2": {"file": obscured, "obscured": true},
        }),
    );
    // The command line in poof.conf is the user's; here the secret itself must not be.
    let password = outside(&sandbox, "password", PASSWORD);
    let path = sandbox.confdir().join("poof.conf");
    let conf = fs::read_to_string(&path).unwrap();
    let mut conf: Value = serde_json::from_str(&conf).unwrap();
    conf["secrets"]["poof-crypt.password"] = json!({"command": ["head", "-n1", password]});
    fs::write(&path, conf.to_string()).unwrap();
    sandbox
}

fn obscured(sandbox: &Sandbox, clear: &str) -> String {
    sandbox.rclone(["obscure", clear]).run().expect_code(0).stdout.trim().to_owned()
}

#[test]
fn every_command_works_and_no_secret_is_in_any_file_or_output() {
    let sandbox = all_elsewhere();
    let original = Snapshot::of(&sandbox.data());
    let revealed = obscured(&sandbox, "x");
    assert_ne!(revealed, "x");
    let secrets = [ACCESS_KEY, SECRET_KEY, PASSWORD, PASSWORD2];
    assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0]);
    for args in [
        &["verify"][..],
        &["-v", "verify", "--offline"],
        &["--json", "-v", "backup"],
        &["check", "--read-data"],
        &["status"],
        &["config"],
        &["cconfig", "region=us-east-1"],
        &["econfig"],
        &["cryptoggle"],
        &["cryptoggle"],
        &["backup"],
        &["paths"],
    ] {
        let run = sandbox.poof(args).run().expect_code(0);
        assert_silent(&run, &secrets);
        assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0], "{run}");
    }
    fs::remove_dir_all(sandbox.data()).unwrap();
    assert_silent(&sandbox.poof(["download"]).run().expect_code(0), &secrets);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    assert_eq!(leaks(&sandbox, &secrets), [] as [PathBuf; 0]);
    // What stands in a file is the same to the remote: clear or obscured, the password is one.
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    assert!(leaks(&sandbox, &secrets).len() == 1, "a search that finds nothing proves nothing");
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("0 new, 0 changed");
}

#[test]
fn a_secret_that_cannot_be_had_is_named_with_its_source() {
    let sandbox = plain(1);
    strip(&sandbox, &["secret_access_key"]);
    let huge = outside(&sandbox, "huge", &"hunter2".repeat(20_000));
    let empty = outside(&sandbox, "empty", "\nhunter2\n");
    let sh = |line: &str| json!({"command": ["sh", "-c", line]});
    for (source, word) in [
        (sh("echo hunter2; echo hunter2 >&2; exit 3"), "failed with exit status 3"),
        (sh("echo hunter2; kill -9 $$"), "ended by signal 9"),
        (sh("yes hunter2"), "prints more than 64 KiB"),
        (sh(":"), "empty line"),
        (json!({"command": ["no-such-program"]}), "no program \"no-such-program\""),
        (json!({"file": sandbox.home().join("none")}), "cannot be read"),
        (json!({"file": "/dev/zero"}), "not a regular file"),
        (json!({"file": huge}), "more than 64 KiB"),
        (json!({"file": empty}), "empty line"),
        (json!({"keychain": "x"}), "no keychain"),
    ] {
        declare(&sandbox, &json!({"poof-backup.secret_access_key": source}));
        for args in [&["verify"][..], &["verify", "--offline"], &["-v", "backup"]] {
            let run = sandbox.poof(args).run().expect_code(3).stderr_has(word);
            let run = run.stderr_has("poof.conf secrets \"poof-backup.secret_access_key\"");
            assert_silent(&run, &["hunter2"]);
        }
        let run = sandbox.poof(["verify"]).run().expect_code(3);
        run.stdout_has("PoofStatus.ERROR_MISSING_KEY");
    }
}

#[test]
fn what_makes_no_sense_in_secrets_is_said() {
    let sandbox = plain(1);
    let key = outside(&sandbox, "key", SECRET_KEY);
    let inside = sandbox.data().join("key");
    fs::write(&inside, SECRET_KEY).unwrap();
    for (secrets, status, word) in [
        (json!({"poof-backup.secret_access_key": "hunter2"}), "INVALID_POOF_CONFIG", "comes from"),
        (json!({"nope.key": {"file": key}}), "INVALID_POOF_CONFIG", "no section [nope]"),
        (
            json!({"poof-backup.secret_acces_key": {"file": key}}),
            "INVALID_POOF_CONFIG",
            "no setting secret_acces_key for a remote of type s3",
        ),
        (
            json!({"poof-backup.secret_access_key": {"file": key, "obscured": true}}),
            "INVALID_POOF_CONFIG",
            "not obscured as rclone does it",
        ),
        (
            json!({"poof-backup.secret_access_key": {"file": inside}}),
            "WARN_MISCONFIGURED",
            "which is backed up",
        ),
    ] {
        declare(&sandbox, &secrets);
        let run = sandbox.poof(["verify"]).run().expect_code(3).stderr_has(word).stdout_has(status);
        assert_silent(&run, &["hunter2", SECRET_KEY]);
    }
}

#[test]
fn what_is_odd_about_a_secret_is_warned_of() {
    let sandbox = encrypted(1);
    let open = outside(&sandbox, "open", SECRET_KEY);
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    let twice = outside(&sandbox, "twice", &obscured(&sandbox, PASSWORD));
    declare(
        &sandbox,
        &json!({
            "poof-backup.secret_access_key": {"file": open},
            "poof-crypt.password": {"file": twice},
        }),
    );
    let run = sandbox.poof(["verify", "--offline"]).run().expect_code(0);
    let run = run.stderr_has("open can be read by others; fix: chmod 600");
    let run = run.stderr_has("[poof-backup].secret_access_key: a value is still there");
    run.stderr_has("poof-crypt.password\": it looks as if it were obscured already");
}

#[test]
fn a_command_that_others_may_have_written_is_not_run() {
    let sandbox = plain(1);
    let ran = sandbox.home().with_file_name("ran");
    let line = format!("touch '{}'; echo {SECRET_KEY}", ran.display());
    declare(&sandbox, &json!({"poof-backup.secret_access_key": {"command": ["sh", "-c", line]}}));
    let conf = sandbox.confdir().join("poof.conf");
    for mode in [0o622, 0o602] {
        fs::set_permissions(&conf, Permissions::from_mode(mode)).unwrap();
        let run =
            sandbox.poof(["verify"]).run().expect_code(3).stderr_has("can be written by others");
        run.stderr_has("chmod 600");
        assert!(!ran.exists());
    }
    fs::set_permissions(&conf, Permissions::from_mode(0o600)).unwrap();
    sandbox.poof(["verify", "--offline"]).run().expect_code(0);
    assert!(ran.exists());
}

#[test]
fn a_command_that_hangs_is_stopped_with_poof() {
    let sandbox = plain(1);
    let started = sandbox.home().with_file_name("started");
    let line = format!("echo $$ > '{}'; exec sleep 1000", started.display());
    declare(&sandbox, &json!({"poof-backup.secret_access_key": {"command": ["sh", "-c", line]}}));
    let running = sandbox.poof(["backup"]).start();
    let begin = Instant::now();
    let pid = loop {
        let text = fs::read_to_string(&started).unwrap_or_default();
        if let Ok(pid) = text.trim().parse::<i32>() {
            break pid;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "the command was not started");
        std::thread::sleep(Duration::from_millis(5));
    };
    running.signal(libc::SIGINT);
    running.finish().expect_code(130);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is still there");
}

#[test]
#[cfg(target_os = "linux")] // /proc
fn a_command_is_stopped_with_all_that_it_started() {
    let sandbox = plain(1);
    let mark = format!("603.{}", std::process::id());
    let started = sandbox.home().with_file_name("started");
    let line = format!("sleep {mark} & echo > '{}'; sleep {mark}", started.display());
    declare(&sandbox, &json!({"poof-backup.secret_access_key": {"command": ["sh", "-c", line]}}));
    // Without a terminal, as the schedule runs it.
    let poof = env!("CARGO_BIN_EXE_poof");
    let running = sandbox.program("setsid").args([poof, "backup"]).start();
    let begin = Instant::now();
    while !started.exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "the command was not started");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal(libc::SIGINT);
    running.finish().expect_code(130);
    crate::hooks::assert_ends(&mark);
}

#[test]
fn a_command_has_no_standard_input() {
    let sandbox = plain(1);
    let line = format!("read x || echo {SECRET_KEY}");
    declare(&sandbox, &json!({"poof-backup.secret_access_key": {"command": ["sh", "-c", line]}}));
    sandbox.poof(["verify"]).stdin("of poof\n").run().expect_code(0);
    grow(&sandbox.data(), 2, 0..=100, 3);
}
