//! `poof backup`: makes the remote copy of every directory equal to it.

use super::carry::{self, Saving};
use super::sending::{self, Found, Sending};
use super::vault::Vault;
use super::{Context, Outcome, hooks, scheduled, setup, show};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::units::now;
use crate::cli::{Backup, Caution};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::tree::guard;

pub fn run(context: &Context, args: &Backup) -> Result<Outcome> {
    if args.scheduled {
        return Ok(scheduled::run(context, args));
    }
    let dry_run = args.mirror.caution.dry_run;
    let _lock = context.lock_unless(dry_run)?;
    let begun = now();
    let outcome = back_up(context, args)?;
    if outcome.kind.is_none() && args.mirror.only.is_empty() && !dry_run {
        scheduled::proven(context, begun);
    }
    Ok(outcome)
}

/// The backup itself, whoever asked for it and holds the lock.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn back_up(context: &Context, args: &Backup) -> Result<Outcome> {
    let dry_run = args.mirror.caution.dry_run;
    let ready = setup::load_to_change(context)?;
    let directories = setup::select(&ready, &args.mirror.only)?;
    let run = || send(context, args, &ready, &directories);
    hooks::around(context, ready.hooks(), dry_run, "backup", run)
}

fn send(
    context: &Context,
    args: &Backup,
    ready: &Ready,
    directories: &[&Directory],
) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Caution { dry_run, allow, .. } = &args.mirror.caution;
    let allowed = setup::allowed(allow);
    let vault = Vault::open(context, ready, directories, allowed)?;
    if let Some(nested) = vault.nested(ready, directories) {
        return Err(nested.into());
    }
    let (rehash, dry_run) = (args.rehash, *dry_run);
    let filter = ready.filter();
    let sending = Sending { context, vault: &vault, filter, rehash, allowed, dry_run };

    let mut outcome = Outcome::default();
    let mut backups = Vec::new();
    let mut refused = Vec::new();
    let places = vault.places(context, directories);
    for directory in &places {
        interrupt::check()?;
        let found = sending.survey(directory).and_then(|found| match found {
            Found::Here(backup) => Ok(Some(backup)),
            Found::Wiping => Err(guard::half_wiped(&directory.local)),
            Found::Wiped(record) => {
                show::wiped(terminal, &record, &vault.remote.name());
                Ok(None)
            }
        });
        match found {
            Ok(Some(backup)) => {
                sending::tell(context, &backup, &mut outcome);
                backups.push(backup);
            }
            Ok(None) => {}
            Err(error) => {
                refused.push(directory.name.clone());
                carry::note_failure(terminal, &mut outcome, error.of_tree(&directory.name))?;
            }
        }
    }
    let lock = vault.lock(backups.iter().map(|backup| backup.name().to_owned()).collect());
    let backups: Vec<_> =
        backups.into_iter().map(|backup| Saving { backup, lock: &lock }).collect();
    if dry_run {
        carry::list(terminal, &backups);
        return Ok(carry::would(terminal, &backups, outcome));
    }
    let going: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
    let mut outcome = sending.carry_out(ready, backups, &lock, outcome)?.closed();
    show::refused(terminal, &refused, &going);
    if outcome.kind == Some(Kind::Unproven) {
        // Nothing was to be wiped.
        outcome.kind = Some(Kind::Incomplete);
    }
    Ok(outcome)
}
