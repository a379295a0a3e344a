//! The proof of what was sent: the server shows it, in a listing or one by one.

use super::{Outgoing, is_hard};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Sent, Shown};
use crate::tree::model::entry::{Content, Entry, EntryKind, Member, Stored, StoredObject, Tag};
use crate::tree::model::inventory::State;
use crate::tree::model::plan::Failed;
use crate::tree::remote::listing::list_some;
use crate::tree::remote::object_metadata::{self, complete, sent_as};
use crate::tree::remote::sent::{Verdict, judge, look};
use crate::tree::retry::{Attempt, Failures};

/// Up to so many objects are asked for one by one: that takes one round trip, and a
/// listing one for each thousand objects that are there. (For S3, a listing also costs as
/// much as a dozen of these requests.)
pub(in crate::tree::backup) const ONE_BY_ONE: usize = 64;

/// Something that was sent, in few bytes: of a first backup there are as many as
/// files.
pub(super) struct Receipt {
    /// Of its change.
    pub index: usize,
    pub proven: bool,
    pub kept: bool,
    pub stored: Stored,
    content: Option<Content>,
    /// The size of the file, if it says another.
    real: Option<u64>,
}

impl Receipt {
    pub fn new(index: usize, sent: &Sent, odd: bool) -> Self {
        let (object, content) = object_metadata::read(sent, odd);
        let Sent { proven, kept, real, .. } = *sent;
        Receipt { index, proven, kept, stored: Stored::Object(object), content, real }
    }

    /// Of what was sent in a bundle; `hash` is the BLAKE3 of its content in hexadecimal.
    pub fn of_member(index: usize, member: Member, hash: &str) -> Self {
        let (stored, content) = (Stored::Member(member), object_metadata::content(hash));
        Receipt { index, proven: false, kept: false, stored, content, real: None }
    }

    /// The object that was sent; None: a bundle was.
    fn object(&self) -> Option<&StoredObject> {
        match &self.stored {
            Stored::Object(object) => Some(object),
            Stored::Member(_) => None,
        }
    }

    fn is_odd(&self) -> bool {
        self.object().is_some_and(|object| object.odd)
    }

    /// Completes the entry of what was sent.
    pub fn write_into(&self, entry: &mut Entry) {
        complete(entry, self.stored.clone(), self.content);
        if let (Some(size), EntryKind::File(data)) = (self.real, &mut entry.kind) {
            // A size that is none says nothing of holes either.
            (data.size, data.sparse) = (size, false);
        }
    }
}

impl Outgoing<'_> {
    /// Asks the server for what was sent, by single requests or by a listing.
    pub(super) fn prove_all(
        &mut self,
        unproven: Vec<Receipt>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        // What S3 says of an object alone need not be what its listings say of it, and
        // these are what the next run and a restore go by.
        let is_known = !self.store.distinct || self.listing.has_hashes() == Some(true);
        let (members, own): (Vec<_>, Vec<_>) =
            unproven.into_iter().partition(|sent| sent.object().is_none());
        self.prove_members(members, failed, watch)?;
        let (odd, own): (Vec<_>, Vec<_>) = own.into_iter().partition(Receipt::is_odd);
        for (dir, unproven) in [(self.names.tree().to_owned(), own), (self.names.odd_dir(), odd)] {
            let (doubtful, shown) =
                if unproven.len() > ONE_BY_ONE || !is_known && !unproven.is_empty() {
                    self.listed(&dir, unproven, watch)?
                } else {
                    let places: Vec<_> = unproven.iter().map(|s| Bytes(self.place(s))).collect();
                    let shown =
                        if places.is_empty() { vec![] } else { look(self.store, &places, watch)? };
                    (unproven, shown)
                };
            self.settle(doubtful, shown, failed, watch)?;
        }
        Ok(())
    }

    /// Lists `dir` and accepts what that confirms. Returns the others, and what it
    /// shows of them.
    fn listed(
        &mut self,
        dir: &str,
        unproven: Vec<Receipt>,
        watch: &mut dyn Watch,
    ) -> Attempt<(Vec<Receipt>, Vec<Option<Shown>>)> {
        let inside = |place: Vec<u8>| place.get(dir.len() + 1..).unwrap_or_default().to_vec();
        let names: Vec<_> = unproven.iter().map(|sent| inside(self.place(sent))).collect();
        // Some of what is to be there, for a listing from several places at once.
        let marks: Vec<_> = names.iter().step_by((names.len() / 48).max(64)).cloned().collect();
        let (first, last) = (names.iter().min(), names.iter().max());
        let is_wanted = |name: &[u8]| {
            first.is_some_and(|first| first.as_slice() <= name)
                && last.is_some_and(|last| name <= last.as_slice())
        };
        let inventory = list_some(self.store, dir, &marks, is_wanted, watch)?;
        let (mut doubtful, mut shown) = (Vec::new(), Vec::new());
        for (sent, name) in unproven.into_iter().zip(&names) {
            // A time is no proof.
            let is_intact = |object: &StoredObject| {
                !matches!(object.tag, Tag::Time(_))
                    && inventory.state(name, object) == State::Intact
            };
            if sent.object().is_some_and(is_intact) {
                self.accept(&sent);
                continue;
            }
            shown.push(inventory.shown(name));
            doubtful.push(sent);
        }
        Ok((doubtful, shown))
    }

    /// Judges what was sent by what is `shown` of it.
    fn settle(
        &mut self,
        doubtful: Vec<Receipt>,
        shown: Vec<Option<Shown>>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        if doubtful.is_empty() {
            return Ok(());
        }
        let places: Vec<_> = doubtful.iter().map(|sent| Bytes(self.place(sent))).collect();
        let sent =
            doubtful.iter().filter_map(|sent| Some(sent_as(sent.object()?, sent.content.as_ref())));
        let verdicts = judge(self.store, &places, sent.collect(), shown, watch)?;
        for (receipt, verdict) in doubtful.into_iter().zip(verdicts) {
            let (odd, Receipt { index, real, .. }) = (receipt.is_odd(), receipt);
            let path = self.changes[index].path();
            let (kind, why) = match verdict {
                Verdict::Proven(sent) => {
                    self.accept(&Receipt { real, ..Receipt::new(index, &sent, odd) });
                    continue;
                }
                // Not once, and not again: whatever the server makes of its name.
                Verdict::Absent if !self.unseen.insert(index) && may_be_shown_otherwise(path) => {
                    (FailureKind::Name, "the server does not show its name".to_owned())
                }
                other => told(other),
            };
            failed.insert(index, Failed::at(self.changes[index].path(), kind, &why));
        }
        Ok(())
    }

    /// Its change needs no more sending.
    pub(super) fn accept(&mut self, sent: &Receipt) {
        let change = &mut self.changes[sent.index];
        if let Some(mut entry) = change.entry() {
            sent.write_into(&mut entry);
            change.complete(&entry);
            change.send = None;
        }
    }

    /// Where it is, from the top of the bucket.
    fn place(&self, sent: &Receipt) -> Vec<u8> {
        let entry = self.changes[sent.index].entry();
        let place = entry.map(|entry| self.names.place(&entry, sent.is_odd()));
        place.and_then(Result::ok).unwrap_or_default()
    }
}

/// Why something that was sent does not count as stored.
pub(super) fn told(verdict: Verdict) -> (FailureKind, String) {
    let unproven = |why: &str| (FailureKind::Unproven, why.to_owned());
    match verdict {
        Verdict::Unseen(Failure { kind, text, .. }) => {
            (kind, format!("it was sent, and whether it is there cannot be seen: {text}"))
        }
        Verdict::Absent => unproven("it did not arrive; run it again"),
        Verdict::Other | Verdict::Proven(_) => {
            unproven("the server holds something else than was sent; run it again")
        }
    }
}

/// Whether a server may show a name otherwise than it was sent, or not at all.
fn may_be_shown_otherwise(path: &[u8]) -> bool {
    !path.is_ascii() || is_hard(path)
}
