//! How far a directory is from a snapshot, which only this machine is asked.

use super::differences::{By, Difference, Look, from_here};
use crate::base::error::Result;
use crate::storage::filter::Filter;
use crate::tree::scan::root::Root;
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
    /// What cannot be looked at here, and is perhaps in no snapshot.
    pub unread: u64,
}

impl Apart {
    /// Compares a directory, None if it is missing, with a snapshot. A file of
    /// the same size and time is taken for the same, others are read.
    ///
    /// # Errors
    /// The directory or the snapshot cannot be read, or an interrupt.
    pub fn of(root: Option<&Root>, filter: &Filter, snapshot: &Snapshot) -> Result<Self> {
        Self::seen(Look { root, filter, only: None, by: By::Time }, snapshot)
    }

    /// The same, where every file is read.
    ///
    /// # Errors
    /// As [`Apart::of`].
    pub fn by_content(root: Option<&Root>, filter: &Filter, snapshot: &Snapshot) -> Result<Self> {
        Self::seen(Look { root, filter, only: None, by: By::Content }, snapshot)
    }

    fn seen(look: Look, snapshot: &Snapshot) -> Result<Self> {
        let mut apart = Apart::default();
        let unread = from_here(look, snapshot, &mut |difference, entry, _| {
            let file = u64::from(!entry.is_directory());
            match difference {
                Difference::New => apart.new += file,
                Difference::Content => apart.changed += 1,
                Difference::Gone => apart.missing += file,
                Difference::Attributes => {}
            }
        })?;
        apart.unread = unread.len() as u64;
        Ok(apart)
    }

    /// Whether something here is in no snapshot, as far as can be seen.
    pub fn is_unsaved(&self) -> bool {
        self.new + self.changed + self.unread > 0
    }
}
