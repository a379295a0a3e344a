//! Since which generation what is replaced and removed is kept: a record of the tree. What
//! was replaced before, or meanwhile by a machine that keeps nothing, is gone.

use serde::{Deserialize, Serialize};

use super::clean::Keep;
use super::{Snapshot, Snapshots};
use crate::base::error::Result;
use crate::storage::job::Watch;
use crate::tree::model::layout::Names;

#[derive(Serialize, Deserialize)]
struct Record {
    /// The first generation that comes back whole.
    since: u64,
}

impl Snapshots<'_> {
    /// Takes note on the remote, if that is news, whether a run keeps what it replaces and
    /// removes. It follows on the snapshot `last`.
    ///
    /// # Errors
    /// The remote fails.
    pub fn note_keeping(
        &self,
        last: Option<&Snapshot>,
        keep: Keep,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        match (keep.is_wanted(), self.records.has(Names::KEEPS.as_bytes())) {
            (true, false) => {
                let since = last.map_or_else(|| self.next_number(None), Snapshot::generation);
                let record = serde_json::to_vec(&Record { since }).unwrap_or_default();
                self.put_record(Names::KEEPS, record, watch)
            }
            (false, true) => self.remove_record(Names::KEEPS, watch),
            _ => Ok(()),
        }
    }

    /// The first generation that comes back whole; None: nothing is kept.
    ///
    /// # Errors
    /// The remote fails.
    pub fn kept_since(&self, watch: &mut dyn Watch) -> Result<Option<u64>> {
        let record = self.read_record(Names::KEEPS, watch)?;
        let record: Option<Record> = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(record.map(|record| record.since))
    }
}
