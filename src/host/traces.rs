//! What others have noted of poof: lines in the histories of shells and in the logs of
//! the package manager. The modules find what tells of the files of the trees.

pub mod copies;
mod emacs;
pub mod known;
pub mod places;
pub mod removal;
pub mod search;
mod stores;
mod text;
mod whole;

use std::fs;
use std::path::Path;

use super::paths::given;
use crate::base::shown::{path_of, quoted};

/// Something that is left, and what removes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub what: String,
    pub command: String,
}

/// Histories of shells, below the home directory.
const HISTORIES: [&str; 7] = [
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".histfile",
    ".local/share/fish/fish_history",
    ".ash_history",
    ".ksh_history",
];

/// Directories with a history of each window that was open, likewise: Terminal of macOS.
const SESSIONS: [&str; 2] = [".bash_sessions", ".zsh_sessions"];

/// Logs of the package manager, which only root can change.
const LOGS: [&str; 8] = [
    "/var/log/dpkg.log",
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
    "/var/log/dnf.log",
    "/var/log/dnf.rpm.log",
    "/var/log/dnf5.log",
    "/var/log/zypp/history",
    "/var/log/pacman.log",
];

/// What is noted of poof below `home`, where the shell keeps its history, and in the
/// logs of the package manager.
pub fn traces(home: &Path) -> Vec<Trace> {
    let own = given("HISTFILE");
    let sessions = SESSIONS.iter().flat_map(|name| fs::read_dir(home.join(name))).flatten();
    let sessions = sessions.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    let histories = HISTORIES.iter().map(|name| home.join(name));
    let mut histories: Vec<_> = histories.chain(sessions).chain(own).collect();
    histories.sort();
    histories.dedup();
    let logs = LOGS.iter().filter_map(|path| in_lines(Path::new(path), "sudo "));
    let histories = histories.iter().filter_map(|path| in_lines(path, ""));
    histories.chain(of_pipx(home)).chain(logs).collect()
}

/// What pipx has noted of its calls, each in a file of its own.
fn of_pipx(home: &Path) -> Option<Trace> {
    let state = given("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state"));
    let dirs = [state.join("pipx/log"), home.join("Library/Logs/pipx")];
    let entries = dirs.iter().flat_map(fs::read_dir).flatten().flatten();
    let mut logs: Vec<_> = entries.map(|entry| entry.path()).collect();
    logs.retain(|path| fs::read(path).is_ok_and(|text| mentions(&text)));
    logs.sort();
    let (count, names) = (logs.len(), logs.iter().map(|path| quoted(path)).collect::<Vec<_>>());
    (count > 0).then(|| Trace {
        what: format!("poof in {count} of the logs of pipx"),
        command: format!("rm {}", names.join(" ")),
    })
}

/// What systemd has noted of a schedule.
pub fn of_timer() -> Trace {
    Trace {
        what: "that backups ran and which failed, in the journal of systemd".to_owned(),
        command: "journalctl --user --rotate --vacuum-time=1s (all that is older)".to_owned(),
    }
}

fn in_lines(path: &Path, before: &str) -> Option<Trace> {
    let text = fs::read(path).ok()?;
    let count = text.split(|byte| *byte == b'\n').filter(|line| mentions(line)).count();
    (count > 0).then(|| {
        let lines = if count == 1 { "line" } else { "lines" };
        // Without GNU a suffix has to be given, be it none.
        let in_place = if cfg!(target_os = "linux") { "-i" } else { "-i ''" };
        let word = "(^|[^[:alnum:]])poof([^[:alnum:]]|$)";
        Trace {
            what: format!("{count} {lines} in {}", path_of(path)),
            // A history of zsh has bytes that are no UTF-8.
            command: format!("{before}env LC_ALL=C sed {in_place} -E '/{word}/d' {}", quoted(path)),
        }
    })
}

/// Whether poof is a word of a line: the program, or a file of its own. The command that
/// is named for it removes exactly these lines.
pub fn mentions(line: &[u8]) -> bool {
    line.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| word == b"poof")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_histories_of_single_windows_are_looked_at_too() {
        let home = tempfile::tempdir().unwrap();
        let sessions = home.path().join(".zsh_sessions");
        fs::create_dir(&sessions).unwrap();
        fs::write(sessions.join("1A.history"), "poof backup\n").unwrap();
        fs::write(sessions.join("1A.session"), "echo Restored session\n").unwrap();
        let found = traces(home.path());
        let own = found.iter().filter(|trace| trace.what.contains(".zsh_sessions"));
        assert_eq!(own.count(), 1);
    }

    #[test]
    fn lines_that_name_poof_are_found_and_the_command_removes_just_them() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("it's a history");
        let others = "cd spoof\nls ~/poofs\n";
        let ours = "poof upload\n: 1700000000:0;poof backup\nvim ~/.config/poof/poof.conf\n\
                    ./target/release/poof kit\ncat rclone-poof.conf\n";
        fs::write(&path, others).unwrap();
        assert_eq!(in_lines(&path, ""), None);
        fs::write(&path, format!("{ours}{others}")).unwrap();
        let trace = in_lines(&path, "").unwrap();
        assert!(trace.what.starts_with("5 lines in "), "{}", trace.what);
        assert!(Command::new("sh").args(["-c", &trace.command]).status().unwrap().success());
        assert_eq!(fs::read_to_string(&path).unwrap(), others);
    }
}
