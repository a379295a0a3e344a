//! What a backup has to do for a tree: the walk, the last snapshot and the
//! listing, side by side.

use std::cell::RefCell;

use itertools::{EitherOrBoth, Itertools};
use rustix::fs::FileType;

use super::renames::Moves;
use super::suspects::Past;
use crate::base::error::Result;
use crate::tree::history::keeping::Leaving;
use crate::tree::model::change::{Change, News, Why};
use crate::tree::model::entry::{Entry, EntryKind, is_within, order};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath, ObjectName};
use crate::tree::model::plan::{Item, Plan};
use crate::tree::remote::listing::{Listing, Unclaimed};
use crate::tree::remote::own_objects::{Foreign, Ours};
use crate::tree::scan::attributes::{as_known, carry_over, same_but_for_created};
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;

/// The outcome of a survey.
#[derive(Debug, Default)]
pub struct Survey {
    /// In the order of entries.
    pub changes: Vec<Change>,
    /// Objects on the remote that belong to no entry.
    pub unclaimed: Unclaimed,
    /// Objects that are as they should be.
    pub unchanged: u64,
    /// Entries of the same content with another mode or other extended attributes.
    pub altered: u64,
    /// Entries of the next snapshot that are no directories.
    pub entries: u64,
    /// Of those that are as they should be, the ones with odd names.
    pub odd: u64,
    /// Objects of the last snapshot that are to be replaced or removed, if they are to be
    /// kept.
    pub leaving: Vec<Leaving>,
    /// What the last snapshot has that is not here any more.
    pub past: Past,
}

impl Survey {
    /// What is to be done, as a value.
    pub fn plan(&self) -> Plan<LocalPath, ObjectName> {
        let mut plan = Plan { unchanged: self.unchanged, ..Plan::default() };
        for change in &self.changes {
            let Some(entry) = &change.entry else { continue };
            let item = Item { path: LocalPath::new(&entry.path), size: size(entry) };
            match (change.send, change.news) {
                (Some(_), _) if change.from.is_some() => plan.moved.push(item),
                (Some(Why::New), _) => plan.add.push(item),
                (Some(_), _) => plan.update.push(item),
                // A new directory goes without saying.
                (None, News::New) if entry.is_directory() => {}
                (None, News::New) => plan.add.push(item),
                (None, News::Differs) => plan.attributes.push(item),
                (None, News::Sighting | News::Gone) => {}
            }
        }
        for (name, size) in &self.unclaimed.gone {
            plan.delete.push(Item { path: name.clone(), size: *size });
        }
        plan
    }
}

fn size(entry: &Entry) -> u64 {
    match &entry.kind {
        EntryKind::File(data) => data.size,
        EntryKind::Symlink { target } => target.len() as u64,
        _ => 0,
    }
}

/// What a survey looks at.
pub struct Sides<'a> {
    pub root: &'a Root,
    /// What the remote holds.
    pub listing: &'a mut Listing,
    /// What could not be looked at: what the last snapshot has of it stays.
    pub unseen: &'a RefCell<Vec<Vec<u8>>>,
    /// What the filters leave out: what this machine has never had of it stays, too.
    pub barred: &'a RefCell<Vec<Vec<u8>>>,
    /// Hash all content, whatever the times say.
    pub rehash: bool,
    pub names: &'a Names,
    /// What runs have noted that did not end.
    pub ours: Ours,
    /// Entries of the same content with another mode or other extended attributes.
    pub altered: u64,
    /// What is replaced and removed is to be kept: it is collected here.
    pub leaving: Option<Vec<Leaving>>,
}

/// Compares the walk of a tree with its last snapshot and the remote.
///
/// # Errors
/// A name has no object name.
pub fn survey(
    walk: impl Iterator<Item = Entry>,
    last: impl Iterator<Item = Entry>,
    sides: &mut Sides,
) -> Result<Survey> {
    let mut survey = Survey::default();
    let mut moves = Moves::default();
    for pair in walk.merge_join_by(last, |a, b| order(&a.path, &b.path)) {
        let mut replaced = None;
        let next = match pair {
            EitherOrBoth::Left(seen) => {
                survey.entries += u64::from(!seen.is_directory());
                sides.appeared(seen)?
            }
            EitherOrBoth::Both(seen, old) => {
                survey.entries += u64::from(!seen.is_directory());
                survey.past.files += u64::from(old.file().is_some());
                let next = sides.met(seen, &old)?;
                replaced = Some(old);
                next
            }
            EitherOrBoth::Right(old)
                if sides.is_unseen(&old.path) || sides.was_never_here(&old) =>
            {
                survey.entries += u64::from(!old.is_directory());
                survey.past.files += u64::from(old.file().is_some());
                sides.listing.claim(&old)?;
                Next::Unchanged(old.is_odd())
            }
            EitherOrBoth::Right(old) => {
                sides.leave(&old, None)?;
                sides.listing.disown(&old)?;
                survey.past.lost(&old);
                let (path, news) = (old.path.clone(), News::Gone);
                let (entry, send, odd, from) = (None, None, false, None);
                survey.changes.push(Change { path, entry, send, odd, news, from });
                moves.left(old, sides.listing)?;
                continue;
            }
        };
        match next {
            Next::Unchanged(odd) => {
                survey.unchanged += 1;
                survey.odd += u64::from(odd);
            }
            Next::NotAnObject => {}
            Next::Change(entry, send, news, odd) => {
                let path = entry.path.clone();
                survey.unchanged += u64::from(send.is_none() && entry.is_object());
                let odd = odd || entry.is_odd();
                let (entry, from) = (Some(entry), None);
                let change = Change { path, entry, send, odd, news, from };
                if let Some(old) = replaced {
                    survey.past.replaced(survey.changes.len(), &change, &old);
                }
                survey.changes.push(change);
            }
        }
    }
    moves.find(&mut survey.changes, sides.root, sides.rehash);
    let mut unclaimed = sides.listing.settle(sides.names, &sides.ours);
    // What cannot be looked at may be theirs.
    let unseen = sides.unseen_objects()?;
    let is_unseen = |name: &ObjectName| unseen.iter().any(|place| name.place().is_within(place));
    unclaimed.gone.retain(|(name, _)| !is_unseen(name));
    let is_own = |foreign: &Foreign| !foreign.odd && is_unseen(&ObjectName::told(&foreign.name));
    unclaimed.foreign.retain(|foreign| !is_own(foreign));
    survey.altered = sides.altered;
    survey.leaving = sides.leaving.take().unwrap_or_default();
    survey.unclaimed = unclaimed;
    Ok(survey)
}

#[allow(clippy::large_enum_variant)] // one at a time, on the stack
enum Next {
    /// Whether its name is odd.
    Unchanged(bool),
    NotAnObject,
    /// And whether its name has to be odd.
    Change(Entry, Option<Why>, News, bool),
}

impl Sides<'_> {
    fn appeared(&mut self, seen: Entry) -> Result<Next> {
        let (beside, odd) = (self.is_beside_a_directory(&seen), Names::reads_like_a_link(&seen));
        if !beside {
            self.listing.claim(&seen)?;
        }
        self.listing.disown_odd(&seen.path);
        let there = || self.listing.look(&seen, beside).is_some();
        let why = seen.is_object().then(|| if there() { Why::Changed } else { Why::New });
        Ok(Next::Change(seen, why, News::New, odd || beside))
    }

    fn met(&mut self, mut seen: Entry, old: &Entry) -> Result<Next> {
        let same_content = self.take_over(&mut seen, old);
        self.listing.disown_odd(&seen.path);
        let (beside, odd) = (self.is_beside_a_directory(&seen), Names::reads_like_a_link(&seen));
        let odd = odd || beside;
        let has_to_move = beside && !old.is_odd();
        if !same_content || has_to_move {
            seen.stored = None;
            self.leave(old, Some((&seen, odd)))?;
            self.listing.disown(old)?;
            if !beside {
                self.listing.claim(&seen)?;
            }
            let why = if old.is_object() { Why::Changed } else { Why::New };
            let why = seen.is_object().then_some(why);
            return Ok(Next::Change(seen, why, News::Differs, odd));
        }
        carry_over(&mut seen, old);
        let (now, then) = (&seen.attributes, &old.attributes);
        let same = now.mode == then.mode && same_but_for_created(&now.xattrs, &then.xattrs);
        self.altered += u64::from(!same);
        let object = seen.is_object();
        let send = match self.listing.claim(&seen)? {
            State::Intact => None,
            State::Missing => Some(Why::ObjectMissing),
            State::Changed => Some(Why::ObjectChanged),
        };
        Ok(match (send, seen == *old) {
            (None, true) if object => Next::Unchanged(seen.is_odd()),
            (None, true) => Next::NotAnObject,
            _ => {
                let attributes = as_known(seen.attributes.clone(), &old.attributes);
                let news = if (Entry { local: old.local, attributes, ..seen.clone() }) == *old {
                    News::Sighting
                } else {
                    News::Differs
                };
                Next::Change(seen, send, news, odd)
            }
        })
    }

    /// Whether a directory has the name of the object of a link. Some remotes have no room
    /// for both, or show one only. A file of that name has an odd one itself.
    fn is_beside_a_directory(&self, seen: &Entry) -> bool {
        matches!(seen.kind, EntryKind::Symlink { .. })
            && self
                .root
                .stat(&[&seen.path, ObjectName::LINK].concat())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir())
    }

    /// Takes note of an object that is to be replaced by that of `by`, which may have an odd
    /// name, or removed, if it is what the last snapshot says.
    fn leave(&mut self, old: &Entry, by: Option<(&Entry, bool)>) -> Result<()> {
        let (Some(all), Some(stored)) = (&mut self.leaving, &old.stored) else { return Ok(()) };
        if self.listing.state(old)? != State::Intact {
            return Ok(());
        }
        let place = self.names.place(old, stored.odd)?;
        let comes = match by.filter(|(by, _)| by.is_object()) {
            Some((by, odd)) => self.names.place(by, odd)? == place,
            None => false,
        };
        let (path, stored) = (old.path.clone(), stored.clone());
        all.push(Leaving { path, place, stored, goes: !comes });
        Ok(())
    }

    /// If the content of `seen` is that of `old`, completes it with what is known.
    fn take_over(&self, seen: &mut Entry, old: &Entry) -> bool {
        let same = match (&seen.kind, &old.kind) {
            // What cannot be read is its sender's to say.
            (EntryKind::File(_), EntryKind::File(_)) => {
                old.stored.is_some() && hashing::is_same(self.root, seen, old, self.rehash)
            }
            (EntryKind::Symlink { target: now }, EntryKind::Symlink { target: then }) => {
                now == then && old.stored.is_some()
            }
            (now, then) => return now == then,
        };
        if same {
            seen.stored.clone_from(&old.stored);
        }
        if let (true, EntryKind::File(now), Some(then)) = (same, &mut seen.kind, old.file()) {
            now.content = then.content;
            // As it was read: the file itself may say another.
            if now.size != then.size {
                (now.size, now.sparse) = (then.size, then.sparse);
            }
        }
        same
    }

    /// Whether another machine has saved what is excluded here. A download leaves it out,
    /// so that it may be nowhere else.
    fn was_never_here(&self, old: &Entry) -> bool {
        let barred = self.barred.borrow();
        old.local.is_none() && barred.iter().any(|place| is_within(&old.path, place))
    }

    /// Whether `path` could not be looked at, or is in what could not.
    fn is_unseen(&self, path: &[u8]) -> bool {
        self.unseen.borrow().iter().any(|place| is_within(path, place))
    }

    /// Where the objects are of what could not be looked at.
    fn unseen_objects(&self) -> Result<Vec<ObjectName>> {
        let unseen = self.unseen.borrow();
        unseen.iter().map(|path| Names::encoded(&LocalPath::new(path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::store::{Bytes, Shown};
    use crate::tree::model::entry::Attributes;
    use crate::tree::model::inventory::Inventory;
    use std::path::Path;

    // An online-only file, one whose attributes are not to be read.
    #[test]
    fn what_could_not_be_looked_at_stays_in_the_snapshot() {
        let entry = |path: &str| {
            let (kind, attributes) = (EntryKind::Fifo, Attributes::default());
            let (hard_link, stored, local) = (None, None, None);
            Entry { path: path.into(), kind, attributes, hard_link, stored, local }
        };
        let last = ["cloud", "deleted", "unreadable", "unreadable/below", "unreadable.too"];
        let mut listing = Listing::new(Inventory::default(), &Inventory::default());
        let unseen = RefCell::new(["cloud", "unreadable"].map(Into::into).to_vec());
        let root = &Root::open(Path::new("/")).unwrap();
        let (names, ours) = (&Names::new("tree"), Ours::default());
        let (listing, unseen, rehash) = (&mut listing, &unseen, false);
        let barred = &RefCell::new(Vec::new());
        let mut sides =
            Sides { root, listing, unseen, barred, rehash, names, ours, altered: 0, leaving: None };
        let survey = survey(std::iter::empty(), last.map(entry).into_iter(), &mut sides).unwrap();
        let gone: Vec<_> = survey.changes.iter().map(|change| change.path.as_slice()).collect();
        assert_eq!(gone, [&b"deleted"[..], b"unreadable.too"]);
    }

    // The object of `new\nline/x` is not called so.
    #[test]
    fn an_object_in_a_directory_that_could_not_be_looked_at_is_nobodys_to_remove() {
        let mut own = Inventory::default();
        for name in ["new\u{240a}line/x", "seen/x"] {
            own.add(Shown { remote: Bytes(name.into()), ..Shown::default() });
        }
        own.sort();
        let mut listing = Listing::new(own, &Inventory::default());
        let unseen = &RefCell::new(vec![b"new\nline".to_vec()]);
        let barred = &RefCell::new(Vec::new());
        let root = &Root::open(Path::new("/")).unwrap();
        let (names, ours) = (&Names::new("tree"), Ours::default());
        let (listing, rehash) = (&mut listing, false);
        let mut sides =
            Sides { root, listing, unseen, barred, rehash, names, ours, altered: 0, leaving: None };
        let survey = survey(std::iter::empty(), std::iter::empty(), &mut sides).unwrap();
        let foreign = survey.unclaimed.foreign.iter().map(|foreign| foreign.name.as_slice());
        assert_eq!(foreign.collect::<Vec<_>>(), [b"seen/x"]);
    }
}
