//! `poof backup`: makes the remote copy of every directory equal to it.

use super::caution::Caution;
use super::outcome::Outcome;
use super::preflight::{self, Found, Preflight};
use super::repository::Repository;
use super::runner::{self, Saving};
use super::session::Session;
use super::{figures, hooks, last_backup, loading, run_history};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::units::now;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::report::{Event, Report, TreeNote, lists};
use crate::tree::backup::Cost;
use crate::tree::guard;

/// What is wanted of a backup.
#[derive(Default)]
pub struct Request {
    /// Names of directories; none: all.
    pub only: Vec<String>,
    pub caution: Caution,
    /// Reads and hashes every file, even where nothing says that it has changed.
    pub rehash: bool,
}

/// Backs up.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let dry_run = request.caution.dry_run;
    let _lock = session.lock_unless(dry_run)?;
    let begun = now();
    let outcome = back_up(session, request)?;
    if outcome.kind.is_none() && request.only.is_empty() && !dry_run {
        run_history::proven(session, begun);
    }
    Ok(outcome)
}

/// The backup itself, whoever asked for it and holds the lock.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn back_up(session: &Session, request: &Request) -> Result<Outcome> {
    figures::noted(session, &request.only, request.caution.dry_run, || {
        let ready = loading::load_to_change(session)?;
        let directories = loading::select(&ready, &request.only)?;
        within_hooks(session, request, &ready, &directories)
    })
}

/// The same with a configuration that is ready.
///
/// # Errors
/// As [`run`].
pub(super) fn within_hooks(
    session: &Session,
    request: &Request,
    ready: &Ready,
    directories: &[&Directory],
) -> Result<Outcome> {
    let run = || send(session, request, ready, directories);
    hooks::around(session, ready.hooks(), request.caution.dry_run, "backup", run)
}

/// The same without hooks.
///
/// # Errors
/// As [`run`].
pub(super) fn send(
    session: &Session,
    request: &Request,
    ready: &Ready,
    directories: &[&Directory],
) -> Result<Outcome> {
    let report = &*session.report;
    let Caution { dry_run, allowed, .. } = request.caution;
    let repository = Repository::open_to_change(session, ready, directories, allowed)?;
    let rehash = request.rehash;
    let sending = Preflight::new(session, &repository, ready, request.caution, rehash)?;

    let mut outcome = Outcome::default();
    let mut backups = Vec::new();
    let mut refused = Vec::new();
    let places = repository.places(session, directories);
    for directory in &places {
        interrupt::check()?;
        let found = sending.survey(directory).and_then(|found| match found {
            Found::Here(backup) => Ok(Some(backup)),
            Found::Wiping => Err(guard::half_wiped(&directory.local)),
            Found::Wiped(record) => {
                report.tell(&Event::wiped_before(&record, &repository.remote.name()));
                Ok(None)
            }
            Found::Part { record, .. } => {
                report.tell(&Event::wiped_before(&record, &repository.remote.name()));
                report.say_of(&directory.name, TreeNote::PartStays);
                if !dry_run {
                    repository.wipes(&repository.snapshots(&directory.name)).erase_names()?;
                }
                Ok(None)
            }
        });
        match found {
            Ok(Some(backup)) => {
                preflight::tell(session, &backup, &mut outcome);
                backups.push(backup);
            }
            Ok(None) => {}
            Err(error) => {
                refused.push(directory.name.clone());
                runner::note_refused(report, &mut outcome, &directory.name, error)?;
            }
        }
    }
    let lock = repository.lock(backups.iter().map(|backup| backup.name().to_owned()).collect());
    let backups: Vec<_> =
        backups.into_iter().map(|backup| Saving { backup, lock: &lock }).collect();
    if dry_run {
        runner::list(report, &backups);
        price(report, ready, &backups);
        return Ok(runner::would(report, &backups, outcome));
    }
    let going: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
    let mut outcome = sending.carry_out(ready, backups, &lock, outcome)?.closed();
    lists::refused(report, &refused, &going);
    if outcome.kind == Some(Kind::Unproven) {
        // Nothing was to be wiped.
        outcome.kind = Some(Kind::Incomplete);
    }
    if outcome.kind.is_none() && request.only.is_empty() {
        last_backup::note(session);
    }
    Ok(outcome)
}

/// Says what the run would ask of the remote, and send. Who pays for requests has S3.
fn price(report: &dyn Report, ready: &Ready, backups: &[Saving]) {
    let encrypted = ready.remote().is_encrypted();
    let costs = backups.iter().map(|saving| saving.backup.cost(encrypted));
    let Cost { requests, bytes } = Cost::of_run(costs);
    let packs = backups.iter().any(|saving| saving.backup.packs());
    let requests = ready.remote().is_s3().then_some(requests);
    report.tell(&Event::Cost { requests, bytes, packs });
}
