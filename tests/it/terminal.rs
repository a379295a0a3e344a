//! What a person sees at a terminal.

use std::fs;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::harness::{Kind, Proxy, Sandbox, Terminal, Verdict, grow};
use crate::story::{on_disk, proxied};

/// A backup of which some files arrive and one never does.
fn held() -> (Sandbox, Proxy, Receiver<()>) {
    let (sandbox, proxy) = proxied(false);
    grow(&sandbox.data(), 20, 100_000..=200_000, 1);
    fs::write(sandbox.data().join("a file with a long name that is held ".repeat(3)), "x").unwrap();
    let (reached, is_reached) = mpsc::channel();
    proxy.set_rule(move |request| {
        if request.kind == Kind::Put && request.key().contains("data/a") {
            let _ = reached.send(());
            return Verdict::Hold;
        }
        Verdict::Pass
    });
    (sandbox, proxy, is_reached)
}

const BAR: [char; 2] = ['█', '░'];

fn poof(args: &str) -> String {
    format!("{} {args}", env!("CARGO_BIN_EXE_poof"))
}

/// The rows of numbers; each begins with the name of a tree, or `all`.
fn numbers(rows: &[String]) -> Vec<&String> {
    rows.iter().filter(|row| row.contains(BAR) || row.contains('%')).collect()
}

/// One row for the tree, one for all, one for the file, and none of an earlier look.
fn is_tidy(rows: &[String], columns: usize) -> bool {
    let [.., tree, all, file] = rows else { return false };
    let starts = [(tree, "data "), (all, "all "), (file, "data/a file")];
    starts.iter().all(|(row, start)| row.starts_with(start))
        && numbers(rows) == [tree, all]
        && rows.iter().filter(|row| row.contains("eta")).count() <= 2
        && rows.iter().filter(|row| row.starts_with("data/a file")).count() == 1
        && [tree, all, file].iter().all(|row| row.chars().count() <= columns - 3)
}

#[test]
fn progress_fits_the_terminal_follows_its_size_and_leaves_no_trace() {
    let (sandbox, _proxy, is_reached) = held();
    let terminal = Terminal::open(&sandbox, 80);
    terminal.enter(&poof("backup"));
    is_reached.recv_timeout(Duration::from_secs(30)).unwrap();
    terminal.until("a file waits", |rows| is_tidy(rows, 80));
    for (columns, shows, not) in
        [(40, "% eta", "/s"), (80, "/s eta", "%"), (60, "/s eta", "KiB/"), (25, "%", "eta")]
    {
        terminal.resize(columns);
        terminal.until(&format!("it fits {columns} columns"), |rows| {
            let fits = |row: &&String| row.contains(shows) && !row.contains(not);
            is_tidy(rows, columns.into()) && numbers(rows).iter().all(fits)
        });
    }
    terminal.resize(80);
    terminal.tmux(&["send-keys", "C-c"]);
    let rows =
        terminal.until("the prompt is back", |rows| rows.last().is_some_and(|row| row == "$"));
    let shown = rows.join("\n");
    assert!(!shown.contains(BAR) && !shown.contains("eta") && !shown.contains("a file"), "{shown}");
    assert!(rows.iter().any(|row| row.starts_with("poof: interrupted")), "{shown}");
    terminal.enter("echo code $?, still here");
    terminal.until("the prompt works", |rows| rows.iter().any(|row| row == "code 130, still here"));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let (sandbox, _) = on_disk();
    fs::write(sandbox.data().join("file"), "x").unwrap();
    let terminal = Terminal::open(&sandbox, 80);
    let mut runs = 0;
    for (line, colored) in
        [("backup", true), ("--color never backup", false), ("backup 2>&1 | cat", false)]
    {
        for (variable, silences) in
            [("", false), ("NO_COLOR=1 ", true), ("NO_COLOR= ", false), ("TERM=dumb ", true)]
        {
            runs += 1;
            terminal.tmux(&["clear-history"]);
            terminal.enter(&format!("clear; {variable}{}; echo run {runs}", poof(line)));
            let done = format!("run {runs}");
            terminal.until(&done, |rows| rows.contains(&done));
            let rows = terminal.rows(&["-e"]).join("\n");
            assert!(rows.contains("data: "), "{rows}");
            let expected = colored && !silences;
            assert_eq!(rows.contains("\u{1b}[32m"), expected, "{variable}{line}: {rows:?}");
        }
    }
}
