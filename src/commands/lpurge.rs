//! `poof lpurge`: no more backups by themselves.

use serde_json::json;

use super::{Context, Outcome, scheduled, scheduling};
use crate::base::error::Result;
use crate::host::schedule::Scheduler;

pub fn run(context: &Context) -> Result<Outcome> {
    let terminal = &context.terminal;
    let scheduler = Scheduler::of_this_user(&context.layout, &context.state);
    if scheduling::found(context).is_none() && scheduler.files().is_empty() {
        terminal.note("There is no schedule.");
        return Ok(Outcome::default().with("removed", 0));
    }
    // Not in the middle of a run: launchd would end it.
    let _lock = context.lock()?;
    let removed = scheduler.remove()?;
    for what in &removed.what {
        terminal.result(&format!("removed {what}"));
        terminal.event(&json!({"type": "removed", "what": what}));
    }
    scheduled::forget(context)?;
    for note in &removed.notes {
        terminal.warn(note);
    }
    terminal.done("No backup runs by itself any more.");
    Ok(Outcome::default().with("removed", removed.what.len()))
}
