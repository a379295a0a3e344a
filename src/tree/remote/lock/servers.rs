//! What this machine has found out of servers.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::units::now;

/// How long it is believed of a server that it knows conditional requests, in seconds.
const BELIEVED: u64 = 7 * 24 * 60 * 60;

/// What is known of servers, in the state.
pub(super) struct Servers {
    pub path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Known {
    /// It stores an object only where none is, if it is asked to.
    conditional: bool,
    /// When that was tried, in seconds since 1970.
    tried: u64,
}

impl Servers {
    /// What cannot be read is tried again.
    fn all(&self) -> BTreeMap<String, Known> {
        let bytes = fs::read(&self.path).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    pub fn get(&self, remote: &str) -> Option<bool> {
        let known = self.all().remove(remote)?;
        let recent = now().checked_sub(known.tried).is_some_and(|age| age < BELIEVED);
        recent.then_some(known.conditional)
    }

    pub fn put(&self, remote: &str, conditional: bool) -> Result<()> {
        let mut all = self.all();
        all.insert(remote.to_owned(), Known { conditional, tried: now() });
        let text = serde_json::to_vec(&all).map_err(|e| Error::unexpected(e.to_string()))?;
        write_private(&self.path, &text)
    }
}
