//! What a command leaves behind for the exit code and the `--json` summary.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::error::Kind;

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
