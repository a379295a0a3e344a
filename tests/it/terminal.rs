//! A person at a terminal: tmux is the terminal, and shows what they see.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Kind, Proxy, Sandbox, Verdict, grow};
use crate::story::{on_disk, proxied};

/// A terminal with a shell in it, gone at the end of the test.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn open(sandbox: &Sandbox, columns: u16) -> Self {
        let terminal = Terminal { socket: sandbox.home().with_file_name("tmux") };
        let home = format!("HOME={}", sandbox.home().display());
        let user = format!("USER={}", sandbox.bucket());
        let size = ["-x", &columns.to_string(), "-y", "24"].map(str::to_owned);
        let shell = ["env", &home, &user, "PS1=$ ", "sh", "-i"].map(str::to_owned);
        let words = [&["new-session".to_owned(), "-d".to_owned()][..], &size, &shell].concat();
        terminal.tmux(&words.iter().map(String::as_str).collect::<Vec<_>>());
        terminal.until("the prompt is there", |screen| screen.last().is_some_and(|l| l == "$"));
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("TERM", "xterm");
        let output = tmux.arg("-u").args(["-f", "/dev/null", "-S"]).arg(&self.socket).args(args);
        let output = output.output().expect("tmux is missing: run `make test-tools`");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || args[0] == "kill-server", "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// What is on the screen, without the empty rows at its end.
    fn rows(&self, more: &[&str]) -> Vec<String> {
        let text = self.tmux(&[&["capture-pane", "-p"], more].concat());
        let mut rows: Vec<_> = text.lines().map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let rows = self.rows(&[]);
            if is_so(&rows) {
                return rows;
            }
            assert!(Instant::now() < end, "still not so: {what}\n{}", rows.join("\n"));
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn resize(&self, columns: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", "24"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

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
