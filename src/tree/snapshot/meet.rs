//! Notes where the entries of a snapshot are on this machine, so that the next
//! run recognises them without reading them.

use std::fs;

use itertools::{EitherOrBoth, Itertools};

use super::{Snapshot, Snapshots};
use crate::base::error::{Error, Result};
use crate::tree::entry::{Entry, EntryKind, order};
use crate::tree::manifest::IndexHeader;
use crate::tree::walk::Found;

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
        let Some((_, tag)) = self.cached() else { return Ok(()) };
        let path = self.cache.join("head");
        let head = fs::read(&path).map_err(|error| Error::io("read", &path, &error))?;
        let header = IndexHeader {
            tree: self.names.tree().to_owned(),
            generation: snapshot.head.generation,
            head_id: snapshot.head_id,
            tag,
        };
        let found = found.filter_map(|found| match found {
            Found::Entry(entry) if !differ(&entry.path) => Some(entry),
            _ => None,
        });
        let next = self.next();
        let mut writer = Self::writer(&next, &header)?;
        let pairs = snapshot.entries()?.merge_join_by(found, |entry, found| match entry {
            Ok(entry) => order(&entry.path, &found.path),
            Err(_) => std::cmp::Ordering::Less,
        });
        for pair in pairs {
            let entry = match pair {
                EitherOrBoth::Left(entry) => entry?,
                EitherOrBoth::Both(entry, found) => recognised(entry?, &found),
                EitherOrBoth::Right(_) => continue,
            };
            writer.push(&entry).map_err(|error| Error::io("write", &next, &error))?;
        }
        self.install(writer, &next, &head)
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
