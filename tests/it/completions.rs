//! Completions, in the shells themselves: what somebody types, a Tab, and what is there then.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use std::{ffi::OsStr, thread};

use crate::harness::{Lacks, Sandbox, Terminal, skipped};
use crate::story::on_disk;

/// A name that would be a command if a shell took it for more than a name.
const HOSTILE: &str = "a $(touch pwned) `touch pwned`;touch pwned'\"*";

/// A directory that is backed up and gone, so that only the snapshot knows its names.
fn remembered() -> Sandbox {
    let (sandbox, _) = on_disk();
    let data = sandbox.data();
    for dir in ["my letters", "sub/deep"] {
        fs::create_dir_all(data.join(dir)).unwrap();
    }
    for name in ["my letters/first one", "sub/deep/x", "sub/at:10=5"] {
        fs::write(data.join(name), name).unwrap();
    }
    fs::write(data.join("sub").join(HOSTILE), "x").unwrap();
    for odd in
        [&b"sub/zz\nline"[..], b"sub/zz\x1b]0;title\x07", b"sub/y\xff", "sub/z\u{202e}".as_bytes()]
    {
        fs::write(data.join(OsStr::from_bytes(odd)), "x").unwrap();
    }
    let profile = sandbox.confdir().join("profiles/weekly");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("poof.conf"), "{}").unwrap();
    sandbox.poof(["backup"]).run().expect_code(0);
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir_all(sandbox.bin()).unwrap();
    symlink(env!("CARGO_BIN_EXE_poof"), sandbox.bin().join("poof")).unwrap();
    sandbox
}

/// What a shell is told of the last of `words`.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let run = sandbox.poof([&["__complete", "zsh", "poof"], words].concat()).run().expect_code(0);
    assert_eq!(run.stderr, "");
    let value = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    run.stdout.lines().map(value).collect()
}

#[test]
fn names_are_those_of_this_machine_and_nobody_asks_the_remote() {
    let sandbox = remembered();
    let is = |words: &[&str], expected: &[&str]| {
        let offered = offered(&sandbox, words);
        assert_eq!(offered, expected, "{words:?}");
    };
    // The disk is not there, and neither are the files.
    fs::remove_dir_all(sandbox.home().join("disk")).unwrap();
    for command in ["get", "ls", "diff", "history"] {
        is(&[command, "da"], &["data/"]);
        is(&[command, "data/"], &["data/my letters/", "data/sub/"]);
        is(&[command, "data/my letters/f"], &["data/my letters/first one"]);
    }
    is(&["backup", "--only", "d"], &["data"]);
    is(&["download", "--only", "config", "d"], &["data"]);
    is(&["remove", "con"], &["config"]);
    is(&["backup", "--profile", ""], &["weekly"]);
    is(&["cconfig", "--remote", "dropb"], &["dropbox"]);
    is(&["cconfig", "--remote", "loc"], &["local"]);
    is(&["cconfig", "rem"], &["remote="]);
    is(&["cryp"], &["cryptoggle"]);
    is(&["--color", "a"], &["auto", "always"]);
    is(&["upload", "--keep"], &["--keep-poof"]);
    // The configuration that is named.
    let other = sandbox.home().join("other");
    is(&["--confdir", other.to_str().unwrap(), "get", "da"], &[]);
    is(&["--profile", "weekly", "get", "da"], &[]);
    // What a terminal would obey, and what is no line, is nobody's to type.
    let all = offered(&sandbox, &["ls", "data/sub/"]);
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.contains(&format!("data/sub/{HOSTILE}")), "{all:?}");
    // Nothing is there that could tell, or all of it is damaged.
    let cache = sandbox.state().join("trees");
    for entry in fs::read_dir(&cache).unwrap() {
        fs::write(entry.unwrap().path().join("index"), "poof index\0\x01torn").unwrap();
    }
    is(&["get", "data/"], &[]);
    fs::write(sandbox.confdir().join("poof.conf"), "{").unwrap();
    fs::write(sandbox.rclone_conf(), "[").unwrap();
    for words in [&["get", "da"][..], &["remove", "con"], &["secret", "set", "poof"]] {
        is(words, &[]);
    }
    assert_eq!(sandbox.poof(["__complete"]).run().expect_code(0).stdout, "");
    assert_eq!(sandbox.poof(["__complete", "bash", "x"]).run().expect_code(0).stdout, "");
}

/// A terminal with `shell` in it, which knows the completions.
fn shell(sandbox: &Sandbox, shell: &str) -> Option<Terminal> {
    if !Path::new("/usr/bin").join(shell).exists() {
        skipped(Lacks::Tool, format!("{shell} is not installed"));
        return None;
    }
    let script = sandbox.home().join("script");
    let text = sandbox.poof(["completions", shell]).run().expect_code(0).stdout;
    fs::write(&script, text).unwrap();
    let terminal = Terminal::open(sandbox, 150);
    let start = match shell {
        "bash" => "exec bash --norc --noprofile -i",
        "zsh" => "exec zsh -f -i",
        _ => "exec fish --no-config -i",
    };
    terminal.enter(start);
    // What is typed before it reads is not of its line.
    thread::sleep(Duration::from_millis(1500));
    match shell {
        "zsh" => terminal
            .enter("PS1='@ '; autoload -Uz compinit; compinit -u -D; source ~/script; clear"),
        "fish" => terminal.enter("function fish_prompt; echo '@ '; end; source ~/script; clear"),
        _ => terminal.enter("PS1='@ '; source ~/script; clear"),
    }
    terminal.until("it is ready", |rows| rows == ["@"]);
    Some(terminal)
}

/// Types `text` and Tab, and waits for the line to be `expected`.
fn completes(terminal: &Terminal, text: &str, expected: &str) {
    terminal.tmux(&["send-keys", "-l", text]);
    terminal.tmux(&["send-keys", "Tab"]);
    let line = format!("@ {expected}");
    terminal.until(&format!("{text} is {expected}"), |rows| {
        rows.first().is_some_and(|row| *row == line.trim_end())
    });
}

/// Runs what is on the line, and gives what is on the screen when it has ended.
fn runs(terminal: &Terminal) -> Vec<String> {
    terminal.enter("; echo en''d");
    let rows = terminal.until("it has ended", |rows| rows.iter().any(|row| row == "end"));
    terminal.enter("clear");
    terminal.until("it is cleared", |rows| rows == ["@"]);
    rows
}

fn story(name: &str) {
    let sandbox = remembered();
    let Some(terminal) = shell(&sandbox, name) else { return };
    completes(&terminal, "poof crypt", "poof cryptoggle");
    terminal.tmux(&["send-keys", "C-u"]);
    completes(&terminal, "poof backup --only da", "poof backup --only data");
    terminal.tmux(&["send-keys", "C-u"]);
    // On into a directory, without a space, and with what a shell has to be told of a blank.
    completes(&terminal, "poof ls da", "poof ls data/");
    completes(&terminal, "my", r"poof ls data/my\ letters/");
    completes(&terminal, "f", r"poof ls data/my\ letters/first\ one");
    let rows = runs(&terminal);
    assert!(rows.iter().any(|row| row.ends_with("first one")), "{rows:?}");
    terminal.tmux(&["send-keys", "-l", r"poof ls data/sub/a\ "]);
    terminal.tmux(&["send-keys", "Tab"]);
    terminal.until("it is completed", |rows| rows[0].contains("pwned"));
    let rows = runs(&terminal);
    assert!(rows.iter().any(|row| row.ends_with(HOSTILE) && !row.starts_with('@')), "{rows:?}");
    assert!(!sandbox.home().join("pwned").exists(), "a name was run");
}

#[test]
fn bash_completes_what_poof_knows() {
    story("bash");
    let sandbox = remembered();
    let terminal = shell(&sandbox, "bash").unwrap();
    // bash breaks words at these, and within quotation marks it does not.
    completes(&terminal, "poof ls data/sub/at:1", "poof ls data/sub/at:10=5");
    terminal.tmux(&["send-keys", "C-u"]);
    completes(&terminal, "poof ls \"data/my letters/f", "poof ls \"data/my letters/first one\"");
    terminal.tmux(&["send-keys", "C-u"]);
    completes(&terminal, "poof --color=al", "poof --color=always");
}

#[test]
fn zsh_completes_what_poof_knows() {
    story("zsh");
}

#[test]
fn fish_completes_what_poof_knows() {
    story("fish");
}
