//! `status`: what holds, where a directory is not what its last snapshot is.

use std::fs;

use serde_json::json;

use crate::harness::Sandbox;
use crate::harness::command::Run;
use crate::story::{backed_up, on_disk};

/// `status`, and the level that it tells programs.
fn level(sandbox: &Sandbox) -> (Run, u64) {
    let run = sandbox.poof(["--json", "status"]).run().expect_code(0);
    let level = run.json_lines().last().unwrap()["level"].as_u64().unwrap();
    (sandbox.poof(["status"]).run().expect_code(0), level)
}

fn saved() -> Sandbox {
    let (sandbox, _) = on_disk();
    for name in ["a", "b", "c"] {
        fs::write(sandbox.data().join(name), name).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let (run, now) = level(&sandbox);
    assert_eq!(now, 1);
    run.stdout_has("holds: yes\n");
    sandbox
}

#[test]
fn no_level_holds_while_something_new_is_only_here() {
    let sandbox = saved();
    fs::write(sandbox.data().join("a"), "A").unwrap();
    fs::write(sandbox.data().join("new"), "new").unwrap();
    let (run, now) = level(&sandbox);
    let run = run.stdout_has("holds: 0 ").stdout_has("data: not backed up: 1 new, 1 changed");
    assert!(now == 0 && !run.stdout.contains("not here"), "{run}");
    // The same content at another time is no change.
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("a"), "A").unwrap();
    level(&sandbox).0.stdout_has("holds: yes\n");
}

#[test]
fn an_emptied_directory_is_told() {
    let sandbox = saved();
    for name in ["a", "b", "c"] {
        fs::remove_file(sandbox.data().join(name)).unwrap();
    }
    let (run, now) = level(&sandbox);
    assert_eq!(now, 1);
    run.stdout_has("holds: yes, but not all of it is here\n")
        .stdout_has("data: in its snapshot, and not here: 3 files (`poof download`)");
}

#[test]
fn no_level_holds_where_another_machine_has_something_else() {
    let sandbox = saved();
    fs::remove_dir_all(sandbox.state()).unwrap();
    fs::write(sandbox.data().join("b"), "of this machine").unwrap();
    fs::remove_file(sandbox.data().join("c")).unwrap();
    let (run, now) = level(&sandbox);
    assert_eq!(now, 0);
    run.stdout_has("holds: 0 ")
        .stdout_has("data: not backed up: 0 new, 1 changed")
        .stdout_has("data: in its snapshot, and not here: 1 file");
}

#[test]
fn no_level_holds_once_something_comes_after_an_upload() {
    let sandbox = saved();
    sandbox.poof(["upload", "--yes", "--keep-poof", "--allow", "no-kit"]).run().expect_code(0);
    let (run, now) = level(&sandbox);
    let run = run.stdout_has("holds: yes\n");
    assert!(now == 2 && !run.stdout.contains("not here:"), "{run}");
    fs::create_dir_all(sandbox.data()).unwrap();
    fs::write(sandbox.data().join("new"), "new").unwrap();
    let (run, now) = level(&sandbox);
    assert_eq!(now, 0);
    run.stdout_has("holds: 0 ").stdout_has("data: not backed up: 1 new, 0 changed");
}

#[test]
fn without_the_remote_it_is_said_what_is_known_here() {
    let (sandbox, proxy) = backed_up(true, &[]);
    drop(proxy);
    fs::write(sandbox.data().join("one more"), "new").unwrap();
    let run = sandbox.poof(["status"]).run().expect_code(4);
    run.stdout_has("holds: not known").stdout_has("data: not backed up: 1 new, 0 changed");
}

#[test]
fn the_only_copy_of_what_has_lost_its_name_is_not_offered_for_deletion() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("doc"), "doc").unwrap();
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    let (again, config) = (sandbox.home().join("again"), sandbox.confdir());
    sandbox.set(
        "paths",
        json!({again.to_str().unwrap(): "other", config.to_str().unwrap(): "config"}),
    );
    let run = sandbox.poof(["status"]).run();
    assert!(
        run.stdout.contains("its only copy is there") && !run.stdout.contains("--purge"),
        "{run}"
    );
    let refused = sandbox.poof(["remove", "data", "--purge", "--yes"]).run().expect_code(7);
    refused.stderr_has("`poof add DIR data`, then `poof download --only data` bring it back");
    fs::create_dir(sandbox.data()).unwrap();
    sandbox.poof(["add", sandbox.data().to_str().unwrap(), "data"]).run().expect_code(0);
    sandbox.poof(["download", "--only", "data"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("doc")).unwrap(), "doc");
}
