//! What a backup replaces and removes is kept first. What cannot be kept stays.

use std::collections::HashMap;

use super::Backup;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::name_of;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::store::Copy;
use crate::tree::history::keeping::{self, Leaving, Outcome};
use crate::tree::model::change::{Change, News};
use crate::tree::model::entry::{Entry, is_below};
use crate::tree::model::plan::Failed;

/// What became of it.
#[derive(Default)]
pub(super) struct Kept {
    /// What stays as it is because it could not be kept.
    pub failed: Vec<Failed>,
    /// Where what comes to a place has to move what is there, by that place.
    pub aside: HashMap<Vec<u8>, Vec<u8>>,
    /// What was moved and may come back, by the path of its entry.
    pub moved: HashMap<Vec<u8>, Copy>,
}

impl Backup<'_> {
    /// Has the remote keep what this run is about to replace and to remove.
    ///
    /// # Errors
    /// What keeps the whole from working, or something cannot be kept and cannot stay either.
    pub(super) fn keep(&mut self, watch: &mut dyn Watch) -> Result<Kept> {
        let leaving = std::mem::take(&mut self.leaving);
        if leaving.is_empty() {
            return Ok(Kept::default());
        }
        let snapshots = &self.snapshots;
        let generation = snapshots.next_number(self.last.as_ref());
        let (store, names) = (snapshots.store, &snapshots.names);
        let Outcome { failed, aside, moved } =
            keeping::keep(store, names, generation, leaving, watch).map_err(|failure| {
                let doing = format!("keep what is replaced in {}", names.tree());
                failure.into_error(&doing, Kind::Incomplete)
            })?;
        let mut unkept = Vec::new();
        for (leaving, failure) in failed {
            self.hold_back(&leaving, &failure)?;
            let why = format!("what was backed up before cannot be kept: {}", failure.text);
            unkept.push(Failed::at(&leaving.path, failure.kind, &why));
        }
        Ok(Kept { failed: unkept, aside, moved })
    }

    /// Moves back what stays in the snapshot after all, because what was to come instead could
    /// not be sent. What stays away is found where it is kept, and told by the next run.
    pub(super) fn give_back(&self, moved: &HashMap<Vec<u8>, Copy>, watch: &mut dyn Watch) {
        let failed = self.changes.iter().filter(|change| change.send.is_some());
        let back = failed.filter_map(|change| {
            let Copy { id, from, remote, size } = moved.get(change.path())?.clone();
            Some(Copy { id, from: remote, remote: from, size })
        });
        let back: Vec<_> = back.collect();
        if !back.is_empty() {
            let _ = self.snapshots.store.rename(back, watch);
        }
    }

    /// Leaves something, and the directories above it, as the last snapshot has them.
    fn hold_back(&mut self, Leaving { path, goes, .. }: &Leaving, failure: &Failure) -> Result<()> {
        let is_it = |change: &Change| change.path() == path;
        let is_above = |change: &Change| is_below(path, change.path());
        // Something else is where it was, or where a directory above it was.
        let in_its_place = self.changes.iter().any(|change| {
            let comes =
                |entry: Entry| is_it(change) && *goes || is_above(change) && !entry.is_directory();
            (is_it(change) || is_above(change)) && change.entry().is_some_and(comes)
        });
        if in_its_place {
            let tree = self.snapshots.names.tree();
            let what = format!(
                "{tree}: what was backed up of {} cannot be kept: {}",
                name_of(path),
                failure.text
            );
            return Err(Error::new(Kind::Incomplete, what)
                .hint("Nothing of it was replaced or removed. Run it again."));
        }
        self.changes
            .retain(|change| !(is_it(change) || change.news == News::Gone && is_above(change)));
        Ok(())
    }
}
