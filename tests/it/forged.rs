//! A manifest that somebody has written who is no friend: in a bucket in clear nothing
//! keeps anybody from that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::harness::forger::{Forger, Kind, MADE};
use crate::harness::{Lacks, Sandbox, Snapshot, assert_same_content, skipped};
use crate::story::on_disk;

const DOWNLOAD: [&str; 4] = ["download", "--yes", "--only", "data"];
const BACKUP: [&str; 3] = ["backup", "--only", "data"];

/// A file `a` that is saved, and the bucket.
fn saved() -> (Sandbox, PathBuf) {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("a"), "a").unwrap();
    sandbox.poof(BACKUP).run().expect_code(0);
    (sandbox, bucket)
}

#[test]
fn a_head_with_a_number_that_no_poof_reaches_is_none_and_in_nobodys_way() {
    for forged in [true, false] {
        let (sandbox, bucket) = saved();
        if forged {
            let mut forger = Forger::new(&bucket);
            forger.head.generation = u64::MAX;
            forger.write(100);
        } else {
            fs::write(bucket.join(".poof/trees/data/head/18446744073709551615"), "junk").unwrap();
        }
        sandbox.poof(DOWNLOAD).run().expect_code(0);
        fs::write(sandbox.data().join("b"), "b").unwrap();
        sandbox.poof(BACKUP).run().expect_code(0);
        sandbox.poof(["check", "--only", "data"]).run().expect_code(0);
        fs::remove_file(sandbox.data().join("b")).unwrap();
        sandbox.poof(DOWNLOAD).run().expect_code(0);
        assert!(sandbox.data().join("b").exists());
    }
}

#[test]
fn the_last_number_that_there_is_locks_no_tree_out_for_ever() {
    let (sandbox, bucket) = saved();
    let mut forger = Forger::new(&bucket);
    forger.head.generation = 9_999_999_999;
    forger.write(100);
    // Taken by somebody who has said so.
    sandbox.poof(DOWNLOAD).run().expect_code(0);
    fs::write(sandbox.data().join("b"), "b").unwrap();
    let run = sandbox.poof(BACKUP).run().expect_code(7);
    run.stderr_has("no snapshot can come after number 9999999999").stderr_has("Remove the object");
    fs::remove_file(bucket.join(".poof/trees/data/head/9999999999")).unwrap();
    sandbox.poof(BACKUP).run().expect_code(7);
    sandbox.poof(BACKUP).args(["--allow", "older-snapshot"]).run().expect_code(0);
    sandbox.poof(BACKUP).run().expect_code(0);
    fs::remove_file(sandbox.data().join("b")).unwrap();
    sandbox.poof(DOWNLOAD).run().expect_code(0);
    assert!(sandbox.data().join("b").exists());
}

#[test]
fn what_a_head_says_of_its_machine_begins_no_line_of_its_own() {
    let (sandbox, bucket) = saved();
    let mut forger = Forger::new(&bucket);
    forger.head.host = "h\nFORGED: all is well\u{1b}[2J".to_owned();
    forger.head.version = "1\nFORGED".to_owned();
    forger.head.created = u64::MAX;
    forger.file("n", b"n");
    forger.write(100);
    fs::write(sandbox.data().join("b"), "b").unwrap();
    for args in [&["backup", "--dry-run"][..], &["status"], &["check"], &["download", "--dry-run"]]
    {
        let run = sandbox.poof(args).run();
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(!said.lines().any(|line| line.starts_with("FORGED")), "{args:?}: {run}");
        assert!(!said.contains('\u{1b}'), "{args:?}: {run}");
    }
}

#[test]
fn a_path_where_files_are_collected_is_none_of_a_snapshot() {
    let (sandbox, bucket) = saved();
    let before = Snapshot::of(&sandbox.data());
    for inside in [false, true] {
        let mut forger = Forger::new(&bucket);
        forger.entries.retain(|entry| entry.path.is_empty());
        if inside {
            forger.add(".poof-restoring", Kind::Directory);
            fs::create_dir_all(bucket.join("data/.poof-restoring")).unwrap();
            forger.file(".poof-restoring/x", b"x");
        } else {
            forger.file(".poof-restoring", b"x");
        }
        forger.write(100);
        let run = sandbox.poof(DOWNLOAD).run();
        run.expect_code(7).stderr_has("a path that cannot be");
        assert_same_content(&before, &Snapshot::of(&sandbox.data()));
        let name = if inside { ".poof-restoring/x" } else { ".poof-restoring" };
        fs::remove_file(bucket.join("data").join(name)).unwrap();
    }
}

#[test]
fn a_bucket_in_clear_gives_root_no_attribute_and_no_lock_of_roots_without_a_word() {
    if !rustix::process::geteuid().is_root() {
        skipped(Lacks::Root, "a user cannot be given them");
        return;
    }
    for (name, value, directory) in [
        ("trusted.overlay.redirect", "/etc", true),
        ("trusted.x", "y", false),
        ("security.x", "y", false),
        ("poof.linux-flags", "immutable", false),
        ("poof.linux-flags", "append-only", true),
    ] {
        let (sandbox, bucket) = saved();
        let mut forger = Forger::new(&bucket);
        let entry =
            if directory { forger.add("new", Kind::Directory) } else { forger.file("new", b"n") };
        entry.mode = 0o755;
        entry.xattrs = vec![(name.into(), value.into())];
        forger.write(100);
        let run = sandbox.poof(DOWNLOAD).run().expect_code(7);
        run.stderr_has("1 path with special rights: new").stderr_has("--allow privileged");
        assert!(!sandbox.data().join("new").exists(), "{name}");
    }
}

// What a Mac has saved.
#[cfg(not(target_os = "macos"))]
#[test]
fn creation_dates_are_counted_where_nobody_can_set_them_and_stay_in_the_snapshot() {
    let (sandbox, bucket) = saved();
    let created = (b"poof.created".to_vec(), b"1577934245.123456789".to_vec());
    let mut forger = Forger::new(&bucket);
    for entry in &mut forger.entries {
        entry.xattrs.push(created.clone());
    }
    forger.file("b", b"b").xattrs = vec![created.clone()];
    forger.write(100);
    let run = sandbox.poof(DOWNLOAD).run().expect_code(0);
    run.stderr_has("2 files have attributes that only another system can hold");
    fs::write(sandbox.data().join("c"), "c").unwrap();
    let run = sandbox.poof(BACKUP).run().expect_code(0);
    run.stderr_has("data: 1 new, 0 changed, 0 removed");
    let kept = Forger::new(&bucket).entries;
    let with: Vec<_> = kept.iter().filter(|entry| entry.xattrs.contains(&created)).collect();
    assert_eq!((kept.len(), with.len()), (4, 3), "the new file alone has none");
}

#[test]
fn what_waits_for_ever_is_no_kit() {
    let (sandbox, _) = saved();
    let (fifo, phrase) = (sandbox.home().join("kit.txt"), sandbox.home().join("phrase"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::write(&phrase, "a phrase of more than four words").unwrap();
    let (fifo, phrase) = (fifo.to_str().unwrap(), phrase.to_str().unwrap());
    for args in [
        &["kit", fifo, "--phrase-file", phrase, "--yes"][..],
        &["return", fifo, "--phrase-file", phrase, "--yes"],
    ] {
        let run = sandbox.poof(args).timeout(Duration::from_secs(10)).run().expect_code(3);
        run.stderr_has("not a regular file");
    }
}

/// Replaces the object of `path` by one of so many zeros, which take no room.
fn enlarge(bucket: &Path, path: &str, size: u64) {
    let object = fs::File::options().write(true).open(bucket.join("data").join(path)).unwrap();
    object.set_len(size).unwrap();
    object.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MADE)).unwrap();
}

#[test]
fn sizes_that_do_not_belong_together_are_no_snapshot() {
    for (file, stored) in [(5, 400 << 20), (5, u64::MAX), (1 << 63, 5), (1 << 63, 1 << 63)] {
        let (sandbox, bucket) = saved();
        let before = Snapshot::of(&sandbox.data());
        let mut forger = Forger::new(&bucket);
        let entry = forger.file("big", b"small");
        entry.stored.as_mut().unwrap().size = stored;
        if let Kind::File { size, .. } = &mut entry.kind {
            *size = file;
        }
        forger.write(100);
        enlarge(&bucket, "big", stored.min(400 << 20));
        let run = sandbox.poof(DOWNLOAD).run().expect_code(7).stderr_has("a part of its manifest");
        run.stderr_has(" size ");
        assert_same_content(&before, &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn a_file_that_is_shorter_than_the_snapshot_says_is_not_restored() {
    for size in [1 << 20, 100 << 20, 1 << 60] {
        for sparse in [false, true] {
            let (sandbox, bucket) = saved();
            let mut forger = Forger::new(&bucket);
            let entry = forger.file("huge", b"small");
            entry.stored.as_mut().unwrap().size = size;
            if let Kind::File { size: said, sparse: holes, .. } = &mut entry.kind {
                (*said, *holes) = (size, sparse);
            }
            forger.write(100);
            let run = sandbox.poof(DOWNLOAD).timeout(Duration::from_secs(30)).run();
            run.expect_code(5);
            assert!(!sandbox.data().join("huge").exists());
            assert!(!sandbox.data().join(".poof-restoring").exists());
        }
    }
}

#[test]
fn a_head_that_counts_other_files_than_it_has_is_no_snapshot() {
    let (sandbox, bucket) = saved();
    let mut forger = Forger::new(&bucket);
    forger.head.counts.2 = u64::MAX;
    forger.put_head();
    let run = sandbox.poof(DOWNLOAD).run().expect_code(7);
    run.stderr_has("it does not hold what it counts");
    sandbox.poof(DOWNLOAD).run().expect_code(7);
}

/// What half a megabyte of a bucket can unpack to.
#[test]
fn attributes_that_unpack_to_gigabytes_take_neither_memory_nor_time() {
    let (sandbox, bucket) = saved();
    let mut forger = Forger::new(&bucket);
    for number in 0..10_u8 {
        let kind = if number % 2 == 0 { Kind::Fifo } else { Kind::Directory };
        let value = vec![number; 65_000];
        let xattr = |n: usize| (format!("user.{n:04}").into_bytes(), value.clone());
        forger.add(&format!("x{number:03}"), kind).xattrs = (0..250).map(xattr).collect();
    }
    forger.write(1);
    let (report, poof) = (sandbox.home().join("peak"), env!("CARGO_BIN_EXE_poof"));
    for args in [&["download", "--only", "data", "--dry-run"][..], &["check", "--only", "data"]] {
        let measure = ["-f", "%M", "-o", report.to_str().unwrap(), poof];
        let run = sandbox.program("/usr/bin/time").args(measure).args(args);
        run.timeout(Duration::from_mins(2)).run();
        let peak = fs::read_to_string(&report).unwrap();
        let peak: u64 = peak.lines().last().unwrap().trim().parse().unwrap();
        eprintln!("{args:?}: {} MiB", peak >> 10);
        assert!(peak < 200 << 10, "{args:?}: {peak} KiB");
    }
    // And who has seen enough of it can end it.
    let running = sandbox.poof(["download", "--only", "data", "--dry-run"]).start();
    thread::sleep(Duration::from_millis(700));
    running.signal(libc::SIGTERM);
    let (since, run) = (Instant::now(), running.finish());
    assert!(since.elapsed() < Duration::from_secs(5), "{run}");
}

#[test]
fn large_attributes_come_back_as_they_were() {
    let (sandbox, bucket) = saved();
    let mut forger = Forger::new(&bucket);
    let value = vec![7; 2_000];
    forger.file("file", b"f").xattrs = vec![(b"user.large".to_vec(), value.clone())];
    let dir = forger.add("xdir", Kind::Directory);
    dir.mode = 0o755;
    dir.xattrs = vec![(b"user.large".to_vec(), value.clone())];
    forger.write(100);
    let attribute = |name: &str| {
        let mut found = vec![0; 4_096];
        let path = sandbox.data().join(name);
        let size = rustix::fs::lgetxattr(path, "user.large", &mut found).unwrap_or(0);
        found.truncate(size);
        found
    };
    sandbox.poof(DOWNLOAD).run().expect_code(0);
    assert!(attribute("file") == value && attribute("xdir") == value);
    // What is there already is given them as well.
    for name in ["file", "xdir"] {
        rustix::fs::lremovexattr(sandbox.data().join(name), "user.large").unwrap();
    }
    sandbox.poof(DOWNLOAD).run().expect_code(0);
    assert!(attribute("file") == value && attribute("xdir") == value);
}
