//! What was wiped here is on the remote alone. Whoever removes poof removes what this machine
//! knows of it, and the keys: not before the remote has shown that it is there.

use crate::base::error::{Kind, Result};
use crate::config::trees::Directory;
use crate::operations::loading;
use crate::operations::outcome::Outcome;
use crate::operations::repository::{Repository, held};
use crate::operations::session::Session;
use crate::tree::guard::{self, Allowed};
use crate::tree::wipe::{Phase, Record, Records};

const WORD: &str = "older-snapshot";

/// # Errors
/// The refusal, or an interrupt.
pub fn guard(session: &Session, allowed: Allowed) -> Result<()> {
    if allowed.older_snapshot {
        return Ok(());
    }
    let records = Records::in_state(&session.state).all()?;
    if records.is_empty() {
        return Ok(());
    }
    if let Some(Record { tree, .. }) = records.iter().find(|record| record.phase == Phase::Wiping) {
        let what =
            format!("the wipe of {tree} is not completed, and poof alone knows how far it is");
        let hint = "`poof upload` completes it, `poof download` brings everything back.";
        return Err(guard::refuse(what, hint, WORD));
    }
    let names: Vec<_> = records.iter().map(|record| record.tree.as_str()).collect();
    let wiped = format!("{} was wiped here, and", names.join(", "));
    let hint = "`poof check` looks at it.";
    match look(session, &records, allowed) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(guard::refuse(format!("{wiped} {why}"), hint, WORD)),
        Err(error) if error.kind() == Kind::Interrupted => Err(error),
        Err(error) => {
            let what = format!("{wiped} the remote cannot be asked for it: {}", error.message());
            Err(guard::refuse(what, hint, WORD))
        }
    }
}

/// Why what was wiped is not known to be there; None if it is, object by object, as the
/// server lists them.
fn look(session: &Session, records: &[Record], allowed: Allowed) -> Result<Option<String>> {
    let ready = loading::in_force(session)?;
    let here = ready.remote().name();
    if let Some(elsewhere) = records.iter().find(|record| !record.is_on(&here)) {
        let Record { tree, remote, .. } = elsewhere;
        return Ok(Some(format!("{tree} is on {remote}, which poof.conf does not name now")));
    }
    let is_wiped = |directory: &&Directory| records.iter().any(|r| r.tree == directory.name);
    let wiped: Vec<&Directory> = ready.directories().iter().filter(is_wiped).collect();
    if let Some(left) = records.iter().find(|r| !wiped.iter().any(|d| d.name == r.tree)) {
        return Ok(Some(format!("{} is not in poof.conf any more", left.tree)));
    }
    let repository = Repository::open(session, &ready, &wiped, allowed)?;
    let mut outcome = Outcome::default();
    held::prove(session, &repository, &wiped, &mut outcome)?;
    Ok(outcome.kind.map(|_| "the remote does not show all of it, see above".to_owned()))
}
