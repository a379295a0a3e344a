//! A download that meets a full disk, a read-only one, files in use, or other
//! things in its way: named, and nothing is lost.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command as Process;

use crate::harness::command::{Run, copy_program};
use crate::harness::{Config, Lacks, Sandbox, Snapshot, assert_same_content, grow, minio, skipped};
use crate::story::plain;

/// poof with `args` where `mounts`, a piece of shell, was run first: D is the
/// data, O what is to lie there before, R where all of it is copied afterwards.
/// What is mounted goes with the process. None if that is not allowed here.
fn mounted(sandbox: &Sandbox, mounts: &str, args: &str) -> Option<Run> {
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return None;
    }
    let script = format!(
        "set -e; D=$HOME/data O=$HOME/old R=$HOME/result; {mounts}; set +e
         {} {args}; code=$?; mkdir $R; cp -a $D/. $R; exit $code",
        env!("CARGO_BIN_EXE_poof")
    );
    Some(sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run())
}

const DOWNLOAD: &str = "download --only data --yes";

/// Each file of `result` is whole: as it was in `old`, or as it was saved.
#[track_caller]
fn assert_whole(result: &Path, old: &Path, saved: &Path, run: &Run) {
    for entry in walkdir::WalkDir::new(result).min_depth(1) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(result).unwrap();
            let now = Some(fs::read(entry.path()).unwrap());
            let (before, after) = (fs::read(old.join(path)).ok(), fs::read(saved.join(path)).ok());
            assert!(now == before || now == after, "{} is neither: {run}", path.display());
        }
    }
    for entry in fs::read_dir(old).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(result.join(&name).exists(), "{} is lost: {run}", name.display());
    }
}

fn full_disk(mount: &str, files: usize, size: u64) {
    for config in [Config::plain(minio().endpoint()), Config::encrypted(minio().endpoint())] {
        let sandbox = Sandbox::new();
        sandbox.write_config(&config);
        grow(&sandbox.data(), files, size..=size, 1);
        fs::write(sandbox.data().join("kept"), "saved").unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
        let [old, saved, result] = ["old", "saved", "result"].map(|d| sandbox.home().join(d));
        fs::create_dir(&old).unwrap();
        fs::write(old.join("kept"), "mine").unwrap();
        fs::write(old.join("extra"), "mine").unwrap();
        fs::rename(sandbox.data(), &saved).unwrap();
        fs::create_dir(sandbox.data()).unwrap();
        let mounts = format!("mount -t tmpfs -o {mount} t $D; cp -a $O/. $D");
        let Some(run) = mounted(&sandbox, &mounts, DOWNLOAD) else { return };
        let run = run.expect_code(5);
        assert!(run.stderr.contains("space") || run.stderr.contains("full"), "{run}");
        assert_whole(&result, &old, &saved, &run);
        // On a disk that is large enough the next run completes.
        sandbox.poof(DOWNLOAD.split(' ')).run().expect_code(0);
        assert_same_content(&Snapshot::of(&saved), &Snapshot::of(&sandbox.data()));
    }
}

#[test]
fn a_disk_that_is_too_small_is_named_and_nothing_is_lost() {
    full_disk("size=1m", 6, 700_000);
}

#[test]
fn a_disk_that_is_full_half_way_is_named_and_nothing_is_lost() {
    // Enough bytes, not enough inodes.
    full_disk("size=8m,nr_inodes=20", 60, 100);
}

#[test]
fn a_read_only_disk_is_named_and_nothing_changes() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("kept"), "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("kept"), "mine").unwrap();
    fs::write(sandbox.data().join("extra"), "mine").unwrap();
    let before = Snapshot::of(&sandbox.data());
    let mounts = "mount --bind $D $D; mount -o remount,ro,bind $D";
    let Some(run) = mounted(&sandbox, mounts, DOWNLOAD) else { return };
    run.expect_code(5).stderr_has("ead-only").stderr_has("data");
    assert_same_content(&before, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_mount_point_that_the_snapshot_lacks_is_named_and_stays() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("kept"), "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(sandbox.data().join("kept"), "mine").unwrap();
    let mounts = "mkdir $D/mounted; mount -t tmpfs t $D/mounted; echo x > $D/mounted/extra";
    let Some(run) = mounted(&sandbox, mounts, DOWNLOAD) else { return };
    run.expect_code(5).stderr_has("data/mounted");
    assert_eq!(fs::read(sandbox.home().join("result/kept")).unwrap(), b"saved");
}

#[test]
fn a_file_in_use_is_replaced_and_its_reader_keeps_the_old_one() {
    let sandbox = plain(3);
    let path = sandbox.data().join("busy");
    fs::write(&path, "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(&path, "in use").unwrap();
    let mut reader = File::open(&path).unwrap();
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "in use");
    assert_eq!(fs::read(&path).unwrap(), b"saved");
    assert_ne!(reader.metadata().unwrap().ino(), fs::metadata(&path).unwrap().ino());
}

#[test]
fn a_program_that_runs_is_replaced() {
    let sandbox = plain(3);
    let path = sandbox.data().join("program");
    fs::write(&path, "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    copy_program(Path::new("/bin/sleep"), &path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = Process::new(&path).arg("1000").spawn().unwrap();
    let run = sandbox.poof(["download", "--yes"]).run();
    child.kill().unwrap();
    child.wait().unwrap();
    run.expect_code(0);
    assert_eq!(fs::read(&path).unwrap(), b"saved");
}

#[test]
fn a_directory_in_the_place_of_a_file_goes_only_with_consent() {
    let sandbox = plain(3);
    let path = sandbox.data().join("place");
    fs::write(&path, "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "mine").unwrap();
    in_the_way(&sandbox, &original);
}

#[test]
fn a_file_in_the_place_of_a_directory_goes_only_with_consent() {
    let sandbox = plain(3);
    let path = sandbox.data().join("place");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("saved"), "saved").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    in_the_way(&sandbox, &original);
}

fn in_the_way(sandbox: &Sandbox, original: &Snapshot) {
    let before = Snapshot::of(&sandbox.data());
    sandbox.poof(["download"]).run().expect_code(7);
    assert_same_content(&before, &Snapshot::of(&sandbox.data()));
    let run = sandbox.poof(["download", "--keep-extra", "--yes"]).run().expect_code(5);
    run.stderr_has("data/place");
    assert_same_content(&before, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["download", "--yes"]).run().expect_code(0);
    assert_same_content(original, &Snapshot::of(&sandbox.data()));
}
