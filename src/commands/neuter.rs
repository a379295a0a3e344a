//! `poof neuter`: removes poof, its configuration and everything that it noted.

use super::caution;
use crate::base::error::{Error, Result};
use crate::cli::{Caution, Neuter};
use crate::operations::recovery::readiness;
use crate::operations::{Outcome, Session, profiles, uninstall};

pub fn run(session: &Session, args: &Neuter) -> Result<Outcome> {
    let report = &*session.report;
    let Caution { dry_run, yes, allow } = &args.caution;
    if *dry_run {
        uninstall::preview(session, &[])?;
        report.done("Dry run: nothing was changed.");
        return Ok(Outcome::default().with("dry_run", true));
    }
    let _lock = session.lock()?;
    uninstall::wiped::guard(session, caution::allowed(allow))?;
    readiness::is_settled(session, caution::allowed(allow))?;
    let prepared = readiness::is_prepared(session, &[]);
    if !prepared && !report.interactive() {
        // --yes answers questions; this is a guard.
        readiness::guard(session, caution::allowed(allow), &[])?;
    }
    let goes = match profiles::others(session).first() {
        None => "poof, its configuration and all that it noted will be removed.".to_owned(),
        Some(other) => format!(
            "This configuration and all that poof noted of it will be removed; poof stays for {}.",
            other.told()
        ),
    };
    let question = if prepared {
        format!("{goes} Go on?")
    } else {
        "There is no recovery kit of this configuration, and its keys will be removed. Go on?"
            .to_owned()
    };
    let yes = *yes && (prepared || caution::allowed(allow).no_kit);
    if !report.confirm(&question, yes)? {
        return Err(Error::guard("poof was not removed")
            .hint("Nothing was changed. `--dry-run` shows what would go, `--yes` goes ahead."));
    }
    uninstall::depart(session, Outcome::default())
}
