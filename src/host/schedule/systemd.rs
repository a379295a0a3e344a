//! A timer of the user's own systemd: its two units, and what `systemctl --user` is
//! asked. Formats and quoting: systemd.service(5), systemd.time(7), systemd.syntax(7).

use std::fs;
use std::path::{Path, PathBuf};

use itertools::Itertools;

use super::tools::{Call, call, line};
use super::{Interval, Schedule, Scheduler, Written, every_in};
use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::shown::path_of;

/// The most that lies between two calls, in minutes.
const DISTANCE: u32 = 60;

/// The unit that makes a backup.
///
/// What hardens it needs neither namespaces nor capabilities. A user's manager has none:
/// it gets a mount namespace for `ProtectSystem`, `PrivateTmp` and their like only
/// together with a user namespace, in which all files of others belong to nobody, and
/// backups would say so. Nor is anything forbidden that a hook of the user may well need:
/// a compiler of its own (`MemoryDenyWriteExecute`), a container (`RestrictNamespaces`).
pub fn service(schedule: &Schedule) -> String {
    let mut words = schedule.words();
    if !is_plain_program(&schedule.program) {
        words.insert(0, "/usr/bin/env".to_owned());
    }
    let command = words.iter().map(|word| quoted(&word.replace('$', "$$"))).join(" ");
    let setting = |(name, value): &(String, String)| {
        format!("Environment={}\n", quoted(&format!("{name}={value}")))
    };
    let environment: String = schedule.environment.iter().map(setting).collect();
    format!(
        "{head}\
         [Unit]\n\
         Description=Backup by poof\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={command}\n\
         {environment}\
         UMask=0077\n\
         \n\
         # Whoever sits here comes first.\n\
         Nice=10\n\
         IOSchedulingClass=idle\n\
         \n\
         # poof has a log of its own. What it says names files: it stays out of the journal.\n\
         StandardOutput=null\n\
         StandardError=null\n\
         LogLevelMax=warning\n\
         \n\
         # All that leaves every file readable, and its owner as it is.\n\
         NoNewPrivileges=yes\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         SystemCallArchitectures=native\n",
        head = head(schedule),
    )
}

/// The unit that starts it.
pub fn timer(schedule: &Schedule) -> String {
    let calls = schedule.every.calls(DISTANCE);
    let delay = 6 / calls.len().min(6);
    let minutes = calls.iter().map(|minute| format!("{minute:02}")).join(",");
    format!(
        "{head}\
         [Unit]\n\
         Description=Backup by poof, every {every}\n\
         \n\
         [Timer]\n\
         # Oftener than that: what was skipped or has failed is made up for soon, and poof\n\
         # knows when it is due.\n\
         OnCalendar=*-*-* *:{minutes}:00\n\
         # Also at once, if the machine was off.\n\
         Persistent=true\n\
         # So that not all machines come at the same moment.\n\
         RandomizedDelaySec={delay}m\n\
         FixedRandomDelay=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        head = head(schedule),
        every = schedule.every,
    )
}

fn head(schedule: &Schedule) -> String {
    let Schedule { options, every, .. } = schedule;
    let poof = line(&["poof".to_owned()].iter().chain(options).cloned().collect());
    format!("# Made by `{poof} lconfig --every {every}`; `{poof} lpurge` removes it.\n")
}

/// Whether systemd takes a path as the program: it refuses quotes and backslashes there,
/// and would look for `$$` where it is to find `$`. `env` finds any.
fn is_plain_program(path: &str) -> bool {
    !path.contains(['$', '\'', '"', '\\'])
}

/// A word of a unit file, in which `%` begins a specifier.
fn quoted(word: &str) -> String {
    let word = word.replace('%', "%%");
    let plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,$".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
}

fn systemctl(words: &[&str]) -> Call {
    call(&["systemctl", "--user"].iter().chain(words).copied().collect::<Vec<_>>())
}

/// What stops a timer.
pub fn disable(timer: &Path) -> Call {
    systemctl(&["disable", "--now", &name_of(timer)])
}

fn name_of(unit: &Path) -> String {
    unit.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where the user's manager looks for units, by the environment that it shows.
fn looks_in(environment: &str, home: &Path) -> PathBuf {
    let of = |name: &str| {
        let value = environment.lines().find_map(|line| line.strip_prefix(name));
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let config = of("XDG_CONFIG_HOME=")
        .unwrap_or_else(|| of("HOME=").unwrap_or_else(|| home.to_path_buf()).join(".config"));
    config.join("systemd/user")
}

impl Scheduler {
    /// Whether a manager of this user is here and reads the units where they lie, or
    /// why not.
    pub(super) fn manager(&self) -> Result<std::result::Result<(), String>> {
        let Some(reply) = self.tools.ask(&systemctl(&["show-environment"]))? else {
            return Ok(Err("there is no systemctl".to_owned()));
        };
        if !reply.is_ok() {
            let said = reply.stderr.lines().next().unwrap_or("systemctl fails");
            return Ok(Err(format!("the user's systemd is not at work ({said})")));
        }
        let looks_in = looks_in(&String::from_utf8_lossy(&reply.stdout), &self.home);
        let units = self.agent.parent().unwrap_or(Path::new("/"));
        Ok(if looks_in == units {
            Ok(())
        } else {
            Err(format!("the user's systemd reads {} only", path_of(&looks_in)))
        })
    }

    /// The name of the timer.
    fn timer(&self) -> String {
        name_of(&self.agent)
    }

    pub(super) fn stop_timer(&self) -> String {
        line(&disable(&self.agent))
    }

    /// The timer, the service that it starts, and how systemd notes that the timer is
    /// enabled and when it ran last.
    pub(super) fn units(&self) -> Vec<PathBuf> {
        let dir = self.agent.parent().unwrap_or(Path::new("/"));
        let wanted = dir.join("timers.target.wants").join(self.timer());
        vec![wanted, self.agent.clone(), self.service(), self.stamp.clone()]
    }

    pub(super) fn service(&self) -> PathBuf {
        self.agent.with_extension("service")
    }

    pub(super) fn unit_texts(&self, schedule: &Schedule) -> Vec<(Option<PathBuf>, String)> {
        vec![(Some(self.service()), service(schedule)), (Some(self.agent.clone()), timer(schedule))]
    }

    pub(super) fn install_units(&self, schedule: &Schedule) -> Result<Written> {
        let (files, timer) = (self.unit_texts(schedule), self.timer());
        let begin = || {
            for (path, text) in &files {
                path.as_ref().map_or(Ok(()), |path| write_private(path, text.as_bytes()))?;
            }
            // `enable --now` leaves a timer that runs as it was.
            for words in [&["daemon-reload"][..], &["enable", &timer], &["restart", &timer]] {
                let call = systemctl(words);
                match self.tools.ask(&call)? {
                    Some(reply) if reply.is_ok() => {}
                    Some(reply) => return Err(reply.error(&call)),
                    None => return Err(Error::unexpected("there is no systemctl")),
                }
            }
            Ok(())
        };
        let before: Vec<_> = files.iter().map(|(path, _)| fs::read(path.as_ref()?).ok()).collect();
        if let Err(error) = begin() {
            let hint = error.hint_text().unwrap_or("`systemctl --user status` may say more.");
            let now = if before.iter().all(Option::is_some) {
                for ((path, _), text) in files.iter().zip(before) {
                    let _ = path.as_ref().zip(text).map(|(path, text)| write_private(path, &text));
                }
                let _ = self.tools.ask(&systemctl(&["daemon-reload"]));
                "The schedule is as it was."
            } else {
                // Half a schedule would be taken for one.
                let _ = self.remove_units();
                "Nothing is scheduled."
            };
            let hint = format!("{hint} {now}");
            return Err(error.hint(hint));
        }
        Ok(Written { files, notes: self.lingering().into_iter().collect() })
    }

    /// What has to be said if the user's systemd ends when the user leaves.
    fn lingering(&self) -> Option<String> {
        let ask = call(&["loginctl", "show-user", &self.user, "--property=Linger", "--value"]);
        let reply = self.tools.ask(&ask).ok()??;
        (reply.is_ok() && reply.stdout.trim_ascii() == b"no").then(|| {
            "It runs while you are logged in. So that it also runs when you are not: \
             `loginctl enable-linger`"
                .to_owned()
        })
    }

    /// Returns what has to be said. Nothing is done if nothing is there.
    pub(super) fn remove_units(&self) -> Result<Option<String>> {
        let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        let units: Vec<_> = self.units().into_iter().filter(is_there).collect();
        if units.is_empty() {
            return Ok(None);
        }
        let manager = self.manager()?;
        if manager.is_ok() {
            let disable = disable(&self.agent);
            let reply = self.tools.ask(&disable)?;
            // It fails for one that was not loaded, too.
            if let Some(reply) = reply.filter(|reply| !reply.is_ok())
                && self.is_armed()?
            {
                return Err(reply.error(&disable).hint("The timer is still at work."));
            }
        }
        for path in &units {
            match fs::remove_file(path) {
                // systemctl has removed the link.
                Err(error) if fs::symlink_metadata(path).is_ok() => {
                    return Err(Error::io("remove", path, &error));
                }
                _ => {}
            }
        }
        for path in &units {
            self.remove_empty(path);
        }
        match manager {
            Ok(()) => {
                self.tools.ask(&systemctl(&["daemon-reload"]))?;
                // That it failed once is noted until then.
                self.tools.ask(&systemctl(&["reset-failed", &name_of(&self.service())]))?;
                Ok(None)
            }
            Err(why) => {
                Ok(Some(format!("A timer that is at work ends when you log in next: {why}.")))
            }
        }
    }

    fn is_armed(&self) -> Result<bool> {
        let reply = self.tools.ask(&systemctl(&["is-active", "--quiet", &self.timer()]))?;
        Ok(reply.is_some_and(|reply| reply.is_ok()))
    }

    /// Whether the timer is at work; where nobody can say, whether it is enabled.
    pub(super) fn is_timer_on(&self) -> Result<bool> {
        match self.manager()? {
            Ok(()) => {
                let is_enabled = systemctl(&["is-enabled", "--quiet", &self.timer()]);
                let reply = self.tools.ask(&is_enabled)?;
                Ok(reply.is_some_and(|reply| reply.is_ok()) && self.is_armed()?)
            }
            Err(_) => Ok(self.units().first().is_some_and(|wanted| wanted.is_symlink())),
        }
    }

    pub(super) fn every_of_timer(&self) -> Option<Interval> {
        every_in(&fs::read_to_string(&self.agent).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::schedule::tests::schedule;

    #[test]
    fn a_timer_makes_up_for_what_was_missed_and_the_service_stands_back() {
        let (timer, service) = (timer(&schedule("6h")), service(&schedule("6h")));
        for line in ["OnCalendar=*-*-* *:00:00", "Persistent=true", "RandomizedDelaySec=6m"] {
            assert!(timer.lines().any(|found| found == line), "{timer}");
        }
        for line in [
            "ExecStart=/home/joe/.local/bin/poof backup --scheduled --every 6h",
            "IOSchedulingClass=idle",
            "NoNewPrivileges=yes",
        ] {
            assert!(service.lines().any(|found| found == line), "{service}");
        }
        assert_eq!(every_in(&timer).unwrap().to_string(), "6h");
        let often = self::timer(&schedule("25m"));
        assert!(often.contains("OnCalendar=*-*-* *:00,05,10,15,20,25,30,35,40,45,50,55:00\n"));
        assert!(often.contains("RandomizedDelaySec=1m\n"), "{often}");
    }

    #[test]
    fn a_word_is_quoted_for_systemd() {
        assert_eq!(quoted("/usr/bin/poof"), "/usr/bin/poof");
        assert_eq!(quoted("a b%c"), "\"a b%%c\"");
        assert_eq!(quoted(r#"a"\"#), r#""a\"\\""#);
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted(""), "\"\"");
        let odd = Schedule { program: "/a $b/poof".to_owned(), ..schedule("6h") };
        let line = "ExecStart=/usr/bin/env \"/a $$b/poof\" backup --scheduled --every 6h\n";
        assert!(service(&odd).contains(line), "{}", service(&odd));
    }

    #[test]
    fn the_manager_says_where_it_looks() {
        let home = Path::new("/home/joe");
        let of = |environment: &str| looks_in(environment, home);
        assert_eq!(of("LANG=C\n"), Path::new("/home/joe/.config/systemd/user"));
        assert_eq!(of("HOME=/root\n"), Path::new("/root/.config/systemd/user"));
        assert_eq!(of("HOME=/root\nXDG_CONFIG_HOME=/c\n"), Path::new("/c/systemd/user"));
    }
}
