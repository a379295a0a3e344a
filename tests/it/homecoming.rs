//! From a kit and its phrase alone, on a bare machine, to everything that was there.

use std::fs;
use std::path::{Path, PathBuf};

use age::scrypt;

use crate::farewell::{PHRASE, installed, kit, poof, safe};
use crate::harness::command::Run;
use crate::harness::hostile::{Keeper, hostile};
use crate::harness::{
    Backdoor, Config, Sandbox, Snapshot, assert_exact, assert_same_content, copy_exactly, grow,
    minio,
};
use crate::neuter::{on_a_terminal, paths};
use crate::story::encrypted;

/// A machine on which there is nothing but poof.
pub fn bare() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::remove_dir(sandbox.data()).unwrap();
    sandbox
}

pub fn returned(machine: &Sandbox, kit: &Path, phrase: &Path, more: &[&str]) -> Run {
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    machine.poof(args.iter().chain(more)).run()
}

#[test]
fn a_tree_with_everything_in_it_is_back_exactly_on_a_bare_machine() {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    let keeper = if rustix::process::geteuid().is_root() { Keeper::Root } else { Keeper::User };
    hostile(&sandbox.data(), keeper);
    fs::write(sandbox.confdir().join("notes"), "beside the configuration").unwrap();
    let original = sandbox.home().with_file_name("original");
    copy_exactly(&sandbox.data(), &original);
    let program = installed(&sandbox);
    let kit = kit(&sandbox);
    poof(&sandbox, &program, &["upload", "--yes"]).run().expect_code(0);
    assert!(!sandbox.data().exists() && !sandbox.confdir().exists() && !program.exists());

    // Its home directory has another name.
    let machine = bare();
    let run = returned(&machine, &kit, &kit.with_file_name("phrase"), &[]).expect_code(0);
    let run = run.stderr_has("the kit is of ").stderr_has("data goes to ").stderr_has("data: ");
    assert_exact(&original, &machine.data());
    let notes = fs::read_to_string(machine.confdir().join("notes"));
    assert_eq!(notes.ok().as_deref(), Some("beside the configuration"), "{run}");
    machine.poof(["backup"]).run().expect_code(0).stderr_has("data: 0 new, 0 changed, 0 removed");
    machine.poof(["verify"]).run().expect_code(0);
}

#[test]
fn what_is_no_kit_for_this_phrase_says_why_and_the_machine_is_bare_as_before() {
    let sandbox = encrypted(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let text = fs::read_to_string(&kit).unwrap();
    let beside = |name: &str, text: &[u8]| {
        let path = kit.with_file_name(name);
        fs::write(&path, text).unwrap();
        path
    };
    let wrong = beside("wrong", b"wrong words\n");
    let half = beside("half", &text.as_bytes()[..text.len() / 2]);
    let mut flipped = text.clone().into_bytes();
    let at = text.len() - 200;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let flipped = beside("flipped", &flipped);
    let newer = beside("newer", newer().as_bytes());
    let machine = bare();
    let before = paths(&machine.home());
    for (kit, phrase, code, says) in [
        (&kit, &wrong, 3, "does not open with this phrase"),
        (&half, &phrase, 3, "cannot be opened: its end is missing"),
        (&flipped, &phrase, 3, "cannot be opened: it is damaged"),
        (&phrase, &phrase, 3, "does not begin as a kit does"),
        (&newer, &phrase, 3, "a newer poof has made this kit, 9.9.9"),
        (&PathBuf::from("/dev/zero"), &phrase, 3, "not a regular file"),
        (&kit.with_file_name("none"), &phrase, 3, "No such file"),
        (&kit, &kit.with_file_name("none"), 2, "No such file"),
        (&kit, &PathBuf::from("/dev/null"), 2, "the phrase is empty"),
    ] {
        let run = returned(&machine, kit, phrase, &[]).expect_code(code);
        assert!(run.stderr.contains(says), "{says}: {run}");
        assert_eq!(paths(&machine.home()), before, "{run}");
    }
    // Another store has taken the bucket.
    Backdoor::new(&sandbox).empty();
    fs::remove_dir_all(sandbox.state()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    let run = returned(&machine, &kit, &phrase, &[]).expect_code(7);
    assert!(run.stderr.contains("is not the store of this kit"), "{run}");
    assert_eq!(paths(&machine.home()), before, "{run}");
    // Who means it gets what is there, in one go.
    returned(&machine, &kit, &phrase, &["--allow", "other-remote"]).expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
}

/// A kit as nobody writes them yet.
fn newer() -> String {
    let mut recipient = scrypt::Recipient::new(PHRASE.to_owned().into());
    recipient.set_work_factor(4);
    let plain = r#"{"format": 2, "version": "9.9.9", "all": "is otherwise"}"#;
    age::encrypt_and_armor(&recipient, plain.as_bytes()).unwrap()
}

#[test]
fn a_configuration_that_is_there_is_not_replaced() {
    let sandbox = encrypted(5);
    let kit = kit(&sandbox);
    let machine = bare();
    fs::create_dir_all(machine.confdir()).unwrap();
    let conf = machine.confdir().join("poof.conf");
    fs::write(&conf, "{}").unwrap();
    let before = paths(&machine.home());
    let run = returned(&machine, &kit, &kit.with_file_name("phrase"), &[]).expect_code(7);
    assert!(run.stderr.contains("exists and is another one"), "{run}");
    assert_eq!(paths(&machine.home()), before);
    assert_eq!(fs::read_to_string(&conf).unwrap(), "{}");
}

#[test]
fn paths_go_where_they_are_mapped_and_the_phrase_may_come_from_standard_input() {
    let sandbox = Sandbox::new();
    let outside = sandbox.home().with_file_name("outside");
    grow(&sandbox.data(), 5, 1..=100, 1);
    grow(&outside.join("deep"), 5, 1..=100, 2);
    let config = Config::encrypted(minio().endpoint()).tree(outside.join("deep"), "deep");
    sandbox.write_config(&config);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let machine = bare();
    let place = machine.home().join("place");
    let map = format!("{}/={}/", outside.display(), place.display());
    let args = ["return", kit.to_str().unwrap(), "--map", &map, "--phrase-file", "-"];
    // However it is spaced.
    let typed = format!("  {}  \nanother line\n", PHRASE.replace(' ', "   "));
    machine.poof(args).stdin(typed).run().expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    assert_same_content(&Snapshot::of(&outside), &Snapshot::of(&place));
    machine.poof(["return", "kit", "--map", "relative=/x"]).run().expect_code(2);
}

#[test]
fn a_kit_that_does_not_read_back_is_told_and_does_not_count() {
    let sandbox = encrypted(5);
    let safe = safe(&sandbox);
    let [kit, phrase] = ["kit.txt", "phrase"].map(|name| safe.join(name).display().to_string());
    // A disk that lost it: what is read of it is empty.
    let fault = ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "inject=read:retval=0", "-P"];
    let poof = [&kit, env!("CARGO_BIN_EXE_poof"), "kit", &kit, "--phrase-file", &phrase];
    let args = fault.iter().chain(&poof);
    let run = sandbox.program("strace").args(args).run().expect_code(1);
    run.stderr_has("does not read back as it was written");
    let run = sandbox.poof(["upload", "--yes"]).run().expect_code(7);
    run.stderr_has("there is no recovery kit");
}

#[test]
fn a_new_phrase_is_on_the_terminal_and_nowhere_else() {
    let sandbox = encrypted(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    let (kit, out) = (safe(&sandbox).join("kit.txt"), sandbox.home().join("out"));
    let poof = env!("CARGO_BIN_EXE_poof");
    let line = format!("{poof} kit {} --json >{}", kit.display(), out.display());
    let run = on_a_terminal(&sandbox, &line, "").expect_code(0);
    let phrase = run.stdout.lines().map(str::trim).find(|line| line.split(' ').count() == 10);
    let phrase = phrase.filter(|line| line.bytes().all(|b| b.is_ascii_lowercase() || b == b' '));
    let phrase = phrase.unwrap_or_else(|| panic!("no phrase of ten words: {run}")).to_owned();
    let root = sandbox.home().parent().unwrap().to_path_buf();
    let grep = sandbox.program("grep").args(["-rlaF", "--exclude-dir=scratch", &phrase]);
    grep.args([root]).run().expect_code(1);
    let machine = bare();
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", "-"];
    machine.poof(args).stdin(phrase).run().expect_code(0);
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
    // Off a terminal none is made.
    sandbox.poof(["kit", "other.txt"]).run().expect_code(2).stderr_has("terminal only");
    assert!(!sandbox.home().join("other.txt").exists());
}

#[test]
fn a_phrase_is_typed_where_nobody_sees_it() {
    let sandbox = encrypted(5);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let machine = bare();
    let line = format!("{} return {}", env!("CARGO_BIN_EXE_poof"), kit.display());
    // Before it is asked for, the terminal itself shows what is typed: the line is slow.
    let script = format!(
        "(sleep 2; echo '{PHRASE}'; sleep 4; echo y; sleep 1) | script -qec '{line}' /dev/null"
    );
    let run = machine.program("sh").args(["-c", &script]).run().expect_code(0);
    assert!(run.stdout.contains("Phrase of the kit:"), "{run}");
    assert!(!run.stdout.contains("horse"), "{run}");
    assert_same_content(&Snapshot::of(&sandbox.data()), &Snapshot::of(&machine.data()));
}
