//! Whether what a backup replaces and removes is kept, and whether the remote can do that.

use data_encoding::HEXLOWER;

use super::repository::Repository;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::config::{PoofConf, Ready, keep};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::store::{Abilities, Bytes, Copy, Done, Store};
use crate::tree::model::layout::{KEPT, RECORDS};
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
    if ready.keeps().is_none() {
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

/// Warns of a time in minutes, where days or months may be meant.
pub fn warn(session: &Session, poof: &PoofConf) {
    if let Some(minutes) = keep::in_minutes(poof) {
        session.report.warn(&format!(
            "poof.conf \"keep\": \"{minutes}m\" is {minutes} minutes. For {minutes} days, write \"{minutes}d\""
        ));
    }
}

/// Tries it with an object of its own: the remote copies it or moves it, and shows that.
///
/// # Errors
/// As [`is_possible`], or the remote refuses.
pub fn works(ready: &Ready) -> Result<()> {
    is_possible(ready)?;
    if ready.keeps().is_none() {
        return Ok(());
    }
    let (remote, store) = (ready.remote(), ready.remote().store());
    let doing =
        format!("copy or move a probe object in {}, which poof.conf \"keep\" needs", remote.name());
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Remote);
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
    let from = format!("{RECORDS}/probe-{}", HEXLOWER.encode(&id));
    let to = format!("{KEPT}/probe-{}", HEXLOWER.encode(&id));
    remote.put(&from, &id).map_err(fail)?;
    let tried = carry(&store, &from, &to);
    let names = [from, to].map(|name| Bytes(name.into_bytes()));
    let removed = store.remove(&names, &mut Unwatched);
    tried.map_err(fail)?;
    removed.map_err(fail)?;
    store.remove_empty_directories(KEPT).map_err(fail)
}

fn carry(store: &Store, from: &str, to: &str) -> std::result::Result<(), Failure> {
    let watch = &mut Unwatched;
    let job = || {
        let (from, remote) = (Bytes(from.into()), Bytes(to.into()));
        vec![Copy { id: 0, from, remote, size: 16 }]
    };
    let first = |done: Vec<Done>| done.into_iter().find_map(|done| done.failure);
    if let Some(failure) = first(store.copy(job(), watch)?) {
        if failure.kind != FailureKind::Unable {
            return Err(failure);
        }
        if let Some(failure) = first(store.rename(job(), watch)?) {
            return Err(failure);
        }
    }
    match store.look(&[Bytes(to.into())], watch)?.into_iter().find_map(|shown| shown.failure) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
