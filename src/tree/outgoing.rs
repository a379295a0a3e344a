//! Stores the objects of a tree and proves each: what counts as stored is what
//! the server itself shows afterwards, a hash of exactly the bytes that were
//! sent.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::change::Change;
use super::entry::EntryKind;
use super::listing::Listing;
use super::objects::Names;
use super::plan::Failed;
use super::proof::{Verdict, judge, look};
use super::retry::{Attempt, Failures, retrying};
use super::stored::{as_sent, complete, refresh};
use crate::base::error::{Kind, Result};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Copy, Have, Send, Sent, Shown, Store};

/// Up to so many objects are asked for one by one: that takes one round trip, and a
/// listing one for each thousand objects that are there. (For S3, a listing also costs as
/// much as a dozen of these requests.)
const ONE_BY_ONE: usize = 64;

/// How it went.
#[derive(Debug, Default)]
pub struct Carried {
    /// What could not be stored or not be proven.
    pub failed: Vec<Failed>,
    /// Paths of which an equal object was there already.
    pub kept: HashSet<PathBuf>,
}

/// Where objects go, and what is known to be there.
pub struct Outgoing<'a> {
    pub store: &'a Store,
    pub names: &'a Names,
    pub root: &'a Path,
    /// Before anything was sent.
    pub listing: &'a Listing,
    /// Those that failed still have their `send` in the end.
    pub changes: &'a mut [Change],
    /// Paths of which an equal object was there already.
    pub kept: HashSet<PathBuf>,
}

impl Outgoing<'_> {
    /// Stores the object of every change that needs it and completes its entry.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry(mut self, watch: &mut dyn Watch) -> Result<Carried> {
        let rivals = if self.store.distinct { Vec::new() } else { self.rivals() };
        for rival in &rivals {
            // A copy would fall upon the other as well.
            self.changes[rival.index].from = None;
        }
        self.copy(watch).map_err(|f| f.into_error("copy what was renamed", Kind::Incomplete))?;
        let later: HashSet<usize> = rivals.iter().map(|rival| rival.index).collect();
        let mut failed = self.store_all(|index| !later.contains(&index), watch)?;
        if !rivals.is_empty() {
            self.try_folding(rivals, watch)?;
            failed.extend(self.store_all(|index| later.contains(&index), watch)?);
        }
        Ok(Carried { failed: failed.into_values().collect(), kept: self.kept })
    }

    /// Stores what has to be stored among `these`.
    fn store_all(
        &mut self,
        these: impl Fn(usize) -> bool,
        watch: &mut dyn Watch,
    ) -> Result<Failures> {
        let doing = format!("store the files of {}", self.names.tree());
        let unsent = |this: &Self| {
            let unsent = (0..this.changes.len()).filter(|&i| this.changes[i].send.is_some());
            unsent.filter(|&i| these(i)).collect()
        };
        let attempt = |this: &mut Self, pending: &[usize]| this.attempt(pending, watch);
        retrying(self, &doing, unsent, attempt)
    }

    /// Copies on the server what was renamed here. What does not work is sent.
    fn copy(&mut self, watch: &mut dyn Watch) -> Attempt<()> {
        let job = |(id, change): (usize, &Change)| {
            let (from, entry) = (change.from.as_ref()?, change.entry.as_ref()?);
            let stored = from.stored.as_ref()?;
            Some(Copy {
                id: id as u64,
                from: Bytes(self.names.place(from, stored.odd).ok()?),
                remote: Bytes(self.names.place(entry, change.odd).ok()?),
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
            Some((index, as_sent(self.changes.get(index)?.from.as_ref()?)?))
        });
        let sent = sent.collect();
        self.prove_all(sent, &mut Failures::new(), watch)
    }

    /// Sends once; what turns out to have a name that the remote cannot hold is
    /// sent again under another.
    fn attempt(&mut self, pending: &[usize], watch: &mut dyn Watch) -> Attempt<Failures> {
        let mut failed = self.send(pending, watch)?;
        let is_odd = |(&i, failure): (&usize, &Failed)| {
            (failure.kind == FailureKind::Name && !self.changes[i].odd).then_some(i)
        };
        let odd: Vec<usize> = failed.iter().filter_map(is_odd).collect();
        if !odd.is_empty() {
            for index in &odd {
                self.changes[*index].odd = true;
                failed.remove(index);
            }
            failed.extend(self.send(&odd, watch)?);
        }
        Ok(failed)
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
        let mut records = Vec::new();
        let root = self.root.to_string_lossy();
        self.store.send(&root, jobs, watch, |record: Sent| records.push(record))?;
        let mut failed = Failures::new();
        for index in unnamed {
            let why = "it has no name that an object could have";
            failed.insert(index, Failed::at(&self.changes[index].path, FailureKind::Name, why));
        }
        let mut unproven = Vec::new();
        for sent in records {
            let index = usize::try_from(sent.id).unwrap_or(usize::MAX);
            let Some(change) = self.changes.get_mut(index) else { continue };
            let Some(entry) = change.entry.as_mut() else { continue };
            match &sent.failure {
                Some(failure) => {
                    let mut why = failure.clone();
                    if sent.changed {
                        why.kind = refresh(self.root, entry)
                            .map_or(FailureKind::Missing, |()| FailureKind::Other);
                    }
                    failed.insert(index, Failed::at(&change.path, why.kind, &why.text));
                }
                None => {
                    if sent.proven || sent.kept {
                        if sent.kept {
                            self.kept.insert(entry.as_path().to_path_buf());
                        }
                        complete(entry, &sent, change.odd);
                        change.send = None;
                    } else {
                        unproven.push((index, sent));
                    }
                }
            }
        }
        self.prove_all(unproven, &mut failed, watch)?;
        Ok(failed)
    }

    /// Asks the server for what was sent, by single requests or by a listing.
    fn prove_all(
        &mut self,
        unproven: Vec<(usize, Sent)>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        let (odd, own): (Vec<_>, Vec<_>) =
            unproven.into_iter().partition(|(index, _)| self.changes[*index].odd);
        for (dir, unproven) in [(self.names.tree().to_owned(), own), (self.names.odd_dir(), odd)] {
            let listed = (unproven.len() > ONE_BY_ONE).then_some(dir.as_str());
            self.prove(unproven, listed, failed, watch)?;
        }
        Ok(())
    }

    /// By a listing of the directory `listed`, or by single requests.
    fn prove(
        &mut self,
        unproven: Vec<(usize, Sent)>,
        listed: Option<&str>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        if unproven.is_empty() {
            return Ok(());
        }
        let name = |index: usize| {
            let Change { entry, odd, .. } = &self.changes[index];
            let place = entry.as_ref().map(|entry| self.names.place(entry, *odd));
            place.and_then(Result::ok).unwrap_or_default()
        };
        let names: Vec<_> = unproven.iter().map(|(index, _)| Bytes(name(*index))).collect();
        let shown = if let Some(dir) = listed {
            let mut shown: Vec<Option<Shown>> = vec![None; names.len()];
            let position: BTreeMap<&[u8], usize> =
                names.iter().enumerate().map(|(i, name)| (name.0.as_slice(), i)).collect();
            // Some of what is to be there, for a listing from several places at once.
            let inside = |name: &Bytes| name.0.get(dir.len() + 1..).map(<[u8]>::to_vec);
            let marks: Vec<_> =
                names.iter().step_by((names.len() / 48).max(64)).filter_map(inside).collect();
            self.store.list(dir, &marks, watch, |record| {
                let full = [dir.as_bytes(), b"/", &record.remote.0].concat();
                if let Some(&i) = position.get(full.as_slice()) {
                    shown[i] = Some(record);
                }
            })?;
            shown
        } else {
            look(self.store, &names, watch)?
        };
        let (indexes, sent): (Vec<usize>, Vec<Sent>) = unproven.into_iter().unzip();
        let verdicts = judge(self.store, &names, sent, shown, watch)?;
        for (index, verdict) in indexes.into_iter().zip(verdicts) {
            let change = &mut self.changes[index];
            let Some(entry) = change.entry.as_mut() else { continue };
            let why = match verdict {
                Verdict::Proven(sent) => {
                    complete(entry, &sent, change.odd);
                    change.send = None;
                    continue;
                }
                Verdict::Unseen(Failure { kind, text, .. }) => {
                    let why =
                        format!("it was sent, and whether it is there cannot be seen: {text}");
                    failed.insert(index, Failed::at(&change.path, kind, &why));
                    continue;
                }
                Verdict::Other => "the server holds something else than was sent; run it again",
                Verdict::Absent => "it did not arrive; run it again",
            };
            failed.insert(index, Failed::at(&change.path, FailureKind::Unproven, why));
        }
        Ok(())
    }

    fn job(&self, index: usize, Change { entry, odd, .. }: &Change) -> Option<Send> {
        let entry = entry.as_ref()?;
        let have = self.listing.look(entry, *odd);
        let mtime = entry.attributes.mtime;
        let local = entry.local?;
        let mut job = Send {
            id: index as u64,
            path: Bytes(entry.path.clone()),
            remote: Bytes(self.names.place(entry, *odd).ok()?),
            data: None,
            have: have.map(|(size, tag)| Have { size, tag }),
            dev: local.dev,
            ino: local.ino,
            size: 0,
            mtime: (mtime.seconds, i64::from(mtime.nanos)),
            ctime: (local.ctime.seconds, i64::from(local.ctime.nanos)),
        };
        match &entry.kind {
            EntryKind::File(data) => job.size = data.size,
            EntryKind::Symlink { target } => job.data = Some(Bytes(target.clone())),
            _ => return None,
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::job::Unwatched;
    use crate::storage::remote::Remote;
    use crate::tree::change::{News, Why};
    use crate::tree::entry::{Attributes, Entry};
    use crate::tree::inventory::Inventory;

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
        let (path, send, news) = (entry.path.clone(), Some(Why::New), News::New);
        let mut changes = [Change { path, entry: Some(entry), send, odd: false, news, from: None }];
        let mut listing = Listing::new(Inventory::default(), &Inventory::default());
        listing.own.sort();
        listing.odd.sort();
        let outgoing = Outgoing {
            store: &Remote::plain(":local", &dir.path().to_string_lossy(), false).store(),
            names: &Names::new("tree"),
            root: dir.path(),
            listing: &listing,
            changes: &mut changes,
            kept: HashSet::new(),
        };
        let failed = outgoing.carry(&mut Unwatched).unwrap().failed;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!((failed[0].path.to_str(), failed[0].kind), (Some("queue"), FailureKind::Name));
        assert!(!failed[0].kind.is_worth_retrying());
    }
}
