//! `poof download`: makes every local directory equal to its snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use super::carry;
use super::watch::Monitor;
use super::{Context, Outcome, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::files;
use crate::cli::{Download, Mirror};
use crate::config::trees::Directory;
use crate::config::{Files, Ready};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::remote::Spec;
use crate::tree::compare::{self, Compare};
use crate::tree::guard::{self, Allowed, Sight, Suspicion};
use crate::tree::journal::Journal;
use crate::tree::plan::{Plan, len};
use crate::tree::transfer::Transfer;

pub fn run(context: &Context, args: &Download) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Mirror { only, dry_run, yes, allow } = &args.mirror;
    let _lock = if *dry_run { None } else { Some(context.lock()?) };
    let ready = setup::load(context)?;
    let directories = setup::select(&ready, only)?;
    let sight = setup::look(&ready)?;
    let names: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
    let suspicion = sight.suspicion(&names);
    let allowed = setup::allowed(allow);
    let restore = Restore { context, args, ready: &ready, sight: &sight, suspicion, allowed };

    let mut outcome = Outcome::default();
    let mut transfers = Vec::new();
    for directory in directories {
        interrupt::check()?;
        match restore.prepare(directory) {
            Ok(transfer) => transfers.push(transfer),
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if *dry_run {
        for transfer in &transfers {
            show::listing(terminal, &transfer.name, &transfer.plan);
        }
        return Ok(carry::would(terminal, &transfers, outcome));
    }
    consent(context, &transfers, *yes)?;
    carry::all(terminal, transfers, outcome, "restored")
}

/// What the preparation of every tree needs to know.
struct Restore<'a> {
    context: &'a Context,
    args: &'a Download,
    ready: &'a Ready,
    sight: &'a Sight,
    suspicion: Option<Suspicion>,
    allowed: Allowed,
}

impl Restore<'_> {
    /// Plans the mirror of a snapshot and asks the guards.
    fn prepare(&self, directory: &Directory) -> Result<Transfer> {
        let (name, target) = (&directory.name, self.target(directory));
        if target.exists() && !target.is_dir() {
            let what = format!("{} is in the way: it is not a directory", target.display());
            return Err(Error::new(Kind::Incomplete, what).hint("Move it aside."));
        }
        let source = self.ready.remote().tree(name);
        let destination = Spec::local(&target.to_string_lossy());
        let plan = self.compare(directory, &target, &source, &destination)?;
        let plan = self.trimmed(directory, plan);
        guard::deletions(&target.display().to_string(), &plan, self.allowed)?;
        let beside = self.args.to.is_some();
        let journal = (!beside).then(|| Journal::in_state(&self.context.state));
        let local_root = target;
        Ok(Transfer { name: name.clone(), source, destination, plan, local_root, journal })
    }

    /// Where a tree goes.
    fn target(&self, directory: &Directory) -> PathBuf {
        match &self.args.to {
            Some(to) => std::path::absolute(to).unwrap_or_else(|_| to.into()).join(&directory.name),
            None => real(&directory.local),
        }
    }

    /// The plan of a mirror, if there is a snapshot at all.
    fn compare(
        &self,
        directory: &Directory,
        target: &Path,
        source: &Spec,
        destination: &Spec,
    ) -> Result<Plan> {
        let name = &directory.name;
        let place = self.ready.remote().place(name);
        let doing = format!("compare {place} with {}", target.display());
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
        let mut monitor = Monitor::comparison(&self.context.terminal, name);
        let plan = match compare::make(source, destination, Compare::Content, &mut monitor) {
            Err(failure) if failure.kind == FailureKind::Missing => Plan::default(),
            other => other.map_err(fail)?,
        };
        match plan.trouble {
            // A snapshot that does not exist lists as empty, with this trouble.
            Some(Failure { kind: FailureKind::Missing, .. }) if plan.source_files() == 0 => {}
            Some(trouble) => return Err(fail(trouble)),
            None => {}
        }
        // S3 has no empty directories: there, what is empty does not exist.
        let exists = plan.source_files() > 0 || self.sight.here.holds(guard::first(name));
        let files = exists.then(|| plan.source_files());
        guard::remote_source(&place, files, self.suspicion.as_ref(), self.allowed)?;
        Ok(plan)
    }

    /// The plan without what is to stay: extra files if so asked, and the
    /// configuration in use unless it is named.
    fn trimmed(&self, directory: &Directory, plan: Plan) -> Plan {
        let plan = if self.args.keep_extra { plan.keeping_extra() } else { plan };
        if self.args.to.is_some() || !self.args.mirror.only.is_empty() {
            return plan;
        }
        let Files { dir, poof, rclone } = &self.context.files;
        let tree = real(&directory.local);
        let mut spared = plan.clone();
        for path in [dir, poof, rclone] {
            if let Ok(inside) = real(path).strip_prefix(&tree) {
                spared = spared.sparing(inside);
            }
        }
        if spared.transfers() + len(&spared.delete) < plan.transfers() + len(&plan.delete) {
            let name = &directory.name;
            self.context.terminal.note(&format!(
                "{name}: the configuration in use is left alone (`--only {name}` restores it)"
            ));
        }
        spared
    }
}

fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Asks before local files go that the snapshot does not hold.
fn consent(context: &Context, transfers: &[Transfer], yes: bool) -> Result<()> {
    let count = |of: fn(&Plan) -> usize| transfers.iter().map(|t| of(&t.plan)).sum::<usize>();
    // What a killed download left behind is nobody's.
    let deleted = count(|plan| plan.delete.len()) - count(Plan::leftovers);
    let replaced = count(|plan| plan.update.len());
    if deleted + replaced == 0 {
        return Ok(());
    }
    let (deleted, replaced) = (files(deleted as u64), files(replaced as u64));
    let what = format!(
        "{deleted} would be deleted and {replaced} replaced; the snapshot does not hold what is \
         in them"
    );
    if context.terminal.confirm(&format!("{what}. Go on?"), yes)? {
        return Ok(());
    }
    Err(Error::guard(what).hint(
        "Nothing was changed. `--dry-run` lists them, `--keep-extra` keeps what would be deleted, \
         `--yes` goes ahead.",
    ))
}
