//! `poof lpurge`: no more backups by themselves.

use crate::base::error::Result;
use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session, schedule, unattended};
use crate::report::Event;

pub fn run(session: &Session) -> Result<Outcome> {
    let report = &*session.report;
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    if schedule::found(session).is_none() && scheduler.files().is_empty() {
        report.note("There is no schedule.");
        return Ok(Outcome::default().with("removed", 0));
    }
    // Not in the middle of a run: launchd would end it.
    let _lock = session.lock()?;
    let removed = scheduler.remove()?;
    for what in &removed.what {
        report.tell(&Event::Removed { what: what.clone() });
    }
    unattended::forget(session)?;
    for note in &removed.notes {
        report.warn(note);
    }
    report.done("No backup runs by itself any more.");
    Ok(Outcome::default().with("removed", removed.what.len()))
}
