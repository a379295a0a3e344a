//! Keeps the machine from going to sleep of its own accord while there is work: nobody
//! touches a keyboard while a backup runs. Whoever closes the lid or chooses to sleep is
//! obeyed, and the run goes on when the machine wakes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::tool;

/// A run that is over before needs none of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// caffeinate(8) of macOS.
const MACOS: &[&str] = &["caffeinate", "-i", "cat"];
/// systemd-inhibit(1). Of idleness only: sleep that somebody asks for is not refused.
const LINUX: &[&str] =
    &["systemd-inhibit", "--what=idle", "--who=poof", "--why=It moves files", "cat"];

/// As long as it is there, the machine stays awake. It goes with the process, however that
/// ends: what holds it reads from a pipe of this process.
pub struct Awake {
    _held: Sender<()>,
}

/// Keeps it awake from in a while on, where there is a program for it.
pub fn keep() -> Awake {
    keep_with(if cfg!(target_os = "macos") { MACOS } else { LINUX }, PATIENCE)
}

fn keep_with(words: &'static [&'static str], patience: Duration) -> Awake {
    let (held, end) = mpsc::channel();
    thread::spawn(move || {
        if end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout)
            && let Ok(mut child) = start(words)
        {
            let _ = end.recv();
            drop(child.stdin.take());
            let _ = child.wait();
        }
    });
    Awake { _held: held }
}

/// In a group of its own, so that an interrupt at the terminal leaves it until the run has
/// come to its end.
fn start(words: &[&str]) -> io::Result<Child> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(tool::found(program, None)?)
        .args(arguments)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::time::Instant;

    /// Waits until a file is there, or is gone.
    fn becomes(path: &Path, there: bool) -> bool {
        let start = Instant::now();
        while path.exists() != there {
            if start.elapsed() > Duration::from_secs(20) {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    #[test]
    fn what_keeps_it_awake_is_there_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let held = dir.path().join("held");
        let script = format!(": >'{0}'; cat; rm '{0}'", held.display());
        let words: &'static [&'static str] = vec!["sh", "-c", script.leak()].leak();
        let awake = keep_with(words, Duration::ZERO);
        assert!(becomes(&held, true));
        drop(awake);
        assert!(becomes(&held, false));
        drop(keep_with(words, PATIENCE));
        thread::sleep(Duration::from_millis(50));
        assert!(!held.exists(), "a short run needs none");
        // Nor is it an error where there is no such program.
        drop(keep_with(&["/nowhere/caffeinate"], Duration::ZERO));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
