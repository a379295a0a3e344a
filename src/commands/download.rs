//! `poof download`: makes every local directory equal to its snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use super::carry::{self, Journey};
use super::{Context, Outcome, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::cli::{Download, Mirror};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::remote::Spec;
use crate::tree::guard::{self, Allowed, Sight, Suspicion};
use crate::tree::plan::{self, Compare, Plan};

pub fn run(context: &Context, args: &Download) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Mirror { only, dry_run, yes, allow } = &args.mirror;
    let allowed = setup::allowed(allow);
    let _lock = if *dry_run { None } else { Some(context.lock()?) };
    let ready = setup::load(context)?;
    let mut directories = setup::select(&ready, only)?;
    if only.is_empty() && args.to.is_none() {
        directories.retain(|directory| {
            let own = holds(directory, &context.files.dir);
            if own {
                terminal.note(&format!(
                    "{}: left alone, it is the configuration in use (`--only {}` restores it)",
                    directory.name, directory.name
                ));
            }
            !own
        });
    }
    let sight = setup::look(&ready)?;
    let names: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
    let suspicion = sight.suspicion(&names);

    let mut outcome = Outcome::default();
    let mut journeys = Vec::new();
    for directory in directories {
        interrupt::check()?;
        let target = target(directory, args.to.as_deref());
        let prepared = prepare(&ready, directory, &target, &sight, suspicion.as_ref(), allowed);
        match prepared {
            Ok(journey) if args.keep_extra => {
                journeys.push(Journey { plan: journey.plan.keeping_extra(), ..journey });
            }
            Ok(journey) => journeys.push(journey),
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if *dry_run {
        for journey in &journeys {
            show::listing(terminal, &journey.name, &journey.plan);
        }
        return Ok(carry::would(terminal, &journeys, outcome));
    }
    consent(context, &journeys, *yes)?;
    carry::all(terminal, &journeys, outcome, "restored")
}

/// Whether `directory` is, or contains, the configuration directory.
fn holds(directory: &Directory, confdir: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    real(confdir).starts_with(real(&directory.local))
}

/// Where a tree goes.
fn target(directory: &Directory, to: Option<&Path>) -> PathBuf {
    match to {
        Some(to) => std::path::absolute(to).unwrap_or_else(|_| to.into()).join(&directory.name),
        None => fs::canonicalize(&directory.local).unwrap_or_else(|_| directory.local.clone()),
    }
}

/// Plans the mirror of a snapshot and asks the guards.
fn prepare(
    ready: &Ready,
    directory: &Directory,
    target: &Path,
    sight: &Sight,
    suspicion: Option<&Suspicion>,
    allowed: Allowed,
) -> Result<Journey> {
    let name = &directory.name;
    let place = format!("{}{name}", place_prefix(ready));
    if target.exists() && !target.is_dir() {
        return Err(Error::new(
            Kind::Incomplete,
            format!("{} is in the way: it is not a directory", target.display()),
        )
        .hint("Move it aside."));
    }
    let source = ready.remote().tree(name);
    let destination = Spec::local(&target.to_string_lossy());
    let doing = format!("compare {place} with {}", target.display());
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
    let plan = plan::make(&source, &destination, Compare::Content, &mut Unwatched);
    let plan = match plan {
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
    let first = name.split('/').next().unwrap_or(name);
    let exists = plan.source_files() > 0 || sight.here.holds(first);
    guard::remote_source(&place, exists.then(|| plan.source_files()), suspicion, allowed)?;
    guard::deletions(&target.display().to_string(), &plan, allowed)?;
    let local_root = Some(target.to_path_buf());
    Ok(Journey { name: name.clone(), source, destination, plan, local_root })
}

fn place_prefix(ready: &Ready) -> String {
    let name = ready.remote().name();
    if name.ends_with(':') { name } else { format!("{name}/") }
}

/// Asks before local files go that the snapshot does not hold.
fn consent(context: &Context, journeys: &[Journey], yes: bool) -> Result<()> {
    let terminal = &context.terminal;
    let count = |of: fn(&Plan) -> usize| journeys.iter().map(|j| of(&j.plan)).sum::<usize>();
    let (deleted, replaced) = (count(|plan| plan.delete.len()), count(|plan| plan.update.len()));
    if deleted + replaced == 0 {
        return Ok(());
    }
    let what = format!(
        "{deleted} local files would be deleted and {replaced} replaced, which the snapshot does \
         not hold"
    );
    if terminal.confirm(&format!("{what}. Go on?"), yes) {
        return Ok(());
    }
    Err(Error::guard(what).hint(
        "Nothing was changed. `--dry-run` lists them, `--keep-extra` keeps what would be deleted, \
         `--yes` goes ahead.",
    ))
}
