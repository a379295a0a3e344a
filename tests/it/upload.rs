//! `poof upload`: what is wiped was proven a moment before, and comes back.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command as Process;

use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{
    Backdoor, Config, Lacks, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly,
    minio, skipped,
};
use crate::story::{encrypted, plain, proxied};

/// Level 2 also where the remote is encrypted.
const UPLOAD: [&str; 3] = ["upload", "--yes", "--keep-poof"];
const BACK: [&str; 3] = ["download", "--yes", "--keep-extra"];

#[track_caller]
fn says(run: &Run, text: &str) {
    assert!(run.stderr.contains(text), "standard error lacks {text:?}: {run}");
}

/// Uploads and wipes a hostile tree, and brings it back.
fn there_and_back(encrypted: bool, keeper: Keeper) {
    let (sandbox, _proxy) = proxied(encrypted);
    hostile(&sandbox.data(), keeper);
    let poof = |args: &[&str]| match keeper {
        Keeper::Root => sandbox.poof(args),
        Keeper::User => sandbox.poof_as_ordinary_user(args),
    };
    if keeper == Keeper::User {
        poof(&["paths"]).run().expect_code(0);
    }
    let original = sandbox.home().join("original");
    copy_exactly(&sandbox.data(), &original);
    let run = poof(&UPLOAD).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!sandbox.data().exists(), "{run}");
    let run = poof(&["download", "--yes"]).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert_exact(&original, &sandbox.data());
    poof(&["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn everything_goes_and_comes_back_exactly_plain() {
    if rustix::process::geteuid().is_root() {
        there_and_back(false, Keeper::Root);
    }
    there_and_back(false, Keeper::User);
}

#[test]
fn everything_goes_and_comes_back_exactly_encrypted() {
    if rustix::process::geteuid().is_root() {
        there_and_back(true, Keeper::Root);
    }
    there_and_back(true, Keeper::User);
}

#[test]
fn a_wiped_tree_is_no_reason_to_worry_until_something_comes_up_in_it() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
    let door = Backdoor::new(&sandbox);
    let remote = door.listing();
    for again in [&["backup"][..], &UPLOAD, &["backup", "--dry-run"]] {
        sandbox.poof(again).run().expect_code(0).stderr_has("data: wiped on ");
        assert_eq!(door.listing(), remote, "{again:?}");
    }
    // A desktop makes its directories again.
    fs::create_dir_all(sandbox.data().join("Desktop/deep")).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on ");
    fs::write(sandbox.data().join("mine"), "new").unwrap();
    for again in [&["backup", "--yes"][..], &UPLOAD] {
        let run = sandbox.poof(again).run().expect_code(7);
        says(&run, "mass-deletion");
        assert_eq!(fs::read_to_string(sandbox.data().join("mine")).unwrap(), "new");
    }
    sandbox.poof(BACK).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("mine")).unwrap(), "new");
    fs::remove_file(sandbox.data().join("mine")).unwrap();
    fs::remove_dir_all(sandbox.data().join("Desktop")).unwrap();
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
    assert!(!door.names(".poof").iter().any(|name| name.ends_with("/state")));
}

#[test]
fn a_wiped_tree_can_be_replaced_with_a_word() {
    let sandbox = plain(20);
    sandbox.poof(UPLOAD).run().expect_code(0);
    fs::create_dir(sandbox.data()).unwrap();
    fs::write(sandbox.data().join("mine"), "new").unwrap();
    sandbox.poof(["backup", "--allow", "mass-deletion"]).run().expect_code(0);
    assert_eq!(Backdoor::new(&sandbox).names("data"), ["mine"]);
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

#[test]
fn a_machine_that_lost_its_memory_is_told_by_the_remote() {
    let sandbox = encrypted(20);
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(UPLOAD).run().expect_code(0);
    fs::remove_dir_all(sandbox.state()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on ");
    sandbox.poof(["download"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed");
}

#[test]
fn a_dry_run_says_what_would_go_and_touches_nothing() {
    let sandbox = plain(20);
    let original = Snapshot::of(&sandbox.data());
    let run = sandbox.poof(["upload", "--dry-run"]).run().expect_code(0);
    run.stdout_has("x data: 20 files, ").stdout_has("would be wiped on ");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    says(&run, "data: 20 new");
}

#[test]
fn what_cannot_be_read_keeps_everything_here() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("secret"), "x").unwrap();
    fs::set_permissions(sandbox.data().join("secret"), Permissions::from_mode(0o000)).unwrap();
    let before = sandbox.data().join("file-00001").exists();
    let run = sandbox.poof_as_ordinary_user(UPLOAD).run();
    assert_eq!(run.code, Some(5), "{run}");
    says(&run, "data/secret");
    says(&run, "Nothing was wiped");
    assert_eq!(sandbox.data().join("file-00001").exists(), before);
    assert_eq!(
        walkdir::WalkDir::new(sandbox.data())
            .into_iter()
            .flatten()
            .filter(|e| e.file_type().is_file())
            .count(),
        11
    );
}

#[test]
fn links_from_outside_sockets_and_what_is_read_only_are_handled() {
    let sandbox = plain(5);
    let data = sandbox.data();
    fs::write(data.join("shared"), "shared").unwrap();
    fs::hard_link(data.join("shared"), sandbox.home().join("outside")).unwrap();
    fs::write(data.join("twice"), "twice").unwrap();
    fs::hard_link(data.join("twice"), data.join("twice-again")).unwrap();
    let _socket = UnixListener::bind(data.join("socket")).unwrap();
    fs::create_dir(data.join("closed")).unwrap();
    fs::write(data.join("closed/read-only"), "x").unwrap();
    for (path, mode) in [("closed/read-only", 0o400), ("closed", 0o500)] {
        fs::set_permissions(data.join(path), Permissions::from_mode(mode)).unwrap();
    }
    let run = sandbox.poof_as_ordinary_user(UPLOAD).run();
    assert_eq!(run.code, Some(9), "{run}");
    says(&run, "data/shared: only this name is gone");
    assert!(!data.exists(), "{run}");
    assert_eq!(fs::read_to_string(sandbox.home().join("outside")).unwrap(), "shared");
    sandbox.poof_as_ordinary_user(BACK).run().expect_code(0);
    assert_eq!(fs::read_to_string(data.join("twice-again")).unwrap(), "twice");
}

#[test]
fn a_file_that_somebody_writes_to_stays_until_it_is_closed() {
    let sandbox = plain(5);
    fs::write(sandbox.data().join("log"), "line").unwrap();
    let log = File::options().append(true).open(sandbox.data().join("log")).unwrap();
    let run = sandbox.poof(UPLOAD).run();
    assert_eq!(run.code, Some(9), "{run}");
    says(&run, "data/log: residue: another program has it open for writing");
    assert_eq!(fs::read_to_string(sandbox.data().join("log")).unwrap(), "line");
    sandbox.poof(["backup"]).run().expect_code(7).stderr_has("poof upload");
    drop(log);
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
    sandbox.poof(["download"]).run().expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.data().join("log")).unwrap(), "line");
}

#[test]
fn an_immutable_file_goes_where_root_asks() {
    let sandbox = plain(5);
    let path = sandbox.data().join("locked");
    fs::write(&path, "x").unwrap();
    let locked = Process::new("chattr").arg("+i").arg(&path).status();
    if !locked.is_ok_and(|status| status.success()) {
        skipped(Lacks::Root, "only root can lock, and not on every file system");
        return;
    }
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
}

#[test]
fn mounts_inside_are_left_and_named() {
    let sandbox = plain(5);
    fs::create_dir_all(sandbox.home().join("elsewhere")).unwrap();
    fs::write(sandbox.home().join("elsewhere/precious"), "precious").unwrap();
    for dir in ["bound", "memory"] {
        fs::create_dir(sandbox.data().join(dir)).unwrap();
    }
    let may = Process::new("unshare").args(["-m", "mount", "-t", "tmpfs", "t", "/mnt"]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Mount, "only root can mount");
        return;
    }
    let script = format!(
        "set -e; mount --bind $HOME/elsewhere $HOME/data/bound; mount -t tmpfs t $HOME/data/memory
         echo kept >$HOME/data/memory/file; set +e; {0} upload --dry-run
         {0} upload --yes; code=$?
         cat $HOME/data/memory/file; exit $code",
        env!("CARGO_BIN_EXE_poof")
    );
    let run = sandbox.program("unshare").args(["-m", "sh", "-c", &script]).run().expect_code(9);
    for stays in ["x data/bound: 1 file, 8 B would stay", "x data/memory: 1 file, 5 B would stay"] {
        assert!(run.stdout.contains(stays), "{run}");
    }
    says(&run, "data/bound: residue: a file system is mounted there");
    says(&run, "data/memory: residue: a file system is mounted there");
    assert!(run.stdout.contains("kept"), "{run}");
    let precious = sandbox.home().join("elsewhere/precious");
    assert_eq!(fs::read_to_string(precious).unwrap(), "precious");
    let left: Vec<_> =
        fs::read_dir(sandbox.data()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_cached_manifest_goes_with_the_tree() {
    let sandbox = plain(10);
    fs::write(sandbox.data().join("a-name-to-find"), "x").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    let trees = fs::read_dir(sandbox.state().join("trees")).unwrap();
    // That of the configuration stays.
    assert_eq!(trees.count(), 1);
}

#[test]
fn names_that_a_look_at_a_wiped_tree_has_fetched_go_again() {
    let sandbox = encrypted(10);
    sandbox.poof(UPLOAD).run().expect_code(0);
    for args in [&["status"][..], &["check"], &["check", "--read-data"], &["backup"]] {
        sandbox.poof(args).run().expect_code(0);
        let trees = fs::read_dir(sandbox.state().join("trees")).unwrap();
        assert_eq!(trees.count(), 1, "{args:?}");
    }
    // A run that was killed has left more.
    fs::create_dir(sandbox.state().join("scratch-old")).unwrap();
    fs::write(sandbox.state().join("scratch-old/index"), "names").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.state().join("scratch-old").exists());
    sandbox.poof(["download"]).run().expect_code(0);
}

#[test]
fn a_directory_behind_a_link_is_wiped_and_comes_back_behind_it() {
    let sandbox = plain(10);
    let original = Snapshot::of(&sandbox.data());
    let real = sandbox.home().join("real");
    fs::rename(sandbox.data(), &real).unwrap();
    symlink(&real, sandbox.data()).unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!real.exists() && sandbox.data().is_symlink());
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: wiped on ");
    sandbox.poof(["download"]).run().expect_code(0);
    assert!(sandbox.data().is_symlink());
    assert_same_content(&original, &Snapshot::of(&real));
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
}

#[test]
fn a_remote_inside_of_what_goes_is_refused() {
    let sandbox = plain(5);
    let original = Snapshot::of(&sandbox.data());
    let disk = sandbox.data().join("disk");
    fs::create_dir(&disk).unwrap();
    let path = format!("PATH={}", disk.display());
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    sandbox.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
    for verb in ["upload", "backup", "verify"] {
        let run = sandbox.poof([verb, "--yes"]).run();
        assert!(matches!(run.code, Some(2 | 3)), "{run}");
    }
    sandbox.poof(UPLOAD).run().expect_code(3).stderr_has("is inside the other");
    fs::remove_dir(&disk).unwrap();
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn what_an_unfinished_download_has_collected_goes_as_well() {
    let sandbox = plain(5);
    let stage = sandbox.data().join(".poof-restoring");
    fs::create_dir(&stage).unwrap();
    fs::write(stage.join("7"), "content").unwrap();
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
}

/// The same trees on the other side of the encryption.
fn switch(sandbox: &Sandbox, to: &Config) {
    fs::remove_file(sandbox.confdir().join("poof.conf")).unwrap();
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    sandbox.write_config(to);
}

#[test]
fn a_tree_that_was_wiped_in_clear_is_not_lost_by_a_switch_to_encryption() {
    let (clear, crypt) =
        (Config::plain(minio().endpoint()).with_crypt(), Config::encrypted(minio().endpoint()));
    let sandbox = plain(10);
    switch(&sandbox, &crypt);
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    // The encrypted snapshot is older than what is wiped.
    fs::write(sandbox.data().join("later"), "later").unwrap();
    let original = Snapshot::of(&sandbox.data());
    switch(&sandbox, &clear);
    sandbox.poof([&UPLOAD[..], &["--allow", "other-remote"]].concat()).run().expect_code(0);
    switch(&sandbox, &crypt);
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    says(&run, "its snapshot is on poof-backup:");
    let run = sandbox.poof(["purge-plain", "--yes"]).run();
    assert_eq!(run.code, Some(6), "{run}");
    says(&run, "the plain copy of data stays");
    sandbox.poof(["download"]).run().expect_code(7).stderr_has("older-snapshot");
    switch(&sandbox, &clear);
    sandbox.poof(["download", "--only", "data"]).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
}

#[test]
fn a_wipe_that_was_begun_on_one_remote_is_not_continued_on_another() {
    let (clear, crypt) =
        (Config::plain(minio().endpoint()).with_crypt(), Config::encrypted(minio().endpoint()));
    let sandbox = plain(10);
    fs::write(sandbox.data().join("log"), "line").unwrap();
    switch(&sandbox, &crypt);
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    switch(&sandbox, &clear);
    let log = File::options().append(true).open(sandbox.data().join("log")).unwrap();
    sandbox.poof([&UPLOAD[..], &["--allow", "other-remote"]].concat()).run().expect_code(9);
    drop(log);
    switch(&sandbox, &crypt);
    let run = sandbox.poof(UPLOAD).run().expect_code(7);
    says(&run, "was begun with its snapshot on poof-backup:");
    assert!(sandbox.data().join("log").exists());
    switch(&sandbox, &clear);
    sandbox.poof(UPLOAD).run().expect_code(0);
    assert!(!sandbox.data().exists());
}
