//! `poof lpurge`: no more backups by themselves.

use serde_json::json;

use crate::base::error::Result;
use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session, schedule, unattended};

pub fn run(session: &Session) -> Result<Outcome> {
    let terminal = &session.terminal;
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    if schedule::found(session).is_none() && scheduler.files().is_empty() {
        terminal.note("There is no schedule.");
        return Ok(Outcome::default().with("removed", 0));
    }
    // Not in the middle of a run: launchd would end it.
    let _lock = session.lock()?;
    let removed = scheduler.remove()?;
    for what in &removed.what {
        terminal.result(&format!("removed {what}"));
        terminal.event(&json!({"type": "removed", "what": what}));
    }
    unattended::forget(session)?;
    for note in &removed.notes {
        terminal.warn(note);
    }
    terminal.done("No backup runs by itself any more.");
    Ok(Outcome::default().with("removed", removed.what.len()))
}
