//! What is left out on a machine is shown and counted, and in CI it is a failure.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use walkdir::WalkDir;

use crate::harness::{Lacks, skipped};

/// What `scripts/count-skipped.sh` makes of a command that skips: one thing for the want
/// of root, and one for the want of a network.
fn counted(command: &str, ci: Option<&str>) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(root.join("scripts/count-skipped.sh"));
    script.args(["sh", "-c", command]).current_dir(root).env_remove("CI");
    if let Some(may) = ci {
        script.env("CI", "true").env("POOF_MAY_SKIP", may);
    }
    script.output().unwrap()
}

const TWO: &str = "scripts/skip.sh root a::test 'only root can'; scripts/skip.sh network b why";

#[test]
fn what_was_skipped_is_counted_and_shown() {
    let output = counted(TWO, None);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown}");
    let says = "Skipped on this machine: 2\n  b: why (lacks: network)\n  \
                a::test: only root can (lacks: root)\n";
    assert_eq!(shown, says);
    let output = counted("true", Some(""));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"Skipped: nothing.\n");
}

#[test]
fn ci_fails_on_one_that_should_have_run() {
    for (command, may, code) in [
        (TWO, "", 1),
        (TWO, "root", 1),
        // A word is a word.
        (TWO, "roots networks", 1),
        (TWO, "network root", 0),
        ("exit 3", "root", 3),
        ("scripts/skip.sh root a b; exit 3", "", 3),
    ] {
        let output = counted(command, Some(may));
        let says = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}, {may}: {says}");
        assert_eq!(says.contains("should have run in CI"), command.contains("skip") && code != 0);
    }
}

#[test]
fn a_test_in_rust_and_one_in_go_are_counted() {
    // This test calls itself, with the environment that the script gives.
    if std::env::var_os("POOF_TEST_SKIPS").is_some() {
        skipped(Lacks::FileSystem, "no such\nthing");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let test = "skips::a_test_in_rust_and_one_in_go_are_counted";
    let rust = format!("POOF_TEST_SKIPS=1 '{}' --exact {test}", own.display());
    let go = "cd go && POOF_TEST_SKIPS=1 \"${GO:-go}\" test -trimpath -run TestASkip ./store";
    for (command, says) in [
        (rust.as_str(), format!("  {test}: no such thing (lacks: file-system)\n")),
        (go, "  TestASkipIsCounted: no such thing (lacks: file-system)\n".to_owned()),
    ] {
        let output = counted(command, Some("root"));
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.ends_with(&format!("Skipped on this machine: 1\n{says}")), "{shown}");
        assert_eq!(output.status.code(), Some(1), "{shown}");
    }
}

/// Files below `dir` with this extension, as text.
fn texts(dir: &str, extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = WalkDir::new(root.join(dir)).into_iter().map(|entry| entry.unwrap().into_path());
    let of_kind = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    let text = |path: std::path::PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    of_kind.map(text).collect()
}

#[test]
fn nothing_is_skipped_past_the_count() {
    // In pieces, so as not to be found here.
    let own = [["eprintln!(\"", "skipped"], ["eprintln!(\"", "not run"]].map(|it| it.concat());
    for (name, text) in texts("tests", "rs").into_iter().chain(texts("src", "rs")) {
        for words in &own {
            assert!(
                !text.contains(words),
                "{name}: skipped() of tests/it/harness/skip.rs counts it"
            );
        }
    }
    for (name, text) in texts("go", "go") {
        for words in ["t.Skip(", "t.Skipf(", "t.SkipNow(", "t.Logf(\"skipped"] {
            let counts = name == "go/store/skip_test.go" || !text.contains(words);
            assert!(counts, "{name}: {words}: skipped() of go/store/skip_test.go counts it");
        }
    }
}
