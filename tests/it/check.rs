//! `check`: whether what is on the remote can be restored.

use std::fs::{self, File};

use crate::harness::{Sandbox, Snapshot, assert_same_content};
use crate::story::{encrypted, on_disk, plain, told};

/// Puts `text` in the place of an object, behind poof's back.
fn put(sandbox: &Sandbox, name: &str, text: &str) {
    let file = sandbox.home().join("put");
    fs::write(&file, text).unwrap();
    let object = format!("{}{name}", told(sandbox));
    let args = ["copyto", "--ignore-times", file.to_str().unwrap(), &object];
    sandbox.rclone(args).run().expect_code(0);
}

/// Copies an object over another as the server has it, nonce and all.
fn copy_raw(sandbox: &Sandbox, from: &str, to: &str) {
    let raw = |name: &str| {
        let encoded = match told(sandbox).as_str() {
            "poof-crypt:" => {
                let run = sandbox.rclone(["cryptdecode", "--reverse", "poof-crypt:", name]).run();
                run.stdout.split('\t').nth(1).unwrap().trim().to_owned()
            }
            _ => name.to_owned(),
        };
        format!("poof-backup:{}/{encoded}", sandbox.bucket())
    };
    let args = ["copyto", "--ignore-times", &raw(from), &raw(to)];
    sandbox.rclone(args).run().expect_code(0);
}

#[test]
fn what_is_missing_changed_swapped_or_foreign_is_named_and_repaired_and_never_restored() {
    for sandbox in [plain(5), encrypted(5)] {
        for name in ["gone", "changed", "first", "second", "fine"] {
            fs::write(sandbox.data().join(name), format!("the text of {name:6}")).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let original = Snapshot::of(&sandbox.data());
        for args in [&["check"][..], &["check", "--read-data"], &["check", "--sample", "50%"]] {
            let run = sandbox.poof(args).run().expect_code(0);
            assert_eq!(run.stdout, "", "{run}");
        }
        let gone = format!("{}data/gone", told(&sandbox));
        sandbox.rclone(["deletefile", &gone]).run().expect_code(0);
        put(&sandbox, "data/changed", "something else");
        copy_raw(&sandbox, "data/first", "data/second");
        put(&sandbox, "data/foreign", "foreign");
        for args in [&["check"][..], &["check", "--read-data"]] {
            let run = sandbox.poof(args).run().expect_code(5);
            let expected = "changed data/changed\nforeign data/foreign\nmissing data/gone\n\
                            swapped data/second: it holds data/first\n";
            assert_eq!(run.stdout, expected, "{run}");
        }

        for name in ["changed", "second", "fine", "gone"] {
            fs::write(sandbox.data().join(name), "mine").unwrap();
        }
        let run = sandbox.poof(["download", "--yes"]).run().expect_code(5);
        run.stderr_has("data/changed: the object is not what the snapshot holds")
            .stderr_has("data/second: the object is not what the snapshot holds")
            .stderr_has("data/gone: its object is missing");
        for name in ["changed", "second", "gone"] {
            assert_eq!(fs::read(sandbox.data().join(name)).unwrap(), b"mine", "{name}");
        }
        assert_eq!(fs::read(sandbox.data().join("fine")).unwrap(), b"the text of fine  ");

        for name in ["gone", "changed", "first", "second", "fine"] {
            fs::write(sandbox.data().join(name), format!("the text of {name:6}")).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}

// A disk shows no hash: only what is read back tells.
#[test]
fn an_older_version_with_the_size_and_time_of_the_new_one_is_called_stale_once_it_is_read() {
    let (sandbox, bucket) = on_disk();
    let file = sandbox.data().join("file");
    for text in ["version 1", "version 2"] {
        fs::write(&file, text).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
    }
    let object = bucket.join("data/file");
    let time = fs::metadata(&object).unwrap().modified().unwrap();
    fs::write(&object, "version 1").unwrap();
    File::options().write(true).open(&object).unwrap().set_modified(time).unwrap();
    sandbox.poof(["check"]).run().expect_code(0);
    let run = sandbox.poof(["check", "--read-data"]).run().expect_code(5);
    assert_eq!(run.stdout, "stale data/file: it is an older version\n", "{run}");
    fs::write(&object, "version 3").unwrap();
    let run = sandbox.poof(["check", "--read-data"]).run().expect_code(5);
    assert_eq!(run.stdout, "changed data/file\n", "{run}");
}

#[test]
fn a_manifest_that_is_gone_or_damaged_on_the_remote_is_noticed_past_the_cache() {
    let sandbox = plain(3);
    sandbox.poof(["check"]).run().expect_code(5).stderr_has("has no manifest");
    sandbox.poof(["backup"]).run().expect_code(0);
    let shards = format!("{}.poof/trees/data/shard", told(&sandbox));
    let shard = sandbox.rclone(["lsf", &shards]).run().stdout.trim().to_owned();
    put(&sandbox, &format!(".poof/trees/data/shard/{shard}"), "no shard");
    sandbox.poof(["check"]).run().expect_code(5).stderr_has("a part of its manifest is not usable");
    sandbox.rclone(["purge", &format!("{}.poof/trees/data", told(&sandbox))]).run();
    sandbox.poof(["check"]).run().expect_code(5).stderr_has("its manifest is not on the remote");
}

// A share of few files was none, and the note of what was not read was gone.
#[test]
fn a_sample_reads_one_file_at_least_and_says_of_how_many() {
    let (sandbox, _) = on_disk();
    for name in ["a", "b", "c", "d", "e"] {
        fs::write(sandbox.data().join(name), "12345").unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let sample = |share: &str| {
        sandbox.poof(["check", "--only", "data", "--sample", share]).run().expect_code(0)
    };
    for share in ["1%", "5%", "20%"] {
        sample(share).stderr_has("data: reads back 1 file of 5, 5 B\n");
    }
    sample("21%").stderr_has("data: reads back 2 files of 5, 10 B\n");
    sample("100%").stderr_has("data: reads back 5 files, 25 B\n");
}

#[test]
fn what_reads_back_wrong_is_not_counted_as_intact() {
    let (sandbox, bucket) = on_disk();
    for name in ["fine", "wrong"] {
        fs::write(sandbox.data().join(name), "12345").unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    let object = bucket.join("data/wrong");
    let time = fs::metadata(&object).unwrap().modified().unwrap();
    fs::write(&object, "54321").unwrap();
    File::options().write(true).open(&object).unwrap().set_modified(time).unwrap();
    let args = ["check", "--only", "data"];
    sandbox.poof(args).run().expect_code(0).stderr_has("data: 2 intact, 0 not, 0 foreign\n");
    let run = sandbox.poof(args).args(["--read-data"]).run().expect_code(5);
    run.stderr_has("data: 1 intact, 1 not, 0 foreign\n");
    let run = sandbox.poof(["--json"]).args(args).args(["--read-data"]).run().expect_code(5);
    let counts = r#""intact":1,"lost":1,"foreign":0,"unhashed":1"#;
    assert!(run.stdout.contains(counts), "{run}");
    assert!(run.stdout.contains(r#""lost":1,"objects":1"#), "{run}");
    // One that the listing has found already counts once.
    fs::write(&object, "another size").unwrap();
    let run = sandbox.poof(args).args(["--read-data"]).run().expect_code(5);
    run.stderr_has("data: 1 intact, 1 not, 0 foreign\n");
}
