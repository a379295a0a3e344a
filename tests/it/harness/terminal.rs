//! A person at a terminal: tmux is the terminal, and shows what they see.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Sandbox;

/// A terminal with a shell in it, gone at the end of the test.
pub struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    pub fn open(sandbox: &Sandbox, columns: u16) -> Self {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        // One that goes is at its socket for a while.
        let name = format!("tmux-{}", OPENED.fetch_add(1, Ordering::Relaxed));
        let terminal = Terminal { socket: sandbox.home().with_file_name(name) };
        let home = format!("HOME={}", sandbox.home().display());
        let user = format!("USER={}", sandbox.bucket());
        let path = format!("PATH={}:/usr/bin:/bin", sandbox.bin().display());
        let size = ["-x", &columns.to_string(), "-y", "24"].map(str::to_owned);
        let shell = ["env", &home, &user, &path, "PS1=$ ", "sh", "-i"].map(str::to_owned);
        let words = [&["new-session".to_owned(), "-d".to_owned()][..], &size, &shell].concat();
        terminal.tmux(&words.iter().map(String::as_str).collect::<Vec<_>>());
        terminal.until("the prompt is there", |screen| screen.last().is_some_and(|l| l == "$"));
        terminal
    }

    /// Has tmux do something, and gives what it prints.
    pub fn tmux(&self, args: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("TERM", "xterm");
        let output = tmux.arg("-u").args(["-f", "/dev/null", "-S"]).arg(&self.socket).args(args);
        let output = output.output().expect("tmux is missing: run `make test-tools`");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() || args[0] == "kill-server", "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// What is on the screen, without the empty rows at its end.
    pub fn rows(&self, more: &[&str]) -> Vec<String> {
        let text = self.tmux(&[&["capture-pane", "-p"], more].concat());
        let mut rows: Vec<_> = text.lines().map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    /// Waits until the screen `is_so`.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
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

    pub fn resize(&self, columns: u16) {
        self.tmux(&["resize-window", "-x", &columns.to_string(), "-y", "24"]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
