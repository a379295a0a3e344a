//! What a restore leaves in the journal: whether the directory may become the
//! snapshot.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::FileType;

use super::tally::Tally;
use super::{Accounts, Restore, Target, walk};
use crate::base::error::Result;
use crate::base::units::files;
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::Failed;
use crate::tree::wipe::Wipes;
use crate::tree::withheld;

impl Restore<'_> {
    /// Takes note of how it ended. The directory must not become the snapshot if
    /// something is missing or old in it that the remote may still give back. A
    /// file that the remote has lost, and that was left alone here, does not prevent
    /// that: nothing else is left of it.
    pub(super) fn keep_account(&mut self, tally: &Tally, watch: &mut dyn Watch) -> Result<()> {
        let Some(Accounts { journal, wiped, machine, .. }) = &self.target.accounts else {
            return Ok(());
        };
        let lacking: Vec<_> = self.lacking(tally).collect();
        let kept = tally.failed.len() - lacking.len();
        if lacking.is_empty() {
            let (snapshots, records) = (&self.target.snapshots, wiped.clone());
            Wipes { snapshots, records, machine }.forget(watch)?;
            journal.end(self.name())?;
        } else {
            let path = |failed: &&Failed| failed.path.to_string_lossy().into_owned();
            journal.lacks(self.name(), lacking.iter().map(path).collect())?;
        }
        if kept > 0 {
            self.notes.push(format!(
                "{} that the remote has lost: left alone here, and what the next backup stores",
                files(kept as u64)
            ));
        }
        Ok(())
    }

    /// Takes note of what is excluded here and was not brought: it is not deleted.
    pub(super) fn note_withheld(&self) -> Result<()> {
        let Target { snapshots, only, .. } = &self.target;
        let before = match only {
            Some(_) => withheld::read(&snapshots.cache)?,
            None => Kept::default(),
        };
        // Of what was not looked at it is as before.
        let rest = before.paths().filter(|path| only.as_ref().is_some_and(|o| !o.holds(path)));
        let new = self.steps.withheld.iter().map(Vec::as_slice);
        withheld::note(&snapshots.cache, rest.chain(new))
    }

    /// The directory is what the snapshot says: what is saved next builds on it.
    pub(super) fn take(&self, tally: &Tally) -> Result<()> {
        let Target { snapshots, snapshot, root, filter, spared, .. } = &self.target;
        // The configuration of another machine, of which nothing has come here.
        if self.spared > 0 && spared.iter().any(Vec::is_empty) {
            return Ok(());
        }
        let news = self.steps.stale || !self.steps.is_empty();
        if !news && tally.failed.is_empty() && snapshots.is_taken(snapshot) {
            return Ok(());
        }
        let failed: HashSet<&[u8]> =
            tally.failed.iter().map(|failed| failed.path.as_os_str().as_bytes()).collect();
        let stays = self.stays();
        let differs = |path: &[u8]| failed.contains(path) || stays(path);
        snapshots.meet(snapshot, walk(root.as_ref(), filter)?, differs)
    }

    /// What is missing or old in the directory, and not lost for good.
    pub(super) fn lacking<'t>(&'t self, tally: &'t Tally) -> impl Iterator<Item = &'t Failed> {
        let is_here = |path: &Path| {
            let root = self.target.root.as_ref();
            let stat = root.and_then(|root| root.stat(path.as_os_str().as_bytes()).ok());
            stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file())
        };
        let failed = tally.failed.iter();
        failed.filter(move |f| f.kind != FailureKind::Lost || !is_here(&f.path))
    }
}
