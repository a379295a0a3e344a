//! Stores the objects of a tree and proves each: what counts as stored is what
//! the server itself shows afterwards, a hash of exactly the bytes that were
//! sent.

pub(in crate::tree) mod collisions;
pub(in crate::tree) mod confirmation;
mod doubt;
pub(in crate::tree) mod overlap;
mod packing;

use std::collections::{HashMap, HashSet};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use crate::base::error::{Kind, Result};
use crate::host::memory;
use crate::host::spill::Spill;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::{InTime, Watch};
use crate::storage::store::{Bytes, Copy, Have, Send, Store};
use crate::tree::model::bundle::Bundle;
use crate::tree::model::change::{Change, Why};
use crate::tree::model::layout::Names;
use crate::tree::model::path::LocalPath;
use crate::tree::model::plan::Failed;
use crate::tree::remote::listing::Listing;
use crate::tree::remote::object_metadata::as_sent;
use crate::tree::remote::unusual_names::kinds;
use crate::tree::retry::{Attempt, Failures, retrying};
use crate::tree::scan::root::Root;
use crate::tree::snapshot::Arrived;
use confirmation::Receipt;
pub use overlap::Coming;
pub use packing::Packing;

/// How it went.
#[derive(Debug, Default)]
pub struct Carried {
    /// What could not be stored or not be proven.
    pub failed: Vec<Failed>,
    /// Paths of which an equal object was there already.
    pub kept: HashSet<LocalPath>,
    /// Shards of the next generation that were sent meanwhile.
    pub arrived: Arrived,
    /// The bundles that were made.
    pub bundles: Vec<Bundle>,
    /// The highest number that was given to one.
    pub last_bundle: u64,
}

/// What could not be sent.
struct Refused {
    /// Of its change.
    index: usize,
    failure: Failure,
    /// The file is not, or no longer, what was seen.
    changed: bool,
}

/// Where objects go, and what is known to be there.
pub struct Outgoing<'a> {
    pub store: &'a Store,
    pub names: &'a Names,
    /// What is sent becomes part of it.
    pub coming: Option<Coming<'a>>,
    pub root: &'a Root,
    /// Where uploads in parts are noted.
    pub notes: Option<&'a Path>,
    /// Before anything was sent.
    pub listing: &'a Listing,
    /// Those that failed still have their `send` in the end.
    pub changes: &'a mut [Change],
    /// Paths of which an equal object was there already.
    pub kept: HashSet<LocalPath>,
    /// Shards of the next generation that were sent meanwhile.
    pub arrived: Arrived,
    /// Changes whose objects arrived, and were not shown.
    pub unseen: HashSet<usize>,
    /// Where the remote has to move what is at a place before something else comes there.
    pub aside: HashMap<Vec<u8>, Vec<u8>>,
    pub packing: Packing,
    /// Where the entries of those go that are proven, if there are many.
    pub spill: Option<Arc<Spill>>,
}

impl Outgoing<'_> {
    /// Stores the object of every change that needs it and completes its entry.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry(mut self, watch: &mut dyn Watch) -> Result<Carried> {
        self.rename_members();
        let mut failed = self.store_bundles(watch)?;
        self.doubt(watch)?;
        let mut rivals = self.rivals();
        if !rivals.is_empty() && self.store.distinct && !self.folds(watch)? {
            rivals.clear();
        }
        for rival in &rivals {
            // A copy would fall upon the other as well.
            self.changes[rival.index].from = None;
        }
        self.copy(watch).map_err(|f| f.into_error("copy what was renamed", Kind::Incomplete))?;
        let later: HashSet<usize> = rivals.iter().map(|rival| rival.index).collect();
        failed.extend(self.store_all(|index| !later.contains(&index), watch)?);
        if !rivals.is_empty() {
            self.try_folding(rivals, watch)?;
            failed.extend(self.store_all(|index| later.contains(&index), watch)?);
        }
        let Outgoing { kept, arrived, packing, .. } = self;
        let failed = failed.into_values().collect();
        let (bundles, last_bundle) = (packing.made, packing.last);
        Ok(Carried { failed, kept, arrived, bundles, last_bundle })
    }

    /// Stores what has to be stored among `these`.
    fn store_all(
        &mut self,
        these: impl Fn(usize) -> bool,
        watch: &mut dyn Watch,
    ) -> Result<Failures> {
        let doing = format!("store the files of {}", self.names.tree());
        let unsent = |this: &Self| {
            let unsent = this.changes.iter().enumerate();
            let unsent = unsent.filter(|(_, change)| change.send.is_some() && !change.bundled);
            unsent.map(|(index, _)| index).filter(|index| these(*index)).collect()
        };
        let attempt = |this: &mut Self, pending: &[usize]| {
            this.in_portions(pending, |this, portion| this.attempt(portion, watch))
        };
        retrying(self, &doing, unsent, attempt)
    }

    /// Copies on the server what was renamed here. What does not work is sent.
    fn copy(&mut self, watch: &mut dyn Watch) -> Attempt<()> {
        let job = |(id, change): (usize, &Change)| {
            let (from, entry) = (change.from.as_ref()?, change.entry()?);
            let stored = from.object()?;
            Some(Copy {
                id: id as u64,
                from: Bytes(self.names.place(from, stored.odd).ok()?),
                remote: Bytes(self.names.place(&entry, change.odd).ok()?),
                size: stored.size,
            })
        };
        let jobs: Vec<_> = self.changes.iter().enumerate().filter_map(job).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let done = self.store.copy(jobs, watch)?;
        let copied = done.into_iter().filter(|record| record.failure.is_none());
        let sent = copied.filter_map(|record| {
            let index = usize::try_from(record.id).ok()?;
            let Change { from, odd, .. } = self.changes.get(index)?;
            Some(Receipt::new(index, &as_sent(from.as_ref()?)?, *odd))
        });
        let sent = sent.collect();
        self.prove_all(sent, &mut Failures::new(), watch)
    }

    /// Sends once; what turns out to have a name that the remote cannot hold is
    /// sent again under another.
    fn attempt(&mut self, pending: &[usize], watch: &mut dyn Watch) -> Attempt<Failures> {
        let mut failed = self.send(pending, watch)?;
        self.note_unsent(pending, &mut failed, watch);
        let may_be_odd = |(&i, failure): (&usize, &Failed)| {
            let change = &self.changes[i];
            let named = failure.kind == FailureKind::Name;
            // A server that keeps objects as files may say nothing but that it failed.
            let other = matches!(failure.kind, FailureKind::Other | FailureKind::Failing)
                && is_hard(change.path());
            (!change.odd && (named || other)).then_some(i)
        };
        let odd: Vec<usize> = failed.iter().filter_map(may_be_odd).collect();
        if !odd.is_empty() {
            for &index in &odd {
                self.changes[index].odd = true;
            }
            let again = self.send(&odd, watch)?;
            self.take_back(&odd, watch)?;
            for index in odd {
                match again.get(&index) {
                    // It was not the name.
                    Some(_) if failed[&index].kind != FailureKind::Name => {
                        self.changes[index].odd = false;
                    }
                    Some(failure) => drop(failed.insert(index, failure.clone())),
                    None => drop(failed.remove(&index)),
                }
            }
        }
        Ok(failed)
    }

    /// Removes what arrived under a name that is not shown and is kept under another now,
    /// unless the server may have taken that name for one of something else.
    fn take_back(&self, odd: &[usize], watch: &mut dyn Watch) -> Attempt<()> {
        let place = |index: &usize| {
            let entry = self.changes[*index].entry()?;
            self.names.place(&entry, false).ok().map(Bytes)
        };
        let unseen = odd.iter().filter(|index| self.unseen.contains(index));
        let places: Vec<Bytes> = unseen.filter_map(place).collect();
        if !places.is_empty() && self.store.distinct && !self.probe_folding(watch)? {
            self.store.remove(&places, watch)?;
        }
        Ok(())
    }

    fn send(&mut self, pending: &[usize], watch: &mut dyn Watch) -> Attempt<Failures> {
        let mut unnamed = Vec::new();
        let jobs = pending.iter().filter_map(|&i| {
            let job = self.job(i, &self.changes[i]);
            if job.is_none() {
                unnamed.push(i);
            }
            job
        });
        let (mut stored, mut refused) = (Vec::new(), Vec::new());
        let root = Some(self.root.handle().as_fd());
        let sent = self.store.send(root, self.notes, jobs, &mut InTime(watch), |mut record| {
            let index = usize::try_from(record.id).unwrap_or(usize::MAX);
            let Some(change) = self.changes.get(index) else { return };
            match record.failure.take() {
                Some(failure) => {
                    refused.push(Refused { index, failure, changed: record.changed });
                }
                None => stored.push(Receipt::new(index, &record, change.odd)),
            }
        });
        in_time(sent, watch)?;
        let mut failed = Failures::new();
        for index in unnamed {
            let why = "it has no name that an object could have";
            failed.insert(index, Failed::at(self.changes[index].path(), FailureKind::Name, why));
        }
        self.refuse(refused, &mut failed);
        stored.retain(|stored| {
            let is_known = stored.proven || stored.kept;
            if stored.kept {
                self.kept.insert(LocalPath::new(self.changes[stored.index].path()));
            }
            if is_known {
                self.accept(stored);
            }
            !is_known
        });
        self.prove_and_pack(stored, &mut failed, watch)?;
        Ok(failed)
    }

    /// Attempts `pending` in portions of a bounded size. What is proven goes out of memory.
    fn in_portions(
        &mut self,
        pending: &[usize],
        mut attempt: impl FnMut(&mut Self, &[usize]) -> Attempt<Failures>,
    ) -> Attempt<Failures> {
        let mut failed = Failures::new();
        for portion in pending.chunks(PORTION) {
            failed.extend(attempt(self, portion)?);
            let Some(spill) = &self.spill else { continue };
            for &index in portion {
                let change = &mut self.changes[index];
                // The names of those that are odd are asked for later.
                if change.send.is_none() && !change.odd && change.spill(spill).is_err() {
                    // Without space there it stays here.
                    self.spill = None;
                    break;
                }
            }
            memory::give_back();
        }
        Ok(failed)
    }

    /// Takes note of what there was no time for.
    fn note_unsent(&self, pending: &[usize], failed: &mut Failures, watch: &dyn Watch) {
        if !watch.sends_no_more() {
            return;
        }
        for &index in pending {
            let change = &self.changes[index];
            if change.send.is_some() && failed.get(&index).is_none_or(|f| is_stopped(f.kind)) {
                let failure = Failed::at(change.path(), FailureKind::Stopped, NO_TIME);
                failed.insert(index, failure);
            }
        }
    }

    fn job(&self, index: usize, change: &Change) -> Option<Send> {
        let entry = &change.entry()?;
        let job = packing::seen(index, entry)?;
        let look = || self.listing.look(entry, change.odd).map(|(size, tag)| Have { size, tag });
        // What is damaged may be shown as ever.
        let have = if change.send == Some(Why::ObjectChanged) { None } else { look() };
        let remote = self.names.place(entry, change.odd).ok()?;
        let aside = self.aside.get(&remote).cloned().map(Bytes);
        Some(Send { remote: Bytes(remote), have, aside, ..job })
    }
}

/// Why something was not sent for which there was no time.
pub(in crate::tree) const NO_TIME: &str = "there was no time to send it";

fn is_stopped(kind: FailureKind) -> bool {
    kind == FailureKind::Stopped
}

/// What was sent until there was no time for more is no failure.
fn in_time(sent: Attempt<()>, watch: &dyn Watch) -> Attempt<()> {
    match sent {
        Err(failure) if is_stopped(failure.kind) && watch.sends_no_more() => Ok(()),
        other => other,
    }
}

/// So many files are sent before they are proven, and the next ones then: what is known of
/// those that are not proven is in memory. Tests have small trees.
pub const PORTION: usize = if cfg!(test) { 500 } else { 1 << 17 };

/// Whether a file system below a server may have trouble with a name.
fn is_hard(path: &[u8]) -> bool {
    /// What a server appends to names of its own files is rarely more than is left.
    const LONG: usize = 192;
    !kinds(path).is_empty() || path.split(|byte| *byte == b'/').any(|part| part.len() > LONG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::job::Unwatched;
    use crate::storage::remote::Remote;
    use crate::tree::model::change::{News, Why};
    use crate::tree::model::entry::{Attributes, Entry, EntryKind};
    use crate::tree::model::inventory::Inventory;

    #[test]
    fn what_cannot_be_an_object_is_named_and_not_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let entry = Entry {
            path: b"queue".to_vec(),
            kind: EntryKind::Fifo,
            attributes: Attributes::default(),
            hard_link: None,
            stored: None,
            local: None,
        };
        let mut changes = [Change::of(&entry, Some(Why::New), News::New)];
        let none = Inventory::default;
        let mut listing = Listing::new(none(), &none(), none());
        listing.own.sort();
        listing.odd.sort();
        let outgoing = Outgoing {
            store: &Remote::plain(":local", &dir.path().to_string_lossy(), false).store(),
            names: &Names::new("tree"),
            root: &Root::open(dir.path()).unwrap(),
            notes: None,
            listing: &listing,
            changes: &mut changes,
            kept: HashSet::new(),
            coming: None,
            arrived: Arrived::new(),
            unseen: HashSet::new(),
            aside: HashMap::new(),
            packing: Packing::default(),
            spill: None,
        };
        let failed = outgoing.carry(&mut Unwatched).unwrap().failed;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!((failed[0].path.to_str(), failed[0].kind), (Some("queue"), FailureKind::Name));
        assert!(!failed[0].kind.is_worth_retrying());
    }
}
