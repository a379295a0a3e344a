//! What backup and download share: carrying out plans, one tree after the
//! other, and telling how it went.

use std::time::Instant;

use super::monitor::Monitor;
use super::outcome::{Outcome, SnapshotFigures, TreeRun};
use crate::base::error::{Error, Kind, Result};
use crate::report::event::Numbers;
use crate::report::{Event, Note, Report, TreeNote, lists};
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::tree::backup::Backup;
use crate::tree::manifest::Counts;
use crate::tree::mirror::Transfer;
use crate::tree::model::plan::{Failed, Planned, Totals};
use crate::tree::remote::lock::Lock;
use crate::tree::restore::Restore;
use crate::tree::scan::excluded::Extent;

/// Tells of a tree that failed and goes on, unless nothing can go on.
///
/// # Errors
/// An interrupt.
pub fn note_failure(report: &dyn Report, outcome: &mut Outcome, error: Error) -> Result<()> {
    if error.kind() == Kind::Interrupted {
        return Err(error);
    }
    outcome.worsen(error.kind());
    report.error(&error);
    Ok(())
}

/// The same of a tree that fails before anything is carried out.
///
/// # Errors
/// An interrupt.
pub fn note_refused(
    report: &dyn Report,
    outcome: &mut Outcome,
    name: &str,
    error: Error,
) -> Result<()> {
    outcome.trees.push(TreeRun::new(name, Some(error.kind()), 0.0));
    note_failure(report, outcome, error.of_tree(name))
}

/// A plan for a tree that can be carried out.
pub trait Task {
    fn name(&self) -> &str;
    fn plan(&self) -> &dyn Planned;
    /// Returns what could not be done.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>>;
    /// What of the plan was done where all of this `failed`. Nothing is deleted here
    /// unless all has come.
    fn done(&self, failed: &[Failed]) -> Totals {
        let mut done = self.plan().done(failed);
        if failed.iter().any(|failed| !failed.deletion) {
            done.delete = 0;
        }
        done
    }
    /// Deletions of what a killed download left behind, which is nobody's.
    fn leftovers(&self) -> usize {
        0
    }
    /// What the filters leave out, if this is a backup that counted it.
    fn excluded(&self) -> Option<Extent> {
        None
    }
    /// What else there is to say when it is done.
    fn notes(&self) -> &[String] {
        &[]
    }
    /// Whether something of the tree cannot be saved at all.
    fn leaves_out(&self) -> bool {
        false
    }
    /// The last snapshot of the tree, if this makes one.
    fn snapshot(&self) -> Option<SnapshotFigures> {
        None
    }
}

impl Task for Transfer {
    fn name(&self) -> &str {
        &self.name
    }

    fn plan(&self) -> &dyn Planned {
        &self.plan
    }

    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        Transfer::carry_out(self, watch)
    }

    fn leftovers(&self) -> usize {
        self.plan.leftovers()
    }
}

/// A backup, and the lock under which it changes the remote.
pub struct Saving<'a, 'l> {
    pub backup: Backup<'a>,
    pub lock: &'l Lock<'l>,
}

impl Task for Saving<'_, '_> {
    fn name(&self) -> &str {
        self.backup.name()
    }

    fn plan(&self) -> &dyn Planned {
        &self.backup.plan
    }

    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        self.backup.carry_out(self.lock, watch)
    }

    /// Its plan says itself which deletions were not begun.
    fn done(&self, failed: &[Failed]) -> Totals {
        self.plan().done(failed)
    }

    fn excluded(&self) -> Option<Extent> {
        Some(self.backup.excluded)
    }

    fn notes(&self) -> &[String] {
        &self.backup.notes
    }

    fn leaves_out(&self) -> bool {
        self.backup.left_out.iter().any(|out| out.loss)
    }

    fn snapshot(&self) -> Option<SnapshotFigures> {
        let snapshot = self.backup.saved()?;
        let (Counts { files, bytes, .. }, (made, _)) = (snapshot.counts(), snapshot.made());
        Some(SnapshotFigures { files, bytes, generation: snapshot.generation(), made })
    }
}

impl Task for Restore<'_> {
    fn name(&self) -> &str {
        Restore::name(self)
    }

    fn plan(&self) -> &dyn Planned {
        Restore::plan(self)
    }

    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        Restore::carry_out(self, watch)
    }

    fn leftovers(&self) -> usize {
        Restore::plan(self).leftovers()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl<T: Task + ?Sized> Task for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn plan(&self) -> &dyn Planned {
        (**self).plan()
    }

    fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        (**self).carry_out(watch)
    }

    fn done(&self, failed: &[Failed]) -> Totals {
        (**self).done(failed)
    }

    fn leftovers(&self) -> usize {
        (**self).leftovers()
    }

    fn excluded(&self) -> Option<Extent> {
        (**self).excluded()
    }

    fn notes(&self) -> &[String] {
        (**self).notes()
    }

    fn leaves_out(&self) -> bool {
        (**self).leaves_out()
    }

    fn snapshot(&self) -> Option<SnapshotFigures> {
        (**self).snapshot()
    }
}

/// What each plan of a dry run would do, path by path.
pub fn list<T: Task>(report: &dyn Report, tasks: &[T]) {
    for task in tasks {
        lists::plan(report, task.name(), task.plan());
    }
}

/// The end of a dry run.
pub fn would<T: Task>(report: &dyn Report, tasks: &[T], outcome: Outcome) -> Outcome {
    for task in tasks {
        let (name, plan) = (task.name(), task.plan());
        let mut numbers = Numbers::of(name, plan.totals(), plan.failed(), None);
        if let Some(excluded) = task.excluded() {
            numbers.excluded = Some(excluded.files);
            numbers.excluded_bytes = Some(excluded.bytes);
        }
        report.tell(&Event::Tree(numbers));
    }
    report.done("Dry run: nothing was changed.");
    outcome.with("dry_run", true).with("trees", tasks.len())
}

/// Carries out all plans. A tree that fails does not stop the others.
///
/// # Errors
/// An interrupt.
pub fn all<T: Task>(
    report: &dyn Report,
    tasks: Vec<T>,
    outcome: Outcome,
    verb: &'static str,
) -> Result<Outcome> {
    since(Instant::now(), report, tasks, outcome, verb)
}

/// The same of what was `started` before.
///
/// # Errors
/// An interrupt.
pub fn since<T: Task>(
    started: Instant,
    report: &dyn Report,
    mut tasks: Vec<T>,
    mut outcome: Outcome,
    verb: &'static str,
) -> Result<Outcome> {
    let total = tasks.iter().map(|task| task.plan().totals().bytes).sum();
    let mut monitor = Monitor::transfer(report, total);
    let (mut files, mut moved) = (0, 0);
    let trees = tasks.len();
    for task in &mut tasks {
        monitor.begin(task.name(), task.plan().totals().bytes);
        let begun = Instant::now();
        let result = task.carry_out(&mut monitor);
        let name = task.name();
        outcome.trees.push(tree_run(task, &result, begun.elapsed().as_secs_f64()));
        monitor.progress.end();
        monitor.progress.aside(|| {
            if let Ok(failed) = &result {
                let done = task.done(failed);
                tell(report, name, done, failed, verb);
                lists::moved(report, name, task.plan(), failed, verb);
                files += done.files;
                moved += done.bytes;
            }
        });
        for note in task.notes() {
            report.say_of(name, TreeNote::Also(note.clone()));
        }
        match result {
            Ok(failed) => {
                let (undeleted, unsent): (Vec<_>, Vec<_>) =
                    failed.iter().partition(|failed| failed.deletion);
                outcome.undeleted += undeleted.len() as u64;
                if !unsent.is_empty() {
                    outcome.worsen(kind_of(&unsent, task.done(&failed)));
                }
            }
            Err(error) => note_failure(report, &mut outcome, error.of_tree(name))?,
        }
    }
    drop(monitor);
    let time = started.elapsed();
    let (undeleted, is_whole) = (outcome.undeleted, outcome.kind.is_none());
    report.say(Note::All { verb, files, bytes: moved, time, undeleted, is_whole });
    if outcome.undeleted > 0 {
        let undeleted = outcome.undeleted;
        outcome = outcome.with("undeleted", undeleted);
    }
    Ok(outcome
        .with("trees", trees)
        .with("files", files)
        .with("bytes", moved)
        .with("seconds", time.as_secs_f64()))
}

/// How it went for one tree.
fn tree_run<T: Task>(task: &T, result: &Result<Vec<Failed>>, seconds: f64) -> TreeRun {
    let (kind, done) = match result {
        Err(error) => (Some(error.kind()), None),
        Ok(failed) => {
            let done = task.done(failed);
            let unsent: Vec<_> = failed.iter().filter(|failed| !failed.deletion).collect();
            let kind = (!unsent.is_empty()).then(|| kind_of(&unsent, done));
            let is_open = task.leaves_out() || !failed.is_empty();
            (kind.or(is_open.then_some(Kind::Incomplete)), Some(done))
        }
    };
    let (files, bytes) = done.map_or((0, 0), |done| (done.files, done.bytes));
    let run = TreeRun::new(task.name(), kind, seconds);
    TreeRun { files, bytes, snapshot: task.snapshot(), ..run }
}

/// Tells what was done of a tree, and what was not.
fn tell(report: &dyn Report, name: &str, done: Totals, failed: &[Failed], verb: &'static str) {
    for file in failed {
        report.tell(&Event::failed(name, file));
    }
    report.tell(&Event::Tree(Numbers::of(name, done, failed, Some(verb))));
}

/// A server that refuses every file has refused the credentials.
fn kind_of(failed: &[&Failed], done: Totals) -> Kind {
    let all = |kind: FailureKind| failed.iter().all(|file| file.kind == kind);
    if all(FailureKind::Denied) && done.files == 0 {
        Kind::Remote
    } else if failed.iter().all(|file| {
        // There was no time for it: what was sent is safe all the same.
        matches!(file.kind, FailureKind::Unproven | FailureKind::Stopped)
    }) {
        Kind::Unproven
    } else {
        Kind::Incomplete
    }
}
