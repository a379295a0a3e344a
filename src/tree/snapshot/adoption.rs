//! Notes where the entries of a snapshot are on this machine, so that the next
//! run recognises them without reading them.

use itertools::{EitherOrBoth, Itertools};

use super::{Snapshot, Snapshots};
use crate::base::error::Result;
use crate::tree::model::entry::{Entry, EntryKind, order};
use crate::tree::scan::walk::Found;

impl Snapshots<'_> {
    /// `found` walks the directory that has just been made equal to `snapshot`,
    /// but for the paths that `differ`.
    ///
    /// # Errors
    /// The cache cannot be read or written.
    pub fn meet(
        &self,
        snapshot: &Snapshot,
        found: impl Iterator<Item = Found>,
        differ: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        let found = found.filter_map(|found| match found {
            Found::Entry(entry) if !differ(&entry.path) => Some(entry),
            _ => None,
        });
        let pairs = snapshot.entries()?.merge_join_by(found, |entry, found| match entry {
            Ok(entry) => order(&entry.path, &found.path),
            Err(_) => std::cmp::Ordering::Less,
        });
        let entries = pairs.filter_map(|pair| match pair {
            EitherOrBoth::Left(entry) => Some(entry),
            EitherOrBoth::Both(entry, found) => Some(entry.map(|e| recognised(e, &found))),
            EitherOrBoth::Right(_) => None,
        });
        let here = Snapshot { dir: self.cache.clone(), ..snapshot.clone() };
        Self::install(&here, &snapshot.head_bytes()?, entries)?;
        self.forget_found();
        Ok(())
    }
}

fn recognised(mut entry: Entry, found: &Entry) -> Entry {
    let same = match (&entry.kind, &found.kind) {
        (EntryKind::File(then), EntryKind::File(now)) => {
            then.size == now.size && entry.attributes.mtime == found.attributes.mtime
        }
        (then, now) => then == now,
    };
    if same {
        entry.local = found.local;
    }
    entry
}
