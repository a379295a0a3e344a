//! A bucket may show what it was, or what another one is: an earlier state after a wipe,
//! another store that looks the same, or a tree of another store with the same passwords.

use std::fs;
use std::path::{Path, PathBuf};

use crate::farewell::{installed, kit, poof};
use crate::harness::{Backdoor, Config, Sandbox, Snapshot, assert_same_content};
use crate::homecoming::bare;
use crate::story::{encrypted, told};

/// A sandbox whose remote, plain or encrypted, is a directory of its own.
fn on_disk(encrypted: bool) -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let disk = sandbox.home().parent().unwrap().join("disk");
    fs::create_dir_all(&disk).unwrap();
    let config = if encrypted { Config::encrypted } else { Config::plain };
    sandbox.write_config(&config("http://unused").on_disk(&disk));
    (sandbox, disk)
}

fn copy(from: &Path, to: &Path) {
    let args = ["-a", "--", from.to_str().unwrap(), to.to_str().unwrap()];
    assert!(std::process::Command::new("cp").args(args).status().unwrap().success());
}

/// Backs up its data in three generations.
fn generations(sandbox: &Sandbox, what: &str) {
    for number in 1..=3 {
        fs::write(sandbox.data().join("doc"), format!("{what} {number}")).unwrap();
        sandbox.poof(["backup"]).run().expect_code(0);
    }
}

#[test]
fn what_was_wiped_and_is_not_on_the_remote_any_more_is_told_and_poof_stays() {
    let sandbox = encrypted(5);
    let program = installed(&sandbox);
    let run = |args: &[&str]| poof(&sandbox, &program, args).run();
    run(&["backup"]).expect_code(0);
    fs::write(sandbox.data().join("late"), "saved later").unwrap();
    run(&["backup"]).expect_code(0);
    kit(&sandbox);
    let original = Snapshot::of(&sandbox.data());
    run(&["upload", "--yes", "--keep-poof"]).expect_code(0);
    let door = Backdoor::new(&sandbox);
    let told = |what: &str, word: &str| {
        run(&["check"]).expect_code(5);
        let status = run(&["status"]).expect_code(0);
        assert!(!status.stdout.contains("holds: yes"), "{what}: {status}");
        run(&["backup"]).expect_code(7).stderr_has(word);
        for args in [&["upload", "--yes"][..], &["upload", "--yes", "--keep-poof"]] {
            let upload = run(args).expect_code(7).stderr_has(word);
            assert!(!upload.stderr.contains("All wiped"), "{what}: {upload}");
        }
        assert!(program.exists() && sandbox.rclone_conf().exists(), "{what}");
    };
    let [newest, older] = door.heads("data");
    let whole = door.read(&newest);
    door.delete(&newest);
    told("rolled back", "--allow older-snapshot");
    door.write(&newest, &door.read(&older));
    told("another in its place", "--allow older-snapshot");
    door.write(&newest, &whole);
    let late = door.read("data/late");
    door.delete("data/late");
    told("an object is gone", "--allow older-snapshot");
    // As many objects as there were, and one of them is another.
    door.write("data/late", &door.read(&format!("data/{}", door.names("data")[0])));
    run(&["check"]).expect_code(5);
    let upload = run(&["upload", "--yes"]).expect_code(6).stderr_has("late: not proven");
    upload.stderr_has("poof stays");
    assert!(program.exists() && sandbox.rclone_conf().exists());
    // With a word the run goes on, and the keys stay.
    door.delete(&newest);
    let word = ["upload", "--yes", "--allow", "older-snapshot"];
    run(&word).expect_code(7).stderr_has("poof stays");
    assert!(program.exists() && sandbox.rclone_conf().exists());
    door.write(&newest, &whole);
    door.write("data/late", &late);
    run(&["check"]).expect_code(0);
    run(&["status"]).expect_code(0).stdout_has("holds: yes");
    run(&["backup"]).expect_code(0);
    run(&["download", "--only", "data", "--yes"]).expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    run(&["upload", "--yes", "--keep-poof"]).expect_code(0);
    // What an earlier run has wiped is proven, and poof goes.
    run(&["upload", "--yes"]).expect_code(0).stderr_has("poof is gone");
    assert!(!program.exists());
}

#[test]
fn an_emptied_remote_after_a_wipe_keeps_poof_here() {
    let (sandbox, disk) = on_disk(true);
    fs::write(sandbox.data().join("doc"), "content").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    kit(&sandbox);
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    for place in ["data", ".poof/trees/data"] {
        sandbox.rclone(["purge", &format!("poof-crypt:{place}")]).run().expect_code(0);
        sandbox.poof(["check"]).run().expect_code(5);
        sandbox.poof(["backup"]).run().expect_code(7).stderr_has("--allow older-snapshot");
        let status = sandbox.poof(["status"]).run().expect_code(0);
        assert!(!status.stdout.contains("holds: yes"), "{status}");
        sandbox.poof(["upload", "--yes"]).run().expect_code(7);
        assert!(sandbox.rclone_conf().exists());
    }
    assert!(disk.exists());
}

#[test]
fn another_store_on_a_disk_without_hashes_does_not_pass_for_the_known_one() {
    for encrypted in [false, true] {
        let (sandbox, disk) = on_disk(encrypted);
        generations(&sandbox, "mine");
        let (other, others_disk) = on_disk(encrypted);
        other.set("bucket", sandbox.bucket().into());
        fs::copy(sandbox.rclone_conf(), other.rclone_conf()).unwrap();
        let conf = fs::read_to_string(other.rclone_conf()).unwrap();
        let conf = conf.replace(disk.to_str().unwrap(), others_disk.to_str().unwrap());
        fs::write(other.rclone_conf(), conf).unwrap();
        generations(&other, "theirs");
        let before = Snapshot::of(&sandbox.data());
        fs::remove_dir_all(&disk).unwrap();
        copy(&others_disk, &disk);
        let there = Snapshot::of(&disk);
        for args in [&["download", "--only", "data", "--yes"][..], &["backup"]] {
            let run = sandbox.poof(args).run().expect_code(7);
            run.stderr_has("another store").stderr_has("--allow other-remote");
        }
        assert_same_content(&before, &Snapshot::of(&sandbox.data()));
        assert_same_content(&there, &Snapshot::of(&disk));
    }
}

#[test]
fn another_head_of_the_same_size_on_a_disk_without_hashes_is_not_the_known_one() {
    let (sandbox, disk) = on_disk(false);
    generations(&sandbox, "mine");
    let before = disk.with_file_name("before");
    copy(&disk, &before);
    fs::write(sandbox.data().join("doc"), "mine 4").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    // The same generation, as the disk would have it had this never been saved.
    let (fourth, state) = (disk.with_file_name("fourth"), sandbox.state());
    copy(&state, &state.with_file_name("kept"));
    fs::rename(&disk, &fourth).unwrap();
    copy(&before, &disk);
    fs::remove_dir_all(&state).unwrap();
    fs::write(sandbox.data().join("doc"), "mine 5").unwrap();
    let word = ["backup", "--allow", "newer-snapshot"];
    sandbox.poof(word).run().expect_code(0);
    let head = |disk: &Path| {
        let heads = disk.join(sandbox.bucket()).join(".poof/trees/data/head");
        fs::read(heads.join("0000000004")).unwrap()
    };
    assert_ne!(head(&disk), head(&fourth));
    assert_eq!(head(&disk).len(), head(&fourth).len());
    fs::remove_dir_all(&state).unwrap();
    fs::rename(state.with_file_name("kept"), &state).unwrap();
    fs::write(sandbox.data().join("doc"), "mine 4").unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(7);
    run.stderr_has("saved a snapshot on").stderr_has("--allow newer-snapshot");
}

#[test]
fn a_tree_of_another_store_with_the_same_passwords_is_refused() {
    let (sandbox, disk) = on_disk(true);
    generations(&sandbox, "mine");
    let early = disk.with_file_name("early");
    copy(&disk, &early);
    let (other, others_disk) = on_disk(true);
    other.set("bucket", sandbox.bucket().into());
    let conf = fs::read_to_string(sandbox.rclone_conf()).unwrap();
    let conf = conf.replace(disk.to_str().unwrap(), others_disk.to_str().unwrap());
    fs::write(other.rclone_conf(), conf).unwrap();
    generations(&other, "theirs");
    fs::write(other.data().join("doc"), "theirs, and newer").unwrap();
    other.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let back =
        ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap(), "--yes"];
    let original = Snapshot::of(&sandbox.data());
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    let whole = disk.with_file_name("whole");
    copy(&disk, &whole);
    // The identity stays.
    let raw = |sandbox: &Sandbox, disk: &Path, path: &str| {
        let key = Backdoor::new(sandbox).key(path);
        disk.join(sandbox.bucket()).join(key)
    };
    for path in ["data", ".poof/trees/data"] {
        let (to, from) = (raw(&sandbox, &disk, path), raw(&sandbox, &others_disk, path));
        fs::remove_dir_all(&to).unwrap();
        copy(&from, &to);
    }
    assert_eq!(told(&sandbox), "poof-crypt:");
    let only = ["download", "--only", "data", "--yes"];
    let run = sandbox.poof(only).run().expect_code(7);
    run.stderr_has("it belongs to another store").stderr_has("--allow other-remote");
    assert!(!sandbox.data().exists());
    sandbox.poof(["check"]).run().expect_code(5);
    let machine = bare();
    machine.poof(back).run().expect_code(7).stderr_has("it belongs to another store");
    assert!(!machine.data().exists());
    // A machine that knows nothing: heads and identity have to be of one store.
    let unknowing = || {
        let machine = Sandbox::new();
        machine.write_config(&Config::encrypted("http://unused").on_disk(&disk));
        machine.set("bucket", sandbox.bucket().into());
        fs::copy(sandbox.rclone_conf(), machine.rclone_conf()).unwrap();
        machine
    };
    let machine = unknowing();
    let before = Snapshot::of(&machine.data());
    machine.poof(only).run().expect_code(7).stderr_has("it belongs to another store");
    fs::remove_file(raw(&sandbox, &disk, ".poof/identity")).unwrap();
    let machine = unknowing();
    let run = machine.poof(only).run().expect_code(7);
    run.stderr_has("says no more which store it is").stderr_has("--allow other-remote");
    assert_same_content(&before, &Snapshot::of(&machine.data()));
    // A store that has lost its identity comes back with that word, and is one again.
    fs::remove_dir_all(&disk).unwrap();
    copy(&whole, &disk);
    fs::remove_file(raw(&sandbox, &disk, ".poof/identity")).unwrap();
    let word = ["--allow", "other-remote"];
    sandbox.poof(only).run().expect_code(7).stderr_has("--allow other-remote");
    sandbox.poof(only).args(word).run().expect_code(0);
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    sandbox.poof(["backup"]).args(word).run().expect_code(0);
    sandbox.poof(["backup"]).run().expect_code(0);
    sandbox.poof(only).run().expect_code(0);
}
