//! What a backup has to do for a tree: the walk, the last snapshot and the
//! listing, side by side.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::mem::discriminant;

use itertools::{EitherOrBoth, Itertools, process_results};
use rustix::fs::FileType;

use super::bundling::{Bundling, Takes, is_to_be_repacked};
use super::renames::Moves;
use super::suspects::Past;
use crate::base::error::Result;
use crate::tree::history::keeping::Leaving;
use crate::tree::model::change::{Change, News, Why};
use crate::tree::model::entry::{Entry, EntryKind, Stored, is_within, order};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath, ObjectName};
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::Plan;
use crate::tree::remote::listing::{Listing, Unclaimed};
use crate::tree::remote::object_metadata::complete;
use crate::tree::remote::own_objects::{Foreign, Ours};
use crate::tree::remote::packed::Packed;
use crate::tree::scan::attributes::{as_known, carry_over, same_but_for_created};
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;
use crate::tree::snapshot::Snapshot;

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
    /// Files, links and so on in whose places there are directories now.
    pub turned: u64,
    /// Entries of the next snapshot that are no directories, without what is withheld.
    pub entries: u64,
    /// Of those that are as they should be, the ones with odd names.
    pub odd: u64,
    /// Objects of the last snapshot that are to be replaced or removed, if they are to be
    /// kept.
    pub leaving: Vec<Leaving>,
    /// What the last snapshot has that is not here any more.
    pub past: Past,
    /// What is gone and is in a bundle, with its size in bytes.
    pub dropped: Vec<(ObjectName, u64)>,
    /// Objects that go because what they hold goes into a bundle.
    pub superseded: Vec<ObjectName>,
    /// Something that has come to the place of what a wipe has taken.
    pub in_its_place: Option<Vec<u8>>,
    /// What is here of a tree that a wipe has left in part, no directories.
    pub here: Option<Vec<Vec<u8>>>,
    /// What a download has withheld and is still not here; None: it has withheld nothing.
    pub withheld: Option<Vec<Vec<u8>>>,
}

impl Survey {
    /// What is to be done, as a value.
    pub fn plan(&self) -> Plan<LocalPath, ObjectName> {
        let mut plan = Plan { unchanged: self.unchanged, ..Plan::default() };
        for change in &self.changes {
            let Some(entry) = change.entry() else { continue };
            let items = match (change.send, change.news) {
                (Some(_), _) if change.from.is_some() => &mut plan.moved,
                (Some(Why::New), _) => &mut plan.add,
                (Some(why), _) => {
                    plan.relinked += usize::from(why == Why::Repacked);
                    &mut plan.update
                }
                // A new directory goes without saying.
                (None, News::New) if entry.is_directory() => continue,
                (None, News::New) => &mut plan.add,
                (None, News::Differs) => &mut plan.attributes,
                (None, News::Sighting | News::Gone) => continue,
            };
            items.add(&entry.path, entry.content_size());
        }
        for (name, size) in &self.unclaimed.gone {
            plan.delete.add(name.as_bytes(), *size);
        }
        for (name, size) in &self.dropped {
            plan.dropped.add(name.as_bytes(), *size);
        }
        plan.add.shrink_to_fit();
        plan
    }
}

impl Survey {
    /// Counts what is here.
    fn sees(&mut self, seen: &Entry) {
        if !seen.is_directory() {
            self.entries += 1;
            self.here.iter_mut().for_each(|here| here.push(seen.path.clone()));
        }
    }

    /// Counts what stays as the last snapshot has it, and is not seen here.
    fn keeps(&mut self, old: &Entry, withheld: bool) {
        self.past.files += u64::from(old.file().is_some());
        match &mut self.withheld {
            // A directory of which nothing else is there may not be mounted.
            Some(still) if withheld => still.push(old.path.clone()),
            _ => self.entries += u64::from(!old.is_directory()),
        }
    }

    /// Has what is still needed of some bundles of the `last` snapshot sent again.
    ///
    /// # Errors
    /// The last snapshot cannot be read.
    pub fn make_anew(&mut self, last: &Snapshot, worn: &[u64]) -> Result<()> {
        if worn.is_empty() {
            return Ok(());
        }
        let is_worn = |entry: &Entry| {
            entry.member().is_some_and(|member| worn.binary_search(&member.bundle).is_ok())
        };
        let changes = std::mem::take(&mut self.changes).into_iter().enumerate();
        let entries = last.entries()?.filter_ok(|entry| is_worn(entry));
        let pairs = process_results(entries, |entries| {
            let pairs = changes
                .merge_join_by(entries, |(_, change), entry| order(change.path(), &entry.path));
            pairs.collect::<Vec<_>>()
        })?;
        let mut numbers = HashMap::new();
        for pair in pairs {
            let (change, entry) = pair.left_and_right();
            if let Some((number, _)) = &change {
                numbers.insert(*number, self.changes.len());
            }
            let change = match (change, entry) {
                (Some((_, mut change)), _) => {
                    // Only its attributes are others.
                    if change.send.is_none() && change.entry().as_ref().is_some_and(is_worn) {
                        (change.send, change.bundled) = (Some(Why::Repacked), true);
                    }
                    change
                }
                (None, Some(entry)) => {
                    let mut again = Change::of(&entry, Some(Why::Repacked), News::Sighting);
                    again.bundled = true;
                    again
                }
                (None, None) => continue,
            };
            self.changes.push(change);
        }
        self.past.renumber(|number| numbers.get(&number).copied().unwrap_or(number));
        Ok(())
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
    /// What goes into bundles; None: nothing does.
    pub bundling: Option<Bundling>,
    /// The names of objects whose files go into bundles.
    pub superseded: HashSet<ObjectName>,
    /// What an earlier run has sent in bundles that no snapshot has.
    pub packed: &'a Packed,
    /// Objects that are not what a listing shows.
    pub damaged: Kept,
    /// A wipe has taken a part of the tree, and this is what it has left: what else is missing is
    /// not gone.
    pub left: Option<Kept>,
    /// What the last download has not brought: it is not gone either.
    pub withheld: Kept,
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
    let here = sides.left.as_ref().map(|_| Vec::new());
    let withheld = (!sides.withheld.is_empty()).then(Vec::new);
    let mut survey = Survey { here, withheld, ..Survey::default() };
    let mut moves = Moves::default();
    let mut covered: Option<Vec<u8>> = None;
    for pair in walk.merge_join_by(last, |a, b| order(&a.path, &b.path)) {
        let mut replaced = None;
        let next = match pair {
            EitherOrBoth::Left(seen) => {
                survey.sees(&seen);
                sides.appeared(seen)?
            }
            EitherOrBoth::Both(seen, old) => {
                survey.sees(&seen);
                survey.past.files += u64::from(old.file().is_some());
                if old.is_directory() && !seen.is_directory() {
                    covered = Some(old.path.clone());
                }
                let next = sides.met_again(&mut survey, seen, &old)?;
                replaced = Some(old);
                next
            }
            EitherOrBoth::Right(old)
                if sides.is_elsewhere(&old.path) && !is_covered(&old.path, covered.as_deref())
                    || sides.is_unseen(&old.path)
                    || sides.was_never_here(&old) =>
            {
                survey.keeps(&old, sides.withheld.holds(&old.path));
                sides.listing.claim(&old)?;
                if let Some(member) = old.member() {
                    sides.listing.bundles.is_elsewhere(member);
                }
                Next::Unchanged(old.is_odd())
            }
            EitherOrBoth::Right(old) => {
                if sides.is_wiped(&old.path) && !old.is_directory() {
                    survey.in_its_place = survey.in_its_place.or_else(|| covered.clone());
                }
                sides.gone(&mut survey, &old)?;
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
            Next::Change(mut entry, mut send, news, mut way) => {
                if way == Way::Bundled && sides.is_packed(&mut entry) {
                    (send, way) = (None, Way::Own);
                }
                survey.unchanged += u64::from(send.is_none() && entry.is_object());
                let bundled = way == Way::Bundled;
                let odd = way == Way::Odd || way == Way::Own && entry.is_odd();
                let mut change = Change::of(&entry, send, news);
                (change.odd, change.bundled) = (odd, bundled);
                if let Some(old) = replaced {
                    survey.past.replaced(survey.changes.len(), &entry, send, &old);
                }
                survey.changes.push(change);
            }
        }
    }
    survey.changes.shrink_to_fit();
    moves.find(&mut survey.changes, sides.root, sides.rehash);
    settle(&mut survey, sides)?;
    Ok(survey)
}

/// Whether a path is in a directory in whose place there is something else now.
fn is_covered(path: &[u8], place: Option<&[u8]>) -> bool {
    place.is_some_and(|place| is_within(path, place))
}

/// What the remote has that no entry has claimed.
fn settle(survey: &mut Survey, sides: &mut Sides) -> Result<()> {
    let mut unclaimed = sides.listing.settle(sides.names, &sides.ours);
    // What cannot be looked at may be theirs.
    let unseen = sides.unseen_objects()?;
    let is_unseen = |name: &ObjectName| unseen.iter().any(|place| name.place().is_within(place));
    unclaimed.gone.retain(|(name, _)| !is_unseen(name));
    let gone = std::mem::take(&mut unclaimed.gone).into_iter();
    let (superseded, gone): (Vec<_>, _) =
        gone.partition(|(name, _)| sides.superseded.contains(name));
    unclaimed.gone = gone;
    survey.superseded = superseded.into_iter().map(|(name, _)| name).collect();
    let is_own = |foreign: &Foreign| !foreign.odd && is_unseen(&ObjectName::told(&foreign.name));
    unclaimed.foreign.retain(|foreign| !is_own(foreign));
    survey.altered = sides.altered;
    survey.leaving = sides.leaving.take().unwrap_or_default();
    survey.unclaimed = unclaimed;
    Ok(())
}

/// Where something goes that is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To an object of its own, with its name, or with the one that it has.
    Own,
    /// To one with a substitute name.
    Odd,
    Bundled,
}

impl Way {
    /// `beside`: it is [`Sides::is_beside_a_directory`].
    fn of(entry: &Entry, beside: bool, bundled: bool) -> Self {
        match bundled {
            true => Way::Bundled,
            false if beside || Names::reads_like_a_link(entry) => Way::Odd,
            false => Way::Own,
        }
    }
}

#[allow(clippy::large_enum_variant)] // one at a time, on the stack
enum Next {
    /// Whether its name is odd.
    Unchanged(bool),
    NotAnObject,
    /// Also, where it goes if it is sent.
    Change(Entry, Option<Why>, News, Way),
}

impl Next {
    fn is_sent(&self) -> bool {
        matches!(self, Next::Change(_, Some(Why::New | Why::Changed), ..))
    }
}

impl Sides<'_> {
    /// Whether what the snapshot has at a path was wiped here or has not been brought.
    fn is_wiped(&self, path: &[u8]) -> bool {
        let is_taken = |left: &Kept| !left.holds(path) && !left.is_below(path);
        self.left.as_ref().is_some_and(is_taken) || self.withheld.holds(path)
    }

    /// Whether what the snapshot has at a path need not be here.
    fn is_elsewhere(&self, path: &[u8]) -> bool {
        self.left.is_some() || self.withheld.holds(path) || self.withheld.is_below(path)
    }

    /// Something is where the last snapshot has something: perhaps where a wipe has taken that.
    fn met_again(&mut self, survey: &mut Survey, seen: Entry, old: &Entry) -> Result<Next> {
        let is_wiped = self.is_wiped(&old.path);
        if is_wiped && seen.is_directory() && old.is_directory() {
            // It is made anew; it was as the snapshot says.
            return Ok(Next::NotAnObject);
        }
        let is_other = discriminant(&seen.kind) != discriminant(&old.kind);
        survey.turned += u64::from(seen.is_directory() && !old.is_directory());
        let next = self.met(seen, old)?;
        if is_wiped && (is_other || next.is_sent()) {
            survey.in_its_place.get_or_insert_with(|| old.path.clone());
        }
        Ok(next)
    }

    fn gone(&mut self, survey: &mut Survey, old: &Entry) -> Result<()> {
        self.leave(old, None)?;
        self.listing.disown(old)?;
        survey.past.lost(old);
        if old.member().is_some() {
            survey.dropped.push((Names::object(old)?, old.content_size()));
        }
        survey.changes.push(Change::gone(&old.path));
        Ok(())
    }

    fn appeared(&mut self, seen: Entry) -> Result<Next> {
        let beside = self.is_beside_a_directory(&seen);
        self.listing.disown_odd(&seen.path);
        let there = self.listing.look(&seen, beside).is_some();
        // What is there already, by whomever, need not be sent: it is packed by the next run.
        let way = Way::of(&seen, beside, !there && self.is_bundled(&seen));
        if way != Way::Bundled && !beside {
            self.listing.claim(&seen)?;
        }
        let why = seen.is_object().then_some(if there { Why::Changed } else { Why::New });
        Ok(Next::Change(seen, why, News::New, way))
    }

    /// Whether an earlier run has sent it in a bundle that is there. Completes it, then.
    fn is_packed(&mut self, seen: &mut Entry) -> bool {
        let Some(noted) = self.packed.find(seen) else { return false };
        let Some(member) = noted.member().copied() else { return false };
        if self.listing.bundles.state(&member) != State::Intact {
            return false;
        }
        self.listing.bundles.claim(&member);
        let content = noted.file().and_then(|data| data.content);
        complete(seen, Stored::Member(member), content);
        true
    }

    /// Whether something goes into a bundle if it is sent.
    fn is_bundled(&self, entry: &Entry) -> bool {
        self.bundling.is_some_and(|bundling| bundling.takes(entry) != Takes::Never)
    }

    /// What `old` says is stored is not what the next snapshot says: that is sent.
    fn replace(&mut self, seen: &Entry, old: &Entry, way: Way, beside: bool) -> Result<()> {
        self.leave(old, (way != Way::Bundled).then_some((seen, way == Way::Odd)))?;
        self.listing.disown(old)?;
        if way != Way::Bundled {
            if !beside {
                self.listing.claim(seen)?;
            }
        } else if old.object().is_some_and(|object| !object.odd) {
            self.superseded.insert(Names::object(old)?);
        }
        Ok(())
    }

    fn met(&mut self, mut seen: Entry, old: &Entry) -> Result<Next> {
        let size = |entry: &Entry| entry.file().map(|data| data.size);
        // A file of procfs or sysfs says a size that is none; nothing packs it.
        let lies = size(&seen) != size(old);
        let same_content = self.take_over(&mut seen, old);
        self.listing.disown_odd(&seen.path);
        let beside = self.is_beside_a_directory(&seen);
        let has_to_move = beside && old.object().is_some_and(|object| !object.odd);
        if !same_content || has_to_move {
            let way = Way::of(&seen, beside, self.is_bundled(&seen));
            seen.stored = None;
            self.replace(&seen, old, way, beside)?;
            let why = if old.is_object() { Why::Changed } else { Why::New };
            let why = seen.is_object().then_some(why);
            return Ok(Next::Change(seen, why, News::Differs, way));
        }
        carry_over(&mut seen, old);
        let (now, then) = (&seen.attributes, &old.attributes);
        let same = now.mode == then.mode && same_but_for_created(&now.xattrs, &then.xattrs);
        self.altered += u64::from(!same);
        let object = seen.is_object();
        let send = match self.listing.state(old)? {
            State::Intact if object && self.damaged.holds(&old.path) => Some(Why::ObjectChanged),
            State::Intact => {
                let repacked = !lies && is_to_be_repacked(self.bundling, old);
                repacked.then_some(Why::Repacked)
            }
            State::Missing => Some(Why::ObjectMissing),
            State::Changed => Some(Why::ObjectChanged),
        };
        let way = match send {
            Some(_) => Way::of(&seen, beside, self.is_bundled(&seen)),
            None => Way::Own,
        };
        let equal = seen == *old;
        if way == Way::Bundled || send.is_some() && old.member().is_some() {
            let before = seen.stored.take();
            self.replace(&seen, old, way, beside)?;
            seen.stored = before;
        } else {
            self.listing.claim(&seen)?;
        }
        Ok(match (send, equal) {
            (None, true) if object => Next::Unchanged(seen.is_odd()),
            (None, true) => Next::NotAnObject,
            _ => {
                let attributes = as_known(seen.attributes.clone(), &old.attributes);
                let news = if (Entry { local: old.local, attributes, ..seen.clone() }) == *old {
                    News::Sighting
                } else {
                    News::Differs
                };
                Next::Change(seen, send, news, way)
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
        // Bundles are kept as a whole.
        let (Some(all), Some(stored)) = (&mut self.leaving, old.object()) else { return Ok(()) };
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

    /// Of a directory in which nothing is seen.
    fn of_nothing(
        last: impl Iterator<Item = Entry>,
        listing: &mut Listing,
        unseen: &RefCell<Vec<Vec<u8>>>,
    ) -> Survey {
        let (root, names) = (&Root::open(Path::new("/")).unwrap(), &Names::new("tree"));
        let mut sides = Sides {
            root,
            listing,
            unseen,
            barred: &RefCell::new(Vec::new()),
            rehash: false,
            names,
            ours: Ours::default(),
            altered: 0,
            leaving: None,
            bundling: None,
            superseded: HashSet::new(),
            packed: &Packed::default(),
            damaged: Kept::default(),
            left: None,
            withheld: Kept::default(),
        };
        survey(std::iter::empty(), last, &mut sides).unwrap()
    }

    // An online-only file, one whose attributes are not to be read.
    #[test]
    fn what_could_not_be_looked_at_stays_in_the_snapshot() {
        let entry = |path: &str| {
            let (kind, attributes) = (EntryKind::Fifo, Attributes::default());
            let (hard_link, stored, local) = (None, None, None);
            Entry { path: path.into(), kind, attributes, hard_link, stored, local }
        };
        let last = ["cloud", "deleted", "unreadable", "unreadable/below", "unreadable.too"];
        let none = Inventory::default;
        let mut listing = Listing::new(none(), &none(), none());
        let unseen = RefCell::new(["cloud", "unreadable"].map(Into::into).to_vec());
        let survey = of_nothing(last.map(entry).into_iter(), &mut listing, &unseen);
        let gone: Vec<_> = survey.changes.iter().map(Change::path).collect();
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
        let mut listing = Listing::new(own, &Inventory::default(), Inventory::default());
        let unseen = &RefCell::new(vec![b"new\nline".to_vec()]);
        let survey = of_nothing(std::iter::empty(), &mut listing, unseen);
        let foreign = survey.unclaimed.foreign.iter().map(|foreign| foreign.name.as_slice());
        assert_eq!(foreign.collect::<Vec<_>>(), [b"seen/x"]);
    }
}
