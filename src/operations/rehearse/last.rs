//! When everything came back last: a small file in the state directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::units::now;
use crate::operations::session::Session;

/// How a rehearsal went.
#[derive(Clone, Copy)]
pub struct Run {
    pub exit_code: u8,
    pub files: u64,
    pub bytes: u64,
    pub time: Duration,
}

/// What is noted of rehearsals.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Last {
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

/// None: there never was one, or nobody knows.
pub fn of(state: &Path) -> Option<Last> {
    serde_json::from_slice(&fs::read(path(state)).ok()?).ok()
}

/// Notes how one went.
///
/// # Errors
/// The state cannot be written.
pub fn note(session: &Session, run: Run) -> Result<()> {
    let Run { exit_code, files, bytes, time } = run;
    let tried = now();
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let whole = Whole { at: tried, files, bytes, milliseconds };
    let before = of(&session.state).and_then(|last| last.whole);
    let whole = if exit_code == 0 { Some(whole) } else { before };
    let text = serde_json::to_vec(&Last { tried, exit_code, whole });
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
