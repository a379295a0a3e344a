//! Whether what a backup replaces and removes is kept, and whether the remote can do that.

use super::repository::Repository;
use crate::base::error::{Error, Kind, Result};
use crate::config::Ready;
use crate::storage::store::Abilities;
use crate::tree::snapshot::Keep;

/// What becomes of earlier snapshots in a bucket that is open.
///
/// # Errors
/// As [`is_possible`].
pub(super) fn keep(repository: &Repository, ready: &Ready) -> Result<Keep> {
    is_possible(ready)?;
    Ok(Keep { time: ready.keep(), past: repository.past })
}

/// Refuses `"keep"` where the remote can neither copy nor move an object by itself: each would
/// have to be fetched and sent again. It is not asked.
///
/// # Errors
/// The refusal.
pub fn is_possible(ready: &Ready) -> Result<()> {
    let remote = ready.remote();
    if ready.keep().is_none_or(|time| time.is_zero()) {
        return Ok(());
    }
    let doing = format!("find out what {} can do", remote.name());
    let abilities = remote.store().abilities();
    let Abilities { copies, moves } = abilities.map_err(|f| f.into_error(&doing, Kind::Remote))?;
    if copies || moves {
        return Ok(());
    }
    let what = format!(
        "{} can neither copy nor move an object by itself, so poof.conf \"keep\" is not possible",
        remote.name()
    );
    Err(Error::config(what).hint("Remove \"keep\" from poof.conf, or back up elsewhere."))
}
