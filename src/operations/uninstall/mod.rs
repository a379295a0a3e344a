//! How poof removes itself, and what it then finds of itself.

mod inventory;
pub mod question;
pub mod wiped;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::outcome::Outcome;
use super::own_files;
use super::profiles::Configuration;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files;
use crate::base::shown::{path_of, quoted};
use crate::config::Profile;
use crate::config::trees::Directory;
use crate::host::clipboard;
use crate::host::erase::{self, FillPattern};
use crate::host::keychain;
use crate::host::schedule::Scheduler;
use crate::host::traces::{Trace, traces};
use crate::report::{Bytes, Event, Note};
use inventory::Inventory;

/// Lists all that would go, once the directories in `going` are wiped.
pub fn preview(session: &Session, going: &[&Directory]) -> Result<()> {
    let inventory = Inventory::of(session)?;
    let installed = inventory.installed.iter().chain(&inventory.program);
    let own = inventory.files.iter().chain([&inventory.state]).chain(&inventory.scratch);
    for path in own.chain(&inventory.schedule).chain(installed) {
        let path = Some(Bytes::path(path.as_os_str().as_bytes()));
        session.report.tell(&Event::WouldRemove { path, what: None });
    }
    if inventory.crontab {
        let what = "the lines of poof in the crontab";
        session.report.tell(&Event::WouldRemove { path: None, what: Some(what) });
    }
    for entry in &inventory.keychain {
        session.report.tell(&Event::WouldForget { entry: entry.clone() });
    }
    let is_wiped =
        |dir: &Path| going.iter().any(|tree| dir.starts_with(own_files::real(&tree.local)));
    let mut left = left(session, &inventory, is_wiped);
    left.extend(stays(session, &inventory.others));
    tell(session, &left);
    Ok(())
}

/// Removes poof. It reports what is left, which is residue.
///
/// # Errors
/// The program does not know where it is, or the system has no random numbers.
pub fn depart(session: &Session, mut outcome: Outcome) -> Result<Outcome> {
    let report = &*session.report;
    let inventory = Inventory::of(session)?;
    let noise =
        FillPattern::new().map_err(|e| Error::unexpected(format!("no random numbers: {e}")))?;
    clipboard::let_go(&session.layout.home);
    // Before anything that a run needs.
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    let mut failed = Vec::new();
    match scheduler.remove() {
        Ok(removed) => removed.notes.iter().for_each(|note| report.warn(note)),
        Err(error) => failed
            .push(Trace { what: format!("the schedule: {error}"), command: scheduler.by_hand() }),
    }
    let mut note = |path: &Path, done: io::Result<()>| {
        if let Err(error) = done {
            let (what, path) = (format!("{}: {error}", path_of(path)), quoted(path));
            failed.push(Trace { what, command: format!("rm -rf {path}") });
        }
    };
    let mut by_hand = Vec::new();
    // As long as poof.conf knows them.
    for entry in &inventory.keychain {
        if let Err(unavailable) = keychain::remove(entry) {
            by_hand.push(Trace {
                what: format!("the entry {entry:?} of the keychain: {}", unavailable.what),
                command: keychain::removal(entry),
            });
        }
    }
    for path in &inventory.files {
        note(path, erase::file(path, &noise));
    }
    for path in in_state(session) {
        let is_dir = path.is_dir() && !path.is_symlink();
        let erase = if is_dir { erase::directory } else { erase::file };
        note(&path, erase(&path, &noise));
    }
    for path in &inventory.scratch {
        note(path, erase::directory(path, &noise));
    }
    for path in &inventory.installed {
        note(path, files::remove(path));
    }
    match (&inventory.program, &inventory.uninstall) {
        (Some(program), Some(uninstall)) if !uninstall.run(program) => by_hand.push(Trace {
            what: format!("{}, which {} has installed", path_of(program), uninstall.by),
            command: uninstall.command(),
        }),
        (Some(program), None) => note(program, files::remove(program)),
        _ => {}
    }
    for directory in &inventory.directories {
        remove_empty(directory, &session.layout.home);
    }
    for directory in &inventory.made {
        let _ = fs::remove_dir(directory);
    }
    let mut found = left(session, &inventory, |_| false);
    found.extend(by_hand);
    found.extend(failed);
    found.extend(stays(session, &inventory.others));
    tell(session, &found);
    match (found.is_empty(), inventory.others.is_empty()) {
        (false, _) => outcome.worsen(Kind::Residue),
        (true, true) => report.done("poof is gone."),
        (true, false) => report.done("This configuration is gone."),
    }
    if report.interactive() && inventory.others.is_empty() {
        report.note("Your shell may write this command to its history when it ends.");
    }
    Ok(outcome.with("neutered", true))
}

/// Which other configurations are here, for which the program stays. Who removes one of
/// several knows that; who removes poof has to hear what is left.
fn stays(session: &Session, others: &[Configuration]) -> Vec<Trace> {
    let is_poof = session.id().is_none();
    let mut left = Vec::new();
    for other in others {
        let (what, command) = (other.told(), other.command("neuter"));
        if is_poof {
            left.push(Trace { what: format!("{what}, and poof for it"), command });
        } else {
            session.report.say(Note::ProgramStays { what, command });
        }
    }
    left
}

/// What is in the state directory, without the states of other configurations.
fn in_state(session: &Session) -> Vec<PathBuf> {
    let others = other_states(session);
    let entries = fs::read_dir(&session.state).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| !others.contains(path)).collect()
}

/// The states of other configurations (`--confdir`), which are in that of the usual one.
fn other_states(session: &Session) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_id = name.len() == 16 && name.iter().all(u8::is_ascii_hexdigit);
        let is_profile = str::from_utf8(name).is_ok_and(|name| Profile::of_id(name).is_some());
        (is_id || is_profile) && *path != session.state
    };
    let entries = fs::read_dir(&session.layout.state).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_one).collect()
}

/// Removes a directory if it is empty, and those above that are empty then, but not
/// the home directory, nor anything above what is not in it.
fn remove_empty(directory: &Path, home: &Path) {
    for dir in directory.ancestors() {
        if dir == home || fs::remove_dir(dir).is_err() && dir.exists() || !dir.starts_with(home) {
            return;
        }
    }
}

/// What others have of poof, and what is not for it to remove.
fn left(session: &Session, inventory: &Inventory, is_wiped: impl Fn(&Path) -> bool) -> Vec<Trace> {
    let Session { layout, files, .. } = session;
    let mut left = inventory.left.clone();
    if !inventory.others.is_empty() {
        // What is of them is not left.
        let own = session.id().is_some().then(|| in_config(&files.dir, &inventory.files));
        left.extend(own.flatten());
        return left;
    }
    if !other_states(session).is_empty() {
        let (what, path) = (path_of(&layout.state), quoted(&layout.state));
        left.push(Trace {
            what: format!(
                "in {what}: the state of another configuration (`--confdir`, `--profile`)"
            ),
            command: format!("rm -r {path}"),
        });
    }
    let dirs = [&files.dir, &layout.config].map(PathBuf::as_path);
    let own = |dir: &&Path| dir.ends_with("poof") && !is_wiped(&own_files::real(dir));
    let mut dirs: Vec<_> = dirs.into_iter().filter(own).collect();
    dirs.dedup();
    left.extend(dirs.into_iter().filter_map(|dir| in_config(dir, &inventory.files)));
    left.extend(traces(&layout.home));
    left
}

/// What somebody else has put into a directory of poof's configuration.
fn in_config(dir: &Path, own: &[PathBuf]) -> Option<Trace> {
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let names: Vec<_> = entries
        .filter(|path| !own.contains(path) && !own.contains(&own_files::real(path)))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    (!names.is_empty()).then(|| Trace {
        what: format!("in {}: {}", path_of(dir), names.join(", ")),
        command: format!("rm -r {}", quoted(dir)),
    })
}

fn tell(session: &Session, found: &[Trace]) {
    for Trace { what, command } in found {
        let (what, command) = (what.clone(), command.clone());
        session.report.tell(&Event::Trace { what, command });
    }
}
