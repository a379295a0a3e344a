//! The schedule as commands see it: what is to run for this configuration, and how one
//! that is there is told.

use std::env;
use std::path::PathBuf;

use super::offer;
use super::session::Session;
use super::unattended;
use crate::base::error::{Error, Result};
use crate::base::shown::path_of;
use crate::config::ready::ready;
use crate::config::{PoofConf, RcloneConf};
use crate::host::program;
use crate::host::schedule::{Found, Interval, Kind, Schedule, Scheduler, environment};
use crate::report::{Bytes, Event, Note, Tone};

/// The schedule that backs up this configuration.
///
/// # Errors
/// A path of it cannot be written into one.
pub fn schedule(session: &Session, every: Interval) -> Result<Schedule> {
    let exe = program::current()
        .map_err(|error| Error::unexpected(format!("cannot find the program: {error}")))?;
    let program = program::lasting(&exe, env::var_os("PATH").as_deref());
    let home = &session.layout.home;
    Schedule::new(&program, &session.options(), &environment(home), home, every)
}

/// Warns of a configuration with which no run will come far.
fn warn_if_unready(session: &Session) {
    let Session { files, layout, .. } = session;
    let both = PoofConf::load(&files.poof)
        .and_then(|poof| Ok((poof, RcloneConf::load(&files.rclone)?)))
        .and_then(|(poof, rclone)| ready(&poof, &rclone, &layout.home)?.strict());
    if let Err(problem) = both {
        let what = problem.into_error();
        session.report.warn(&format!("no run will come far yet: {what} (`poof verify`)"));
    }
}

/// The schedule that is there. Who cannot be asked has none.
pub fn found(session: &Session) -> Option<Found> {
    match Scheduler::of_this_user(&session.layout, &session.state).found() {
        Ok(found) => found,
        Err(error) => {
            session.report.warn(&format!("is there a schedule? {error}"));
            None
        }
    }
}

/// Puts a schedule in force and tells what was written; `shown`: also its text.
///
/// # Errors
/// It is not in force.
pub fn install(session: &Session, kind: Kind, every: Interval, shown: bool) -> Result<()> {
    let report = &*session.report;
    warn_if_unready(session);
    let schedule = schedule(session, every)?;
    let written =
        Scheduler::of_this_user(&session.layout, &session.state).install(kind, &schedule)?;
    if shown {
        offer::give(session, &joined(kind, &written.files));
    }
    for path in written.files.iter().filter_map(|(path, _)| path.as_ref()) {
        let path = Bytes::path(path.as_os_str().as_encoded_bytes());
        report.tell(&Event::Path { name: kind.to_string(), path });
    }
    for note in &written.notes {
        report.say(Note::Said(Tone::Note, note.clone()));
    }
    report.say(Note::Scheduled { kind, every });
    Ok(())
}

/// Takes the schedule away and tells what went. Returns how many things these are.
///
/// # Errors
/// A backup is at work, or a part of the schedule stays.
pub fn remove(session: &Session) -> Result<usize> {
    let report = &*session.report;
    // Not in the middle of a run: launchd would end it.
    let _lock = session.lock()?;
    let removed = Scheduler::of_this_user(&session.layout, &session.state).remove()?;
    for what in &removed.what {
        report.tell(&Event::Removed { what: what.clone() });
    }
    unattended::forget(session)?;
    for note in &removed.notes {
        report.warn(note);
    }
    report.done("No backup runs by itself any more.");
    Ok(removed.what.len())
}

/// Several files as `systemctl cat` shows them. One is shown as it is.
pub fn joined(kind: Kind, files: &[(Option<PathBuf>, String)]) -> String {
    if kind == Kind::Launchd {
        return files.iter().map(|(_, text)| text.as_str()).collect();
    }
    let head = |path: &Option<PathBuf>| match path {
        Some(path) => format!("# {}\n", path_of(path)),
        None => String::new(),
    };
    let texts: Vec<_> = files.iter().map(|(path, text)| head(path) + text).collect();
    texts.join("\n")
}
