//! What a program prints that somebody else has written: bounded in time and size.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use super::tool;
use crate::base::interrupt;

const TICK: Duration = Duration::from_millis(10);

/// Why there is no output.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be started, or its output not be read.
    System(io::Error),
    /// It says itself that it failed.
    Failed(ExitStatus),
    TooLong,
    OutOfTime,
    /// The user asked to stop.
    Interrupted,
}

/// Runs `program` with `args`, without a shell, and returns what it prints, at most
/// `most` bytes, within `limit`. It stays in the foreground of the terminal, which it may
/// ask; it has no standard input, and its standard error goes nowhere: it may repeat what
/// it was to print.
///
/// # Errors
/// It did not end well and in time.
pub fn of(
    program: &str,
    args: &[String],
    most: usize,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let start = Instant::now();
    let mut command = Command::new(tool::found(program, None).map_err(Trouble::System)?);
    // Where there is no terminal that it may ask, it gets a group of its own: so all that it
    // starts is ended with it. On a terminal it would be stopped there when it asks.
    let is_alone = File::open("/dev/tty").is_err();
    if is_alone {
        command.process_group(0);
    }
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(Trouble::System)?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // A program that it starts in turn may hold the pipe open: nobody waits for that.
        thread::spawn(move || {
            let mut all = Zeroizing::new(Vec::with_capacity(most + 1));
            let read = stdout.take(most as u64 + 1).read_to_end(&mut all);
            let _ = sender.send(read.map(|_| all));
        });
    }
    let mut printed = None;
    loop {
        let ended = child.try_wait().map_err(Trouble::System)?;
        match (ended, printed) {
            (Some(status), _) if !status.success() => return Err(Trouble::Failed(status)),
            (Some(_), Some(printed)) => return Ok(printed),
            (_, kept) => printed = kept,
        }
        match receiver.recv_timeout(TICK) {
            Ok(Ok(all)) if all.len() > most => {
                return give_up(&mut child, is_alone, Trouble::TooLong);
            }
            Ok(Ok(all)) => printed = Some(all),
            Ok(Err(error)) => return give_up(&mut child, is_alone, Trouble::System(error)),
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if interrupt::requested() {
            return give_up(&mut child, is_alone, Trouble::Interrupted);
        }
        if start.elapsed() > limit {
            return give_up(&mut child, is_alone, Trouble::OutOfTime);
        }
    }
}

fn give_up<T>(child: &mut Child, is_alone: bool, trouble: Trouble) -> Result<T, Trouble> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).filter(|_| is_alone);
    if let Some(pid) = pid {
        // Not reaped yet, so its number is its group's.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    // It may have ended by now.
    let _ = child.kill();
    let _ = child.wait();
    Err(trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn sh(line: &str, limit: Duration) -> Result<Vec<u8>, Trouble> {
        of("sh", &["-c".to_owned(), line.to_owned()], 1000, limit).map(|said| said.to_vec())
    }

    #[test]
    fn what_is_printed_comes_back_and_nothing_of_standard_error() {
        assert_eq!(sh("echo one; echo two >&2; cat", LONG).unwrap(), b"one\n");
    }

    #[test]
    fn a_failure_is_one_whatever_was_printed() {
        let trouble = sh("echo secret; exit 7", LONG).unwrap_err();
        assert!(matches!(trouble, Trouble::Failed(status) if status.code() == Some(7)));
        let trouble = of("/no/such/program", &[], 10, LONG).unwrap_err();
        assert!(matches!(trouble, Trouble::System(_)));
    }

    #[test]
    fn what_never_ends_is_stopped() {
        let start = Instant::now();
        let short = Duration::from_millis(200);
        assert!(matches!(sh("exec sleep 1000", short), Err(Trouble::OutOfTime)));
        // The output is held open by what it leaves behind.
        assert!(matches!(sh("sleep 3 & echo x", short), Err(Trouble::OutOfTime)));
        assert!(matches!(sh("exec >&-; exec sleep 1000", short), Err(Trouble::OutOfTime)));
        assert!(matches!(sh("while :; do echo endless; done", LONG), Err(Trouble::TooLong)));
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    }
}
