//! What is remembered of the runs of the schedule: a small file in the state directory,
//! without names and secrets.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{self, is_absent, write_private};
use crate::base::units::now;

/// Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct History {
    /// When this was begun.
    pub since: u64,
    /// The distance of two runs, in seconds, if the scheduler told it.
    pub every: Option<u64>,
    /// The last run.
    pub begun: Option<u64>,
    /// None while it is at work, or was when its machine went off.
    pub ended: Option<u64>,
    pub exit_code: u8,
    /// The same in a word ([`Kind::word`]), or [`KILLED`]; empty while it is at work.
    pub result: String,
    /// How many failed in a row.
    pub failures: u32,
    /// The last time that all was proven.
    pub proven: Option<u64>,
    /// When a run that was due did nothing, and why.
    pub skipped: Option<(u64, String)>,
    /// When it spoke up; none if there was no reason or all is well again.
    pub alerted: Option<u64>,
}

/// The result of a run that could not tell any.
pub const KILLED: &str = "killed";

/// The run before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    Never,
    Done {
        begun: u64,
    },
    /// It failed, as so many before it in a row.
    Failed {
        ended: u64,
        failures: u32,
    },
    /// It was interrupted, or the machine went off.
    BrokenOff,
}

/// Where it is.
pub fn path(state: &Path) -> PathBuf {
    state.join("schedule.json")
}

impl History {
    /// Removes what is remembered.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(state: &Path) -> Result<()> {
        let path = path(state);
        files::remove(&path).map_err(|error| Error::io("remove", &path, &error))
    }

    /// What is remembered; nothing, if no schedule has run yet.
    ///
    /// # Errors
    /// It cannot be read. One that is damaged is begun anew: it says nothing that the next
    /// run does not find out.
    pub fn load(state: &Path) -> Result<Option<Self>> {
        let path = path(state);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &path, &error)),
        }
    }

    /// # Errors
    /// It cannot be written.
    pub fn save(&self, state: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::unexpected(format!("cannot note the run: {error}")))?;
        write_private(&path(state), &text)
    }

    pub fn last(&self) -> Last {
        match (self.begun, self.ended) {
            (None, _) => Last::Never,
            (Some(_), None) => Last::BrokenOff,
            (Some(_), Some(ended)) if self.failures > 0 => {
                Last::Failed { ended, failures: self.failures }
            }
            (Some(begun), Some(_)) => Last::Done { begun },
        }
    }

    /// A run begins.
    pub fn begin(&mut self, now: u64) {
        (self.begun, self.ended, self.skipped) = (Some(now), None, None);
        self.result.clear();
    }

    /// For one that knows that no run is at work. The last one may not have come to its
    /// end: somebody has killed it, the system for want of memory, or the machine went off.
    /// It counts as a failure, since the next one may go the same way. Whether it did.
    pub fn settle(&mut self) -> bool {
        let was_killed = self.begun.is_some() && self.ended.is_none() && self.result.is_empty();
        if was_killed {
            self.failures = self.failures.saturating_add(1);
            KILLED.clone_into(&mut self.result);
        }
        was_killed
    }

    /// It ended, well or in this way. An interrupt is no failure: it stays broken off.
    pub fn end(&mut self, kind: Option<Kind>, now: u64) {
        self.exit_code = kind.map_or(0, Kind::exit_code);
        kind.map_or("done", Kind::word).clone_into(&mut self.result);
        match kind {
            Some(Kind::Interrupted) => return,
            Some(_) => self.failures = self.failures.saturating_add(1),
            None => (self.failures, self.proven) = (0, Some(now)),
        }
        self.ended = Some(now);
    }
}

/// Notes how a run went; one that cannot be noted is told.
pub fn note(session: &Session, history: &History) {
    if let Err(error) = history.save(&session.state) {
        session.report.warn(error.message());
    }
}

/// All was proven by a backup that somebody has made by hand, begun at `begun`. Where
/// there is a schedule that counts.
pub fn proven(session: &Session, begun: u64) {
    if let Ok(Some(mut history)) = History::load(&session.state) {
        history.begin(begun);
        history.end(None, now());
        note(session, &history);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_comes_back_as_it_was_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(History::load(dir.path()).unwrap(), None);
        let mut history = History { since: 5, every: Some(60), ..History::default() };
        history.begin(10);
        history.end(Some(Kind::Remote), 12);
        history.save(dir.path()).unwrap();
        assert_eq!(History::load(dir.path()).unwrap().unwrap(), history);
        assert!(!crate::base::files::readable_by_others(&path(dir.path())));
        // One of a newer poof, and one that is torn.
        fs::write(path(dir.path()), r#"{"since": 7, "newer": 1}"#).unwrap();
        assert_eq!(History::load(dir.path()).unwrap().unwrap().since, 7);
        fs::write(path(dir.path()), r#"{"since": 7"#).unwrap();
        assert_eq!(History::load(dir.path()).unwrap(), None);
    }

    #[test]
    fn failures_count_until_one_is_well_and_an_interrupt_is_none() {
        let mut history = History::default();
        assert_eq!(history.last(), Last::Never);
        history.begin(1);
        assert_eq!(history.last(), Last::BrokenOff);
        history.end(Some(Kind::Remote), 2);
        assert_eq!(history.last(), Last::Failed { ended: 2, failures: 1 });
        history.begin(3);
        history.end(Some(Kind::Guard), 4);
        assert_eq!((history.failures, history.proven), (2, None));
        history.begin(5);
        history.end(Some(Kind::Interrupted), 6);
        assert_eq!((history.last(), history.failures), (Last::BrokenOff, 2));
        history.settle();
        assert_eq!(history.failures, 2);
        history.begin(7);
        history.end(None, 8);
        assert_eq!(history.last(), Last::Done { begun: 7 });
        assert_eq!((history.failures, history.proven), (0, Some(8)));
    }

    #[test]
    fn a_run_that_was_killed_is_a_failure_and_counts_once() {
        let mut history = History::default();
        history.settle();
        assert_eq!(history.failures, 0, "there was none");
        history.begin(1);
        for _ in 0..2 {
            history.settle();
            assert_eq!((history.failures, history.last()), (1, Last::BrokenOff));
        }
        history.begin(2);
        history.settle();
        assert_eq!((history.failures, &*history.result), (2, KILLED));
    }
}
