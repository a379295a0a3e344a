//! Renamed files: what is new under one name and gone under another is copied on
//! the server instead of being sent.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::tree::model::change::{Change, Why};
use crate::tree::model::entry::{Entry, Local};
use crate::tree::model::inventory::State;
use crate::tree::remote::listing::Listing;
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;

/// The files that are gone, by device and inode.
#[derive(Default)]
pub struct Moves {
    gone: HashMap<(u64, u64), Entry>,
}

impl Moves {
    /// Takes note of an entry that is gone.
    ///
    /// # Errors
    /// As [`Listing::state`].
    pub fn left(&mut self, old: Entry, listing: &Listing) -> Result<()> {
        if let (Some(local), true, Some(_)) = (old.local, old.file().is_some(), &old.stored)
            && listing.state(&old)? == State::Intact
        {
            self.gone.insert((local.dev, local.ino), old);
        }
        Ok(())
    }

    /// Finds the new files among `changes` that were there under another name.
    pub fn find(mut self, changes: &mut [Change], root: &Root, rehash: bool) {
        if self.gone.is_empty() {
            return;
        }
        for change in changes.iter_mut().filter(|change| change.send == Some(Why::New)) {
            let Some(entry) = &change.entry() else { continue };
            let Some(Local { dev, ino, .. }) = entry.local else { continue };
            // A rename of the file itself changes its ctime, so that it is read; one of a
            // directory above does not.
            // One that was in a bundle stays in it; one with an object has it copied.
            let same = |old: &Entry| {
                old.member().is_some() == change.bundled
                    && entry.attributes.mtime == old.attributes.mtime
                    && hashing::is_same(root, entry, old, rehash)
            };
            if self.gone.get(&(dev, ino)).is_some_and(same) {
                change.from = self.gone.remove(&(dev, ino)).map(Box::new);
            }
        }
    }
}
