//! Whether a command ends only as its help says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Options before the command that take a value.
const VALUED: [&str; 5] = ["--profile", "--confdir", "--poofconf", "--rcloneconf", "--color"];

/// The command of poof that `words` call, if they call poof.
pub fn command(words: &[String]) -> Option<String> {
    let (program, args) = words.split_first()?;
    // The Python poof has no exit codes.
    if !Path::new(program).ends_with("poof") || program.contains("python") {
        return None;
    }
    let mut args = args.iter();
    loop {
        let arg = args.next()?;
        if VALUED.contains(&arg.as_str()) {
            args.next()?;
        } else if !arg.starts_with('-') {
            return Some(arg.clone());
        }
    }
}

/// Fails the test if the help of `command` does not name `code`.
#[track_caller]
pub fn check(command: &str, code: i32) {
    let named = named(command);
    assert!(
        named.is_empty() || named.contains(&code),
        "`poof {command}` ended with {code}, and its help names {named:?} (src/cli/help.rs)"
    );
}

/// The exit codes in the help of a command; none if it is no command.
fn named(command: &str) -> BTreeSet<i32> {
    static KNOWN: Mutex<BTreeMap<String, BTreeSet<i32>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(command.to_owned()).or_insert_with(|| ask(command)).clone()
}

fn ask(command: &str) -> BTreeSet<i32> {
    let mut poof = Command::new(env!("CARGO_BIN_EXE_poof"));
    let out = poof.args([command, "--help"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let Some((_, table)) = text.split_once("Exit codes:\n").filter(|_| out.status.success()) else {
        return BTreeSet::new();
    };
    let rows = table.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    rows.collect()
}
