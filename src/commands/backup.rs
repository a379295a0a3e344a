//! `poof backup`: makes the remote copy of every directory equal to it.

use std::fs;
use std::io::ErrorKind;

use super::carry;
use super::watch::Monitor;
use super::{Context, Outcome, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::cli::{Backup, Mirror};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::storage::remote::Spec;
use crate::tree::compare::{self, Compare};
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::plan::Plan;

use crate::tree::scan::{Scan, scan};
use crate::tree::transfer::Transfer;

pub fn run(context: &Context, args: &Backup) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Mirror { only, dry_run, allow, .. } = &args.mirror;
    let allowed = setup::allowed(allow);
    let _lock = if *dry_run { None } else { Some(context.lock()?) };
    let ready = setup::load(context)?;
    let directories = setup::select(&ready, only)?;
    let sight = setup::look(&ready)?;
    let names: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
    guard::right_remote(&sight, &names, allowed)?;

    let mut outcome = Outcome::default();
    let mut transfers = Vec::new();
    for directory in directories {
        interrupt::check()?;
        match prepare(context, &ready, directory, allowed) {
            Ok((transfer, scan)) => {
                for left_out in &scan.left_out {
                    terminal.warn(&format!(
                        "{}: not backed up: {}",
                        left_out.path.display(),
                        left_out.why
                    ));
                    if left_out.loss {
                        outcome.worsen(Kind::Incomplete);
                    }
                }
                transfers.push(transfer);
            }
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if *dry_run {
        for transfer in &transfers {
            show::listing(terminal, &transfer.name, &transfer.plan);
        }
        return Ok(carry::would(terminal, &transfers, outcome));
    }
    if !sight.here.exists && !transfers.is_empty() {
        let doing = format!("make {}", ready.remote().name());
        ready.remote().make_bucket().map_err(|f| f.into_error(&doing, Kind::Remote))?;
    }
    carry::all(terminal, &transfers, outcome, "sent")
}

/// Scans a directory, plans its mirror and asks the guards.
fn prepare(
    context: &Context,
    ready: &Ready,
    directory: &Directory,
    allowed: Allowed,
) -> Result<(Transfer, Scan)> {
    let Directory { local, name } = directory;
    let journal = Journal::in_state(&context.state);
    guard::unfinished_download(name, journal.unfinished()?.contains(name), allowed)?;
    let scan = match scan(local) {
        Ok(scan) => scan,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            guard::local_source(local, None, allowed)?;
            Scan::default()
        }
        Err(error) => return Err(Error::io("read", local, &error).with_kind(Kind::Incomplete)),
    };
    guard::local_source(local, Some(scan.entries), allowed)?;
    let root = fs::canonicalize(local).map_err(|error| Error::io("open", local, &error))?;
    let source = Spec::local(&root.to_string_lossy());
    let destination = ready.remote().tree(name);
    let place = ready.remote().place(name);
    let doing = format!("compare {} with {place}", local.display());
    let mut monitor = Monitor::comparison(&context.terminal, name);
    let plan = compare::make(&source, &destination, Compare::Content, &mut monitor)
        .map_err(|failure| failure.into_error(&doing, Kind::Incomplete))?;
    drop(monitor);
    let plan = without_the_unseen(plan, &scan, &doing)?;
    guard::deletions(&place, &plan, allowed)?;
    Ok((
        Transfer {
            name: name.clone(),
            source,
            destination,
            plan,
            local_root: None,
            journal: Some(journal),
        },
        scan,
    ))
}

/// A directory that cannot be read locally is named by the scan; the rest goes
/// on, but nothing is deleted, since what is unseen is not gone.
fn without_the_unseen(mut plan: Plan, scan: &Scan, doing: &str) -> Result<Plan> {
    match plan.trouble.take() {
        None => Ok(plan),
        Some(_) if scan.left_out.iter().any(|left_out| left_out.loss) => Ok(plan.keeping_extra()),
        Some(trouble) => Err(trouble.into_error(doing, Kind::Incomplete)),
    }
}
