//! `"before"` and `"after"` of poof.conf, with real programs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::neuter::on_a_terminal;
use crate::story::on_disk;

/// A shell as a hook, which is what somebody writes who wants one.
fn shell(script: &str) -> Value {
    json!(["sh", "-c", script])
}

/// Notes that it ran, and the variables that poof gave it.
const NOTE: &str = "echo \"$0\"; env | grep ^POOF_ | sort > \"$HOME/after\"; echo said";

/// A sandbox with a file, whose remote is a directory.
fn sandbox() -> (Sandbox, PathBuf) {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("file"), "content").unwrap();
    (sandbox, bucket)
}

/// What the hook `NOTE` was told, and that it ran at all.
fn told(sandbox: &Sandbox) -> Option<String> {
    let path = sandbox.home().join("after");
    let text = fs::read_to_string(&path).ok()?;
    fs::remove_file(path).unwrap();
    Some(text)
}

#[track_caller]
fn assert_told(sandbox: &Sandbox, lines: &[&str]) {
    let told = told(sandbox).expect("the hook did not run");
    for line in lines {
        assert!(told.lines().any(|told| told == *line), "{line} is not in {told}");
    }
}

#[test]
fn hooks_run_before_the_directories_are_looked_at_and_after_all_is_done() {
    let (sandbox, bucket) = sandbox();
    sandbox.set("before", shell("echo dump > \"$HOME/data/dump\"; echo dumped"));
    sandbox.set("after", shell(NOTE));
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has("hook before: sh").stderr_has("sh: dumped").stderr_has("sh: said");
    assert_eq!(fs::read_to_string(bucket.join("data/dump")).unwrap(), "dump\n");
    let confdir = format!("POOF_CONFDIR={}", sandbox.confdir().display());
    let result = ["POOF_EXIT_CODE=0", "POOF_RESULT=done", "POOF_TREES=2", &confdir];
    assert_told(&sandbox, &[&result[..], &["POOF_COMMAND=backup", "POOF_FILES=4"]].concat());

    fs::remove_file(sandbox.data().join("file")).unwrap();
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_told(&sandbox, &["POOF_COMMAND=download", "POOF_EXIT_CODE=0", "POOF_FILES=1"]);
    sandbox.poof(["upload", "--yes"]).run().expect_code(0);
    assert_told(&sandbox, &["POOF_COMMAND=upload", "POOF_EXIT_CODE=0"]);
    assert!(!sandbox.data().exists());
}

#[test]
fn what_changes_nothing_runs_no_hook() {
    let (sandbox, _) = sandbox();
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.set("before", shell("touch \"$HOME/ran\""));
    sandbox.set("after", shell("touch \"$HOME/ran\""));
    for args in [&["backup", "--dry-run"][..], &["upload", "--dry-run"], &["download", "--dry-run"]]
    {
        sandbox.poof(args).run().expect_code(0);
    }
    for args in [&["check"][..], &["verify"], &["status"]] {
        sandbox.poof(args).run().expect_code(0);
    }
    sandbox.poof(["backup", "--only", "nope"]).run().expect_code(2);
    assert!(!sandbox.home().join("ran").exists());
}

#[test]
fn a_hook_before_that_fails_refuses_the_run_and_the_one_after_it_hears_of_it() {
    let (sandbox, bucket) = sandbox();
    let before =
        json!([["sh", "-c", "echo no disk; exit 3"], ["sh", "-c", "touch \"$HOME/second\""]]);
    sandbox.set("before", before);
    sandbox.set("after", shell(NOTE));
    for command in [&["backup"][..], &["upload", "--yes"], &["download", "--yes"]] {
        let run = sandbox.poof(command).run().expect_code(1);
        run.stderr_has("the hook before, sh, ended with exit status 3").stderr_has("no disk");
        assert_told(&sandbox, &["POOF_EXIT_CODE=1", "POOF_RESULT=failed"]);
    }
    assert!(!bucket.exists() && !sandbox.home().join("second").exists());
    assert!(sandbox.data().join("file").exists());
}

#[test]
fn a_hook_that_is_no_program_is_a_wrong_configuration() {
    let (sandbox, bucket) = sandbox();
    sandbox.set("before", json!(["no-such-program", "hunter2"]));
    let run = sandbox.poof(["backup"]).run().expect_code(3).stderr_has("no-such-program");
    assert!(!run.stderr.contains("hunter2") && !bucket.exists(), "{run}");
    sandbox.set("before", json!("no list"));
    sandbox.poof(["backup"]).run().expect_code(3).stderr_has("poof.conf \"before\"");
    sandbox.poof(["verify", "--offline"]).run().expect_code(3).stderr_has("poof.conf \"before\"");
}

#[test]
fn a_hook_after_it_that_fails_takes_the_success_away_and_nothing_else() {
    let (sandbox, bucket) = sandbox();
    sandbox.set("after", json!([["false"], ["sh", "-c", NOTE]]));
    let run = sandbox.poof(["--json", "backup"]).run().expect_code(1);
    assert_eq!(run.json_lines().last().unwrap()["exit_code"], 1);
    run.stderr_has("the hook after, false, ended with exit status 1");
    assert_told(&sandbox, &["POOF_EXIT_CODE=0"]);
    assert!(bucket.join("data/file").exists());
    // A guard refuses: that is what the run says of itself.
    fs::remove_file(sandbox.data().join("file")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("the hook after, false");
    assert_told(&sandbox, &["POOF_EXIT_CODE=7", "POOF_RESULT=refused"]);
}

/// What somebody would have to find out who looks for a process that a hook left.
fn is_running(mark: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains(mark))
}

#[track_caller]
pub fn assert_ends(mark: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    while is_running(mark) {
        assert!(Instant::now() < end, "{mark} still runs");
        sleep(Duration::from_millis(10));
    }
}

#[test]
#[cfg(target_os = "linux")] // /proc
fn a_hook_that_hangs_is_ended_with_all_that_it_started() {
    let (sandbox, bucket) = sandbox();
    let mark = format!("601.{}", std::process::id());
    sandbox.set("before", shell(&format!("sleep {mark} & echo started; sleep {mark}")));
    sandbox.set("hook_limit", json!("400ms"));
    let run = sandbox.poof(["backup"]).run().expect_code(1).stderr_has("started");
    run.stderr_has("the hook before, sh, did not end within");
    assert_ends(&mark);
    assert!(!bucket.exists());
}

#[test]
#[cfg(target_os = "linux")] // /proc
fn an_interrupt_ends_the_hook_and_leaves_nothing_behind() {
    let (sandbox, bucket) = sandbox();
    let mark = format!("602.{}", std::process::id());
    let script = format!("sleep {mark} & touch \"$HOME/started\"; sleep {mark}");
    sandbox.set("before", shell(&script));
    sandbox.set("after", shell(NOTE));
    let running = sandbox.poof(["backup"]).start();
    let end = Instant::now() + Duration::from_secs(20);
    while !sandbox.home().join("started").exists() {
        assert!(Instant::now() < end, "the hook was not started");
        sleep(Duration::from_millis(5));
    }
    running.signal(libc::SIGTERM);
    let run = running.finish().expect_code(130);
    assert!(run.elapsed < Duration::from_secs(20), "{run}");
    assert_ends(&mark);
    assert_told(&sandbox, &["POOF_EXIT_CODE=130", "POOF_RESULT=interrupted"]);
    assert!(!bucket.exists());
}

#[test]
fn while_another_poof_is_at_work_no_hook_runs() {
    let (sandbox, _) = sandbox();
    sandbox.set("before", shell("poof=$POOF_TEST; \"$poof\" backup; echo code $?"));
    let poof = env!("CARGO_BIN_EXE_poof");
    let run = sandbox.poof(["backup"]).env("POOF_TEST", poof).run().expect_code(0);
    // That of the hook itself: it does not start its own hook.
    run.stderr_has("another poof is at work").stderr_has("sh: code 8");
}

#[test]
fn where_others_can_write_the_configuration_none_of_its_programs_runs() {
    let (sandbox, bucket) = sandbox();
    sandbox.set("before", shell("touch \"$HOME/ran\""));
    let conf = sandbox.confdir().join("poof.conf");
    fs::set_permissions(&conf, Permissions::from_mode(0o602)).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(3);
    run.stderr_has("can be written by others").stderr_has("chmod 600");
    assert!(!bucket.exists() && !sandbox.home().join("ran").exists());
    fs::set_permissions(&conf, Permissions::from_mode(0o644)).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
}

// What asks for a password there would be stopped, and wait for ever.
#[test]
#[cfg(target_os = "linux")] // script of util-linux
fn a_hook_has_no_terminal_though_poof_has_one() {
    let (sandbox, _) = sandbox();
    sandbox.set("before", shell("if (: < /dev/tty) 2> /dev/null; then exit 9; fi"));
    let run = on_a_terminal(&sandbox, &format!("{} backup", env!("CARGO_BIN_EXE_poof")), "");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn hooks_get_no_credentials() {
    let (sandbox, _) = sandbox();
    sandbox.set("before", shell("env > \"$HOME/env\""));
    let poof = sandbox.poof(["backup"]);
    let poof = poof.env("AWS_SECRET_ACCESS_KEY", "hunter2").env("RCLONE_CONFIG_PASS", "hunter2");
    poof.env("PGHOST", "kept").run().expect_code(0);
    let env = fs::read_to_string(sandbox.home().join("env")).unwrap();
    assert!(!env.contains("hunter2") && env.contains("PGHOST=kept"), "{env}");
}
