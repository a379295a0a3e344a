//! How a schedule goes: all that it was, with its logs, and nothing beside it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Found, Kind, Scheduler};
use crate::base::error::{Error, Result};
use crate::base::shown::path_of;
use crate::host::erase::{self, FillPattern};
use crate::host::paths::System;

/// What went.
pub struct Removed {
    /// Files, and that of the crontab which is none.
    pub what: Vec<String>,
    /// What the user has to know beside.
    pub notes: Vec<String>,
}

impl Scheduler {
    /// The files of the schedule and its logs, as far as they are there.
    pub fn files(&self) -> Vec<PathBuf> {
        let own = match self.system {
            System::MacOs => vec![self.agent.clone()],
            System::Xdg => self.units(),
        };
        let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        own.into_iter().chain(self.logs()).filter(is_there).collect()
    }

    /// What the runs have said. On Linux poof writes that itself; whatever it is called,
    /// once it is full.
    fn logs(&self) -> Vec<PathBuf> {
        if self.system == System::MacOs {
            let own = self.logs_of_launchd().into_iter();
            return own.chain(self.python_logs()).collect();
        }
        let logs = fs::read_dir(self.state.join("log")).into_iter().flatten().flatten();
        let is_one = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("backup.log"))
        };
        logs.map(|entry| entry.path()).filter(is_one).collect()
    }

    /// Removes the schedule of whatever kind with its logs, which name files and are
    /// overwritten.
    ///
    /// # Errors
    /// Something of it is still there.
    pub fn remove(&self) -> Result<Removed> {
        let files = self.files();
        let mut removed = Removed { what: Vec::new(), notes: Vec::new() };
        match self.system {
            System::MacOs => {
                self.remove_agent()?;
            }
            System::Xdg => {
                removed.notes.extend(self.remove_units()?);
                let is_cron = matches!(self.found(), Ok(Some(Found { kind: Kind::Cron, .. })));
                if is_cron && self.remove_block()? {
                    removed.what.push("the lines of poof in the crontab".to_owned());
                }
            }
        }
        erase_logs(self.logs())?;
        removed.what.splice(0..0, files.iter().map(|path| path_of(path).to_string()));
        Ok(removed)
    }

    /// The command that stops a schedule which `remove` could not.
    pub fn by_hand(&self) -> String {
        match self.system {
            System::MacOs => self.stop_agent(),
            System::Xdg if self.agent.exists() => self.stop_timer(),
            System::Xdg => "crontab -e".to_owned(),
        }
    }

    /// Removes the directories above `path` that are empty, but not the home directory
    /// nor what is outside of it.
    pub(super) fn remove_empty(&self, path: &Path) {
        let above = path.ancestors().skip(1);
        for dir in above.take_while(|dir| *dir != self.home && dir.starts_with(&self.home)) {
            if fs::remove_dir(dir).is_err() && dir.exists() {
                return;
            }
        }
    }
}

/// Overwrites and removes logs, and their directory if it is empty then: those of
/// launchd for another configuration may lie there.
pub(super) fn erase_logs(logs: Vec<PathBuf>) -> Result<()> {
    let noise = FillPattern::new()
        .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
    for log in logs {
        erase::file(&log, &noise).map_err(|error| Error::io("remove", &log, &error))?;
        let _ = log.parent().map(fs::remove_dir);
    }
    Ok(())
}
