//! Whether a tree is here or wiped, as this machine remembers it, or, where it
//! remembers nothing, as the remote says.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::journal::{Phase, Record, Records};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::one_line;
use crate::host::erase::{self, FillPattern};
use crate::host::machine::Machine;
use crate::storage::job::Watch;
use crate::tree::manifest::Counts;
use crate::tree::model::layout::MARKER;
use crate::tree::snapshot::Snapshots;

/// Why the snapshot of a tree that was wiped is not there.
pub const GONE: &str = "its manifest is gone";

/// Where a tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    Here,
    /// The wipe was begun and is not completed.
    Wiping(Record),
    Wiped(Record),
    /// This machine remembers nothing, and the remote says that one has wiped its copy.
    /// That says something of an empty directory only.
    Elsewhere(Record),
}

/// The marker on the remote.
#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    phase: Phase,
    generation: u64,
    host: String,
    /// The random number of the machine, in hexadecimal. Markers of before have none.
    #[serde(default)]
    machine: String,
    /// Seconds since 1970.
    since: u64,
}

impl Marker {
    /// Host names are not enough: many machines share one.
    fn is_of(&self, machine: &Machine) -> bool {
        let id = HEXLOWER.encode(&machine.id);
        self.machine == id || self.machine.is_empty() && self.host == machine.host
    }
}

/// The wipe of one tree: what is noted of it on both sides.
pub struct Wipes<'a> {
    pub snapshots: &'a Snapshots<'a>,
    pub records: Records,
    pub machine: &'a Machine,
}

impl Wipes<'_> {
    fn tree(&self) -> &str {
        self.snapshots.names.tree()
    }

    /// # Errors
    /// The journal or the marker cannot be read.
    pub fn presence(&self, watch: &mut dyn Watch) -> Result<Presence> {
        let record = match self.records.get(self.tree())? {
            Some(record) => record,
            // Another machine may have wiped its own copy of a tree that is whole here.
            None if self.is_marked() && !self.snapshots.is_met() => {
                return Ok(Presence::Elsewhere(self.marker(watch)?));
            }
            None => return Ok(Presence::Here),
        };
        Ok(match record.phase {
            Phase::Wiping => Presence::Wiping(record),
            Phase::Wiped => Presence::Wiped(record),
        })
    }

    /// What the newest snapshot on the remote counts. The inner error says why that is not the
    /// one that was proven before the wipe, and none after it, as far as its head tells.
    ///
    /// # Errors
    /// The remote fails.
    pub fn held(
        &self,
        record: &Record,
        watch: &mut dyn Watch,
    ) -> Result<std::result::Result<Counts, String>> {
        Ok(match self.snapshots.newest_head(watch)? {
            None => Err(GONE.to_owned()),
            Some(Err(why)) => Err(why),
            Some(Ok((found, counts))) => {
                record.outdates(&record.remote, found).map_or(Ok(counts), Err)
            }
        })
    }

    fn is_marked(&self) -> bool {
        self.snapshots.records.look(MARKER.as_bytes()).is_some()
    }

    /// Removes a marker of this machine that it knows nothing of: the run that set
    /// it ended before it wiped anything. Those of other machines are theirs.
    ///
    /// # Errors
    /// The remote fails.
    pub fn tidy(&self, watch: &mut dyn Watch) -> Result<()> {
        let ours = |marker: Marker| marker.is_of(self.machine);
        if self.is_marked() && self.read_marker(watch)?.is_some_and(ours) {
            self.snapshots.remove_record(MARKER, watch)?;
        }
        Ok(())
    }

    /// The other machine that has wiped its copy and has not brought it back.
    ///
    /// # Errors
    /// The remote fails.
    pub fn wiped_by_another(&self, watch: &mut dyn Watch) -> Result<Option<String>> {
        let marker = if self.is_marked() { self.read_marker(watch)? } else { None };
        let other = marker.filter(|marker| !marker.is_of(self.machine));
        Ok(other.map(|marker| one_line(&marker.host).into_owned()))
    }

    fn read_marker(&self, watch: &mut dyn Watch) -> Result<Option<Marker>> {
        let read = self.snapshots.read_record(MARKER, watch)?;
        Ok(read.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn marker(&self, watch: &mut dyn Watch) -> Result<Record> {
        let marker = self.read_marker(watch)?;
        let tree = self.tree().to_owned();
        let Some(Marker { phase, generation, since, .. }) = marker else {
            let what = format!("the marker of {tree} on the remote cannot be read");
            let hint = "`poof download` brings the tree back and removes it.";
            return Err(Error::new(Kind::Incomplete, what).hint(hint));
        };
        Ok(Record {
            tree,
            remote: String::new(),
            phase,
            generation,
            head: [0; 32],
            names_store: false,
            since,
            files: 0,
            bytes: 0,
            filter: None,
        })
    }

    /// Notes on both sides, first on the remote, how far the wipe is.
    ///
    /// # Errors
    /// One of them fails: nothing may be wiped.
    pub fn note(&self, record: &Record, watch: &mut dyn Watch) -> Result<()> {
        let marker = Marker {
            format: 1,
            phase: record.phase,
            generation: record.generation,
            host: self.machine.host.clone(),
            machine: HEXLOWER.encode(&self.machine.id),
            since: record.since,
        };
        let text = serde_json::to_vec(&marker).map_err(|e| Error::unexpected(e.to_string()))?;
        self.snapshots.put_record(MARKER, text, watch)?;
        self.records.put(record)
    }

    /// Wipes what names every file of the tree: the cached manifest.
    ///
    /// # Errors
    /// It cannot be wiped.
    pub fn erase_names(&self) -> Result<()> {
        let cache = &self.snapshots.cache;
        if cache.exists() {
            FillPattern::new()
                .and_then(|noise| erase::directory(cache, &noise))
                .map_err(|error| Error::io("wipe", cache, &error))?;
        }
        self.records.forget_begun(self.tree())
    }

    /// The tree is here again: nothing is noted any more.
    ///
    /// # Errors
    /// The remote or the disk fails.
    pub fn forget(&self, watch: &mut dyn Watch) -> Result<()> {
        self.tidy(watch)?;
        self.records.forget(self.tree())
    }
}
