//! `poof get`: brings back files or directories, exactly as a download would, and nothing else.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Contents, Selection, Which, ls};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::shown::typed;
use crate::base::units::files;
use crate::config::Ready;
use crate::operations::caution::Caution;
use crate::operations::own_config::Before;
use crate::operations::runner::{self, Task};
use crate::operations::{Outcome, Session, download, loading, own_files};
use crate::storage::filter::Filter;
use crate::tree::guard;
use crate::tree::model::layout::Names;
use crate::tree::model::path::LocalPath;
use crate::tree::model::path_set::Kept;
use crate::tree::restore::Target;
use crate::tree::scan::root::Roots;
use crate::tree::snapshot::Snapshots;
use crate::tree::wipe::{Phase, Records};

/// What is wanted back.
#[derive(Default)]
pub struct Request {
    /// NAME/PATH, or paths on disk.
    pub paths: Vec<OsString>,
    /// Below this directory, each below the name of its tree, and not where they were.
    pub to: Option<PathBuf>,
    pub at: Option<String>,
    pub caution: Caution,
}

/// Brings it back.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let _lock = session.lock_unless(request.caution.dry_run)?;
    let ready = loading::load_to_restore(session)?;
    bring(session, request, &ready)
}

pub(in crate::operations) fn bring(
    session: &Session,
    request: &Request,
    ready: &Ready,
) -> Result<Outcome> {
    let report = &*session.report;
    let Caution { dry_run, yes, allowed } = request.caution;
    let which = Which::of(request.at.as_deref())?;
    let selections = Selection::of(ready, &request.paths)?;
    let contents = Contents::open(session, ready, allowed)?;
    let getting = Getting { session, request, ready, which, contents: &contents };
    let roots = Roots::default();
    let mut outcome = Outcome::default();
    let mut tasks: Vec<Box<dyn Task + '_>> = Vec::new();
    for selection in &selections {
        interrupt::check()?;
        match getting.prepare(selection, &roots, &mut outcome) {
            Ok(task) => tasks.extend(task),
            Err(error) => {
                let error = error.of_tree(&selection.directory.name);
                runner::note_failure(report, &mut outcome, error)?;
            }
        }
    }
    if dry_run {
        runner::list(report, &tasks);
        return Ok(runner::would(report, &tasks, outcome));
    }
    consent(session, &tasks, yes)?;
    let targets: Vec<_> = selections.iter().map(|selection| getting.target(selection)).collect();
    let before = Before::note(session, &targets, false, ready.remote().is_encrypted())?;
    let outcome = runner::all(report, tasks, outcome, "restored");
    before.compare(session, yes)?;
    Ok(outcome?.closed())
}

struct Getting<'a> {
    session: &'a Session,
    request: &'a Request,
    ready: &'a Ready,
    which: Which,
    contents: &'a Contents<'a>,
}

impl<'a> Getting<'a> {
    fn target(&self, Selection { directory, .. }: &Selection) -> PathBuf {
        download::target(self.request.to.as_deref(), directory)
    }

    /// Plans it for one directory; None if the snapshot holds nothing of it.
    fn prepare(
        &self,
        selection: &Selection,
        roots: &Roots,
        outcome: &mut Outcome,
    ) -> Result<Option<Box<dyn Task + 'a>>> {
        let Getting { session, request, ready, .. } = self;
        let path = self.target(selection);
        self.is_no_half(selection)?;
        let root = download::root_at(roots, &path)?;
        let held = self.contents.tree(&selection.directory)?;
        let set = selection.path_set();
        if !held.snapshots.exist() {
            self.which.is_newest_of(&held.directory.name)?;
            let (to, allowed) = (request.to.as_deref(), request.caution.allowed);
            let mut transfer = download::mirrored(session, ready, &held.directory, to, allowed)?;
            let places = selection.paths.iter().map(|path| Names::encoded(&LocalPath::new(path)));
            transfer.plan = transfer.plan.reaching(&places.collect::<Result<Vec<_>>>()?);
            if transfer.plan.source_files() == 0 && transfer.plan.failed.is_empty() {
                let path = selection.paths.first().map_or(&b""[..], Vec::as_slice);
                return Err(ls::not_held(&held.directory.name, path));
            }
            return Ok(Some(Box::new(transfer)));
        }
        let snapshot = self.contents.part(&held, self.which, &set, Some(&path))?;
        let mut found = HashSet::new();
        for entry in snapshot.entries()? {
            let entry = entry?;
            if selection.paths.contains(&entry.path) {
                found.insert(entry.path);
            }
        }
        for missing in selection.paths.iter().filter(|path| !found.contains(*path)) {
            let error = ls::not_held(&held.directory.name, missing);
            runner::note_failure(&*session.report, outcome, error)?;
        }
        if found.is_empty() {
            return Ok(None);
        }
        let certain = self.contents.is_certain(&held, snapshot.id())?;
        let state = if self.is_in_place(selection) {
            own_files::state(session, &selection.directory)
        } else {
            Vec::new()
        };
        let newest = held.snapshots.newest_number() == Some(snapshot.generation());
        if !newest {
            self.is_not_wiped(selection)?;
        }
        let snapshots = Snapshots { cache: self.contents.place()?, ..held.snapshots };
        let only = found.iter().map(Vec::as_slice).collect();
        let target = Target {
            snapshots,
            snapshot,
            newest,
            path,
            root,
            // What is here and not in the snapshot stays.
            keep_extra: true,
            spared: Vec::new(),
            state,
            unsent: Kept::default(),
            filter: Filter::default(),
            only: Some(only),
            accounts: None,
            past: !newest,
        };
        let restore = target.compare(None)?;
        if !certain {
            restore.gives_no_powers(request.caution.allowed)?;
        }
        Ok(Some(Box::new(restore)))
    }

    /// Whether it goes where it was, by whatever way.
    fn is_in_place(&self, selection: &Selection) -> bool {
        own_files::real(&self.target(selection)) == own_files::real(&selection.directory.local)
    }

    /// Refuses where a wipe has not ended: what came would be wiped, or taken for what was.
    fn is_no_half(&self, selection: &Selection) -> Result<()> {
        let directory = &selection.directory;
        let record = Records::in_state(&self.session.state).get(&directory.name)?;
        let half = record.is_some_and(|record| record.phase == Phase::Wiping);
        if half && self.is_in_place(selection) {
            return Err(guard::half_wiped(&directory.local));
        }
        Ok(())
    }

    /// Refuses to put an earlier state where a wipe has been: what is there then is not what
    /// was wiped, and neither a backup nor an upload could go on.
    fn is_not_wiped(&self, selection: &Selection) -> Result<()> {
        let name = &selection.directory.name;
        let wiped = Records::in_state(&self.session.state).get(name)?.is_some();
        if !wiped || !self.is_in_place(selection) {
            return Ok(());
        }
        let what = format!("{name} is wiped here, and an earlier state is not what was wiped");
        Err(Error::guard(what).hint(format!(
            "`--to DIR` puts it elsewhere. `poof download --only {}` brings the newest snapshot \
             back first.",
            typed(Path::new(name))
        )))
    }
}

/// Asks before something is replaced.
fn consent(session: &Session, tasks: &[Box<dyn Task + '_>], yes: bool) -> Result<()> {
    let replaced: usize = tasks.iter().map(|task| task.plan().totals().replaced).sum();
    if replaced == 0 {
        return Ok(());
    }
    let what = format!("{} here would be replaced", files(replaced as u64));
    if session.report.confirm(&format!("{what}. Go on?"), yes)? {
        return Ok(());
    }
    Err(Error::guard(what).hint(
        "Nothing was changed. `--dry-run` lists them, `--to DIR` puts what comes elsewhere, \
         `--yes` goes ahead.",
    ))
}
