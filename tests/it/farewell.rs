//! Level 4: everything is proven, wiped and gone, poof with it; and from a kit
//! alone it all comes back.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::harness::command::{Command, copy_program};
use crate::harness::{Config, Sandbox, Snapshot, assert_same_content, grow, minio};
#[cfg(target_os = "linux")]
use crate::neuter::on_a_terminal;
use crate::story::{encrypted, plain};

pub const PHRASE: &str = "correct horse battery staple";

/// A place for kits outside of the home directory.
pub fn safe(sandbox: &Sandbox) -> PathBuf {
    let safe = sandbox.home().parent().unwrap().join("safe");
    fs::create_dir_all(&safe).unwrap();
    fs::write(safe.join("phrase"), format!("{PHRASE}\n")).unwrap();
    safe
}

/// Writes a kit and returns where it is.
pub fn kit(sandbox: &Sandbox) -> PathBuf {
    let safe = safe(sandbox);
    let (kit, phrase) = (safe.join("kit.txt"), safe.join("phrase"));
    let args = ["kit", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(0);
    kit
}

/// poof as somebody has put it into the home directory.
pub fn installed(sandbox: &Sandbox) -> PathBuf {
    let program = sandbox.home().join(".local/bin/poof");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &program);
    program
}

pub fn poof(sandbox: &Sandbox, program: &Path, args: &[&str]) -> Command {
    sandbox.program(program.to_str().unwrap()).args(args)
}

#[test]
fn a_level_4_upload_leaves_no_trace_and_the_kit_brings_everything_back() {
    let sandbox = encrypted(40);
    let original = Snapshot::of(&sandbox.data());
    let program = installed(&sandbox);
    let kit = kit(&sandbox);
    let run = poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(0);
    assert!(run.stderr.contains("poof is gone."), "{run}");
    assert!(!sandbox.data().exists() && !program.exists(), "{run}");

    // A bare machine with another home directory.
    let other = Sandbox::new();
    fs::remove_dir_all(other.data()).unwrap();
    let phrase = kit.with_file_name("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    let run = other.poof(args).run().expect_code(0);
    assert!(run.stderr.contains("data: 40 files"), "{run}");
    assert_same_content(&original, &Snapshot::of(&other.data()));
    other.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    // Nobody's word for "again" is taken: there is a configuration here now.
    fs::write(other.confdir().join("poof.conf"), "{}").unwrap();
    other.poof(args).run().expect_code(7).stderr_has("exists and is another one");
}

#[test]
fn the_keys_do_not_go_before_somebody_has_them() {
    let sandbox = encrypted(10);
    let original = Snapshot::of(&sandbox.data());
    let program = installed(&sandbox);
    let refused = |what: &str| {
        for args in [&["upload", "--yes"][..], &["neuter", "--yes"]] {
            let run = poof(&sandbox, &program, args).run().expect_code(7);
            assert!(run.stderr.contains("--allow no-kit"), "{what}: {run}");
            assert_same_content(&original, &Snapshot::of(&sandbox.data()));
            assert!(program.exists() && sandbox.rclone_conf().exists());
        }
    };
    refused("no kit");
    kit(&sandbox);
    let conf = sandbox.confdir().join("poof.conf");
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace("\"remote\"", " \"remote\"")).unwrap();
    refused("a kit of another configuration");
    poof(&sandbox, &program, &["config"]).run().expect_code(0);
    refused("one file was shown");
    poof(&sandbox, &program, &["cconfig", "region=us-east-1"]).run().expect_code(0);
    refused("the secrets of the other were masked");
    // The way of the Python manual: both were shown.
    poof(&sandbox, &program, &["cconfig"]).run().expect_code(0);
    poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(0);
    assert!(!program.exists() && !sandbox.confdir().exists() && !sandbox.state().exists());
}

#[test]
fn a_dry_run_ends_as_the_upload_would_without_a_kit() {
    let sandbox = encrypted(3);
    let dry = |code| sandbox.poof(["upload", "--dry-run"]).run().expect_code(code);
    let refused = dry(7).stderr_has("there is no recovery kit").stderr_has("--allow no-kit");
    // It shows all the same what would go.
    refused.stderr_has("Dry run: nothing was changed").stdout_has("rclone-poof.conf");
    sandbox.poof(["upload", "--dry-run", "--keep-poof"]).run().expect_code(0);
    sandbox.poof(["upload", "--dry-run", "--allow", "no-kit"]).run().expect_code(0);
    kit(&sandbox);
    dry(0);
}

#[test]
#[cfg(target_os = "linux")] // script of util-linux
fn a_level_4_upload_names_all_that_goes_and_wants_its_word() {
    let sandbox = encrypted(3);
    let original = Snapshot::of(&sandbox.data());
    let program = installed(&sandbox);
    let kit = kit(&sandbox);
    let line = format!("{} upload", program.display());
    for typed in ["y\n", "yes\n", "\n", ""] {
        let run = on_a_terminal(&sandbox, &line, typed).expect_code(7);
        for path in [&sandbox.data(), &sandbox.rclone_conf(), &program, &sandbox.state(), &kit] {
            assert!(run.stdout.contains(&path.display().to_string()), "{path:?}: {run}");
        }
        assert!(run.stdout.contains("it is on the same disk"), "{run}");
        assert_same_content(&original, &Snapshot::of(&sandbox.data()));
        assert!(program.exists() && sandbox.rclone_conf().exists(), "{run}");
    }
    let run = on_a_terminal(&sandbox, &line, "poof\n").expect_code(0);
    assert!(!sandbox.data().exists() && !program.exists(), "{run}");
}

#[test]
fn a_kit_that_goes_with_the_data_or_that_can_be_guessed_is_none() {
    let sandbox = encrypted(3);
    let original = Snapshot::of(&sandbox.data());
    let program = installed(&sandbox);
    let safe = safe(&sandbox);
    let phrase = safe.join("phrase");
    let kit = |at: &Path| {
        let args = ["kit", at.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
        sandbox.poof(args).run().expect_code(0)
    };
    let refused = |what: &str| {
        for args in [&["upload", "--yes"][..], &["neuter", "--yes"]] {
            let run = poof(&sandbox, &program, args).run().expect_code(7);
            run.stderr_has(what).stderr_has("--allow no-kit");
            assert!(program.exists() && sandbox.rclone_conf().exists());
        }
    };
    for inside in [sandbox.data(), sandbox.confdir()] {
        let inside = inside.join("kit.txt");
        kit(&inside).stderr_has("which an upload wipes");
        refused("would go with what is beside it");
        fs::remove_file(inside).unwrap();
    }
    fs::write(&phrase, "sunshine1\n").unwrap();
    kit(&safe.join("kit.txt")).stderr_has("the phrase is weak");
    refused("can guess its phrase");
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("its phrase is weak");
    assert_same_content(&original, &Snapshot::of(&sandbox.data()));
    fs::write(&phrase, format!("{PHRASE}\n")).unwrap();
    kit(&safe.join("kit.txt"));
    poof(&sandbox, &program, &["neuter", "--yes"]).run().expect_code(0);
}

#[test]
fn poof_stays_where_not_everything_is_wiped() {
    let sandbox = encrypted(10);
    let program = installed(&sandbox);
    kit(&sandbox);
    fs::hard_link(sandbox.data().join("file-00000"), sandbox.home().join("outside"))
        .or_else(|_| {
            fs::write(sandbox.data().join("linked"), "x")?;
            fs::hard_link(sandbox.data().join("linked"), sandbox.home().join("outside"))
        })
        .unwrap();
    let run = poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(9);
    assert!(run.stderr.contains("poof stays"), "{run}");
    assert!(program.exists() && sandbox.rclone_conf().exists());
    sandbox.poof(["download"]).run().expect_code(0);
}

#[test]
fn no_secret_is_in_a_kit_in_clear_and_a_new_phrase_is_for_a_terminal_only() {
    let sandbox = encrypted(5);
    let kit = kit(&sandbox);
    let text = fs::read_to_string(&kit).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
    assert!(!text.contains(sandbox.bucket()));
    // Each phrase that somebody tries costs a second.
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let header = data_encoding::BASE64.decode(body.as_bytes()).unwrap();
    let header = String::from_utf8_lossy(&header);
    let recipient = header.lines().nth(1).unwrap();
    assert!(recipient.starts_with("-> scrypt ") && recipient.ends_with(" 18"), "{recipient}");
    assert_eq!(fs::metadata(&kit).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.poof(["kit", "other.txt"]).run().expect_code(2).stderr_has("terminal only");
    assert!(!sandbox.home().join("other.txt").exists());
    fs::write(sandbox.home().join("letter"), "dear").unwrap();
    let phrase = kit.with_file_name("phrase");
    let args = ["kit", "letter", "--phrase-file", phrase.to_str().unwrap()];
    sandbox.poof(args).run().expect_code(7).stderr_has("is no kit");
    assert_eq!(fs::read_to_string(sandbox.home().join("letter")).unwrap(), "dear");
}

/// Writes an encrypted configuration over the plain one of a sandbox.
fn switch(sandbox: &Sandbox) {
    for path in [sandbox.confdir().join("poof.conf"), sandbox.rclone_conf()] {
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
}

#[test]
fn plain_copies_go_once_the_encrypted_snapshot_is_proven() {
    let sandbox = plain(20);
    sandbox.poof(["backup"]).run().expect_code(0);
    let clear = |sandbox: &Sandbox| {
        let run = sandbox.rclone(["lsf", "-R", &format!("poof-backup:{}", sandbox.bucket())]).run();
        run.stdout.lines().filter(|l| l.starts_with("data/") || l.starts_with(".poof/")).count()
    };
    sandbox.poof(["purge-plain", "--yes"]).run().expect_code(7).stderr_has("is not encrypted");
    switch(&sandbox);
    let before = clear(&sandbox);
    assert!(before > 20);
    let run = sandbox.poof(["purge-plain", "--yes", "--allow", "other-remote"]).run();
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(clear(&sandbox), before, "{run}");
    sandbox.poof(["backup", "--allow", "other-remote"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("a plain copy of data is in the bucket").stdout_has("holds: 1");
    sandbox.poof(["purge-plain", "--dry-run"]).run().expect_code(0).stdout_has("20 files");
    sandbox.poof(["purge-plain"]).run().expect_code(7);
    assert_eq!(clear(&sandbox), before);
    sandbox.poof(["purge-plain", "--yes"]).run().expect_code(0);
    assert_eq!(clear(&sandbox), 0);
    sandbox.poof(["check"]).run().expect_code(0);
    sandbox.poof(["purge-plain", "--yes"]).run().expect_code(0).stderr_has("no plain copy");
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("level: 3").stdout_has("holds: yes").stdout_has("kit: none");
}

#[test]
fn the_status_tells_what_is_here_and_what_is_wiped() {
    let sandbox = encrypted(20);
    sandbox.poof(["status"]).run().expect_code(0).stdout_has("data: no snapshot");
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("data: 20 files, ").stdout_has("checked with the server just now");
    grow(&sandbox.data().join("more"), 3, 0..=10, 9);
    sandbox.poof(["upload", "--yes", "--keep-poof"]).run().expect_code(0);
    let run = sandbox.poof(["status", "--json"]).run().expect_code(0);
    run.stdout_has("\"presence\":\"wiped\"").stdout_has("\"level_declared\":4");
    let run = sandbox.poof(["status"]).run().expect_code(0);
    run.stdout_has("wiped on ").stdout_has("level: 4").stdout_has("holds: yes");
}

// A kit of another configuration was replaced without a word, and a disk that was not
// attached became a directory.
#[test]
fn a_kit_replaces_its_own_last_one_only_and_makes_no_directory() {
    let sandbox = encrypted(5);
    let at = kit(&sandbox);
    kit(&sandbox);
    let phrase = at.with_file_name("phrase");
    let phrase = phrase.to_str().unwrap();
    // That of another machine, on a stick that comes to the same place.
    let other = encrypted(1);
    fs::copy(kit(&other), &at).unwrap();
    let theirs = fs::read(&at).unwrap();
    let args = ["kit", at.to_str().unwrap(), "--phrase-file", phrase];
    let run = sandbox.poof(args).run().expect_code(7);
    run.stderr_has("may be the kit of another configuration").stderr_has("--yes");
    assert_eq!(fs::read(&at).unwrap(), theirs);
    sandbox.poof(args).args(["--yes"]).run().expect_code(0);
    assert_ne!(fs::read(&at).unwrap(), theirs);
    sandbox.poof(args).run().expect_code(0);
    let stick = sandbox.home().join("media/stick");
    let away = stick.join("kit.txt");
    let args = ["kit", away.to_str().unwrap(), "--phrase-file", phrase];
    let run = sandbox.poof(args).run().expect_code(1);
    run.stderr_has(&format!("there is no directory {}", stick.display()));
    assert!(!sandbox.home().join("media").exists());
}
