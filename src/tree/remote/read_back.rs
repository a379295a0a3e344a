//! Reads objects back, to compare their content with the manifest.

use super::object_metadata::{fetch_of, holds, in_bundle};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::storage::job::Watch;
use crate::storage::store::Store;
use crate::tree::model::entry::{Attributes, Entry, Stored};
use crate::tree::model::layout::Names;

/// What is wrong with an object that was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is something else: the BLAKE3 of that, in hexadecimal.
    Wrong(String),
    Unreadable(String),
}

/// Where the object of an entry of the newest snapshot is, or the bundle that it is in.
pub fn in_its_place(names: &Names) -> impl Fn(&Entry) -> Option<Vec<u8>> + Sync {
    |entry| names.holding(entry).ok()
}

/// Objects at a time: enough to keep all connections busy. The first are few, to
/// see how long it takes.
const FIRST: usize = 64;
const MORE: usize = 4096;

/// Reads the objects of `entries`, regular files of `tree`, from their `place`. `told` hears the
/// bytes of each batch, as stored; `found` what is wrong.
///
/// # Errors
/// The remote fails, or the entries cannot be read, or an interrupt.
pub fn read_back(
    store: &Store,
    tree: &str,
    place: impl Fn(&Entry) -> Option<Vec<u8>> + Sync,
    entries: impl Iterator<Item = Result<Entry>>,
    watch: &mut dyn Watch,
    mut told: impl FnMut(u64),
    mut found: impl FnMut(&Entry, Fault) + Send,
) -> Result<()> {
    let mut batch = FIRST;
    // Their attributes may be large, and are not wanted.
    let mut entries = entries
        .map(|entry| entry.map(|entry| Entry { attributes: Attributes::default(), ..entry }));
    loop {
        let mut entries: Vec<Entry> = entries.by_ref().take(batch).collect::<Result<_>>()?;
        entries.sort_by_key(in_bundle);
        if entries.is_empty() {
            return Ok(());
        }
        batch = MORE;
        let job = |(id, entry): (usize, &Entry)| fetch_of(place(entry)?, id as u64, entry);
        store
            .fetch(None, entries.iter().enumerate().filter_map(job), watch, |record| {
                let Some(entry) = usize::try_from(record.id).ok().and_then(|i| entries.get(i))
                else {
                    return;
                };
                match &record.failure {
                    Some(failure) => found(entry, Fault::Unreadable(failure.text.clone())),
                    None if holds(entry, &record) => {}
                    None => found(entry, Fault::Wrong(record.content)),
                }
            })
            .map_err(|f| f.into_error(&format!("read back {tree}"), Kind::Remote))?;
        interrupt::check()?;
        let size = |entry: &Entry| entry.stored.as_ref().map_or(0, Stored::size);
        told(entries.iter().map(size).fold(0, u64::saturating_add));
    }
}
