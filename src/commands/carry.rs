//! What backup and download share: carrying out plans, one tree after the
//! other, and telling how it went.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::watch::Monitor;
use super::{Outcome, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::terminal::Terminal;
use crate::base::units::{self, bytes, clock};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::remote::Spec;
use crate::tree::plan::{self, Compare, Failed, Plan};
use crate::tree::transfer;

/// A tree and what is to happen with it.
pub struct Journey {
    pub name: String,
    pub source: Spec,
    pub destination: Spec,
    pub plan: Plan,
    /// The local directory, if it is the destination.
    pub local_root: Option<PathBuf>,
}

/// librclone has none of the retries that rclone's command line has.
const ATTEMPTS: u32 = 3;

/// Tells of a tree that failed and goes on, unless nothing can go on.
///
/// # Errors
/// An interrupt.
pub fn note_failure(terminal: &Terminal, outcome: &mut Outcome, error: Error) -> Result<()> {
    if error.kind() == Kind::Interrupted {
        return Err(error);
    }
    outcome.worsen(error.kind());
    terminal.error(&error);
    Ok(())
}

/// The end of a dry run.
pub fn would(terminal: &Terminal, journeys: &[Journey], outcome: Outcome) -> Outcome {
    for Journey { name, plan, .. } in journeys {
        terminal.note(&format!("{name}: {}; {}", show::counts(plan), show::volume(plan)));
        terminal.event(&show::numbers(name, plan));
    }
    terminal.done("Dry run: nothing was changed.");
    outcome.with("dry_run", true)
}

/// Carries out all plans. A tree that fails does not stop the others.
///
/// # Errors
/// An interrupt.
pub fn all(
    terminal: &Terminal,
    journeys: &[Journey],
    mut outcome: Outcome,
    verb: &str,
) -> Result<Outcome> {
    let started = Instant::now();
    let total = journeys.iter().map(|journey| journey.plan.bytes()).sum();
    let mut monitor = Monitor::transfer(terminal, total);
    let (mut files, mut moved) = (0, 0);
    for journey in journeys {
        let Journey { name, plan, .. } = journey;
        monitor.begin(name, plan.bytes());
        let result = one(journey, &mut monitor);
        monitor.progress.end();
        monitor.progress.aside(|| match &result {
            Ok(failed) if failed.is_empty() => {
                terminal.done(&format!("{name}: {}", show::counts(plan)));
                terminal.event(&show::numbers(name, plan));
            }
            Ok(failed) => {
                for file in failed {
                    show::failed(terminal, name, file);
                }
                terminal.warn(&format!("{name}: {} files were not {verb}", failed.len()));
            }
            Err(_) => {}
        });
        match result {
            Ok(failed) if failed.is_empty() => {
                files += plan.transfers();
                moved += plan.bytes();
            }
            Ok(failed) => outcome.worsen(kind_of(&failed)),
            Err(error) => note_failure(terminal, &mut outcome, error)?,
        }
    }
    drop(monitor);
    let time = started.elapsed();
    let volume = format!("{}, {} in {}", units::files(files), bytes(moved), clock(time));
    if outcome.kind.is_none() {
        terminal.done(&format!("All {verb}: {volume}"));
    } else {
        terminal.warn(&format!("Not all was {verb}, see above; {volume}"));
    }
    Ok(outcome
        .with("trees", journeys.len())
        .with("files", files)
        .with("bytes", moved)
        .with("seconds", time.as_secs_f64()))
}

/// Carries out one plan and looks whether everything arrived; what did not is
/// tried again. Returns what did not arrive in the end.
fn one(journey: &Journey, monitor: &mut Monitor) -> Result<Vec<Failed>> {
    let Journey { name, local_root, .. } = journey;
    let mut plan = journey.plan.clone();
    let mut failed = std::mem::take(&mut plan.failed);
    for number in 1..=ATTEMPTS {
        let hopeless = !failed.is_empty() && !failed.iter().any(|f| f.kind.is_worth_retrying());
        if plan.is_empty() && failed.is_empty() || number > 1 && hopeless {
            break;
        }
        if number > 1 {
            pause(Duration::from_secs(u64::from(number) - 1))?;
        }
        match attempt(journey, &plan, monitor) {
            Ok(rest) => (plan, failed) = rest,
            Err(failure) if number == ATTEMPTS || !failure.is_worth_retrying() => {
                let doing = format!("carry out the plan for {name}");
                return Err(failure.into_error(&doing, Kind::Incomplete));
            }
            Err(_) => {}
        }
        interrupt::check()?;
    }
    if let Some(root) = local_root {
        transfer::prune(root, &journey.plan.delete);
    }
    Ok(failed)
}

/// Carries out `plan` once. Returns what is still to be done, and which files
/// failed or were not found when looked for.
fn attempt(
    journey: &Journey,
    plan: &Plan,
    monitor: &mut Monitor,
) -> std::result::Result<(Plan, Vec<Failed>), Failure> {
    let Journey { source, destination, .. } = journey;
    let mut failed = transfer::run(source, destination, plan, monitor)?;
    // Not what has come up meanwhile: no guard has judged it.
    let left = plan::make(source, destination, Compare::Size, monitor)?.within(&journey.plan);
    let absent = left.add.iter().chain(&left.update).map(|item| &item.path);
    let unexplained: Vec<_> =
        absent.filter(|path| failed.iter().all(|known| known.path != **path)).cloned().collect();
    failed.extend(unexplained.into_iter().map(|path| Failed {
        path,
        kind: FailureKind::Other,
        why: "it did not arrive, or changed meanwhile; run it again".to_owned(),
    }));
    Ok((left, failed))
}

/// A server that refuses every file has refused the credentials.
fn kind_of(failed: &[Failed]) -> Kind {
    let denied = failed.iter().all(|file| file.kind == FailureKind::Denied);
    if denied { Kind::Remote } else { Kind::Incomplete }
}

/// Waits, but not for one who asked to stop.
fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
