//! `add` and `remove`: directories in poof.conf, and what is on the remote of those that leave.

use std::fs;

use serde_json::Value;

use crate::harness::{Sandbox, grow};
use crate::story::on_disk;

fn paths(sandbox: &Sandbox) -> Value {
    let text = fs::read(sandbox.confdir().join("poof.conf")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["paths"].take()
}

/// Another machine on the same bucket, with directories of its own.
fn another(first: &Sandbox) -> Sandbox {
    let other = Sandbox::new().named("other");
    fs::create_dir_all(other.confdir()).unwrap();
    fs::copy(first.rclone_conf(), other.rclone_conf()).unwrap();
    let text = fs::read(first.confdir().join("poof.conf")).unwrap();
    let mut conf: Value = serde_json::from_slice(&text).unwrap();
    let own = [(other.confdir(), "conf2"), (other.data(), "data2")];
    let own = own.map(|(dir, name)| (dir.to_str().unwrap().to_owned(), Value::from(name)));
    conf["paths"] = Value::Object(own.into_iter().collect());
    fs::write(other.confdir().join("poof.conf"), conf.to_string()).unwrap();
    grow(&other.data(), 2, 1..=9, 2);
    other
}

#[test]
fn a_directory_is_added_to_a_file_that_was_not_there_and_the_first_backup_runs() {
    let sandbox = Sandbox::new();
    let (home, bucket) = (sandbox.home(), sandbox.home().join("disk"));
    fs::create_dir_all(&bucket).unwrap();
    for dir in ["Documents", "Pictures"] {
        fs::create_dir_all(home.join(dir)).unwrap();
        fs::write(home.join(dir).join("file"), dir).unwrap();
    }
    let disk = format!("PATH={}", bucket.to_str().unwrap());
    sandbox.poof(["cconfig", "--remote", "local", &disk]).run().expect_code(0);
    let dry = ["add", "--dry-run", "Documents"];
    sandbox.poof(dry).current_dir(&home).run().expect_code(0).stderr_has("nothing was changed");
    assert!(!sandbox.confdir().join("poof.conf").exists());
    sandbox
        .poof(["add", "Documents"])
        .current_dir(&home)
        .run()
        .expect_code(0)
        .stderr_has("as Documents");
    sandbox.poof(["add", "Pictures/", "family"]).current_dir(&home).run().expect_code(0);
    let all = paths(&sandbox);
    assert_eq!(all[sandbox.confdir().to_str().unwrap()], "poof-config");
    assert_eq!(all[home.join("Documents").to_str().unwrap()], "Documents");
    assert_eq!(all[home.join("Pictures").to_str().unwrap()], "family");
    sandbox.poof(["verify"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    // Once more it is no change.
    sandbox
        .poof(["add", "Documents"])
        .current_dir(&home)
        .run()
        .expect_code(0)
        .stderr_has("already");
    assert_eq!(paths(&sandbox), all);
}

#[test]
fn what_would_be_in_the_way_of_another_is_not_added() {
    let (sandbox, _bucket) = on_disk();
    let (home, before) = (sandbox.home(), paths(&sandbox));
    fs::create_dir_all(sandbox.data().join("inside")).unwrap();
    fs::create_dir_all(home.join("more/data")).unwrap();
    fs::write(home.join("file"), "").unwrap();
    let data = sandbox.data();
    for (args, code, says) in [
        (&["add", "none"][..], 2, "none"),
        (&["add", "file"], 2, "not a directory"),
        (&["add", "/"], 3, "cannot be a name"),
        (&["add", "/", "all"], 3, "whole file system"),
        (&["add", data.to_str().unwrap(), "other"], 2, "already, as data"),
        (&["add", "more/data"], 3, "same name"),
        (&["add", "more", "data/sub"], 3, "inside the other"),
        (&["add", "more", ".poof"], 3, "own records"),
        (&["remove", "none"], 2, "not in poof.conf"),
    ] {
        sandbox.poof(args).current_dir(&home).run().expect_code(code).stderr_has(says);
        assert_eq!(paths(&sandbox), before, "{args:?}");
    }
    // In an empty list as well.
    let bare = Sandbox::new();
    fs::create_dir_all(bare.home().join("x")).unwrap();
    fs::create_dir_all(bare.confdir()).unwrap();
    let empty = r#"{"bucket":"b","confFile":"c","paths":{},"remote":"r"}"#;
    fs::write(bare.confdir().join("poof.conf"), empty).unwrap();
    bare.poof(["add", "x", "../y"]).current_dir(bare.home()).run().expect_code(3);
    let inside = sandbox.data().join("inside");
    sandbox.poof(["add", inside.to_str().unwrap()]).run().expect_code(3).stderr_has("inside");
}

#[test]
fn what_is_removed_stays_on_the_remote_until_it_is_purged() {
    let (sandbox, bucket) = on_disk();
    grow(&sandbox.data(), 5, 1..=100, 1);
    sandbox.set("keep", "30d".into());
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("new"), "new").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_file(sandbox.data().join("new")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(bucket.join(".poof/kept/data").exists());
    let data = sandbox.data();
    let dry = ["remove", data.to_str().unwrap(), "--dry-run"];
    sandbox.poof(dry).run().expect_code(0);
    assert_eq!(paths(&sandbox)[data.to_str().unwrap()], "data");
    sandbox.poof(["remove", "data"]).run().expect_code(0).stderr_has("remove data --purge");
    assert_eq!(paths(&sandbox)[data.to_str().unwrap()], Value::Null);
    assert!(bucket.join("data").exists() && data.exists());
    fs::create_dir_all(sandbox.home().join("other")).unwrap();
    fs::write(sandbox.home().join("other/x"), "x").unwrap();
    sandbox.poof(["add", "other"]).current_dir(sandbox.home()).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("data: on the remote, and not in");
    // Nobody is asked here, and nothing goes without an answer.
    sandbox.poof(["remove", "data", "--purge"]).run().expect_code(7);
    assert!(bucket.join("data").exists());
    let dry = ["remove", "data", "--purge", "--dry-run"];
    sandbox.poof(dry).run().expect_code(0).stdout_has("data");
    assert!(bucket.join("data").exists());
    sandbox.poof(["remove", "data", "--purge", "--yes"]).run().expect_code(0);
    for left in ["data", ".poof/kept/data", ".poof/trees/data"] {
        assert!(!bucket.join(left).exists(), "{left}");
    }
    assert!(data.exists() && bucket.join("other").exists());
    sandbox.poof(["check"]).run().expect_code(0);
    sandbox
        .poof(["remove", "data", "--purge", "--yes"])
        .run()
        .expect_code(2)
        .stderr_has("no snapshot");
}

#[test]
fn the_only_copy_is_not_purged_and_neither_is_that_of_another_machine() {
    let (sandbox, bucket) = on_disk();
    grow(&sandbox.data(), 5, 1..=100, 1);
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    for args in [&["remove", "data"][..], &["remove", "data", "--purge", "--yes"]] {
        let run = sandbox.poof(args).run().expect_code(7);
        run.stderr_has("only copy").stderr_has("poof download --only data");
    }
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    let other = another(&sandbox);
    let purge = ["remove", "data", "--purge", "--yes"];
    other.poof(purge).run().expect_code(7).stderr_has("has saved it last");
    assert!(bucket.join("data").exists());
    sandbox.poof(purge).run().expect_code(0);
    assert!(!bucket.join("data").exists());
}
