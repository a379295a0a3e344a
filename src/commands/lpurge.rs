//! `poof lpurge`: no more backups by themselves.

use crate::base::error::Result;
use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session, schedule};

pub fn run(session: &Session) -> Result<Outcome> {
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    if schedule::found(session).is_none() && scheduler.files().is_empty() {
        session.report.note("There is no schedule.");
        return Ok(Outcome::default().with("removed", 0));
    }
    Ok(Outcome::default().with("removed", schedule::remove(session)?))
}
