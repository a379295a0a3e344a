//! When all was backed up last, whoever has asked for it: a small file in the state directory.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::base::error::Error;
use crate::base::files::write_private;
use crate::base::units::now;

#[derive(Serialize, Deserialize)]
struct Note {
    /// Seconds since 1970.
    proven: u64,
}

fn path(state: &Path) -> PathBuf {
    state.join("backup.json")
}

/// All is on the remote now. One that cannot be noted is told: nothing else depends on it.
pub fn note(session: &Session) {
    let text = serde_json::to_vec(&Note { proven: now() });
    let text = text.map_err(|error| Error::unexpected(error.to_string()));
    if let Err(error) = text.and_then(|text| write_private(&path(&session.state), &text)) {
        session.report.warn(error.message());
    }
}

/// None: it never was, or nobody knows.
pub fn of(state: &Path) -> Option<u64> {
    let text = fs::read(path(state)).ok()?;
    Some(serde_json::from_slice::<Note>(&text).ok()?.proven)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of(dir.path()), None);
        for (text, proven) in [(r#"{"proven":7,"newer":1}"#, Some(7)), ("{", None)] {
            fs::write(path(dir.path()), text).unwrap();
            assert_eq!(of(dir.path()), proven);
        }
    }
}
