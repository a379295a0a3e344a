//! Backups that run by themselves: an agent of launchd on macOS, a timer of the user's
//! systemd on Linux, else lines in the crontab. What is written, and what the programs
//! of the system are asked, are plain functions, tested on every system.

mod cron;
mod environment;
mod interval;
mod launchd;
mod others;
mod removal;
mod systemd;
mod tools;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::paths::{AGENT_LOGS, Layout, PYTHON_LOGS, System, given};
use crate::base::error::{Error, Result};
use crate::base::shown::path_of;
pub use environment::environment;
pub use interval::Interval;
use tools::Tools;

/// What keeps a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Launchd,
    Systemd,
    Cron,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Launchd => "launchd",
            Kind::Systemd => "systemd",
            Kind::Cron => "cron",
        })
    }
}

/// What is to run, and how often.
pub struct Schedule {
    program: String,
    /// Say where the configuration is, if it is not in the usual place.
    options: Vec<String>,
    /// Of what a scheduler does not know by itself.
    environment: Vec<(String, String)>,
    home: String,
    every: Interval,
}

impl Schedule {
    /// # Errors
    /// One of the texts cannot stand in the files of a scheduler.
    pub fn new(
        program: &Path,
        options: &[PathBuf],
        environment: &[(String, PathBuf)],
        home: &Path,
        every: Interval,
    ) -> Result<Self> {
        let text = |path: &Path| match path.to_str() {
            Some(text) if !text.contains(char::is_control) => Ok(text.to_owned()),
            _ => Err(Error::config(format!("a schedule cannot name {}", path_of(path)))
                .hint("That has a line break in it, or is not UTF-8: give it another name.")),
        };
        let setting = |(name, value): &(String, PathBuf)| Ok((name.clone(), text(value)?));
        Ok(Schedule {
            program: text(program)?,
            options: options.iter().map(|option| text(option)).collect::<Result<_>>()?,
            environment: environment.iter().map(setting).collect::<Result<_>>()?,
            home: text(home)?,
            every,
        })
    }

    /// The command line.
    fn words(&self) -> Vec<String> {
        let mut words = vec![self.program.clone()];
        words.extend(self.options.iter().cloned());
        words.extend(["backup", "--scheduled", "--every"].map(str::to_owned));
        words.push(self.every.to_string());
        words
    }
}

/// What was written. A crontab is no file of the user's.
pub struct Written {
    pub files: Vec<(Option<PathBuf>, String)>,
    /// What the user has to know beside.
    pub notes: Vec<String>,
}

/// A schedule that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    /// That of the Python poof does not say.
    pub every: Option<Interval>,
    /// Whether its scheduler works with it.
    pub enabled: bool,
}

/// The schedulers of this user, for one configuration: each has a schedule of its own.
pub struct Scheduler {
    system: System,
    home: PathBuf,
    /// Tells the configuration from others; None: it is the usual one.
    id: Option<String>,
    /// The property list, or the timer.
    agent: PathBuf,
    /// Where systemd notes when the timer ran last.
    stamp: PathBuf,
    /// Of this configuration: the logs of what ran are there, but for launchd's.
    state: PathBuf,
    /// The directory of launchd's.
    logs: PathBuf,
    /// The directory of the Python poof's.
    python_logs: PathBuf,
    uid: u32,
    user: String,
    tools: Tools,
    /// Between two tries with launchd.
    pause: Duration,
}

impl Scheduler {
    /// For the configuration whose state lies in `state`, which is that of `layout` or a
    /// directory in it.
    pub fn of_this_user(layout: &Layout, state: &Path) -> Self {
        let id = state.strip_prefix(&layout.state).ok().filter(|id| !id.as_os_str().is_empty());
        let id = id.map(|id| id.to_string_lossy().into_owned());
        let uid = rustix::process::geteuid().as_raw();
        let is_set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let user = is_set("USER").or_else(|| is_set("LOGNAME"));
        let user = user.map(|name| name.to_string_lossy().into_owned());
        let data = given("XDG_DATA_HOME").unwrap_or_else(|| layout.home.join(".local/share"));
        // After `su` nothing says where the bus of the user is.
        let runtime = PathBuf::from(format!("/run/user/{uid}"));
        let runtime = (is_set("XDG_RUNTIME_DIR").is_none()
            && runtime.join("systemd/private").exists())
        .then_some(runtime);
        Scheduler {
            system: System::current(),
            home: layout.home.clone(),
            agent: with_id(&layout.schedule.1, id.as_deref()),
            stamp: with_id(&data.join("systemd/timers/stamp-poof.timer"), id.as_deref()),
            state: state.to_path_buf(),
            id,
            logs: layout.home.join(AGENT_LOGS),
            python_logs: PathBuf::from(PYTHON_LOGS),
            uid,
            user: user.unwrap_or_else(|| super::owners::user(uid)),
            tools: Tools { path: None, runtime },
            pause: Duration::from_millis(500),
        }
    }

    /// What will keep a schedule here, and why it is not systemd.
    ///
    /// # Errors
    /// Nothing here does.
    pub fn choose(&self) -> Result<(Kind, Option<String>)> {
        if self.system == System::MacOs {
            return Ok((Kind::Launchd, None));
        }
        let Err(why) = self.manager()? else { return Ok((Kind::Systemd, None)) };
        if self.crontab()?.is_some() {
            return Ok((Kind::Cron, Some(why)));
        }
        Err(Error::unexpected(format!("nothing here keeps a schedule: {why}, and no crontab"))
            .hint(
                "Install cron (`sudo apt install cron`), or have what starts programs here call \
                 `poof backup --scheduled`.",
            ))
    }

    /// What the files of a schedule are called, and where they are: those of its own, and
    /// the log of what runs. A crontab is no file of the user's.
    pub fn paths(&self) -> Vec<(&'static str, PathBuf)> {
        if self.system == System::MacOs {
            let [out, err] = self.logs_of_launchd();
            return vec![
                ("org.pypi.poof.plist", self.agent.clone()),
                ("log", out),
                ("error log", err),
            ];
        }
        vec![
            ("poof.timer", self.agent.clone()),
            ("poof.service", self.service()),
            ("log", self.state.join("log/backup.log")),
        ]
    }

    /// What `install` would write.
    ///
    /// # Errors
    /// It cannot be put into words.
    pub fn preview(
        &self,
        kind: Kind,
        schedule: &Schedule,
    ) -> Result<Vec<(Option<PathBuf>, String)>> {
        Ok(match kind {
            Kind::Launchd => vec![(Some(self.agent.clone()), self.agent_text(schedule)?)],
            Kind::Systemd => self.unit_texts(schedule),
            Kind::Cron => vec![(None, self.block_text(schedule))],
        })
    }

    /// Puts a schedule in force, in place of any that is there.
    ///
    /// # Errors
    /// It is not in force.
    pub fn install(&self, kind: Kind, schedule: &Schedule) -> Result<Written> {
        let mut written = match kind {
            Kind::Launchd => self.install_agent(schedule)?,
            Kind::Systemd => self.install_units(schedule)?,
            Kind::Cron => self.install_block(schedule)?,
        };
        match kind {
            Kind::Launchd => {}
            // Where no crontab can be read there is nothing of ours in it.
            Kind::Systemd => drop(self.remove_block()),
            Kind::Cron => written.notes.extend(self.remove_units()?),
        }
        Ok(written)
    }

    /// The schedule that is there.
    ///
    /// # Errors
    /// A program of the system cannot be run.
    pub fn found(&self) -> Result<Option<Found>> {
        if self.system == System::MacOs {
            let Some(agent) = self.agent() else { return Ok(None) };
            let enabled = self.is_loaded()?;
            return Ok(Some(Found { kind: Kind::Launchd, every: agent.every, enabled }));
        }
        if self.agent.exists() {
            let (every, enabled) = (self.every_of_timer(), self.is_timer_on()?);
            return Ok(Some(Found { kind: Kind::Systemd, every, enabled }));
        }
        Ok(self.block())
    }
}

/// The path of a file of the usual configuration, for the one that `id` tells from others:
/// `poof.timer` becomes `poof-ID.timer`, and `org.pypi.poof.plist` `org.pypi.poof-ID.plist`.
fn with_id(path: &Path, id: Option<&str>) -> PathBuf {
    let (Some(id), Some(stem), Some(kind)) = (id, path.file_stem(), path.extension()) else {
        return path.to_path_buf();
    };
    let (stem, kind) = (stem.to_string_lossy(), kind.to_string_lossy());
    path.with_file_name(format!("{stem}-{id}.{kind}"))
}

/// Whether this tells a configuration from others: sixteen digits, or a profile.
fn is_id(id: &str) -> bool {
    let is_number = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number || id.starts_with("profile-")
}

/// The interval that a text of ours names.
fn every_in(text: &str) -> Option<Interval> {
    let mut words = text.split(|c: char| c.is_whitespace() || "`'\"".contains(c));
    words.find(|word| *word == "--every")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The schedulers of a user below `dir`, with stand-ins for the programs in `dir/bin`.
    pub fn scheduler(system: System, dir: &Path) -> Scheduler {
        let home = dir.join("home");
        let agent = match system {
            System::MacOs => "Library/LaunchAgents/org.pypi.poof.plist",
            System::Xdg => ".config/systemd/user/poof.timer",
        };
        for dir in [&home, &dir.join("bin")] {
            fs::create_dir_all(dir).unwrap();
        }
        Scheduler {
            system,
            agent: home.join(agent),
            stamp: home.join(".local/share/systemd/timers/stamp-poof.timer"),
            id: None,
            state: home.join("state"),
            logs: home.join("Library/Logs/poof"),
            python_logs: dir.join("6CC9"),
            home,
            uid: rustix::process::geteuid().as_raw(),
            user: "joe".to_owned(),
            tools: Tools { path: Some(dir.join("bin").into()), runtime: None },
            pause: Duration::ZERO,
        }
    }

    /// A program `name` in `dir/bin` that notes how it is called and then does `script`.
    pub fn stand_in(dir: &Path, name: &str, script: &str) {
        let (text, place) = (dir.join("script"), dir.join("bin").join(name));
        let calls = dir.join("calls");
        let note = format!("echo \"{name} $*\" >>'{}'", calls.display());
        fs::write(&text, format!("#!/bin/sh\n{note}\n{script}\n")).unwrap();
        // Not written there: a child that another test forks meanwhile would keep it busy.
        let copy = format!("cp '{0}' '{1}' && chmod +x '{1}'", text.display(), place.display());
        assert!(std::process::Command::new("sh").args(["-c", &copy]).status().unwrap().success());
    }

    /// How the stand-ins were called since this was asked last.
    pub fn calls(dir: &Path) -> Vec<String> {
        let calls = fs::read_to_string(dir.join("calls")).unwrap_or_default();
        let _ = fs::remove_file(dir.join("calls"));
        calls.lines().map(str::to_owned).collect()
    }

    pub fn schedule(every: &str) -> Schedule {
        let (program, home) = (Path::new("/home/joe/.local/bin/poof"), Path::new("/home/joe"));
        Schedule::new(program, &[], &[], home, every.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_path_that_no_file_of_a_scheduler_can_hold_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let raw = std::ffi::OsStr::from_bytes(b"/a\xff");
        for path in [Path::new("/a\nb/poof"), Path::new(raw)] {
            let refused = Schedule::new(path, &[], &[], Path::new("/"), Interval::DEFAULT);
            let error = refused.err().unwrap();
            assert!(error.message().contains("a schedule cannot name"), "{error}");
        }
    }

    #[test]
    fn another_configuration_has_names_of_its_own() {
        let of = |path: &str, id| with_id(Path::new(path), id);
        assert_eq!(of("/u/poof.timer", None), Path::new("/u/poof.timer"));
        assert_eq!(of("/u/poof.timer", Some("ab")), Path::new("/u/poof-ab.timer"));
        let agent = of("/a/org.pypi.poof.plist", Some("ab"));
        assert_eq!(agent, Path::new("/a/org.pypi.poof-ab.plist"));
        assert_eq!(launchd::service(7, &agent), "gui/7/org.pypi.poof-ab");
    }

    #[test]
    fn the_interval_is_found_in_what_is_written() {
        let text = "# Made by `poof lconfig --every 6h`; `poof lpurge` removes it.";
        assert_eq!(every_in(text), Some(Interval::DEFAULT));
        let line = "x backup --scheduled --every 7d >/dev/null";
        assert_eq!(every_in(line).unwrap().to_string(), "7d");
        assert_eq!(every_in("x --every"), None);
    }
}
