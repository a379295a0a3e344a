//! A program of somebody else's: without a shell, without a terminal, without the
//! credentials of the remote, and never longer than it may.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::tool;
use crate::base::interrupt;

/// How long a program that was told to end may take for it.
const GRACE: Duration = Duration::from_secs(3);
/// How long its output is awaited once it has ended: something that it left running may
/// keep that open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// An interrupt goes unnoticed as long.
const ATTENTION: Duration = Duration::from_millis(50);
/// Bytes of a line; what is longer is cut into several.
const LINE: u64 = 4 << 10;

/// What is to be run, and how.
pub struct Launch<'a> {
    /// The program, which is looked for on PATH (see [`tool`]), and its arguments.
    pub argv: &'a [String],
    /// On top of what this process has, without credentials.
    pub env: &'a [(String, OsString)],
    pub dir: &'a Path,
    pub limit: Duration,
    /// Whether it is ended when the user asks poof to stop.
    pub interruptible: bool,
}

/// Why a program did not do what it was run for.
#[derive(Debug)]
pub enum Trouble {
    /// There is no such program, or it cannot be run.
    NotStarted(io::Error),
    Failed(ExitStatus),
    /// It was ended, with all that it had started.
    Hung(Duration),
    Interrupted,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NotStarted(error) => write!(f, "cannot be started: {error}"),
            Trouble::Failed(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "ended with exit status {code}"),
                (None, Some(signal)) => write!(f, "was ended by signal {signal}"),
                (None, None) => f.write_str("ended in an unknown way"),
            },
            Trouble::Hung(limit) => {
                write!(f, "did not end within {} seconds and was stopped", limit.as_secs())
            }
            Trouble::Interrupted => f.write_str("was interrupted"),
        }
    }
}

impl Launch<'_> {
    /// Runs it to its end. `hear` gets each line of its output and of its errors.
    ///
    /// # Errors
    /// It did not end well.
    pub fn run(&self, hear: &mut dyn FnMut(&str)) -> Result<(), Trouble> {
        let (mut child, lines) = self.start().map_err(Trouble::NotStarted)?;
        let end = Instant::now() + self.limit;
        let mut silent = false;
        let trouble = loop {
            match lines.recv_timeout(ATTENTION) {
                Ok(line) => hear(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    if silent {
                        thread::sleep(ATTENTION);
                    }
                    silent = true;
                }
            }
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) if status.success() => break None,
                Ok(Some(status)) => break Some(Trouble::Failed(status)),
                Err(error) => break Some(Trouble::NotStarted(error)),
            }
            if self.interruptible && interrupt::requested() {
                stop(&mut child);
                break Some(Trouble::Interrupted);
            }
            if Instant::now() >= end {
                stop(&mut child);
                break Some(Trouble::Hung(self.limit));
            }
        };
        let end = Instant::now() + LAST_WORDS;
        while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            hear(&line);
        }
        trouble.map_or(Ok(()), Err)
    }

    /// In a session of its own: so all that it starts can be ended with it, and what asks
    /// for a password finds no terminal, where it would be stopped and wait for ever.
    fn start(&self) -> io::Result<(Child, Receiver<String>)> {
        let nothing = || io::Error::new(io::ErrorKind::InvalidInput, "no program is named");
        let (program, arguments) = self.argv.split_first().ok_or_else(nothing)?;
        let (output, input) = io::pipe()?;
        let mut command = Command::new(tool::found(program, None)?);
        for (name, _) in env::vars_os().filter(|(name, _)| is_credential(name)) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir)
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input);
        // SAFETY: setsid is async-signal-safe and touches no memory.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        let child = command.spawn()?;
        let (tell, lines) = mpsc::sync_channel(64);
        thread::spawn(move || listen(output, &tell));
        Ok((child, lines))
    }
}

/// What a program of the system says, if it succeeds and does not take too long.
pub fn said(words: &[&str], limit: Duration) -> Option<String> {
    let argv: Vec<_> = words.iter().map(ToString::to_string).collect();
    let dir = Path::new("/");
    let launch = Launch { argv: &argv, env: &[], dir, limit, interruptible: true };
    let mut text = String::new();
    launch.run(&mut |line| text.extend([line, "\n"])).ok().map(|()| text)
}

/// Starts a program with one argument and leaves it to itself: it may go on for longer than
/// this process.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub fn leave(program: &str, argument: &str) -> io::Result<()> {
    let mut command = Command::new(tool::found(program, None)?);
    for (name, _) in env::vars_os().filter(|(name, _)| is_credential(name)) {
        command.env_remove(name);
    }
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C is not meant for it.
    let mut child = command.process_group(0).spawn()?;
    thread::spawn(move || child.wait());
    Ok(())
}

/// Ends a program and all of its group: asks first.
fn stop(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, Signal::TERM);
        let end = Instant::now() + GRACE;
        // Not reaped before the last signal is sent: its number is its group's as long.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while Instant::now() < end && matches!(waitid(WaitId::Pid(pid), look), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Passes on what a program says, until nobody listens.
fn listen(output: io::PipeReader, tell: &SyncSender<String>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        if tell.send(line.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
            return;
        }
    }
}

/// Whether a variable holds what opens a remote: those that rclone's backends read
/// (`env_auth`), and rclone's own.
fn is_credential(name: &OsStr) -> bool {
    const OF: [&str; 7] = ["AWS_", "AZURE_", "GOOGLE_", "GCP_", "OS_", "ST_", "B2_"];
    const WORDS: [&str; 5] = ["KEY", "SECRET", "TOKEN", "PASS", "CREDENTIAL"];
    let name = name.to_string_lossy().to_uppercase();
    name.starts_with("RCLONE_")
        || OF.iter().any(|of| name.starts_with(of)) && WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> (Result<(), Trouble>, Vec<String>) {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let env = [("POOF_TEST".to_owned(), "told".into())];
        let dir = Path::new("/");
        let launch = Launch { argv: &argv, env: &env, dir, limit, interruptible: false };
        let mut heard = Vec::new();
        let outcome = launch.run(&mut |line| heard.push(line.to_owned()));
        (outcome, heard)
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_a_program_says_is_heard_in_order_and_it_has_no_input() {
        let (outcome, heard) = run("echo one; echo two >&2; cat; pwd; echo $POOF_TEST", LONG);
        assert!(outcome.is_ok());
        assert_eq!(heard, ["one", "two", "/", "told"]);
    }

    #[test]
    fn how_it_failed_is_told() {
        let (outcome, _) = run("exit 3", LONG);
        assert_eq!(outcome.unwrap_err().to_string(), "ended with exit status 3");
        let (outcome, _) = run("kill -9 $$", LONG);
        assert_eq!(outcome.unwrap_err().to_string(), "was ended by signal 9");
        let argv = ["no-such-program-anywhere".to_owned()];
        let launch = Launch {
            argv: &argv,
            env: &[],
            dir: Path::new("/"),
            limit: LONG,
            interruptible: false,
        };
        assert!(matches!(launch.run(&mut |_| {}), Err(Trouble::NotStarted(_))));
    }

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started_though_it_does_not_want_to() {
        // One more than what is waited for, deaf to the first signal.
        let script = "trap '' TERM; (trap '' TERM; sleep 600) & echo $!; wait; sleep 600";
        let (outcome, heard) = run(script, Duration::from_millis(300));
        assert!(matches!(outcome, Err(Trouble::Hung(_))));
        let pid = Pid::from_raw(heard[0].parse().unwrap()).unwrap();
        // init reaps it, sooner or later.
        let stat = format!("/proc/{}/stat", pid.as_raw_nonzero());
        let is_gone = || {
            rustix::process::test_kill_process(pid).is_err()
                || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "))
        };
        let end = Instant::now() + LONG;
        while !is_gone() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(is_gone(), "{pid:?} lives");
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        let start = Instant::now();
        let (outcome, heard) = run("sleep 30 & echo done", LONG);
        assert!(outcome.is_ok() && start.elapsed() < LONG / 2);
        assert_eq!(heard, ["done"]);
    }

    #[test]
    fn credentials_of_remotes_are_told_from_what_a_program_needs() {
        for name in ["RCLONE_CONFIG_PASS", "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET"] {
            assert!(is_credential(name.as_ref()), "{name}");
        }
        for name in ["PATH", "AWS_REGION", "PGPASSWORD", "SSH_AUTH_SOCK", "POOF_CONFDIR"] {
            assert!(!is_credential(name.as_ref()), "{name}");
        }
    }
}
