//! Remotes that take some names for one.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::harness::{Config, Folding, Sandbox, Snapshot, assert_same_content};
use crate::story::on_disk;

/// A sandbox whose remote folds case and normal form, and the disk below it.
fn folding(encrypted: bool) -> (Sandbox, Folding, PathBuf) {
    let sandbox = Sandbox::new();
    let [server, disk] = ["server", "disk"].map(|name| sandbox.home().join(name));
    for dir in [&server, &disk] {
        fs::create_dir(dir).unwrap();
    }
    let remote = Folding::start(&server, &disk);
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let url = format!("url={}", remote.url());
    sandbox.poof(["cconfig", "--remote", "webdav", &url, "vendor=other"]).run().expect_code(0);
    if encrypted {
        sandbox.poof(["econfig"]).run().expect_code(0);
        sandbox.poof(["cryptoggle"]).run().expect_code(0);
    }
    let bucket = disk.join(sandbox.bucket());
    (sandbox, remote, bucket)
}

const TWINS: [&str; 8] =
    ["File", "file", "\u{e9}", "e\u{301}", "Dir/x", "dir/x", "dir/y", "dir/deep/z"];

fn write(sandbox: &Sandbox, name: &str) {
    let path = sandbox.data().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("content of {name}")).unwrap();
}

/// All of the snapshot is on the remote, and comes back.
#[track_caller]
fn is_whole(sandbox: &Sandbox) {
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has("data: 0 new, 0 changed, 0 removed");
    let original = Snapshot::of(&sandbox.data());
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn names_that_the_remote_takes_for_one_are_all_kept() {
    let (sandbox, _remote, bucket) = folding(false);
    for name in TWINS {
        write(&sandbox, name);
    }
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has("data: 5 files whose name the remote cannot hold");
    is_whole(&sandbox);
    // What the remote can hold lies where stock rclone finds it.
    for name in ["File", "Dir/x"] {
        assert_eq!(
            fs::read_to_string(bucket.join("data").join(name)).unwrap(),
            format!("content of {name}")
        );
    }
}

#[test]
fn a_new_twin_does_not_take_the_place_of_the_one_that_is_there() {
    let (sandbox, _remote, bucket) = folding(false);
    for name in ["README", "Dir/x", "same"] {
        write(&sandbox, name);
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let before = fs::read(bucket.join("data/README")).unwrap();
    write(&sandbox, "Readme");
    write(&sandbox, "dir/y");
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has("data: 2 new, 0 changed, 0 removed").stderr_has("2 files whose name");
    assert_eq!(fs::read(bucket.join("data/README")).unwrap(), before);
    is_whole(&sandbox);
}

#[test]
fn a_file_whose_name_changes_in_case_alone_is_not_deleted_with_its_old_name() {
    let (sandbox, _remote, _) = folding(false);
    for name in ["Readme", "Dir/x", "same"] {
        write(&sandbox, name);
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    for (from, to) in [("Readme", "README"), ("Dir", "DIR")] {
        fs::rename(sandbox.data().join(from), sandbox.data().join(to)).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    is_whole(&sandbox);
}

#[test]
fn where_names_are_encrypted_and_where_they_are_told_apart_none_is_odd() {
    let (encrypted, _remote, _) = folding(true);
    let (disk, bucket) = on_disk();
    for sandbox in [&encrypted, &disk] {
        for name in TWINS {
            write(sandbox, name);
        }
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        assert!(!run.stderr.contains("cannot hold"), "{run}");
        is_whole(sandbox);
    }
    let there: BTreeMap<_, _> = TWINS
        .map(|name| (name, fs::read_to_string(bucket.join("data").join(name)).unwrap()))
        .into();
    assert!(there.iter().all(|(name, text)| *text == format!("content of {name}")), "{there:?}");
}
