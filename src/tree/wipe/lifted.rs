//! Flags that lock what is wiped (`chattr +i`, `+a`): they are lifted, and that is told.

use std::path::Path;

use super::Work;
use crate::host::flags;
use crate::tree::model::entry::{Entry, as_path};
use crate::tree::scan::attributes::flags_of;

/// Whether an entry has a flag that keeps it from being changed or removed.
pub fn is_locked(entry: &Entry) -> bool {
    flags::HERE.lock(flags_of(&entry.attributes))
}

impl Work<'_> {
    /// Takes note of an entry that is to go.
    pub(super) fn expect(&mut self, entry: &Entry) {
        if is_locked(entry) {
            self.locked.push(entry.path.clone());
        }
    }

    /// Looks which of them are not locked any more, or gone.
    pub(super) fn find_lifted(&mut self, root: &Path) {
        let lifted = |path: &Vec<u8>| !flags::is_locked(&root.join(as_path(path)));
        self.tally.lifted = std::mem::take(&mut self.locked);
        self.tally.lifted.retain(lifted);
    }
}
