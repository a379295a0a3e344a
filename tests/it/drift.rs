//! The manifest at work: what a backup notices, on either side, and what it costs.

use std::fs::{self, File};
use std::time::Duration;

use crate::harness::{Kind, Snapshot, assert_same_content, grow};
use crate::story::{encrypted, names_on, plain, proxied, told};

#[test]
fn a_file_rewritten_with_its_old_size_and_time_is_sent_again() {
    for sandbox in [plain(3), encrypted(3)] {
        let path = sandbox.data().join("file");
        fs::write(&path, "before").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(&path, "after!").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 1 changed");
        let object = format!("{}data/file", told(&sandbox));
        assert_eq!(sandbox.rclone(["cat", &object]).run().stdout, "after!");
    }
}

#[test]
fn what_others_did_to_the_remote_is_named_and_repaired() {
    for sandbox in [plain(3), encrypted(3)] {
        for name in ["gone", "changed"] {
            fs::write(sandbox.data().join(name), name).unwrap();
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        let place = told(&sandbox);
        sandbox.rclone(["deletefile", &format!("{place}data/gone")]).run().expect_code(0);
        let other = sandbox.home().join("other");
        fs::write(&other, "CHANGED").unwrap();
        let other = other.to_str().unwrap();
        for name in ["changed", "foreign"] {
            let object = format!("{place}data/{name}");
            sandbox.rclone(["copyto", "--ignore-times", other, &object]).run().expect_code(0);
        }
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        let run = run.stderr_has("data/gone: missing on the remote");
        let run = run.stderr_has("data/changed: changed on the remote");
        let run = run.stderr_has("data/foreign (");
        run.stderr_has("data: 0 new, 2 changed, 0 removed");
        let object = format!("{place}data/changed");
        assert_eq!(sandbox.rclone(["cat", &object]).run().stdout, "changed");
        let names = names_on(&sandbox, "data");
        assert!(names.contains(&"gone".to_owned()) && names.contains(&"foreign".to_owned()));
        sandbox
            .poof(["backup"])
            .run()
            .expect_code(0)
            .stderr_has("data: 0 new, 0 changed, 0 removed");
    }
}

#[test]
fn a_run_without_changes_costs_a_listing() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        grow(&sandbox.data(), 2_000, 1..=200, 1);
        let backup = |args: &[&str]| {
            let all = ["backup", "--only", "data"].iter().chain(args);
            sandbox.poof(all).timeout(Duration::from_mins(2)).run().expect_code(0)
        };
        backup(&[]);
        let first = proxy.total();
        assert!(first <= 2_100, "{first} requests for 2,000 files");
        backup(&[]).stderr_has("0 new, 0 changed, 0 removed, 2000 unchanged");
        let second = proxy.total() - first;
        assert!(second <= 2 + 8, "{second} requests without changes");
        let puts = proxy.count(Kind::Put);
        backup(&["--rehash"]).stderr_has("2000 unchanged");
        assert_eq!(proxy.count(Kind::Put), puts);
    }
}

#[test]
fn without_its_state_a_backup_fetches_the_manifest_and_sends_nothing() {
    for sandbox in [plain(20), encrypted(20)] {
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::remove_dir_all(sandbox.home().join(".local/state/poof")).unwrap();
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed, 20 unchanged");
    }
}

#[test]
fn an_emptied_bucket_is_not_taken_for_a_new_one() {
    for sandbox in [plain(5), encrypted(5)] {
        sandbox.poof(["backup"]).run().expect_code(0);
        let bucket = format!("poof-backup:{}", sandbox.bucket());
        sandbox.rclone(["purge", &bucket]).run().expect_code(0);
        let run = sandbox.poof(["backup"]).run().expect_code(7);
        run.stderr_has("--allow other-remote");
        assert!(names_on(&sandbox, "data").is_empty());
        let allow = ["backup", "--allow", "other-remote", "--allow", "older-snapshot"];
        sandbox.poof(allow).run().expect_code(0);
        assert_eq!(names_on(&sandbox, "data").len(), 5);
        sandbox.poof(["backup"]).run().expect_code(0);
    }
}

#[test]
fn an_older_manifest_is_recognised() {
    for sandbox in [plain(5), encrypted(5)] {
        sandbox.poof(["backup"]).run().expect_code(0);
        let head =
            |number: u8| format!("{}.poof/trees/data/head/000000000{number}", told(&sandbox));
        fs::write(sandbox.data().join("new"), "x").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let copy = ["copyto", "--ignore-times", &head(1), &head(2)].map(str::to_owned);
        sandbox.rclone(&copy).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("--allow older-snapshot");
        sandbox.rclone(["deletefile", &head(2)]).run().expect_code(0);
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("--allow older-snapshot");
        let allow = ["backup", "--allow", "older-snapshot"];
        sandbox.poof(allow).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
        sandbox.poof(["backup"]).run().expect_code(0);
    }
}

#[test]
fn what_was_renamed_is_copied_on_the_server_and_not_sent() {
    for encrypted in [false, true] {
        let (sandbox, proxy) = proxied(encrypted);
        grow(&sandbox.data().join("before"), 120, 20_000..=30_000, 1);
        grow(&sandbox.data().join("large"), 1, 9_000_000..=9_000_000, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        let names = names_on(&sandbox, "data").len();
        fs::rename(sandbox.data().join("before"), sandbox.data().join("after + é")).unwrap();
        let large = fs::read_dir(sandbox.data().join("large")).unwrap().next().unwrap().unwrap();
        fs::rename(large.path(), sandbox.data().join("renamed")).unwrap();
        let original = Snapshot::of(&sandbox.data());
        proxy.reset();
        let run = sandbox.poof(["backup"]).run().expect_code(0);
        run.stderr_has("data: 0 new, 0 changed, 0 removed, 0 unchanged, 121 renamed");
        assert!(proxy.sent() < 200_000, "{} bytes sent", proxy.sent());
        assert_eq!(names_on(&sandbox, "data").len(), names);
        sandbox.poof(["check", "--read-data"]).run().expect_code(0);
        fs::remove_dir_all(sandbox.data()).unwrap();
        sandbox.poof(["download"]).run().expect_code(0);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    }
}
