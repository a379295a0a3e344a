//! Somebody else on the same machine, who would like poof to run something for them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::command::Command;
use crate::harness::{Lacks, Sandbox, skipped};
use crate::story::on_disk;

/// The number of a user that nobody has.
const NEIGHBOUR: u32 = 54_321;
const NOBODY: u32 = 65_534;

/// poof as the user nobody, who owns what is theirs at this moment and no more.
fn as_nobody(sandbox: &Sandbox, args: &[&str]) -> Command {
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let poof = sandbox.bin().join("poof");
    sandbox.program("setpriv").args(ids).args([poof]).args(args)
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped(Lacks::Root, "only root can be two users");
    }
    root
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// One of nobody's, with a hook that leaves a trace.
fn with_a_hook() -> (Sandbox, PathBuf) {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    // All becomes nobody's, the program as well.
    sandbox.poof_as_ordinary_user(["backup"]).run().expect_code(0);
    let ran = sandbox.data().join("ran");
    sandbox.set("before", json!(["touch", ran]));
    (sandbox, ran)
}

#[test]
fn a_configuration_that_somebody_else_could_write_runs_nothing() {
    if !is_root() {
        return;
    }
    let (sandbox, ran) = with_a_hook();
    let [poof, rclone] = [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()];
    let (dir, above) = (sandbox.confdir(), sandbox.home().join(".config"));
    let neighbour = Some(NEIGHBOUR);
    let nobody = Some(NOBODY);
    // As it is usual, it runs.
    mode(&sandbox.home(), 0o755);
    as_nobody(&sandbox, &["backup"]).run().expect_code(0);
    assert!(ran.exists());
    fs::remove_file(&ran).unwrap();
    for path in [&poof, &rclone, &dir, &above, &sandbox.home()] {
        let shown = path.display().to_string();
        let refused = |remedy: &str| {
            for command in ["backup", "verify"] {
                let run = as_nobody(&sandbox, &[command]).run().expect_code(3);
                let run = run.stderr_has(&shown).stderr_has(remedy);
                assert!(!ran.exists(), "{run}");
            }
        };
        chown(path, neighbour, None).unwrap();
        let before = fs::metadata(path).unwrap().permissions();
        // What nobody may read is of no use to anybody.
        mode(path, if path.is_dir() { 0o755 } else { 0o644 });
        refused(&format!("sudo chown -h nobody '{shown}'"));
        chown(path, nobody, None).unwrap();
        mode(path, if path.is_dir() { 0o757 } else { 0o646 });
        refused(if path.is_dir() { "chmod go-w '" } else { "chmod 600 '" });
        // nogroup is a group of several.
        mode(path, if path.is_dir() { 0o775 } else { 0o664 });
        refused(if path.is_dir() { "chmod go-w '" } else { "chmod 600 '" });
        fs::set_permissions(path, before).unwrap();
    }
    // The remedy is one.
    as_nobody(&sandbox, &["backup"]).run().expect_code(0);
    assert!(ran.exists());
}

#[test]
fn a_link_to_a_configuration_of_somebody_else_runs_nothing() {
    if !is_root() {
        return;
    }
    let (sandbox, ran) = with_a_hook();
    let theirs = sandbox.home().with_file_name("theirs");
    fs::create_dir(&theirs).unwrap();
    let conf = sandbox.confdir().join("poof.conf");
    let moved = theirs.join("poof.conf");
    fs::rename(&conf, &moved).unwrap();
    symlink(&moved, &conf).unwrap();
    lchown(&conf, Some(NOBODY), None).unwrap();
    chown(&theirs, Some(NEIGHBOUR), None).unwrap();
    let run = as_nobody(&sandbox, &["backup"]).run().expect_code(3);
    run.stderr_has(&theirs.display().to_string()).stderr_has("belongs to 54321");
    assert!(!ran.exists());
    // A directory like /tmp: everybody writes there, an entry is its owner's.
    chown(&theirs, Some(0), None).unwrap();
    mode(&theirs, 0o1777);
    as_nobody(&sandbox, &["backup"]).run().expect_code(0);
    assert!(ran.exists());
}

#[test]
fn what_rclone_would_run_is_a_program_as_well() {
    if !is_root() {
        return;
    }
    let (sandbox, _) = on_disk();
    let ran = sandbox.data().join("ran");
    fs::write(sandbox.data().join("x"), "x").unwrap();
    sandbox.poof_as_ordinary_user(["paths"]).run().expect_code(0);
    // rclone adds words of its own to the one for ssh.
    let program = sandbox.bin().join("marks");
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    mode(&program, 0o755);
    let token = format!("bearer_token_command = {}\n", program.display());
    let ssh = format!("host = h\nssh = {}\n", program.display());
    for section in [
        format!("type = webdav\nurl = http://127.0.0.1:9/\n{token}"),
        format!("type = sftp\n{ssh}"),
    ] {
        let text = format!("[poof-backup]\n{section}");
        fs::write(sandbox.rclone_conf(), text).unwrap();
        mode(&sandbox.rclone_conf(), 0o622);
        for command in ["backup", "verify", "status"] {
            as_nobody(&sandbox, &[command]).run().expect_code(3).stderr_has("chmod 600 '");
            assert!(!ran.exists(), "{section}");
        }
        mode(&sandbox.rclone_conf(), 0o600);
        as_nobody(&sandbox, &["verify"]).run();
        assert!(ran.exists(), "{section}");
        fs::remove_file(&ran).unwrap();
    }
}

#[test]
fn root_takes_no_configuration_from_a_directory_of_a_user() {
    if !is_root() {
        return;
    }
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let theirs = sandbox.home().with_file_name("theirs");
    fs::create_dir(&theirs).unwrap();
    let dir = theirs.join("poof");
    fs::rename(sandbox.confdir(), &dir).unwrap();
    chown(&theirs, Some(NEIGHBOUR), None).unwrap();
    let with = |command: &str| sandbox.poof(["--confdir", dir.to_str().unwrap(), command]);
    // No program is named anywhere in it.
    for command in ["backup", "status", "verify", "download"] {
        with(command).run().expect_code(3).stderr_has("chown -h root '");
    }
    assert!(!bucket.exists());
    chown(&theirs, Some(0), None).unwrap();
    fs::create_dir(sandbox.confdir()).unwrap();
    fs::write(sandbox.confdir().join("x"), "x").unwrap();
    with("backup").run().expect_code(0);
}

#[test]
fn nobody_dumps_the_memory_of_poof() {
    if !is_root() {
        return;
    }
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let seen = sandbox.home().join("seen");
    // What the hook finds of its parent.
    let script = "stat -c %u /proc/$PPID/stat; cat /proc/$PPID/limits; ulimit -Hc";
    sandbox.set("before", json!(["sh", "-c", format!("({script}) >'{}' 2>&1", seen.display())]));
    // With a limit that would let it dump.
    sandbox.poof_as_ordinary_user(["paths"]).run().expect_code(0);
    let poof = sandbox.bin().join("poof");
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let limited = sandbox.program("prlimit").args(["--core=unlimited", "setpriv"]).args(ids);
    limited.args([poof.to_str().unwrap(), "backup"]).run().expect_code(0);
    let text = fs::read_to_string(&seen).unwrap();
    // Of a process that can be dumped they are the user's.
    assert!(text.starts_with("0\n"), "{text}");
    let limit = text.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(limit.split_whitespace().nth(4), Some("0"), "{text}");
    // What it runs may want to.
    assert!(text.ends_with("unlimited\n"), "{text}");
    // It works as it did: handles, descriptors, its own path.
    as_nobody(&sandbox, &["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    assert!(!sandbox.data().exists());
    as_nobody(&sandbox, &["download"]).run().expect_code(0);
    assert!(sandbox.data().join("x").exists());
}

#[test]
fn root_runs_no_tool_that_a_user_could_have_put_on_the_path() {
    if !is_root() {
        return;
    }
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    let (theirs, ran) = (sandbox.home().with_file_name("theirs"), sandbox.home().join("ran"));
    fs::create_dir(&theirs).unwrap();
    for name in ["touch", "systemctl", "crontab", "dpkg-query"] {
        let text = format!("#!/bin/sh\necho {name} >>'{}'\nexit 1\n", ran.display());
        fs::write(theirs.join(name), text).unwrap();
        mode(&theirs.join(name), 0o755);
    }
    chown(&theirs, Some(NEIGHBOUR), None).unwrap();
    let good = sandbox.home().join("good");
    sandbox.set("before", json!(["touch", good]));
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", theirs.display());
    for command in ["backup", "verify", "status"] {
        sandbox.poof([command]).env("PATH", &path).run().expect_code(0);
    }
    assert!(good.exists() && !ran.exists(), "{}", fs::read_to_string(&ran).unwrap_or_default());
}

#[test]
fn root_keeps_no_state_in_a_directory_of_a_user() {
    if !is_root() {
        return;
    }
    let (sandbox, bucket) = on_disk();
    fs::write(sandbox.data().join("x"), "x").unwrap();
    fs::create_dir_all(sandbox.state()).unwrap();
    chown(sandbox.state(), Some(NEIGHBOUR), None).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(3).stderr_has("belongs to 54321");
    run.stderr_has(&format!("chown -h root '{}'", sandbox.state().display()));
    assert!(!bucket.exists());
}

#[test]
fn a_name_neither_makes_lines_nor_turns_them_where_nobody_sits_in_front() {
    let (sandbox, _) = on_disk();
    for name in ["one\n+ forged (1 B)", "red \u{1b}[31m", "gpj.\u{202e}exe", "iso \u{2067}x"] {
        fs::write(sandbox.data().join(name), "x").unwrap();
    }
    let run = sandbox.poof(["backup", "--dry-run"]).run().expect_code(0);
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}', '\u{2067}']), "{run}");
    assert!(!run.stdout.lines().any(|line| line.starts_with("+ forged")), "{run}");
    let shown = ["one\\n+ forged", "\\u{1b}[31m", "gpj.\\u{202e}exe", "iso \\u{2067}x"];
    for name in shown {
        assert!(run.stdout.contains(name), "{name}: {run}");
    }
}
