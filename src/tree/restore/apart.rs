//! How far a directory is from a snapshot, which only this machine is asked.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::VecDeque;

use itertools::{EitherOrBoth, Itertools};

use crate::base::error::Result;
use crate::base::interrupt;
use crate::storage::filter::Filter;
use crate::tree::model::entry::{Entry, EntryKind, is_within, order};
use crate::tree::restore;
use crate::tree::scan::attributes::Holds;
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::Found;
use crate::tree::snapshot::Snapshot;

/// What differs; directories and attributes do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    /// Only here.
    pub new: u64,
    /// Of other content here.
    pub changed: u64,
    /// Only in the snapshot.
    pub missing: u64,
}

impl Apart {
    /// Compares a directory, None if it is missing, with a snapshot. A file of
    /// the same size and time is taken for the same, others are read.
    ///
    /// # Errors
    /// The directory or the snapshot cannot be read, or an interrupt.
    pub fn of(root: Option<&Root>, filter: &Filter, snapshot: &Snapshot) -> Result<Self> {
        let disk = root.map(|root| Holds::of(root.handle())).unwrap_or_default();
        // What is not looked at is neither here nor missing.
        let unseen = RefCell::new(VecDeque::new());
        let walk = restore::walk(root, filter)?.take_while(|_| !interrupt::requested());
        let found = walk.filter_map(|found| {
            let out = match found {
                Found::Entry(entry) => return Some(entry),
                Found::LeftOut(out) if out.partial => return None,
                Found::LeftOut(out) => out.path,
                Found::Excluded(found) => found.path().to_vec(),
            };
            unseen.borrow_mut().push_back(out);
            None
        });
        let mut apart = Apart::default();
        let wanted = snapshot.entries()?;
        let pairs = found.merge_join_by(wanted, |found, wanted| match wanted {
            Ok(wanted) => order(&found.path, &wanted.path),
            Err(_) => Ordering::Greater,
        });
        for pair in pairs {
            match pair {
                EitherOrBoth::Left(found) => apart.new += u64::from(!found.is_directory()),
                EitherOrBoth::Both(found, wanted) => {
                    apart.changed += u64::from(!is_same(root, &found, &wanted?, disk));
                }
                EitherOrBoth::Right(wanted) => {
                    let wanted = wanted?;
                    let lacks = !wanted.is_directory() && !is_unseen(&unseen, &wanted.path);
                    apart.missing += u64::from(lacks);
                }
            }
        }
        interrupt::check()?;
        Ok(apart)
    }

    /// Whether something here is in no snapshot.
    pub fn is_unsaved(&self) -> bool {
        self.new + self.changed > 0
    }
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

fn is_same(root: Option<&Root>, found: &Entry, wanted: &Entry, disk: Holds) -> bool {
    match (&found.kind, &wanted.kind) {
        (EntryKind::File(now), EntryKind::File(then)) => {
            let (a, b) = (wanted.attributes.mtime, found.attributes.mtime);
            now.size == then.size && disk.same_time(a, b)
                || root.is_some_and(|root| hashing::is_same(root, found, wanted, false))
        }
        (now, then) => now == then,
    }
}
