//! `rekey`: everything is sent again under new passwords and proven; then the old ciphertext
//! goes, and a run that ends anywhere is gone on with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::farewell::kit;
use crate::harness::{
    Config, Machines, Place, Sandbox, Snapshot, assert_same_content, grow, minio,
};
use crate::secret_sources::{declare, outside};
use crate::story::{encrypted, plain, proxied};

pub const REKEY: [&str; 4] = ["rekey", "--yes", "--allow", "no-kit"];

/// Every object that the bucket has, as the provider sees it.
pub fn objects(sandbox: &Sandbox) -> BTreeSet<String> {
    let place = format!("poof-backup:{}", sandbox.bucket());
    let run = sandbox.rclone(["lsf", "-R", "--files-only", &place]).run();
    run.stdout.lines().map(str::to_owned).collect()
}

pub fn passwords(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    text.lines().filter(|line| line.starts_with("password")).map(str::to_owned).collect()
}

/// What is beside rclone-poof.conf.
pub fn beside(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.confdir()).unwrap().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with("poof.conf") || name.starts_with('.'));
    names
}

/// What comes back elsewhere, by poof and by stock rclone.
#[track_caller]
pub fn assert_restores(sandbox: &Sandbox, original: &Snapshot) {
    let to = tempfile::tempdir_in(sandbox.home()).unwrap();
    let to_poof = to.path().join("poof");
    let args = ["download", "--only", "data", "--to", to_poof.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(0);
    assert_same_content(original, &Snapshot::of(&to_poof.join("data")));
    let to_rclone = to.path().join("rclone");
    let args = ["copy", "--links", "poof-crypt:data", to_rclone.to_str().unwrap()];
    sandbox.rclone(args).run().expect_code(0);
    assert_eq!(original.len(), Snapshot::of(&to_rclone).len());
}

/// Nothing but what a first backup with these passwords would have sent is there.
#[track_caller]
pub fn assert_done(sandbox: &Sandbox, before: &BTreeSet<String>, old: &[String]) {
    let after = objects(sandbox);
    assert!(after.is_disjoint(before), "{:?}", after.intersection(before));
    assert_eq!(beside(sandbox), [""; 0]);
    assert_ne!(passwords(sandbox), old);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("holds: yes");
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
}

pub fn ready_to_change(files: usize) -> (Sandbox, Snapshot, BTreeSet<String>, Vec<String>) {
    let sandbox = encrypted(files);
    sandbox.poof(["backup"]).run().expect_code(0);
    let original = Snapshot::of(&sandbox.data());
    let (objects, passwords) = (objects(&sandbox), passwords(&sandbox));
    (sandbox, original, objects, passwords)
}

#[test]
fn everything_is_sent_again_under_new_passwords_and_the_old_ciphertext_goes() {
    let (sandbox, original, before, old) = ready_to_change(20);
    let run = sandbox.poof(["rekey", "--dry-run"]).run().expect_code(0);
    run.stderr_has("sends 2 directories again").stderr_has("nothing was changed");
    assert_eq!((objects(&sandbox), passwords(&sandbox)), (before.clone(), old.clone()));
    sandbox.poof(["rekey"]).run().expect_code(7).stderr_has("--yes");
    assert_eq!(beside(&sandbox), [""; 0]);
    let run = sandbox.poof(REKEY).run().expect_code(0);
    run.stderr_has("has the new passwords").stderr_has("Nothing is left");
    assert_done(&sandbox, &before, &old);
    assert_restores(&sandbox, &original);
    // Once more: it is an ordinary remote again.
    let before = objects(&sandbox);
    sandbox.poof(REKEY).run().expect_code(0);
    assert_done(&sandbox, &before, &old);
}

#[test]
fn the_old_ciphertext_stays_until_a_kit_has_the_new_passwords() {
    let (sandbox, original, before, old) = ready_to_change(10);
    kit(&sandbox);
    let run = sandbox.poof(["rekey", "--yes"]).run().expect_code(7);
    run.stderr_has("no recovery kit has them").stderr_has("`poof kit FILE`");
    assert!(objects(&sandbox).is_superset(&before), "the kit of before still opens it");
    assert_ne!(passwords(&sandbox), old);
    assert_restores(&sandbox, &original);
    sandbox.poof(["status"]).run().expect_code(0).stderr_has("`poof rekey`");
    sandbox.poof([""; 0]).run().expect_code(0).stdout_has("poof rekey");
    // A backup in between is one under the new passwords.
    fs::write(sandbox.data().join("later"), "later").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("1 new");
    let original = Snapshot::of(&sandbox.data());
    let new = kit(&sandbox);
    sandbox.poof(["rekey", "--yes"]).run().expect_code(0);
    assert_done(&sandbox, &before, &old);
    // That kit has what a bare machine needs, and the file of the change is no part of it.
    let bare = sandbox.sharing();
    let phrase = new.with_file_name("phrase");
    let args = ["return", new.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    bare.poof(args.into_iter().chain(["--yes"])).run();
    sandbox.poof(["status"]).run().expect_code(0);
    assert_restores(&sandbox, &original);
}

#[test]
fn earlier_snapshots_keep_the_old_ciphertext_until_they_may_go() {
    let sandbox = encrypted(10);
    sandbox.set("keep", "30d".into());
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_file(walkdir_first(&sandbox.data())).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let (before, old) = (objects(&sandbox), passwords(&sandbox));
    let run = sandbox.poof(REKEY).run().expect_code(7);
    run.stderr_has("2 earlier snapshots").stderr_has("`poof rekey --purge-history`");
    assert!(objects(&sandbox).is_superset(&before));
    let args = REKEY.into_iter().chain(["--purge-history"]);
    sandbox.poof(args).run().expect_code(0);
    assert_done(&sandbox, &before, &old);
}

fn walkdir_first(dir: &Path) -> std::path::PathBuf {
    let files = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().flatten();
    files.map(walkdir::DirEntry::into_path).find(|path| path.is_file()).unwrap()
}

#[test]
fn what_cannot_be_sent_again_from_here_is_refused_and_nothing_changes() {
    let refused = |sandbox: &Sandbox, code: i32, text: &str| {
        let before = (objects(sandbox), passwords(sandbox));
        sandbox.poof(REKEY).run().expect_code(code).stderr_has(text);
        assert_eq!((objects(sandbox), passwords(sandbox)), before, "{text}");
        assert_eq!(beside(sandbox), [""; 0], "{text}");
    };
    refused(&plain(1), 7, "is not encrypted");
    let (sandbox, ..) = ready_to_change(5);
    let more = sandbox.home().join("more");
    grow(&more, 2, 1..=100, 3);
    sandbox.poof(["add", more.to_str().unwrap(), "more"]).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["remove", "more"]).run().expect_code(0);
    refused(&sandbox, 7, "holds more, which poof.conf does not have");
    sandbox.poof(["add", more.to_str().unwrap(), "more"]).run().expect_code(0);
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    refused(&sandbox, 7, "is only on the remote");
    sandbox.poof(["download"]).run().expect_code(0);
    sandbox.poof(REKEY).run().expect_code(0);
}

#[test]
fn a_password_that_is_kept_elsewhere_is_not_changed() {
    let (sandbox, _, before, old) = ready_to_change(3);
    let value = old.first().unwrap().split_once(" = ").unwrap().1;
    let file = outside(&sandbox, "password", &format!("{value}\n"));
    declare(&sandbox, &json!({"poof-crypt.password": {"file": file, "obscured": true}}));
    let run = sandbox.poof(REKEY).run().expect_code(3);
    run.stderr_has("poof-crypt.password").stderr_has("kept elsewhere");
    assert_eq!(objects(&sandbox), before);
}

#[test]
fn what_others_have_put_under_the_old_passwords_stays_without_the_word() {
    let (sandbox, original, before, old) = ready_to_change(5);
    let file = sandbox.home().join("scan");
    fs::write(&file, "exists nowhere else").unwrap();
    for place in ["poof-crypt:data/scan", "poof-crypt:theirs/scan"] {
        sandbox.rclone(["copyto", file.to_str().unwrap(), place]).run().expect_code(0);
    }
    let before: BTreeSet<_> = objects(&sandbox).difference(&before).cloned().collect();
    assert_eq!(before.len(), 2);
    sandbox.poof(REKEY).run().expect_code(7).stderr_has("data/scan").stderr_has("--allow foreign");
    assert!(objects(&sandbox).is_superset(&before));
    assert_ne!(beside(&sandbox), [""; 0], "the old passwords are needed");
    let args = REKEY.into_iter().chain(["--allow", "foreign"]);
    sandbox.poof(args).run().expect_code(0);
    assert_done(&sandbox, &before, &old);
    assert_restores(&sandbox, &original);
}

#[test]
fn what_another_machine_saved_meanwhile_under_the_old_passwords_stays() {
    let machines = Machines::new(2, Place::Minio, true).named();
    let [first, second] = &machines.all[..] else { unreachable!() };
    grow(&first.data(), 10, 1..=1_000, 1);
    first.poof(["backup"]).run().expect_code(0);
    second.poof(["download", "--yes"]).run().expect_code(0);
    // The second has its own configuration on the remote, which the first cannot send.
    second.poof(["backup"]).run().expect_code(0);
    let run = first.poof(REKEY).run();
    assert_eq!(run.code, Some(7), "{run}");
    assert!(run.stderr.contains("poof.conf does not have"), "{run}");
    second.poof(["download", "--yes"]).run().expect_code(0);
}

#[test]
fn what_another_machine_saves_after_the_switch_stays_under_the_old_passwords() {
    let machines = Machines::new(2, Place::Minio, true).named();
    let [first, second] = &machines.all[..] else { unreachable!() };
    grow(&first.data(), 10, 1..=1_000, 1);
    first.poof(["backup"]).run().expect_code(0);
    second.poof(["download", "--yes", "--only", "data"]).run().expect_code(0);
    first.poof(["rekey", "--yes"]).run().expect_code(7).stderr_has("no recovery kit");
    // Nothing that a comparison of contents would see.
    std::os::unix::fs::symlink("nowhere", second.data().join("only")).unwrap();
    second.poof(["backup"]).run().expect_code(0);
    let run = first.poof(REKEY).run().expect_code(7);
    run.stderr_has("data stays under the old passwords: beta saved it")
        .stderr_has("--allow newer-snapshot");
    second.poof(["check", "--read-data"]).run().expect_code(0);
    assert_ne!(beside(first), [""; 0]);
}

#[test]
fn names_that_may_be_in_clear_are_refused() {
    for option in [("directory_name_encryption", "False"), ("filename_encryption", "OFF")] {
        let sandbox = Sandbox::new();
        let config = Config::encrypted(minio().endpoint()).crypt_option(option.0, option.1);
        sandbox.write_config(&config);
        grow(&sandbox.data(), 3, 1..=100, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        let before = objects(&sandbox);
        sandbox.poof(REKEY).run().expect_code(7).stderr_has("names are not encrypted");
        sandbox.poof(["purge-plain", "--yes"]).run().expect_code(7);
        assert_eq!(objects(&sandbox), before, "{option:?}");
    }
}

#[test]
fn what_needs_the_old_passwords_keeps_poof_here() {
    let (sandbox, ..) = ready_to_change(5);
    sandbox.poof(["rekey", "--yes"]).run().expect_code(7).stderr_has("no recovery kit");
    kit(&sandbox);
    for args in
        [&["neuter", "--yes"][..], &["upload", "--yes"], &["upload", "--keep-poof", "--yes"]]
    {
        sandbox.poof(args).run().expect_code(7).stderr_has("`poof rekey` completes it");
    }
    assert_ne!(beside(&sandbox), [""; 0]);
    sandbox.poof(["rekey", "--yes"]).run().expect_code(0);
    sandbox.poof(["upload", "--keep-poof", "--yes"]).run().expect_code(0);
}

#[test]
fn another_store_than_the_one_that_was_left_is_not_taken_for_an_empty_one() {
    let sandbox = Sandbox::new();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    sandbox.write_config(&Config::encrypted("http://unused").on_disk(&disk));
    grow(&sandbox.data(), 5, 1..=1_000, 1);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(["rekey", "--yes"]).run().expect_code(7).stderr_has("no recovery kit");
    // Another disk is attached in its place, and taken into use.
    fs::rename(&disk, sandbox.home().join("other")).unwrap();
    fs::create_dir(&disk).unwrap();
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    let there = beside(&sandbox);
    sandbox.poof(REKEY).run().expect_code(7);
    assert_eq!(beside(&sandbox), there, "the passwords of the first are still needed");
    fs::remove_dir_all(&disk).unwrap();
    fs::rename(sandbox.home().join("other"), &disk).unwrap();
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    sandbox.poof(REKEY).run().expect_code(0);
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
}

/// A file that holds secrets while it is written, and stays if the run is killed.
#[test]
fn what_is_written_beside_the_configuration_for_a_moment_is_in_no_backup() {
    let (sandbox, ..) = ready_to_change(3);
    let strace = sandbox.program("strace").args(["-f", "-qq", "-o", "/dev/null"]);
    let inject = "--inject=renameat,renameat2,rename:signal=SIGKILL";
    let path = format!("--trace-path={}", sandbox.rclone_conf().display());
    let strace = strace.args([path.as_str(), inject, env!("CARGO_BIN_EXE_poof")]);
    strace.args(REKEY).run();
    let left = beside(&sandbox);
    assert!(left.len() >= 2, "one of the change, one of rclone-poof.conf: {left:?}");
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("hold secrets for a while");
    let names = sandbox.rclone(["lsf", "-R", "poof-crypt:config"]).run().expect_code(0);
    assert!(!names.stdout.contains(".poof-"), "{names}");
    sandbox.poof(REKEY).run().expect_code(0);
}

/// The new passwords are of no use if the old ones open them.
#[test]
fn the_remote_never_learns_the_new_passwords_under_the_old() {
    let (sandbox, proxy) = proxied(true);
    grow(&sandbox.data(), 10, 1..=1_000, 1);
    sandbox.poof(["backup"]).run().expect_code(0);
    proxy.reset();
    sandbox.poof(REKEY).run_killed_at(12, &proxy);
    assert_ne!(beside(&sandbox), [""; 0], "it was begun");
    fs::write(sandbox.confdir().join("mine"), "changed, so that it is sent").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof(["ls", "-R", "config"]).run().expect_code(0).stdout_has("mine");
    assert!(!run.stdout.contains(".poof-"), "{run}");
    let names = sandbox.rclone(["lsf", "-R", "poof-crypt:"]).run();
    assert!(!names.stdout.contains(".poof-"), "{names}");
}

#[test]
fn a_configuration_that_is_encrypted_stays_so() {
    let sandbox = encrypted(5);
    let password = outside(&sandbox, "file-password", "of the file\n");
    let command = format!("cat {}", password.display());
    let args = ["--password-command", command.as_str(), "config", "encryption", "set"];
    sandbox.rclone(args).run().expect_code(0);
    declare(&sandbox, &json!({"rclone-poof.conf": {"command": ["cat", password]}}));
    sandbox.poof(["backup"]).run().expect_code(0);
    let before = objects(&sandbox);
    let run = sandbox.poof(["rekey", "--yes"]).run().expect_code(7);
    run.stderr_has("no recovery kit");
    for name in beside(&sandbox).iter().map(String::as_str).chain(["rclone-poof.conf"]) {
        let text = fs::read_to_string(sandbox.confdir().join(name)).unwrap();
        assert!(text.contains("RCLONE_ENCRYPT_V0") && !text.contains("password"), "{name}");
    }
    sandbox.poof(REKEY).run().expect_code(0);
    assert!(objects(&sandbox).is_disjoint(&before));
    sandbox.poof(["check", "--read-data"]).run().expect_code(0);
}

/// A tree that is changed here while it is changed there, and killed at `points` requests.
fn killed(points: usize) {
    let scene = || {
        let (sandbox, proxy) = proxied(true);
        grow(&sandbox.data(), 30, 0..=3_000, 1);
        sandbox.poof(["backup"]).run().expect_code(0);
        fs::write(sandbox.data().join("new"), "since the last backup").unwrap();
        proxy.reset();
        (sandbox, proxy)
    };
    let (sandbox, proxy) = scene();
    sandbox.poof(REKEY).run().expect_code(0);
    let total = proxy.total();
    let mut at: Vec<_> = (0..points).map(|i| 1 + i * (total - 1) / (points - 1)).collect();
    at.dedup();
    for k in at {
        let (sandbox, proxy) = scene();
        let original = Snapshot::of(&sandbox.data());
        let (before, old) = (objects(&sandbox), passwords(&sandbox));
        sandbox.poof(REKEY).run_killed_at(k, &proxy);
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        is_readable(&sandbox, k);
        let run = sandbox.poof(REKEY).run();
        assert_eq!(run.code, Some(0), "killed at {k} of {total}: {run}");
        assert_done(&sandbox, &before, &old);
        assert_restores(&sandbox, &original);
    }
}

/// With the passwords of rclone-poof.conf as it is after the kill everything that was backed
/// up comes back.
fn is_readable(sandbox: &Sandbox, k: usize) {
    let to = tempfile::tempdir_in(sandbox.home()).unwrap();
    let args = ["download", "--only", "data", "--to", to.path().to_str().unwrap()];
    let run = sandbox.poof(args).run();
    assert_eq!(run.code, Some(0), "killed at {k}: {run}");
    assert!(Snapshot::of(&to.path().join("data")).len() >= 30, "killed at {k}");
}

#[test]
fn a_change_that_is_killed_anywhere_loses_nothing_and_the_next_run_completes_it() {
    killed(4);
}

#[test]
#[ignore = "takes minutes"]
fn soak_of_changes_that_are_killed() {
    killed(50);
}
