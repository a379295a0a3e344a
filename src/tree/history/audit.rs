//! Whether earlier snapshots come back: each of their files is in its place or is kept.

use std::collections::HashSet;
use std::time::Duration;

use super::Past;
use crate::base::error::{Kind, Result};
use crate::base::units::now;
use crate::storage::job::Watch;
use crate::tree::model::entry::Entry;
use crate::tree::model::inventory::State;
use crate::tree::remote::listing::Listing;
use crate::tree::snapshot::{Heads, Snapshot, Snapshots, Told};

/// How it is.
#[derive(Debug, Default)]
pub struct Audit {
    /// Earlier snapshots that were looked at.
    pub snapshots: u64,
    pub lost: Vec<Lost>,
}

/// A file that does not come back, or a snapshot that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Lost {
    /// The newest snapshot that has it.
    pub generation: u64,
    /// None: a part of the manifest.
    pub path: Option<Vec<u8>>,
    pub why: Option<String>,
}

/// Compares the snapshots before `newest` that are within the time `keep` with what is listed
/// in its place, and with what is kept.
///
/// # Errors
/// The remote fails.
pub fn audit(
    snapshots: &Snapshots,
    newest: &Snapshot,
    listing: &Listing,
    keep: Duration,
    watch: &mut dyn Watch,
) -> Result<Audit> {
    let mut audit = Audit::default();
    let Some(since) = snapshots.kept_since(watch)? else { return Ok(audit) };
    let Heads { all, unusable, .. } = snapshots.told(watch)?;
    let limit = now().saturating_sub(keep.as_secs());
    for (generation, why) in unusable {
        if (since..newest.generation()).contains(&generation) {
            audit.lost.push(Lost { generation, path: None, why: Some(why) });
        }
    }
    // Each with when the next one was made.
    let pairs = all.iter().zip(all.iter().skip(1));
    let within: Vec<&Told> = pairs
        .filter(|(next, told)| {
            let number = told.generation();
            (since..newest.generation()).contains(&number) && next.made().0 > limit
        })
        .map(|(_, told)| told)
        .collect();
    if within.is_empty() {
        return Ok(audit);
    }
    let past = Past::list(snapshots.store, &snapshots.names, watch)?;
    // What is in the shards of the newest was looked at.
    let newest = all.iter().find(|told| told.generation() == newest.generation());
    let mut read: HashSet<_> = newest.into_iter().flat_map(Told::shards).collect();
    let mut known = HashSet::new();
    for told in within {
        audit.snapshots += 1;
        let generation = told.generation();
        let mut files: Vec<Entry> = Vec::new();
        let outcome = snapshots.unread(told, &mut read, watch, |entry| {
            if entry.file().is_some() {
                files.push(entry);
            }
        });
        if let Err(error) = outcome {
            if error.kind() != Kind::Guard {
                return Err(error);
            }
            audit.lost.push(Lost { generation, path: None, why: Some(error.to_string()) });
        }
        for entry in files {
            let Some(stored) = &entry.stored else { continue };
            if listing.state(&entry)? != State::Intact
                && past.place(stored).is_none()
                && known.insert((entry.path.clone(), stored.md5))
            {
                audit.lost.push(Lost { generation, path: Some(entry.path), why: None });
            }
        }
    }
    Ok(audit)
}
