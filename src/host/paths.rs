//! Where poof's files lie. The layout is a pure function of the system, the
//! home and the environment, so that each system's is tested on every system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::BaseDirs;

use crate::base::error::{Error, Result};

/// The systems whose conventions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    MacOs,
    /// Linux and other Unix with the XDG base directories.
    Xdg,
}

impl System {
    pub fn current() -> Self {
        if cfg!(target_os = "macos") { System::MacOs } else { System::Xdg }
    }
}

/// Where poof's files lie by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub home: PathBuf,
    /// Holds poof.conf and rclone-poof.conf.
    pub config: PathBuf,
    /// Holds the lock, the journal and the cache.
    pub state: PathBuf,
    /// What `poof lconfig` writes: its name in `poof paths`, and its path.
    pub schedule: (&'static str, PathBuf),
}

/// Below the home directory on macOS: where Console looks for logs.
pub const AGENT_LOGS: &str = "Library/Logs/poof";

/// The layout of `system` for a user whose home is `home`. A relative XDG
/// directory counts as not set (XDG Base Directory Specification).
pub fn layout(system: System, home: &Path, env: impl Fn(&str) -> Option<OsString>) -> Layout {
    let xdg = |name: &str, default: &str| {
        env(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .unwrap_or_else(|| home.join(default))
    };
    match system {
        System::MacOs => {
            let support = home.join("Library/Application Support");
            let agent = "Library/LaunchAgents/org.pypi.poof.plist";
            Layout {
                home: home.to_path_buf(),
                config: support.join("poof"),
                state: support.join("poof-state"),
                schedule: ("org.pypi.poof.plist", home.join(agent)),
            }
        }
        System::Xdg => {
            let config = xdg("XDG_CONFIG_HOME", ".config");
            Layout {
                home: home.to_path_buf(),
                schedule: ("poof.timer", config.join("systemd/user/poof.timer")),
                config: config.join("poof"),
                state: xdg("XDG_STATE_HOME", ".local/state").join("poof"),
            }
        }
    }
}

/// A path that the environment gives; a relative one counts as not set.
pub fn given(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The directory that the schedule of the Python poof writes its logs to. Anybody may have
/// made it, and it goes at each start of the machine: what is there is only removed.
pub const PYTHON_LOGS: &str = "/tmp/6CC9-4821-827B-8596B684ECA9";

/// The logs of the Python poof's schedule of `user` in `dir`.
pub fn python_logs(dir: &Path, user: &str) -> [PathBuf; 2] {
    ["out", "err"].map(|kind| dir.join(format!("com.apple.ContentStoreAgent-{user}-{kind}.dat")))
}

/// Where in `dir` launchd puts the output of the runs, and what they complain of. `id` is of
/// another configuration than the usual one.
pub fn agent_logs(dir: &Path, id: Option<&str>) -> [PathBuf; 2] {
    let name = id.map_or_else(|| "backup".to_owned(), |id| format!("backup-{id}"));
    ["out", "err"].map(|kind| dir.join(format!("{name}.{kind}.log")))
}

/// What runs of the schedule have said: the log that poof keeps, or the files that launchd
/// does below `home`, the errors first.
pub fn run_logs(system: System, home: &Path, state: &Path, id: Option<&str>) -> Vec<PathBuf> {
    match system {
        System::MacOs => {
            let [out, err] = agent_logs(&home.join(AGENT_LOGS), id);
            vec![err, out]
        }
        System::Xdg => vec![state.join("log/backup.log")],
    }
}

/// The layout of this machine and user.
///
/// # Errors
/// The user has no home directory.
pub fn of_this_user() -> Result<Layout> {
    let base = BaseDirs::new().filter(|base| base.home_dir().is_absolute()).ok_or_else(|| {
        Error::config("this user has no home directory").hint("Set HOME to an absolute path.")
    })?;
    Ok(layout(System::current(), base.home_dir(), |name| std::env::var_os(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn macos_keeps_everything_in_the_library() {
        let l = layout(System::MacOs, Path::new("/Users/joe"), none);
        assert_eq!(l.config, Path::new("/Users/joe/Library/Application Support/poof"));
        assert_eq!(l.state, Path::new("/Users/joe/Library/Application Support/poof-state"));
        assert_eq!(l.schedule.1, Path::new("/Users/joe/Library/LaunchAgents/org.pypi.poof.plist"));
    }

    #[test]
    fn the_logs_of_launchd_are_where_console_looks() {
        let of = |system, id| run_logs(system, Path::new("/Users/joe"), Path::new("/s"), id);
        let dir = "/Users/joe/Library/Logs/poof";
        let logs = [format!("{dir}/backup.err.log"), format!("{dir}/backup.out.log")];
        assert_eq!(of(System::MacOs, None), logs.map(PathBuf::from));
        assert_eq!(of(System::MacOs, Some("a1"))[0], Path::new(dir).join("backup-a1.err.log"));
        assert_eq!(of(System::Xdg, None), [Path::new("/s/log/backup.log")]);
    }

    #[test]
    fn linux_follows_the_xdg_directories() {
        let l = layout(System::Xdg, Path::new("/home/joe"), none);
        assert_eq!(l.config, Path::new("/home/joe/.config/poof"));
        assert_eq!(l.state, Path::new("/home/joe/.local/state/poof"));
        let l = layout(System::Xdg, Path::new("/home/joe"), |name| match name {
            "XDG_CONFIG_HOME" => Some("/etc/joe".into()),
            "XDG_STATE_HOME" => Some("relative".into()),
            _ => None,
        });
        assert_eq!(l.config, Path::new("/etc/joe/poof"));
        assert_eq!(l.state, Path::new("/home/joe/.local/state/poof"), "a relative one is ignored");
    }
}
