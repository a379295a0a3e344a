//! One poof at a time on one configuration.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::error::{Error, Kind, Result};
use crate::base::files;

/// Held while it lives; the operating system drops it with the process,
/// however that ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] File); // held, never read

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
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = open.map_err(|error| Error::io("open the lock", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(Kind::Busy, "another poof is at work on this configuration")
                .hint("Wait for it to finish; nothing was changed."))
        }
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, &error)),
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
}
