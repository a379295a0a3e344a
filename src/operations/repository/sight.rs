//! The first look at a bucket: its top, from both sides of the encryption.

use std::thread::{self, ScopedJoinHandle};

use crate::base::error::{Kind, Result};
use crate::config::Ready;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::remote::Remote;
use crate::tree::guard::Sight;
use crate::tree::model::layout::RECORDS;

/// Looks at the top of the bucket, from both sides of the encryption.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn look(ready: &Ready) -> Result<Sight> {
    let remote = ready.remote();
    let place = remote.name();
    let fail = |failure: Failure| failure.into_error(&format!("list {place}"), Kind::Remote);
    let (here, there) = thread::scope(|scope| {
        let there = ready.counterpart().map(|other| scope.spawn(move || other.top()));
        (remote.top(), there.map(joined))
    });
    let here = here.map_err(fail)?;
    let there = match there {
        Some(there) => match there {
            Ok(top) => Some(top),
            // Its passwords may be wrong, which is no matter for this remote.
            Err(failure) if failure.kind == FailureKind::Config && !remote.is_encrypted() => None,
            Err(failure) => return Err(fail(failure)),
        },
        None => None,
    };
    let is_there = there.as_ref().is_some_and(|top| top.holds(RECORDS)) && !here.holds(RECORDS);
    let saved_there = match ready.counterpart().filter(|_| is_there) {
        // `verify` leaves an empty directory on a disk.
        Some(other) => has_trees(other).map_err(fail)?,
        None => false,
    };
    Ok(Sight { here, there, encrypted: remote.is_encrypted(), saved_here: false, saved_there })
}

/// Whether there are records of trees.
fn has_trees(remote: &Remote) -> std::result::Result<bool, Failure> {
    let directories = remote.store().directories(RECORDS)?;
    Ok(directories.iter().any(|name| name == "trees"))
}

/// What a thread that asks the remote comes back with.
pub fn joined<T>(
    thread: ScopedJoinHandle<std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    thread.join().unwrap_or_else(|_| Err(Failure::other("a thread ended")))
}
