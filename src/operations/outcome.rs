//! What a command leaves behind for the exit code and the `--json` summary.

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
