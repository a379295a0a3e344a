//! What else a script relies on: nothing is asked where nobody answers, quiet is
//! quiet, a reader may go away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::farewell::kit;
use crate::harness::command::Run;
use crate::harness::{Sandbox, grow};
use crate::story::{encrypted, names_on, on_disk, plain};

/// Standard input, as a scheduler, a pipe and a shell script leave it.
const NOBODY: [&str; 3] = [
    // Closed.
    "exec \"$@\" <&-",
    // A pipe into which nobody ever writes.
    "mkfifo \"$HOME/../scratch/silence\"; exec 3<>\"$HOME/../scratch/silence\"; exec \"$@\" <&3 3>&-",
    "exec \"$@\" </dev/null",
];

/// Runs poof where nobody is there to answer. A question that waits runs out of time.
fn unattended(sandbox: &Sandbox, script: &str, args: &[&str]) -> Run {
    let shell = sandbox.program("sh").args(["-c", script, "sh", env!("CARGO_BIN_EXE_poof")]);
    let run = shell.args(args).timeout(Duration::from_secs(30)).run();
    let _ = fs::remove_file(sandbox.home().join("../scratch/silence"));
    for asked in ["[y/N]", "Phrase", "phrase of"] {
        assert!(!run.stderr.contains(&format!("{asked} ")) || run.code == Some(2), "asked: {run}");
    }
    run
}

#[test]
fn nothing_is_asked_where_nobody_answers() {
    for script in NOBODY {
        let sandbox = plain(2);
        let run = |args: &[&str], code| unattended(&sandbox, script, args).expect_code(code);
        run(&["kit"], 2).stderr_has("--phrase-file");
        run(&["kit", "--type-phrase"], 2).stderr_has("--phrase-file");
        if !script.contains("silence") {
            // Who names standard input waits for it.
            run(&["kit", "--phrase-file", "-"], 2).stderr_has("the phrase is empty");
        }
        let empty = sandbox.home().join("empty");
        fs::write(&empty, "").unwrap();
        // What is no kit needs no phrase.
        run(&["return", empty.to_str().unwrap()], 3).stderr_has("does not begin as a kit");
        run(&["backup"], 0);
        fs::write(sandbox.data().join("extra"), "not in the snapshot").unwrap();
        run(&["download"], 7).stderr_has("--yes");
        assert!(sandbox.data().join("extra").exists());
        run(&["neuter"], 7).stderr_has("no-kit");
        let kit = kit(&sandbox);
        run(&["return", kit.to_str().unwrap()], 2).stderr_has("--phrase-file");
        run(&["neuter"], 7).stderr_has("--yes");
        assert!(sandbox.rclone_conf().exists());
        for args in [&["econfig"][..], &["cryptoggle"], &["backup", "--allow", "other-remote"]] {
            run(args, 0);
        }
        run(&["purge-plain"], 7).stderr_has("--yes");
        run(&["cryptoggle"], 0);
        assert!(!names_on(&sandbox, "data").is_empty(), "the plain copies are gone");
        // Here the command is the word.
        run(&["upload", "--keep-poof", "--allow", "other-remote"], 0);
    }
}

#[test]
fn nothing_is_asked_on_the_way_back_where_nobody_answers() {
    let sandbox = encrypted(2);
    sandbox.poof(["backup"]).run().expect_code(0);
    let kit = kit(&sandbox);
    let phrase = kit.with_file_name("phrase");
    let args = ["return", kit.to_str().unwrap(), "--phrase-file", phrase.to_str().unwrap()];
    for script in NOBODY {
        let machine = Sandbox::new();
        unattended(&machine, script, &args).expect_code(0).stderr_has("All restored");
    }
}

#[test]
fn quiet_says_nothing_of_what_goes_well_and_all_of_what_does_not() {
    let (sandbox, _) = on_disk();
    grow(&sandbox.data(), 5, 1..=100, 1);
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.data().join("socket")).unwrap();
    for args in [
        &["backup"][..],
        &["check"],
        &["download"],
        &["econfig"],
        &["upload", "--yes"],
        &["backup"],
        &["download"],
    ] {
        let run = sandbox.poof([&["-q"][..], args].concat()).run().expect_code(0);
        assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{run}");
        let run = sandbox.poof([&["-q", "--json"][..], args].concat()).run().expect_code(0);
        assert!(
            run.stderr.is_empty() && run.json_lines().len() > 1 || args == ["econfig"],
            "{run}"
        );
    }
    // What a command is called for is no chatter.
    let run = sandbox.poof(["-q", "paths"]).run().expect_code(0).stdout_has("poof.conf = ");
    assert!(run.stderr.is_empty(), "{run}");
    let run = sandbox.poof(["-q", "backup", "--only", "nobody"]).run().expect_code(2);
    run.stderr_has("poof: no directory has the name");
    let closed = sandbox.data().join("closed");
    fs::write(&closed, "x").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let run = sandbox.poof_as_ordinary_user(["-q", "backup"]).run().expect_code(5);
    assert!(run.stderr.contains("data/closed"), "{run}");
}

// `poof … | head -1`: whoever reads has seen enough.
#[test]
fn a_reader_that_goes_away_stops_no_work_and_is_told_by_the_exit_code() {
    let sandbox = plain(50);
    for (args, done) in [("backup --dry-run", 0), ("--json backup", 50)] {
        let poof = env!("CARGO_BIN_EXE_poof");
        let line =
            format!("({poof} {args}; echo $? >code) | head -c 0; sleep 0.1; exit $(cat code)");
        let run = sandbox.program("sh").args(["-c", &line]).run().expect_code(1);
        assert!(run.stderr.contains("cannot write to standard output"), "{run}");
        assert!(!run.stderr.contains("panicked"), "{run}");
        assert_eq!(names_on(&sandbox, "data").len(), done);
    }
}

// A name may hold what a terminal obeys.
#[test]
fn a_name_cannot_command_the_terminal() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    let name = "\u{1b}]0;owned\u{7}\u{9b}31m";
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.data().join(name)).unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    assert!(run.stderr.contains("\\u{1b}]0;owned\\u{7}\\u{9b}31m"), "{run}");
    assert!(!run.stderr.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{run}");
}
