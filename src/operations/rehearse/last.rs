//! When everything came back last: a small file in the state directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::units::now;
use crate::config::Ready;
use crate::operations::session::Session;
use crate::tree::remote::identity;

/// How a rehearsal went.
pub struct Run {
    /// The store that it was of, if that is known.
    pub store: Option<String>,
    pub exit_code: u8,
    pub files: u64,
    pub bytes: u64,
    pub time: Duration,
}

/// What is noted of rehearsals.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Last {
    /// Of which store it was, and of which directories: it says nothing of others.
    #[serde(default)]
    pub store: Option<String>,
    #[serde(default)]
    pub trees: Vec<String>,
    /// When the last one ended, in seconds since 1970.
    pub tried: u64,
    /// How it ended.
    pub exit_code: u8,
    /// The last from which everything came back.
    pub whole: Option<Whole>,
}

/// One from which everything came back.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Whole {
    /// Seconds since 1970.
    pub at: u64,
    pub files: u64,
    pub bytes: u64,
    pub milliseconds: u64,
}

impl Whole {
    /// How long so many files and bytes take, by the slower of both rates.
    pub fn time_of(&self, files: u64, bytes: u64) -> Option<Duration> {
        let scaled = |wanted: u64, had: u64| {
            (had > 0).then(|| u128::from(self.milliseconds) * u128::from(wanted) / u128::from(had))
        };
        let most = scaled(files, self.files).max(scaled(bytes, self.bytes))?;
        Some(Duration::from_millis(u64::try_from(most).unwrap_or(u64::MAX)))
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("rehearsal.json")
}

/// None: there never was one of this remote and all its directories, or nobody knows.
pub fn of(session: &Session, ready: &Ready) -> Option<Last> {
    let last = read(session)?;
    let known = identity::remembered_id(&session.state, &ready.remote().name());
    let is_covered = trees(ready).iter().all(|name| last.trees.contains(name));
    (last.store.is_some() && last.store == known && is_covered).then_some(last)
}

fn read(session: &Session) -> Option<Last> {
    serde_json::from_slice(&fs::read(path(&session.state)).ok()?).ok()
}

fn trees(ready: &Ready) -> Vec<String> {
    ready.directories().iter().map(|directory| directory.name.clone()).collect()
}

/// Notes how one went.
///
/// # Errors
/// The state cannot be written.
pub fn note(session: &Session, ready: &Ready, run: Run) -> Result<()> {
    let Run { store, exit_code, files, bytes, time } = run;
    let tried = now();
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let whole = Whole { at: tried, files, bytes, milliseconds };
    let before = read(session).filter(|last| last.store == store).and_then(|last| last.whole);
    let whole = if exit_code == 0 { Some(whole) } else { before };
    let text = serde_json::to_vec(&Last { store, trees: trees(ready), tried, exit_code, whole });
    let text = text.map_err(|error| Error::unexpected(error.to_string()))?;
    write_private(&path(&session.state), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_of_both_rates_says_how_long_home_takes() {
        let whole = Whole { at: 0, files: 10, bytes: 1000, milliseconds: 500 };
        let time = |files, bytes| whole.time_of(files, bytes).map(|time| time.as_millis());
        assert_eq!(time(10, 1000), Some(500));
        assert_eq!((time(20, 1000), time(10, 4000)), (Some(1000), Some(2000)));
        let nothing = Whole { files: 0, bytes: 0, ..whole };
        assert_eq!(nothing.time_of(3, 3), None);
    }
}
