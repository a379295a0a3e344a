//! Names of the user's own directories: each is on one line wherever people read it.

use std::fs;

use serde_json::json;

use crate::harness::command::Run;
use crate::story::on_disk;

/// What a terminal obeys, and what begins a line that is not poof's.
const NAME: &str = "da\ntaken: 9 files\t\u{1b}[2J";
const SHOWN: &str = "da\\ntaken: 9 files\\t\\u{1b}[2J";

#[track_caller]
fn assert_on_one_line(run: &Run) -> usize {
    for text in [&run.stdout, &run.stderr] {
        let odd =
            text.lines().find(|line| line.starts_with("taken") || line.contains(['\t', '\u{1b}']));
        assert_eq!(odd, None, "{run}");
    }
    usize::from(run.stdout.contains(SHOWN) || run.stderr.contains(SHOWN))
}

#[test]
fn a_name_is_on_one_line_in_whatever_is_said() {
    let (sandbox, _) = on_disk();
    let local = sandbox.home().join(NAME);
    fs::create_dir(&local).unwrap();
    for name in ["a", "b"] {
        fs::write(local.join(name), name).unwrap();
    }
    let config = sandbox.confdir();
    let log = sandbox.home().join("log");
    sandbox
        .set("paths", json!({local.to_str().unwrap(): NAME, config.to_str().unwrap(): "config"}));
    let mut shown = 0;
    let mut run = |args: &[&str]| {
        let args =
            ["-v", "--log-file", log.to_str().unwrap()].into_iter().chain(args.iter().copied());
        shown += assert_on_one_line(&sandbox.poof(args).run());
    };
    let to = sandbox.home().join("to");
    run(&["verify"]);
    run(&["backup", "--dry-run"]);
    run(&["backup"]);
    fs::write(local.join("c"), "c").unwrap();
    fs::remove_file(local.join("a")).unwrap();
    run(&["diff"]);
    run(&["backup"]);
    for args in [
        &["status"][..],
        &["check", "--read-data"],
        &["ls", "-R"],
        &["find", "b"],
        &["history"],
        &["download", "--dry-run"],
        &["download", "--to", to.to_str().unwrap()],
        &["backup", "--only", "nobody"],
        &["remove", "nobody"],
        &["get", NAME, "--at", "2001-01-01"],
    ] {
        run(args);
    }
    fs::rename(&local, sandbox.home().join("away")).unwrap();
    run(&["backup"]);
    fs::rename(sandbox.home().join("away"), &local).unwrap();
    run(&["upload", "--dry-run"]);
    run(&["upload", "--keep-poof", "--yes"]);
    run(&["status"]);
    run(&["remove", NAME]);
    run(&["download", "--yes"]);
    run(&["remove", NAME]);
    run(&["status"]);
    run(&["add", local.to_str().unwrap(), NAME]);
    assert!(shown >= 15, "shown by {shown} commands");
    let log = fs::read_to_string(log).unwrap();
    assert!(log.lines().all(|line| line.starts_with("20")), "each begins with its time: {log}");
    assert!(log.contains(SHOWN), "{log}");
}
