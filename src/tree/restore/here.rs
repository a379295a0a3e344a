//! What is in the directory that is compared.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::host::stat::Id;
use crate::tree::model::entry::Entry;
use crate::tree::scan::excluded::Excluded;

/// What is in the directory.
#[allow(clippy::large_enum_variant)] // one at a time, on the stack
pub enum Here {
    Entry(Entry),
    Excluded(Excluded),
}

impl Here {
    pub fn path(&self) -> &[u8] {
        match self {
            Here::Entry(entry) => &entry.path,
            Here::Excluded(found) => found.path(),
        }
    }

    /// Takes note of it if it is a directory.
    pub fn note(&self, found: &RefCell<HashMap<Vec<u8>, Id>>) {
        let entry = match self {
            Here::Entry(entry) => Some(entry),
            Here::Excluded(found) => found.what.as_ref().ok(),
        };
        let entry = entry.filter(|entry| entry.is_directory());
        if let Some((entry, id)) = entry.and_then(|entry| Some((entry, id_of(entry)?))) {
            found.borrow_mut().insert(entry.path.clone(), id);
        }
    }
}

pub fn id_of(entry: &Entry) -> Option<Id> {
    entry.local.map(|local| (local.dev, local.ino))
}
