//! Whoever owns a plain bucket writes the configuration that comes from there. It is shown,
//! and runs nothing until its user says so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::farewell::kit;
use crate::harness::Sandbox;
use crate::homecoming::bare;
use crate::neuter::on_a_terminal;
use crate::story::{encrypted, on_disk};

fn conf(sandbox: &Sandbox) -> PathBuf {
    sandbox.confdir().join("poof.conf")
}

fn touching(path: &Path) -> Value {
    json!(["touch", path])
}

/// A backup whose poof.conf runs things, and here one that does not. Returns what they
/// would leave, and the text that is here.
fn planted() -> (Sandbox, PathBuf, Vec<u8>) {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let ours = fs::read(conf(&sandbox)).unwrap();
    let ran = sandbox.home().join("ran");
    sandbox.set("before", touching(&ran));
    sandbox.set("_note", json!("hunter2"));
    sandbox.set(
        "schedule",
        json!({"alert_after_failures": 1, "notify": false,
        "alert_command": touching(&ran), "ping_url": "http://127.0.0.1:9/hunter2"}),
    );
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_file(&ran).unwrap();
    fs::write(conf(&sandbox), &ours).unwrap();
    (sandbox, ran, ours)
}

const RESTORE: [&str; 4] = ["download", "--only", "config", "--yes"];

#[test]
fn what_a_restore_brings_runs_once_it_is_confirmed() {
    let (sandbox, ran, ours) = planted();
    let run = sandbox.poof(RESTORE).run().expect_code(0);
    let run = run.stderr_has("the restore changed").stderr_has("\"before\" (new)");
    assert!(!run.stderr.contains("hunter2"), "{run}");
    assert_ne!(fs::read(conf(&sandbox)).unwrap(), ours);
    let refused = || {
        for args in [&["backup"][..], &["backup", "--scheduled"], &["verify"]] {
            let run = sandbox.poof(args).run().expect_code(3).stderr_has("came with a restore");
            let run = run.stderr_has("`poof verify` on a terminal");
            assert!(!ran.exists() && !run.stderr.contains("hunter2"), "{run}");
        }
        assert!(!ran.exists());
    };
    refused();
    // What needs none of it works.
    sandbox.poof(["backup", "--dry-run"]).run().expect_code(0);
    sandbox.poof(["check"]).run().expect_code(0);
    // Once more does not confirm it, and no answer is none.
    sandbox.poof(RESTORE).run().expect_code(3);
    refused();
    let poof = env!("CARGO_BIN_EXE_poof");
    let run = on_a_terminal(&sandbox, &format!("{poof} backup"), "n\n");
    assert_eq!(run.code, Some(3), "{run}");
    refused();
    let run = on_a_terminal(&sandbox, &format!("{poof} verify"), "y\n");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains(&format!("touch {}", ran.display())), "{run}");
    assert!(run.stdout.contains("127.0.0.1:9") && !run.stdout.contains("hunter2"), "{run}");
    sandbox.poof(["backup"]).run().expect_code(0);
    assert!(ran.exists());
    // What is written anew is asked for as well: nobody knows who wrote it.
    fs::remove_file(&ran).unwrap();
    sandbox.set("after", touching(&ran));
    sandbox.poof(["backup"]).run().expect_code(3);
}

/// Adds a directory to the paths of poof.conf.
fn add(sandbox: &Sandbox, name: &str) {
    let dir = sandbox.home().join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("file"), name).unwrap();
    let text: Value = serde_json::from_slice(&fs::read(conf(sandbox)).unwrap()).unwrap();
    let mut paths = text["paths"].clone();
    paths[dir.to_str().unwrap()] = json!(name);
    sandbox.set("paths", paths);
}

#[test]
fn where_data_goes_by_a_restore_from_a_bucket_in_clear_waits_as_well() {
    for section in [false, true] {
        let (sandbox, _) = on_disk();
        fs::write(sandbox.data().join("x"), "x").unwrap();
        let files = [conf(&sandbox), sandbox.rclone_conf()];
        let ours = files.each_ref().map(|file| fs::read(file).unwrap());
        if section {
            let text = fs::read_to_string(&files[1]).unwrap();
            fs::write(&files[1], format!("{text}\n[other]\ntype = local\n")).unwrap();
        } else {
            add(&sandbox, "keys");
        }
        sandbox.poof(["backup"]).run().expect_code(0);
        for (file, text) in files.iter().zip(ours) {
            fs::write(file, text).unwrap();
        }
        sandbox.poof(RESTORE).run().expect_code(0).stderr_has("the restore changed");
        for args in [&["backup"][..], &["backup", "--scheduled"], &["download", "--yes"]] {
            sandbox.poof(args).run().expect_code(3).stderr_has("came with a restore");
        }
        // What its user writes is the user's.
        add(&sandbox, "mine");
        sandbox.poof(["backup"]).run().expect_code(3);
        let poof = env!("CARGO_BIN_EXE_poof");
        let run = on_a_terminal(&sandbox, &format!("{poof} verify"), "y\n");
        assert_eq!(run.code, Some(0), "{run}");
        let wanted = if section { "[other].type" } else { "/keys" };
        assert!(run.stdout.contains(wanted) && !run.stdout.contains("/mine"), "{run}");
        sandbox.poof(["backup"]).run().expect_code(0);
        add(&sandbox, "more");
        sandbox.poof(["backup"]).run().expect_code(0).stderr_has("more: 1 new");
    }
}

#[test]
fn what_is_sealed_by_the_passwords_of_the_user_is_the_users() {
    let sandbox = encrypted(1);
    let ours = fs::read(conf(&sandbox)).unwrap();
    add(&sandbox, "keys");
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::write(conf(&sandbox), ours).unwrap();
    let args = RESTORE;
    sandbox.poof(args).run().expect_code(0).stderr_has("the restore changed");
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("keys: ");
}

#[test]
fn a_person_may_take_the_restored_configuration_back() {
    let (sandbox, _, ours) = planted();
    let line = format!("{} download --only config", env!("CARGO_BIN_EXE_poof"));
    // To replace it, and to keep what came.
    let run = on_a_terminal(&sandbox, &line, "y\nn\n");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(fs::read(conf(&sandbox)).unwrap(), ours);
    sandbox.poof(["backup"]).run().expect_code(0);
}

#[test]
fn the_usual_configuration_is_reached_from_beside_as_well() {
    let (sandbox, ran, _) = planted();
    // Another one brings a tree to the place of the usual one.
    let other = sandbox.home().join("other");
    fs::create_dir(&other).unwrap();
    for file in [conf(&sandbox), sandbox.rclone_conf()] {
        fs::copy(&file, other.join(file.file_name().unwrap())).unwrap();
    }
    let config = sandbox.confdir();
    fs::remove_dir_all(sandbox.state()).unwrap();
    fs::remove_file(conf(&sandbox)).unwrap();
    let args = ["--confdir", other.to_str().unwrap(), "download", "--only", "config", "--yes"];
    sandbox.poof(args).run().expect_code(0);
    assert!(config.join("poof.conf").exists());
    sandbox.poof(["backup"]).run().expect_code(3).stderr_has("came with a restore");
    assert!(!ran.exists());
}

#[test]
fn a_restore_deletes_neither_file_of_the_configuration_in_use() {
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    fs::write(sandbox.confdir().join("mine"), "x").unwrap();
    // The snapshot is of a machine that has its keys elsewhere.
    let elsewhere = sandbox.home().with_file_name("keys");
    fs::rename(sandbox.rclone_conf(), &elsewhere).unwrap();
    sandbox.poof(["--rcloneconf", elsewhere.to_str().unwrap(), "backup"]).run().expect_code(0);
    fs::rename(&elsewhere, sandbox.rclone_conf()).unwrap();
    let keys = fs::read(sandbox.rclone_conf()).unwrap();
    let extra = sandbox.confdir().join("extra");
    fs::write(&extra, "goes").unwrap();
    let run =
        sandbox.poof(RESTORE).run().expect_code(0).stderr_has("what the snapshot does not hold of");
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), keys, "{run}");
    assert!(!extra.exists(), "{run}");
    // Nor where there is no manifest.
    fs::remove_dir_all(bucket.join(".poof")).unwrap();
    fs::remove_dir_all(sandbox.state()).unwrap();
    fs::write(&extra, "goes").unwrap();
    let run = sandbox.poof(RESTORE).run().expect_code(0).stderr_has("no manifest");
    assert_eq!(fs::read(sandbox.rclone_conf()).unwrap(), keys, "{run}");
    assert!(!extra.exists(), "{run}");
}

/// A kit whose key comes from a command that leaves a trace.
fn kit_with_a_command(key: &str) -> (Sandbox, PathBuf, PathBuf) {
    let sandbox = crate::story::plain(3);
    let ran = sandbox.home().with_file_name("ran");
    let script = format!("touch '{}'; echo {key}", ran.display());
    let command = json!({"command": ["sh", "-c", script]});
    sandbox.set("secrets", json!({"poof-backup.secret_access_key": command}));
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    fs::remove_file(&ran).unwrap();
    (sandbox, kit, ran)
}

#[test]
fn return_shows_the_programs_of_a_kit_and_asks_before_one_runs() {
    let key = crate::harness::minio::SECRET_KEY;
    let (_of_the_kit, kit, ran) = kit_with_a_command(key);
    let phrase = kit.with_file_name("phrase");
    let args = format!("return {} --phrase-file {}", kit.display(), phrase.display());
    let machine = bare();
    let run = on_a_terminal(&machine, &format!("{} {args}", env!("CARGO_BIN_EXE_poof")), "n\n");
    assert_eq!(run.code, Some(7), "{run}");
    assert!(run.stdout.contains("sh -c touch") && run.stdout.contains("none of them ran"), "{run}");
    assert!(!ran.exists() && !machine.confdir().exists(), "{run}");
    // A log gets no words: they may be secrets.
    let run = machine.poof(args.split(' ')).run().expect_code(0).stderr_has("\": sh\n");
    assert!(ran.exists() && !run.stderr.contains(key), "{run}");
    // The kit is sealed: what it brings is the user's own.
    fs::remove_file(&ran).unwrap();
    machine.poof(["backup"]).run().expect_code(0);
    assert!(ran.exists());
}

#[test]
fn a_program_that_a_plain_bucket_brings_beside_a_kit_waits_for_its_user() {
    let (sandbox, _) = on_disk();
    let script = sandbox.data().join("hook");
    let ran = sandbox.home().with_file_name("ran");
    fs::write(&script, format!("touch '{}'", ran.display())).unwrap();
    sandbox.set("before", json!(["sh", script]));
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    fs::remove_file(&ran).unwrap();
    let machine = bare();
    let phrase = kit.with_file_name("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    let map = format!("{}={}", sandbox.home().display(), machine.home().display());
    // The hook names the place on the machine of the kit, which a link leads to here.
    let run = machine.poof(args.iter().chain(&["--map", &map])).run().expect_code(0);
    machine.set("before", json!(["sh", machine.data().join("hook")]));
    machine.poof(["backup"]).run().expect_code(0);
    fs::remove_file(&ran).unwrap();
    // With the same home directory it is that file.
    fs::rename(sandbox.state(), sandbox.home().join("old state")).unwrap();
    fs::remove_dir_all(sandbox.confdir()).unwrap();
    fs::remove_dir_all(sandbox.data()).unwrap();
    sandbox.poof(args).run().expect_code(0).stderr_has("which is not encrypted");
    sandbox.poof(["backup"]).run().expect_code(3).stderr_has("`poof verify`");
    assert!(!ran.exists(), "{run}");
}
