//! `poof demo`: the whole cycle, and nothing left of it.

use std::fs;

use crate::harness::Sandbox;

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
