//! What goes into bundles: sent together, and proven as one object.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::AsFd;

use super::confirmation::{Receipt, told};
use super::{Coming, Outgoing, Refused, in_time};
use crate::base::error::Result;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::{InTime, Watch};
use crate::storage::store::{Bytes, Packed, Send, Sent};
use crate::tree::backup::bundling::groups;
use crate::tree::model::bundle::Bundle;
use crate::tree::model::change::Why;
use crate::tree::model::entry::{Entry, EntryKind, Member, Stored, Xattrs};
use crate::tree::model::layout::Names;
use crate::tree::model::plan::Failed;
use crate::tree::remote::listing::list;
use crate::tree::remote::object_metadata;
use crate::tree::remote::packed;
use crate::tree::remote::sent::{Verdict, judge};
use crate::tree::retry::{Attempt, Failures, retrying};

/// What an archive says of a regular file and of a link beside its mode, on every system.
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The bundles of this run.
#[derive(Debug, Default)]
pub struct Packing {
    /// The highest number that was given.
    pub last: u64,
    /// Up to so many bytes a file is in a bundle whether it becomes smaller or not.
    limit: u64,
    /// Those that were sent and are not proven, by number.
    sent: BTreeMap<u64, Sent>,
    /// Those that are.
    pub made: Vec<Bundle>,
}

impl Packing {
    /// For bundles whose numbers come after `last`, with files of up to `limit` bytes.
    pub fn after(last: u64, limit: u64) -> Self {
        Packing { last, limit, ..Packing::default() }
    }
}

impl Outgoing<'_> {
    /// Leaves in their bundles what was renamed here: only the snapshot has to say so.
    pub(super) fn rename_members(&mut self) {
        for change in self.changes.iter_mut().filter(|change| change.send.is_some()) {
            let Some(from) = change.from.as_ref().filter(|from| from.member().is_some()) else {
                continue;
            };
            let content = from.file().and_then(|data| data.content);
            if let (Some(stored), Some(mut entry)) = (from.stored.clone(), change.entry()) {
                object_metadata::complete(&mut entry, stored, content);
                change.complete(&entry);
                change.send = None;
            }
        }
    }

    /// Sends what goes into bundles. What does not belong into one after all is left to be
    /// sent by itself.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub(super) fn store_bundles(&mut self, watch: &mut dyn Watch) -> Result<Failures> {
        let doing = format!("store the files of {}", self.names.tree());
        let unsent = |this: &Self| {
            let unsent = this.changes.iter().enumerate();
            let unsent = unsent.filter(|(_, change)| change.send.is_some() && change.bundled);
            unsent.map(|(index, _)| index).collect()
        };
        let attempt = |this: &mut Self, pending: &[usize]| {
            this.in_portions(pending, |this, portion| this.send_bundles(portion, watch))
        };
        retrying(self, &doing, unsent, attempt)
    }

    fn send_bundles(&mut self, pending: &[usize], watch: &mut dyn Watch) -> Attempt<Failures> {
        let groups = groups(self.changes, pending);
        let first = self.packing.last + 1;
        self.packing.last += groups.len() as u64;
        let jobs = groups.iter().zip(0..).map(|(group, id)| Send {
            id,
            remote: Bytes(self.names.bundle_place(first + id).into_bytes()),
            members: group.iter().filter_map(|&index| self.member(index)).collect(),
            ..Send::default()
        });
        let (mut stored, mut refused, mut declined) = (Vec::new(), Vec::new(), Vec::new());
        let (mut sent, mut noted) = (BTreeMap::new(), Ok(()));
        let root = Some(self.root.handle().as_fd());
        let done = self.store.send(root, None, jobs, &mut InTime(watch), |mut record: Sent| {
            let group = usize::try_from(record.id).ok().and_then(|id| groups.get(id));
            let Some(group) = group else { return };
            let number = first + record.id;
            if let Some(failure) = record.failure.take() {
                let changed = false;
                let each = |&index| Refused { index, failure: failure.clone(), changed };
                refused.extend(group.iter().map(each));
                return;
            }
            let mut members = Vec::new();
            for packed in std::mem::take(&mut record.members) {
                let Packed { id, changed, failure, content, offset, size, deflated, .. } = packed;
                let index = usize::try_from(id).unwrap_or(usize::MAX);
                match failure {
                    Some(failure) => refused.push(Refused { index, failure, changed }),
                    None if packed.declined => declined.push(index),
                    None => {
                        let member = Member { bundle: number, offset, size, deflated };
                        members.push(Receipt::of_member(index, member, &content));
                    }
                }
            }
            if !members.is_empty() {
                let done = self.note(number, &record, &members);
                noted = std::mem::replace(&mut noted, Ok(())).and(done);
                stored.append(&mut members);
                sent.insert(number, record);
            }
        });
        in_time(done, watch)?;
        noted.map_err(|error| Failure::other(&error.to_string()))?;
        self.packing.sent.extend(sent);
        for index in declined {
            let change = &mut self.changes[index];
            change.bundled = false;
            change.odd |= change.entry().as_ref().is_some_and(Names::reads_like_a_link);
        }
        let mut failed = Failures::new();
        self.refuse(refused, &mut failed);
        self.prove_and_pack(stored, &mut failed, watch)?;
        self.note_unsent(pending, &mut failed, watch);
        Ok(failed)
    }

    /// Notes what has gone up in a bundle: if this run is killed, the next one need not send it
    /// again.
    fn note(&self, number: u64, sent: &Sent, members: &[Receipt]) -> Result<()> {
        let Some(Coming { snapshots, .. }) = self.coming else { return Ok(()) };
        let entry = |receipt: &Receipt| {
            let mut entry = self.changes[receipt.index].entry()?;
            receipt.write_into(&mut entry);
            // They may be large, and are looked at again.
            entry.attributes.xattrs = Xattrs::new();
            Some(entry)
        };
        let members: Vec<Entry> = members.iter().filter_map(entry).collect();
        let (object, _) = object_metadata::read(sent, false);
        packed::note(&snapshots.cache, &Bundle { number, object, until: None }, &members)
    }

    fn member(&self, index: usize) -> Option<Send> {
        let entry = &self.changes[index].entry()?;
        let job = seen(index, entry)?;
        let kind = match entry.kind {
            EntryKind::Symlink { .. } => LINK,
            _ => REGULAR,
        };
        let mode = kind | entry.attributes.mode;
        let if_smaller = entry.file().is_some_and(|data| data.size > self.packing.limit);
        Some(Send { mode, if_smaller, ..job })
    }

    /// Asks the server for the bundles of these members, by a listing: what that shows, later
    /// runs go by.
    pub(super) fn prove_members(
        &mut self,
        members: Vec<Receipt>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        if members.is_empty() {
            return Ok(());
        }
        let shown = list(self.store, &self.names.bundles(), &[], watch)?;
        let (numbers, sent): (Vec<u64>, Vec<Sent>) =
            std::mem::take(&mut self.packing.sent).into_iter().unzip();
        let places = numbers.iter().map(|number| Bytes(self.names.bundle_place(*number).into()));
        let places: Vec<_> = places.collect();
        let shown = numbers.iter().map(|number| shown.shown(Names::bundle(*number).as_bytes()));
        let verdicts = judge(self.store, &places, sent, shown.collect(), watch)?;
        let mut unproven: HashMap<u64, (FailureKind, String)> = HashMap::new();
        for (number, verdict) in numbers.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Proven(sent) => {
                    let (object, _) = object_metadata::read(&sent, false);
                    self.packing.made.push(Bundle { number, object, until: None });
                }
                other => drop(unproven.insert(number, told(other))),
            }
        }
        for receipt in members {
            let Stored::Member(member) = &receipt.stored else { continue };
            match unproven.get(&member.bundle) {
                None => {
                    self.accept(&receipt);
                    self.changes[receipt.index].odd = false;
                }
                Some((kind, why)) => {
                    let path = self.changes[receipt.index].path();
                    failed.insert(receipt.index, Failed::at(path, *kind, why));
                }
            }
        }
        Ok(())
    }

    /// Takes note of what could not be sent. What has changed is looked at again.
    pub(super) fn refuse(&mut self, refused: Vec<Refused>, failed: &mut Failures) {
        for Refused { index, failure, changed } in refused {
            let Some(change) = self.changes.get_mut(index) else { continue };
            if changed && change.send == Some(Why::Repacked) {
                // What the remote holds is not what the file holds any more.
                change.send = Some(Why::Changed);
            }
            let mut kind = failure.kind;
            if let (true, Some(mut entry)) = (changed, change.entry()) {
                kind = object_metadata::refresh(self.root, &mut entry)
                    .map_or(FailureKind::Missing, |()| FailureKind::Other);
                change.complete(&entry);
            }
            failed.insert(index, Failed::at(change.path(), kind, &failure.text));
        }
    }
}

/// The job that reads an entry, which a change with this number is of, as it was seen.
pub(super) fn seen(index: usize, entry: &Entry) -> Option<Send> {
    let (mtime, local) = (entry.attributes.mtime, entry.local?);
    let mut job = Send {
        id: index as u64,
        path: Bytes(entry.path.clone()),
        dev: local.dev,
        ino: local.ino,
        mtime: (mtime.seconds, i64::from(mtime.nanos)),
        ctime: (local.ctime.seconds, i64::from(local.ctime.nanos)),
        ..Send::default()
    };
    match &entry.kind {
        EntryKind::File(data) => job.size = data.size,
        EntryKind::Symlink { target } => job.data = Some(Bytes(target.clone())),
        _ => return None,
    }
    Some(job)
}
