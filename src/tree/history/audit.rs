//! Whether earlier snapshots come back: each of their files is in its place or is kept.

use std::collections::hash_map::Entry::Vacant;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Past, id};
use crate::base::error::{Kind, Result};
use crate::base::units::now;
use crate::storage::job::Watch;
use crate::storage::store::Store;
use crate::tree::model::entry::{Attributes, Entry, Member, Stored};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::proof::check::Sample;
use crate::tree::remote::bundles::Bundles;
use crate::tree::remote::listing::Listing;
use crate::tree::remote::read_back::{Fault, read_back};
use crate::tree::snapshot::{Heads, Snapshot, Snapshots, Told};

/// How it is.
#[derive(Debug, Default)]
pub struct Audit {
    /// Earlier snapshots that were looked at.
    pub snapshots: u64,
    pub lost: Vec<Lost>,
    /// Files whose objects are kept, each once.
    kept: Vec<Entry>,
    past: Past,
    /// By what it is, the newest snapshot that has something that is kept.
    newest: HashMap<String, u64>,
}

impl Audit {
    /// The kept files that a sample has, and the bytes of their objects, as stored.
    pub fn readable(&mut self, sample: &Sample) -> (u64, u64) {
        self.kept = sample.of(std::mem::take(&mut self.kept));
        let sizes = self.kept.iter().filter_map(|entry| Some(entry.stored.as_ref()?.size()));
        (self.kept.len() as u64, sizes.fold(0, u64::saturating_add))
    }

    /// What others have put among what is kept, from the top of the bucket.
    pub fn strangers(&self) -> &[Vec<u8>] {
        &self.past.strangers
    }

    /// Reads them back. A listing says nothing of what a disk holds.
    ///
    /// # Errors
    /// The remote fails, or an interrupt.
    pub fn read_back(
        &mut self,
        store: &Store,
        names: &Names,
        watch: &mut dyn Watch,
        told: impl FnMut(u64),
    ) -> Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let place = |entry: &Entry| match entry.stored.as_ref()? {
            Stored::Object(object) => Some(self.past.place(object)?.into_bytes()),
            Stored::Member(_) => names.holding(entry).ok(),
        };
        let (newest, lost) = (&self.newest, &mut self.lost);
        read_back(
            store,
            names.tree(),
            place,
            kept.into_iter().map(Ok),
            watch,
            told,
            |entry, fault| {
                let why = match fault {
                    Fault::Wrong(_) => "what is kept of it is something else".to_owned(),
                    Fault::Unreadable(why) => why,
                };
                let id = entry.stored.as_ref().map(key).unwrap_or_default();
                let generation = newest.get(&id).copied().unwrap_or_default();
                lost.push(Lost { generation, path: Some(entry.path.clone()), why: Some(why) });
            },
        )
    }
}

/// Tells what is kept from all else that is.
fn key(stored: &Stored) -> String {
    match stored {
        Stored::Object(object) => id(object),
        Stored::Member(Member { bundle, offset, .. }) => format!("{bundle} {offset}"),
    }
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
    audit.past = Past::list(snapshots.store, &snapshots.names, watch)?;
    // What is in the shards of the newest was looked at.
    let newest = all.iter().find(|told| told.generation() == newest.generation());
    let mut read: HashSet<_> = newest.into_iter().flat_map(Told::shards).collect();
    let mut known = HashSet::new();
    let mut bundles = Bundles::new(snapshots.bundles.below(""));
    for told in within {
        bundles.expect(told.bundles());
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
            let kept = match stored {
                Stored::Object(object) => {
                    if listing.state(&entry)? == State::Intact {
                        continue;
                    }
                    audit.past.place(object).is_some()
                }
                Stored::Member(member) => bundles.state(member) == State::Intact,
            };
            if kept {
                if let Vacant(place) = audit.newest.entry(key(stored)) {
                    place.insert(generation);
                    // Its attributes may be large, and are not wanted.
                    audit.kept.push(Entry { attributes: Attributes::default(), ..entry });
                }
            } else if known.insert((entry.path.clone(), key(stored))) {
                audit.lost.push(Lost { generation, path: Some(entry.path), why: None });
            }
        }
    }
    Ok(audit)
}
