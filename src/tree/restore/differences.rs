//! What differs between a directory and a snapshot, or between two snapshots, path by path.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::VecDeque;

use itertools::{EitherOrBoth, Itertools};

use super::owners::Mapping;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::storage::filter::Filter;
use crate::tree::model::entry::{Entry, EntryKind, is_within, order};
use crate::tree::model::path_set::Kept;
use crate::tree::restore;
use crate::tree::scan::attributes::{Holds, Power};
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, LeftOut};
use crate::tree::snapshot::Snapshot;

/// How a path differs from the snapshot that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the snapshot has it.
    Gone,
    /// The snapshot does not have it.
    New,
    /// It is a file of another content, or something else.
    Content,
    /// Mode, owner, time, or an extended attribute.
    Attributes,
}

/// Hears of each path that differs: its entry in the snapshot, or, if it has none, the other;
/// and what is there now, if something is.
pub type Told<'a> = &'a mut dyn FnMut(Difference, &Entry, Option<&Entry>);

/// What is taken for the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// One of the same size and time; others are read.
    Time,
    /// One whose content was read and is the same.
    Content,
}

/// What of a directory is compared, and how.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// None if it is missing.
    pub root: Option<&'a Root>,
    pub filter: &'a Filter,
    /// These paths and what is below them; None: all.
    pub only: Option<&'a Kept>,
    /// What says that a file is the same.
    pub by: By,
}

/// Compares a directory with a snapshot. Returns what could not be looked at.
///
/// # Errors
/// The directory or the snapshot cannot be read, or an interrupt.
pub fn from_here(look: Look, snapshot: &Snapshot, told: Told<'_>) -> Result<Vec<LeftOut>> {
    let Look { root, filter, only, .. } = look;
    let disk = root.map(|root| Holds::of(root.handle())).unwrap_or_default();
    let power = Power::of_this_process();
    let mapping = match power {
        Power::Root => Mapping::new(snapshot.owners()),
        Power::Owner => Mapping::default(),
    };
    // What is not looked at is neither here nor missing.
    let (unseen, lost) = (RefCell::new(VecDeque::new()), RefCell::new(Vec::new()));
    let walk = restore::walk_to(root, filter, only)?;
    let found = walk.take_while(|_| !interrupt::requested()).filter_map(|found| {
        let out = match found {
            Found::Entry(entry) => return is_asked(only, &entry.path).then_some(entry),
            Found::LeftOut(out) if out.partial => return None,
            Found::LeftOut(out) => {
                let path = out.path.clone();
                if out.loss {
                    lost.borrow_mut().push(out);
                }
                path
            }
            Found::Excluded(found) => found.path().to_vec(),
        };
        unseen.borrow_mut().push_back(out);
        None
    });
    let wanted = snapshot.entries()?.map(|entry| Ok(mapping.apply(entry?)));
    side_by_side(found.map(Ok), wanted, only, |pair| match pair {
        (Some(found), None) => told(Difference::New, found, Some(found)),
        (None, Some(wanted)) if is_unseen(&unseen, &wanted.path) => {}
        (None, Some(wanted)) => told(Difference::Gone, wanted, None),
        (Some(found), Some(wanted)) if !look.is_same(found, wanted, disk) => {
            told(Difference::Content, wanted, Some(found));
        }
        (Some(found), Some(wanted)) if power.differ(wanted, found, disk) => {
            told(Difference::Attributes, wanted, Some(found));
        }
        _ => {}
    })?;
    Ok(lost.into_inner())
}

/// Compares two snapshots: what `later` has that `earlier` has not is new.
///
/// # Errors
/// One of them cannot be read, or an interrupt.
pub fn between(
    earlier: &Snapshot,
    later: &Snapshot,
    only: Option<&Kept>,
    told: Told<'_>,
) -> Result<()> {
    side_by_side(later.entries()?, earlier.entries()?, only, |pair| match pair {
        (Some(later), None) => told(Difference::New, later, Some(later)),
        (None, Some(earlier)) => told(Difference::Gone, earlier, None),
        (Some(later), Some(earlier)) if !is_same_content(later, earlier) => {
            told(Difference::Content, earlier, Some(later));
        }
        (Some(later), Some(earlier)) if later.attributes != earlier.attributes => {
            told(Difference::Attributes, earlier, Some(later));
        }
        _ => {}
    })
}

fn is_asked(only: Option<&Kept>, path: &[u8]) -> bool {
    only.is_none_or(|only| only.holds(path))
}

/// Goes through both in the order of entries.
fn side_by_side(
    found: impl Iterator<Item = Result<Entry>>,
    wanted: impl Iterator<Item = Result<Entry>>,
    only: Option<&Kept>,
    mut see: impl FnMut((Option<&Entry>, Option<&Entry>)),
) -> Result<()> {
    // An error comes at once, whatever is on the other side.
    let pairs = found.merge_join_by(wanted, |found, wanted| match (found, wanted) {
        (Err(_), _) => Ordering::Less,
        (_, Err(_)) => Ordering::Greater,
        (Ok(found), Ok(wanted)) => order(&found.path, &wanted.path),
    });
    for pair in pairs {
        interrupt::check()?;
        let (found, wanted) = match pair {
            EitherOrBoth::Left(found) => (Some(found?), None),
            EitherOrBoth::Right(wanted) => (None, Some(wanted?)),
            EitherOrBoth::Both(found, wanted) => (Some(found?), Some(wanted?)),
        };
        let path = found.as_ref().or(wanted.as_ref()).map_or(&b""[..], |entry| &entry.path);
        if is_asked(only, path) {
            see((found.as_ref(), wanted.as_ref()));
        }
    }
    interrupt::check()
}

/// Both go on in the same order: what was passed does not come again.
fn is_unseen(unseen: &RefCell<VecDeque<Vec<u8>>>, path: &[u8]) -> bool {
    let mut unseen = unseen.borrow_mut();
    while let Some(first) = unseen.front() {
        if is_within(path, first) {
            return true;
        }
        if order(first, path) == Ordering::Greater {
            return false;
        }
        unseen.pop_front();
    }
    false
}

impl Look<'_> {
    fn is_same(&self, found: &Entry, wanted: &Entry, disk: Holds) -> bool {
        match (&found.kind, &wanted.kind) {
            (EntryKind::File(now), EntryKind::File(then)) => {
                let (a, b) = (wanted.attributes.mtime, found.attributes.mtime);
                let by_time = self.by == By::Time;
                let same = |root| hashing::is_same(root, found, wanted, !by_time);
                by_time && now.size == then.size && disk.same_time(a, b)
                    || self.root.is_some_and(same)
            }
            (now, then) => now == then,
        }
    }
}

/// Whether two snapshots have the same at a path.
fn is_same_content(later: &Entry, earlier: &Entry) -> bool {
    match (&later.kind, &earlier.kind) {
        // Where the holes are says nothing.
        (EntryKind::File(now), EntryKind::File(then)) => {
            now.size == then.size && now.content == then.content
        }
        (now, then) => now == then,
    }
}
