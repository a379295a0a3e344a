//! What to do next, from what is on this machine. The remote is not asked.

use super::recovery::readiness::{self, KitStanding};
use super::session::{self, Session};
use super::{Outcome, own_files, profiles, schedule};
use crate::base::error::Result;
use crate::config::ready::ready;
use crate::config::{PoofConf, Problem, RcloneConf, Ready};
use crate::report::Note;
use crate::tree::remote::identity;
use crate::tree::wipe::Records;

/// A step, and why it comes next.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub why: &'static str,
    pub command: &'static str,
}

const SET_UP: Step = Step { why: "Nothing is set up here.", command: "poof init" };
const BACK_UP: Step =
    Step { why: "It is set up, and nothing is backed up yet.", command: "poof backup" };
const DOWNLOAD: Step =
    Step { why: "What was uploaded is not here any more.", command: "poof download" };
const KIT: Step = Step {
    why: "The backup is encrypted, and no recovery kit fits it: without one nobody reads it \
          once this machine is gone.",
    command: "poof kit FILE",
};
const SCHEDULE: Step =
    Step { why: "Backups do not run by themselves.", command: "poof lconfig --every 6h" };
const REKEY: Step = Step { why: "The change of passwords is not done.", command: "poof rekey" };
const LOOK: Step = Step { why: "All is set up.", command: "poof status" };

/// Says what to do next.
///
/// # Errors
/// The configuration is wrong.
pub fn run(session: &Session) -> Result<Outcome> {
    let Step { why, command } = step(session)?;
    session.report.say(Note::Next { why, command });
    let command = match session::words(&session.options()) {
        none if none.is_empty() => command.to_owned(),
        options => command.replacen("poof", &format!("poof {options}"), 1),
    };
    Ok(Outcome::default().with("next", command))
}

fn step(session: &Session) -> Result<Step> {
    let files = &session.files;
    if profiles::are_all(session) {
        return Ok(LOOK);
    }
    if !files.poof.exists() && !files.rclone.exists() {
        return Ok(SET_UP);
    }
    if !Records::in_state(&session.state).all()?.is_empty() {
        return Ok(DOWNLOAD);
    }
    let ready = both(session).map_err(Problem::into_error)?;
    if identity::remembered_id(&session.state, &ready.remote().name()).is_none() {
        return Ok(BACK_UP);
    }
    if own_files::is_rekeying(session) {
        return Ok(REKEY);
    }
    let fits = matches!(readiness::kit(session), KitStanding::Fits(_));
    if ready.remote().is_encrypted() && !fits {
        return Ok(KIT);
    }
    Ok(if schedule::found(session).is_some() { LOOK } else { SCHEDULE })
}

fn both(session: &Session) -> std::result::Result<Ready, Problem> {
    let poof = PoofConf::load(&session.files.poof)?;
    let rclone = RcloneConf::load(&session.files.rclone)?;
    ready(&poof, &rclone, &session.layout.home)?.strict()
}
