//! One poof at a time on one configuration.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, Pid, Signal, fcntl_getlk, kill_process};
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::files;
use crate::base::units::{date, now};

/// Held while it lives; the operating system drops it with the process,
/// however that ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] File); // held, never read

/// Whoever holds it, for people: nothing is decided by it.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: i32,
    /// In seconds since 1970.
    since: u64,
    command: String,
}

/// More than a [`Holder`] is in nobody's lock.
const LARGEST: u64 = 512;

static COMMAND: OnceLock<String> = OnceLock::new();

/// What this process was called for, for those who find the lock taken.
pub fn called(command: &str) {
    let _ = COMMAND.set(command.to_owned());
}

/// Takes the lock of the configuration whose state lies in `state`.
///
/// # Errors
/// [`Kind::Busy`] if another poof holds it.
pub fn acquire(state: &Path) -> Result<Lock> {
    take(state, "lock")
}

/// The same among the runs of the schedule, one of which may wait for the network while
/// somebody makes a backup by hand.
///
/// # Errors
/// As [`acquire`].
pub fn of_schedule(state: &Path) -> Result<Lock> {
    take(state, "schedule.lock")
}

fn take(state: &Path, name: &str) -> Result<Lock> {
    files::create_private_dir(state)?;
    let path = state.join(name);
    let mut open = OpenOptions::new();
    let open = open.create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
    let mut file = open.map_err(|error| Error::io("open the lock", &path, &error))?;
    match file.try_lock() {
        Ok(()) => {
            sign(&mut file);
            Ok(Lock(file))
        }
        Err(TryLockError::WouldBlock) => {
            let who = holder(&mut file).map(|who| format!(": {who}")).unwrap_or_default();
            Err(Error::new(
                Kind::Busy,
                format!("another poof is at work on this configuration{who}"),
            )
            .hint("Wait for it to finish; nothing was changed."))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, &error)),
    }
}

/// Says in the file who holds it. The lock is that of `flock`; beside it is one of `fcntl`,
/// of which the system says whose it is. Without either the lock holds as well.
fn sign(file: &mut File) {
    let _ = fcntl_lock(&*file, FlockOperation::NonBlockingLockExclusive);
    let pid = process::id().cast_signed();
    let command = COMMAND.get().cloned().unwrap_or_default();
    let Ok(text) = serde_json::to_string(&Holder { pid, since: now(), command }) else { return };
    let written = file.set_len(0).and_then(|()| file.rewind());
    let _ = written.and_then(|()| file.write_all(text.as_bytes()));
}

/// Who holds the lock, for people.
fn holder(file: &mut File) -> Option<String> {
    known(file).map(|(pid, said)| named(pid, said))
}

/// Who holds the lock, as far as that is known for sure: what the file says may be of a
/// process that has ended, whose number another one has now. The system knows.
fn known(file: &mut File) -> Option<(i32, Option<Holder>)> {
    let asked = fcntl_getlk(&*file, &Flock::from(FlockType::WriteLock)).ok()??;
    let pid = asked.pid?.as_raw_nonzero().get();
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(LARGEST).read_to_string(&mut text));
    let said = read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    Some((pid, said))
}

/// Asks the run that holds the lock to stop as Ctrl-C would, if it is one of these `commands`.
/// Whether it was asked.
pub fn ask_to_stop(state: &Path, commands: &[&str]) -> bool {
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(state.join("lock")) else {
        return false;
    };
    let Some((pid, Some(said))) = known(&mut file) else { return false };
    let gives_way = said.pid == pid && commands.contains(&said.command.as_str());
    let pid = Pid::from_raw(pid).filter(|_| gives_way);
    pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok())
}

fn named(pid: i32, said: Option<Holder>) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '-';
    match said.filter(|said| said.pid == pid) {
        Some(Holder { since, command, .. })
            if !command.is_empty() && command.chars().all(plain) =>
        {
            format!("`poof {command}` with process id {pid}, since {}", date(since))
        }
        Some(Holder { since, .. }) => format!("process id {pid}, since {}", date(since)),
        None => format!("process id {pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_poof_is_told_that_the_first_is_at_work() {
        let dir = tempfile::tempdir().unwrap();
        let first = acquire(dir.path()).unwrap();
        assert_eq!(acquire(dir.path()).unwrap_err().kind(), Kind::Busy);
        drop(first);
        assert!(acquire(dir.path()).is_ok());
    }

    #[test]
    fn who_holds_the_lock_is_named_only_if_the_system_says_the_same() {
        let of = |pid, command: &str| {
            Some(Holder { pid, since: 1_800_000_000, command: command.to_owned() })
        };
        assert!(
            named(7, of(7, "backup")).starts_with("`poof backup` with process id 7, since 2027")
        );
        assert_eq!(named(7, of(8, "backup")), "process id 7", "of one that has ended");
        assert_eq!(named(7, None), "process id 7", "of an older poof, or no text at all");
        assert!(named(7, of(7, "\u{1b}[2J")).starts_with("process id 7, since"));
    }
}
