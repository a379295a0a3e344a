//! `poof demo`: the whole cycle, and nothing left of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use crate::farewell::poof;
use crate::harness::Sandbox;
use crate::harness::minio::SECRET_KEY;
use crate::secret_sources::declare;
use crate::story::plain;

#[test]
fn the_demo_runs_through_and_touches_nothing() {
    let sandbox = Sandbox::new();
    let tmp = sandbox.home().join("tmp");
    fs::create_dir(&tmp).unwrap();
    let before: Vec<_> =
        fs::read_dir(sandbox.home()).unwrap().flatten().map(|e| e.path()).collect();
    let run = sandbox.poof(["demo"]).env("TMPDIR", &tmp).run().expect_code(0);
    let run = run.stdout_has("everything came back whole, plain and encrypted");
    let run = run.stderr_has("`poof backup`").stderr_has("`poof upload`: proven");
    run.stderr_has("`poof download`").stderr_has("what the cloud sees");
    let after: Vec<_> = fs::read_dir(sandbox.home()).unwrap().flatten().map(|e| e.path()).collect();
    assert_eq!(before, after);
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "the scratch directory is gone");
}

/// The program of `make demo`.
fn small() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Process::new("make").args(["-C", env!("CARGO_MANIFEST_DIR"), "small"]).status();
    assert!(made.unwrap().success());
    root.join("target/small/demo/poof")
}

// Minutes: it is built for it.
#[test]
#[ignore = "builds: make soak"]
fn soak_what_the_demo_builds_does_the_main_job_and_says_what_it_lacks() {
    let program = small();
    let sandbox = plain(3);
    let run = |args: &[&str], code| poof(&sandbox, &program, args).run().expect_code(code);
    run(&["demo"], 0).stdout_has("everything came back whole, plain and encrypted");
    run(&["backup"], 0);
    // The clipboard is a comfort, and its lack a remark.
    run(&["config"], 0).stderr_has("this build of poof has no clipboard; `make install`");
    let before = fs::read(sandbox.rclone_conf()).unwrap();
    let refused = run(&["secret", "set", "poof-backup.secret_access_key"], 3);
    refused.stderr_has("this build of poof has no keychain").stderr_has("`make install`");
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), before, "the secret stays in the file");
    let refused = run(&["cconfig", "--remote", "dropbox", "token=x"], 3);
    refused.stderr_has("no remote type \"dropbox\"").stderr_has("alias, crypt, local, s3");
    // A configuration of a whole poof.
    declare(&sandbox, &serde_json::json!({"poof-backup.secret_access_key": {"keychain": "x"}}));
    let kept = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let without: Vec<_> = kept.lines().filter(|line| !line.contains(SECRET_KEY)).collect();
    fs::write(sandbox.rclone_conf(), without.join("\n")).unwrap();
    for command in ["verify", "backup"] {
        run(&[command], 3).stderr_has("this build of poof has no keychain");
    }
}
