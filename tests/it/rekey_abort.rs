//! `rekey --abort`: a change of passwords is given up before it is in force, and what was sent
//! under the new ones goes. A run that ends anywhere is gone on with.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use crate::harness::{Proxy, Sandbox, Snapshot, grow};
use crate::rekey::{
    REKEY, assert_done, assert_restores, beside, objects, passwords, ready_to_change,
};
use crate::story::proxied;

const ABORT: [&str; 3] = ["rekey", "--abort", "--yes"];

/// A change that is killed when it has sent about half.
struct Begun {
    sandbox: Sandbox,
    proxy: Proxy,
    original: Snapshot,
    before: BTreeSet<String>,
    old: Vec<String>,
}

fn scene() -> Begun {
    let (sandbox, proxy) = proxied(true);
    grow(&sandbox.data(), 20, 0..=3_000, 1);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let (before, old) = (objects(&sandbox), passwords(&sandbox));
    proxy.reset();
    Begun { sandbox, proxy, original, before, old }
}

fn begun() -> Begun {
    static TOTAL: OnceLock<usize> = OnceLock::new();
    let total = TOTAL.get_or_init(|| {
        let Begun { sandbox, proxy, .. } = scene();
        sandbox.poof(REKEY).run().expect_code(0);
        proxy.total()
    });
    let scene = scene();
    scene.sandbox.poof(REKEY).run_killed_at(total * 2 / 5, &scene.proxy);
    let (now, sandbox) = (objects(&scene.sandbox), &scene.sandbox);
    assert_ne!(beside(sandbox), [""; 0], "it was begun");
    assert!(now.len() > scene.before.len() + 5 && now.is_superset(&scene.before), "{now:?}");
    assert_eq!(passwords(sandbox), scene.old, "it is not in force");
    scene.proxy.reset();
    scene
}

/// How many objects the passwords in use do not open.
fn unreadable(sandbox: &Sandbox) -> usize {
    let run = sandbox.rclone(["lsf", "-R", "--files-only", "poof-crypt:"]).run();
    objects(sandbox).len() - run.stdout.lines().count()
}

/// All is as it was before the change.
#[track_caller]
fn assert_given_up(begun: &Begun) {
    let Begun { sandbox, original, before, old, .. } = begun;
    let now = objects(sandbox);
    assert!(now.is_superset(before), "{:?}", before.difference(&now));
    assert_eq!(unreadable(sandbox), 0, "{now:?}");
    assert_eq!(passwords(sandbox), *old);
    assert_eq!(beside(sandbox), [""; 0]);
    let known = fs::read_to_string(sandbox.state().join("identities.json")).unwrap();
    assert!(!known.contains("poof-crypt-"), "{known}");
    sandbox.poof(["backup"]).run().expect_code(0);
    assert_restores(sandbox, original);
}

/// A remote as seen with the new passwords, which the file of the change has.
fn under_new(sandbox: &Sandbox) -> String {
    let name = beside(sandbox).pop().unwrap();
    let text = fs::read_to_string(sandbox.confdir().join(name)).unwrap();
    let section = text.split("[poof-crypt-new]").nth(1).unwrap();
    let value = |key: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap().to_owned()
    };
    format!("poof-crypt,password='{}',password2='{}':", value("password"), value("password2"))
}

/// What the names of a remote's directories are on the storage below it.
fn encoded(sandbox: &Sandbox, remote: &str, name: &str) -> String {
    let run = sandbox.rclone(["backend", "encode", remote, name]).run().expect_code(0);
    run.stdout.trim().trim_matches(|c| "[]\" \n".contains(c)).to_owned()
}

#[test]
fn a_change_is_given_up_and_what_was_sent_goes() {
    let begun = begun();
    let sandbox = &begun.sandbox;
    let there = objects(sandbox);
    let run = sandbox.poof(["rekey", "--abort", "--dry-run"]).run().expect_code(0);
    run.stdout_has("- data: ").stderr_has("nothing was changed");
    sandbox.poof(["rekey", "--abort"]).run().expect_code(7).stderr_has("--yes");
    assert_eq!(objects(sandbox), there);
    sandbox.poof(ABORT).run().expect_code(0).stderr_has("The passwords are as they were");
    assert_given_up(&begun);
    sandbox.poof(ABORT).run().expect_code(0).stderr_has("nothing to give up");
    // The next change has passwords of its own.
    let before = objects(sandbox);
    sandbox.poof(REKEY).run().expect_code(0);
    assert_done(sandbox, &before, &begun.old);
    assert_restores(sandbox, &begun.original);
}

#[test]
fn a_change_that_is_in_force_is_not_given_up() {
    let (sandbox, original, before, old) = ready_to_change(5);
    sandbox.poof(["rekey", "--yes"]).run().expect_code(7).stderr_has("no recovery kit");
    let (there, new) = (objects(&sandbox), passwords(&sandbox));
    let run = sandbox.poof(ABORT).run().expect_code(7);
    run.stderr_has("too late").stderr_has("`poof rekey` completes it");
    assert_eq!((objects(&sandbox), passwords(&sandbox)), (there, new));
    assert_ne!(beside(&sandbox), [""; 0]);
    sandbox.poof(REKEY).run().expect_code(0);
    assert_done(&sandbox, &before, &old);
    assert_restores(&sandbox, &original);
}

#[test]
fn what_others_have_put_there_stays() {
    let begun = begun();
    let sandbox = &begun.sandbox;
    let (new, file) = (under_new(sandbox), sandbox.home().join("scan"));
    fs::write(&file, "exists nowhere else").unwrap();
    let copy = |place: &str| {
        sandbox.rclone(["copyto", file.to_str().unwrap(), place]).run().expect_code(0);
    };
    // By somebody who has the new passwords.
    let theirs = format!("{new}theirs/scan");
    let inside = format!("{new}data/scan");
    for place in [&theirs, &inside] {
        copy(place);
        let there = objects(sandbox);
        let run = sandbox.poof(ABORT).run().expect_code(7);
        run.stderr_has("poof did not make").stderr_has("--allow foreign");
        assert_eq!(objects(sandbox), there);
        assert_ne!(beside(sandbox), [""; 0], "the new passwords are needed");
        sandbox.rclone(["deletefile", place]).run().expect_code(0);
    }
    // By somebody who has none: in a directory of poof's, and in one whose name happens to decrypt.
    let bucket = format!("poof-backup:{}", sandbox.bucket());
    for name in ["data", "seems"] {
        copy(&format!("{bucket}/{}/scan", encoded(sandbox, &new, name)));
    }
    sandbox.poof(ABORT).run().expect_code(0).stderr_has("poof-crypt-new:data: left alone");
    let left = objects(sandbox);
    assert_eq!(left.iter().filter(|name| name.ends_with("/scan")).count(), 2, "{left:?}");
    assert_eq!(unreadable(sandbox), 2, "{left:?}");
    assert_eq!(beside(sandbox), [""; 0]);
    assert_restores(sandbox, &begun.original);
}

/// Once in 256 names a name of the one side decrypts to something on the other.
#[test]
fn a_directory_whose_name_happens_to_decrypt_stays_after_a_change() {
    let (sandbox, ..) = ready_to_change(3);
    let file = sandbox.home().join("scan");
    fs::write(&file, "exists nowhere else").unwrap();
    let name = encoded(&sandbox, "poof-crypt:", "seems");
    let place = format!("poof-backup:{}/{name}/scan", sandbox.bucket());
    sandbox.rclone(["copyto", file.to_str().unwrap(), &place]).run().expect_code(0);
    sandbox.poof(REKEY).run().expect_code(0);
    assert!(objects(&sandbox).contains(&format!("{name}/scan")));
}

/// Killed at `points` requests; then the one or the other command goes on.
fn killed(points: usize) {
    let first = begun();
    first.sandbox.poof(ABORT).run().expect_code(0);
    let total = first.proxy.total();
    let mut at: Vec<_> = (0..points).map(|i| 1 + i * (total - 1) / (points - 1)).collect();
    at.dedup();
    for (number, k) in at.into_iter().enumerate() {
        let begun = begun();
        let sandbox = &begun.sandbox;
        sandbox.poof(ABORT).run_killed_at(k, &begun.proxy);
        assert!(objects(sandbox).is_superset(&begun.before), "killed at {k} of {total}");
        assert_eq!(passwords(sandbox), begun.old, "killed at {k} of {total}");
        begun.proxy.reset();
        if number % 2 == 0 {
            let run = sandbox.poof(ABORT).run();
            assert_eq!(run.code, Some(0), "killed at {k} of {total}: {run}");
            assert_given_up(&begun);
        } else {
            let run = sandbox.poof(REKEY).run();
            assert_eq!(run.code, Some(0), "killed at {k} of {total}: {run}");
            assert_done(sandbox, &begun.before, &begun.old);
            assert_restores(sandbox, &begun.original);
        }
    }
}

#[test]
fn giving_up_that_is_killed_anywhere_loses_nothing_and_goes_on() {
    killed(4);
}

#[test]
#[ignore = "takes minutes"]
fn soak_of_giving_up_that_is_killed() {
    killed(50);
}
