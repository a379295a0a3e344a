//! The schedules of other configurations, which are not for this one to touch.

use std::fs;
use std::path::{Path, PathBuf};

use super::tools::{call, line};
use super::{Scheduler, cron, is_id, launchd, systemd};
use crate::host::paths::System;
use crate::host::traces::Trace;

impl Scheduler {
    /// What would call a program that is gone, and how it is stopped.
    pub fn others(&self) -> Vec<Trace> {
        let mut others: Vec<_> = self.other_agents().into_iter().map(|p| self.trace(&p)).collect();
        let crontab = self.crontab().ok().flatten().unwrap_or_default();
        let edit = "crontab -e".to_owned();
        if cron::has_other(&crontab, &self.home.to_string_lossy(), &self.crontab_home()) {
            others.push(Trace {
                what: "in the crontab: the schedule of another configuration (`--confdir`, `--profile`)"
                    .to_owned(),
                command: edit.clone(),
            });
        }
        let count = cron::by_hand(&crontab, &self.crontab_home());
        if count > 0 {
            let lines = if count == 1 { "line" } else { "lines" };
            others.push(Trace {
                what: format!("{count} {lines} in the crontab that somebody wrote for poof"),
                command: edit,
            });
        }
        others
    }

    fn other_agents(&self) -> Vec<PathBuf> {
        let (first, last) = match self.system {
            System::MacOs => ("org.pypi.poof", ".plist"),
            System::Xdg => ("poof", ".timer"),
        };
        let is_one = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let id = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last));
            let is_one = |id: &str| id.is_empty() || id.strip_prefix('-').is_some_and(is_id);
            id.is_some_and(is_one) && *path != self.agent
        };
        let dir = self.agent.parent().map(fs::read_dir);
        let entries = dir.into_iter().flatten().flatten().flatten();
        let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_one).collect();
        found.sort();
        found
    }

    fn trace(&self, agent: &Path) -> Trace {
        let (path, service) = (agent.to_string_lossy(), agent.with_extension("service"));
        let service = service.to_string_lossy();
        let (stop, remove) = match self.system {
            System::MacOs => {
                (launchd::bootout(&launchd::service(self.uid, agent)), call(&["rm", &path]))
            }
            System::Xdg => (systemd::disable(agent), call(&["rm", "-f", &path, &service])),
        };
        Trace {
            what: format!(
                "{path}: the schedule of another configuration (`--confdir`, `--profile`)"
            ),
            command: format!("{}; {}", line(&stop), line(&remove)),
        }
    }
}
