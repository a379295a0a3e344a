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
}

impl Outcome {
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.to_owned(), value.into());
        self
    }

    /// Something of `kind` happened and was told.
    pub fn worsen(&mut self, kind: Kind) {
        self.kind = self.kind.max(Some(kind));
    }
}
