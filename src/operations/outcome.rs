//! What a command leaves behind for the exit code and the `--json` summary.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::error::Kind;
use crate::report::event::{FreeSpace, InJournal};
use crate::tree::wipe::{Achieved, Count, Counted, Tally};

/// The end of a command that came to its end.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The worst that happened on the way, already told.
    pub kind: Option<Kind>,
    /// Fields of the summary.
    pub fields: Map<String, Value>,
    /// How many objects or files were to be deleted and are still there: nothing is
    /// missing because of them.
    pub undeleted: u64,
    /// How it went for each directory that the run came to.
    pub trees: Vec<TreeRun>,
    pub wipe: WipeRun,
}

/// How a run went for a directory.
#[derive(Clone, Debug)]
pub struct TreeRun {
    /// Its name on the remote.
    pub name: String,
    pub kind: Option<Kind>,
    pub seconds: f64,
    /// What was sent.
    pub files: u64,
    pub bytes: u64,
    /// The last snapshot, if it is known.
    pub snapshot: Option<SnapshotFigures>,
}

impl TreeRun {
    pub fn new(name: &str, kind: Option<Kind>, seconds: f64) -> Self {
        TreeRun { name: name.to_owned(), kind, seconds, files: 0, bytes: 0, snapshot: None }
    }
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct SnapshotFigures {
    pub files: u64,
    pub bytes: u64,
    pub generation: u64,
    /// In seconds since 1970.
    pub made: u64,
}

/// What a run has wiped, and what was achieved by that: what a wipe receipt says.
#[derive(Debug, Default)]
pub struct WipeRun {
    /// In the order of the wipe.
    pub trees: Vec<TreeWipe>,
    /// How many directories an earlier run has wiped.
    pub before: usize,
    /// What the filters exclude and was wiped, and how much of it stays.
    pub excluded: Count,
    pub excluded_left: u64,
    pub scrubs: Vec<ScrubRun>,
}

/// How a directory was wiped. Times are in seconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct TreeWipe {
    pub proven_at: u64,
    pub wiped_at: u64,
    pub unproven: u64,
    /// None: nobody wants it, or it failed.
    pub counted: Option<Counted>,
    pub wiped: Count,
    /// Files that were not here any more.
    pub absent: u64,
    /// Paths that were to go and are here.
    pub left: u64,
    /// Files that have another name elsewhere.
    pub outside: u64,
    pub achieved: Vec<Achieved>,
    pub file_system: FileSystem,
}

/// On which file system, if that is known.
#[derive(Clone, Debug, Default)]
pub struct FileSystem {
    /// `ext4`
    pub kind: Option<String>,
    /// Tells it from others.
    pub device: Option<String>,
}

/// What was overwritten of what a file system still held.
#[derive(Clone, Debug)]
pub struct ScrubRun {
    pub file_system: FileSystem,
    pub journal: InJournal,
    pub journal_bytes: u64,
    pub free: Option<FreeSpace>,
}

impl TreeWipe {
    /// `wiped_at` and what was counted are still to come.
    pub fn of(tally: &Tally, proven_at: u64, unproven: u64) -> Self {
        let kind = tally.mount.as_ref().map(|mount| mount.kind.clone());
        TreeWipe {
            proven_at,
            wiped_at: proven_at,
            unproven,
            counted: None,
            wiped: Count { files: tally.gone, bytes: tally.bytes },
            absent: tally.absent,
            left: tally.left.len() as u64,
            outside: tally.outside.len() as u64,
            achieved: tally.achieved(),
            file_system: FileSystem { kind, device: tally.device.clone() },
        }
    }
}

impl Outcome {
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.to_owned(), value.into());
        self
    }

    /// At the end: what was not deleted counts as well.
    #[must_use]
    pub fn closed(mut self) -> Self {
        if self.undeleted > 0 {
            self.worsen(Kind::Incomplete);
        }
        self
    }

    /// Something of `kind` happened and was told.
    pub fn worsen(&mut self, kind: Kind) {
        self.kind = self.kind.max(Some(kind));
    }
}
