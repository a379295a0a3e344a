//! Whether one side of a bucket holds what another has: then that may go.

use std::collections::HashSet;

use super::monitor::Monitor;
use super::repository::Repository;
use super::session::Session;
use crate::base::error::Result;
use crate::tree::model::entry::Content;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::snapshot::{Snapshot, Standing};

/// Why the newest snapshot of a tree is no proof.
pub enum Unproven {
    /// There is none that can be read.
    Unread,
    /// So many files of it.
    Files(u64),
}

/// Proves the newest snapshot of a tree, by what the remote shows of it now.
///
/// # Errors
/// The remote fails, or an interrupt.
pub fn proven(
    session: &Session,
    repository: &Repository,
    tree: &str,
) -> Result<std::result::Result<Proof, Unproven>> {
    let mut monitor = Monitor::comparison(&*session.report, tree);
    let (snapshots, listing) = repository.look_again(tree)?;
    let (Standing::Current(last) | Standing::Newer { found: last, .. }) =
        snapshots.last(&mut monitor)?
    else {
        return Ok(Err(Unproven::Unread));
    };
    let (store, names) = (snapshots.store, &snapshots.names);
    let evidence = Evidence { store, names, listing, read_back: false };
    let proof = Proof::of(last, evidence, &mut monitor)?;
    Ok(match proof.unproven().count() {
        0 => Ok(proof),
        count => Err(Unproven::Files(count as u64)),
    })
}

/// How many files of `other` have a content that no file of `held` has.
///
/// # Errors
/// One of them cannot be read.
pub fn lacking(held: &Snapshot, other: &Snapshot) -> Result<u64> {
    let held = contents(held)?.collect::<Result<HashSet<_>>>()?;
    let mut lacking = 0;
    for content in contents(other)? {
        lacking += u64::from(!held.contains(&content?));
    }
    Ok(lacking)
}

fn contents(snapshot: &Snapshot) -> Result<impl Iterator<Item = Result<Content>>> {
    let entries = snapshot.entries()?;
    Ok(entries.filter_map(|entry| match entry {
        Ok(entry) => entry.file().and_then(|data| data.content).map(Ok),
        Err(error) => Some(Err(error)),
    }))
}
