//! `poof upload`: a backup, then the proof of every byte, then the wipe of what is
//! proven.

use super::carry::{self, Saving};
use super::excluded::Excluding;
use super::sending::{self, Found, Sending};
use super::vault::Vault;
use super::wiping::Wiping;
use super::{Context, Outcome, departure, farewell, held, hooks, preview, scheduled, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::{bytes, files};
use crate::cli::{ProofBy, Upload};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::tree::root::Roots;

pub fn run(context: &Context, args: &Upload) -> Result<Outcome> {
    let dry_run = args.caution.dry_run;
    let _lock = context.lock_unless(dry_run)?;
    let ready = setup::load_to_change(context)?;
    let directories = setup::select(&ready, &[])?;
    let leaves = ready.remote().is_encrypted() && !args.keep_poof;
    if leaves && !dry_run {
        farewell::guard(context, setup::allowed(&args.caution.allow), &directories)?;
    }
    let run = || make_safe(context, args, &ready, &directories);
    hooks::around(context, ready.hooks(), dry_run, "upload", run)
}

fn make_safe(
    context: &Context,
    args: &Upload,
    ready: &Ready,
    directories: &[&Directory],
) -> Result<Outcome> {
    let terminal = &context.terminal;
    let (allowed, dry_run) = (setup::allowed(&args.caution.allow), args.caution.dry_run);
    let leaves = ready.remote().is_encrypted() && !args.keep_poof;
    let vault = Vault::open(context, ready, directories, allowed)?;
    if let Some(nested) = vault.nested(ready, directories) {
        return Err(nested.into());
    }
    let filter = ready.filter();
    let sending = Sending { context, vault: &vault, filter, rehash: false, allowed, dry_run };
    let mut excluding = Excluding::new(context, filter, args.wipe_excluded, leaves);

    let mut outcome = Outcome::default();
    let mut backups = Vec::new();
    let (mut going, mut wiped) = (Vec::new(), Vec::new());
    let mut refused = Vec::new();
    let here = vault.remote.name();
    let mut elsewhere = false;
    for directory in vault.places(context, directories) {
        interrupt::check()?;
        match sending.survey(&directory) {
            Ok(Found::Here(backup)) => {
                sending::tell(context, &backup, &mut outcome);
                going.push(Directory { name: backup.name().to_owned(), ..directory });
                backups.push(backup);
            }
            Ok(Found::Wiping) => {
                terminal.note(&format!("{}: its wipe goes on where it ended", directory.name));
                going.push(directory);
            }
            Ok(Found::Wiped(record)) => {
                elsewhere |= !record.is_on(&here);
                show::wiped(terminal, &record, &here);
                wiped.push(directory);
            }
            Err(error) => {
                refused.push(directory.name.clone());
                carry::note_failure(terminal, &mut outcome, error.of_tree(&directory.name))?;
            }
        }
    }
    for directory in going.iter().chain(&wiped) {
        excluding.look(&vault, directory)?;
    }
    let (going, wiped): (Vec<&Directory>, Vec<&Directory>) =
        (going.iter().collect(), wiped.iter().collect());
    let lock = vault.lock(going.iter().map(|directory| directory.name.clone()).collect());
    let backups: Vec<_> =
        backups.into_iter().map(|backup| Saving { backup, lock: &lock }).collect();
    if dry_run {
        carry::list(terminal, &backups);
        preview::wipe(context, &vault.roots, &going, filter)?;
        excluding.preview(&[&going[..], &wiped].concat());
        if leaves {
            departure::preview(context, &going)?;
        }
        return Ok(carry::would(terminal, &backups, outcome));
    }
    consent(&excluding, &vault.roots, &going, &wiped, args.caution.yes)?;
    let sent: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
    let mut outcome = sending.carry_out(ready, backups, &lock, outcome).map_err(nothing_gone)?;
    show::refused(terminal, &refused, &sent);
    if outcome.kind.is_some_and(|kind| kind != Kind::Unproven) {
        terminal.warn("Nothing was wiped: not everything is safe on the remote, see above.");
        return Ok(outcome.closed());
    }
    let read_back = args.proof == ProofBy::Readback;
    // What is still to be deleted there costs space and is named; it keeps nobody from
    // wiping here what is proven, but poof stays with it.
    let goes = leaves && outcome.undeleted == 0;
    if goes {
        held::prove(context, &vault, &wiped, &mut outcome)?;
    }
    let wiping = Wiping {
        context,
        vault: &vault,
        lock: &lock,
        read_back,
        leaves: goes,
        excluding: &excluding,
    };
    let outcome = wiping.all(&going, &wiped, outcome)?;
    let is_wiped = outcome.kind.is_none();
    let outcome = outcome.closed();
    scheduled::forget_log(context);
    if !leaves {
        return Ok(outcome);
    }
    if is_wiped && outcome.undeleted > 0 {
        terminal.warn(
            "poof stays, since not all was deleted on the remote; another `poof upload` removes \
             poof.",
        );
        return Ok(outcome);
    }
    if outcome.kind.is_some() || elsewhere {
        terminal.warn("poof stays, since not everything is proven and wiped.");
        return Ok(outcome);
    }
    departure::depart(context, outcome)
}

/// What an interrupt leaves, before the wipe.
fn nothing_gone(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => Error::new(Kind::Interrupted, "interrupted: nothing was wiped")
            .hint("Nothing is broken; run it again."),
        _ => error,
    }
}

/// Asks on a terminal. Elsewhere the command itself is the word: what goes is held
/// by the remote. What is excluded is not, and wants a word of its own.
fn consent(
    excluding: &Excluding,
    roots: &Roots,
    going: &[&Directory],
    wiped: &[&Directory],
    yes: bool,
) -> Result<()> {
    let Excluding { context, filter, goes, .. } = *excluding;
    let terminal = &context.terminal;
    let excluded = excluding.extent(&[going, wiped].concat());
    let given_up = goes && excluded.files > 0;
    if yes || !terminal.interactive() && !given_up {
        return Ok(());
    }
    let volume = show::extent(excluded);
    if !terminal.interactive() {
        let what = format!("{volume}, would be wiped that are excluded: no snapshot holds them");
        return Err(Error::guard(what).hint(
            "Nothing was changed. `--dry-run` counts them, `--yes` goes ahead; without \
             `--wipe-excluded` they stay.",
        ));
    }
    let (count, size) = preview::extent(context, roots, going, filter)?;
    if count == 0 && !given_up {
        return Ok(());
    }
    let more = match excluded.files {
        0 => String::new(),
        _ if goes => format!(", and then {volume}, that are excluded and that no snapshot holds"),
        _ => format!("; {volume}, are excluded and stay"),
    };
    let (count, size) = (files(count), bytes(size));
    let question = format!(
        "{count}, {size}, will be wiped here once the remote is proven to hold them{more}. Go on?"
    );
    if terminal.confirm(&question, yes)? {
        return Ok(());
    }
    Err(Error::guard("nothing was sent and nothing was wiped")
        .hint("`--dry-run` shows what would."))
}
