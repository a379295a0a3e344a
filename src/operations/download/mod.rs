//! `poof download`: makes every local directory equal to its snapshot.

mod without_manifest;

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::caution::Caution;
use super::monitor::Monitor;
use super::outcome::Outcome;
use super::own_config::{self, Before};
use super::own_files;
use super::repository::Repository;
use super::runner::{self, Task};
use super::session::Session;
use super::which::{self, Which};
use super::wipe::forget_names;
use super::{hooks, loading, shared};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::{path_of, typed};
use crate::base::units::files;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::report::TreeNote;
use crate::report::lists;
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::mirror::Transfer;
use crate::tree::model::entry::is_within;
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::Planned;
use crate::tree::restore::differences::{Difference, between};
use crate::tree::restore::{Accounts, Restore, Target};
use crate::tree::scan::root::{Root, Roots};
use crate::tree::snapshot::{Snapshot, Snapshots, Standing};
use crate::tree::unsent;
use crate::tree::wipe::Records;

/// What is wanted of a download.
#[derive(Default)]
pub struct Request {
    /// Names of directories; none: all.
    pub only: Vec<String>,
    pub caution: Caution,
    /// Below this directory, each tree under its name, and not where it was.
    pub to: Option<PathBuf>,
    /// Files that the snapshot does not hold stay.
    pub keep_extra: bool,
    /// When the snapshot was made; None: the newest.
    pub at: Option<String>,
}

/// Brings back what the snapshots hold.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let dry_run = request.caution.dry_run;
    let _lock = session.lock_unless(dry_run)?;
    let ready = loading::load_to_restore(session)?;
    let directories = loading::select(&ready, &request.only)?;
    let is_here = !dry_run && request.to.is_none();
    let _shared = if is_here { shared::lock(session, &directories)? } else { Vec::new() };
    let run = || bring_from(session, request, &ready, own_files::configurations);
    hooks::around(session, ready.hooks(), dry_run, "download", run)
}

/// What is left alone of a directory, relative to it.
pub type Spares = fn(&Session, &Directory) -> Vec<Vec<u8>>;

/// The same on a bare machine, where `spares` says what is the configuration in use. Of
/// the hooks, which were for another machine, none runs.
///
/// # Errors
/// As `run`.
pub fn bring(session: &Session, request: &Request, spares: Spares) -> Result<Outcome> {
    let _lock = session.lock()?;
    bring_from(session, request, &loading::load_to_restore(session)?, spares)
}

/// The download itself, with a configuration that is ready.
///
/// # Errors
/// As [`run`].
pub(super) fn bring_from(
    session: &Session,
    request: &Request,
    ready: &Ready,
    spares: Spares,
) -> Result<Outcome> {
    let report = &*session.report;
    let Caution { dry_run, yes, allowed } = request.caution;
    let which = Which::of(request.at.as_deref())?;
    let directories = loading::select(ready, &request.only)?;
    let repository = Repository::open(session, ready, &directories, allowed)?;
    repository.warn_of_nested(session, ready, &directories);
    let incoming = Incoming {
        session,
        request,
        ready,
        repository: &repository,
        allowed,
        spares,
        which,
        parts: &HashMap::new(),
        lacking: Cell::new(false),
    };

    let (tasks, outcome) = incoming.prepare_all(&repository.places(session, &directories))?;
    if dry_run {
        runner::list(report, &tasks);
        return Ok(runner::would(report, &tasks, outcome));
    }
    consent(session, &tasks, yes)?;
    let roots: Vec<_> = directories.iter().map(|directory| incoming.target(directory)).collect();
    let (reaches, sealed) = (incoming.reaches_configuration(), ready.remote().is_encrypted());
    let before = Before::note(session, &roots, !reaches, sealed)?;
    let outcome = runner::all(report, tasks, outcome, "restored");
    for directory in &repository.places(session, &directories) {
        // Of one that is wiped still, because this went elsewhere.
        forget_names(session, &repository, &directory.name)?;
    }
    before.compare(session, yes)?;
    Ok(outcome?.closed())
}

/// The plan for a directory of which the remote has no manifest: everything comes, and what
/// is here beside it stays.
///
/// # Errors
/// As [`run`], or poof has written to the remote.
pub(super) fn mirrored(
    session: &Session,
    ready: &Ready,
    directory: &Directory,
    to: Option<&Path>,
    allowed: Allowed,
) -> Result<Transfer> {
    let repository = Repository::open(session, ready, &[directory], allowed)?;
    let caution = Caution { allowed, ..Caution::default() };
    let (only, to) = (vec![directory.name.clone()], to.map(Path::to_path_buf));
    let request = &Request { only, caution, to, keep_extra: true, at: None };
    let incoming = Incoming {
        session,
        request,
        ready,
        repository: &repository,
        allowed,
        spares: own_files::configurations,
        which: Which::Newest,
        parts: &HashMap::new(),
        lacking: Cell::new(false),
    };
    let target = incoming.target(directory);
    let root = repository.roots.get(&target)?;
    let transfer = incoming.mirror(directory, target, root.as_ref())?;
    // A part is no download of the tree.
    Ok(Transfer { journal: None, ..transfer })
}

/// The newest snapshots of `directories` elsewhere, where nothing is that could go: nobody is
/// asked. Of one that has a part, by its name, only that comes.
///
/// # Errors
/// As [`run`].
pub(super) fn into_scratch(
    session: &Session,
    request: &Request,
    ready: &Ready,
    repository: &Repository,
    directories: &[Directory],
    parts: &HashMap<String, Kept>,
) -> Result<Outcome> {
    let incoming = Incoming {
        session,
        request,
        ready,
        repository,
        allowed: request.caution.allowed,
        spares: |_, _| Vec::new(),
        which: Which::Newest,
        parts,
        lacking: Cell::new(false),
    };
    let (tasks, outcome) = incoming.prepare_all(directories)?;
    Ok(runner::all(&*session.report, tasks, outcome, "restored")?.closed())
}

/// What the preparation of every tree needs to know.
pub(super) struct Incoming<'a> {
    pub(super) session: &'a Session,
    pub(super) request: &'a Request,
    pub(super) ready: &'a Ready,
    pub(super) repository: &'a Repository<'a>,
    pub(super) allowed: Allowed,
    spares: Spares,
    which: Which,
    /// What is wanted of a directory, by its name, if not all.
    parts: &'a HashMap<String, Kept>,
    /// Something stays that is not as the snapshot has it.
    lacking: Cell<bool>,
}

impl<'a> Incoming<'a> {
    /// Plans all of them. One that fails does not stop the others.
    fn prepare_all(&self, directories: &[Directory]) -> Result<(Vec<Box<dyn Task + 'a>>, Outcome)> {
        let mut outcome = Outcome::default();
        let mut tasks = Vec::new();
        for directory in directories {
            interrupt::check()?;
            match self.prepare(directory) {
                Ok(task) => tasks.push(task),
                Err(error) => {
                    let error = error.of_tree(&directory.name);
                    runner::note_failure(&*self.session.report, &mut outcome, error)?;
                }
            }
        }
        if self.lacking.get() {
            outcome.worsen(Kind::Incomplete);
        }
        Ok((tasks, outcome))
    }

    /// Plans the restore of a snapshot and asks the guards.
    fn prepare(&self, directory: &Directory) -> Result<Box<dyn Task + 'a>> {
        let name = &directory.name;
        let target = self.target(directory);
        let root = root_at(&self.repository.roots, &target)?;
        let mut monitor = Monitor::comparison(&*self.session.report, name);
        let snapshots = self.repository.snapshots(name);
        let (snapshot, mut vouched) = match snapshots.last(&mut monitor)? {
            Standing::None => (None, false),
            Standing::Current(last) => (Some(last), true),
            Standing::Newer { found: last, .. } => (Some(last), false),
            Standing::Behind { why, known, found } => {
                guard::older_snapshot(&self.ready.remote().place(name), &why, self.allowed)?;
                let vouched = found.is_none();
                (found.or(known), vouched)
            }
        };
        if let Some(snapshot) = &snapshot {
            // The cache that knew the last snapshot was wiped with the tree; what was noted of
            // the wipe knows it too.
            if let Some(wiped) = Records::in_state(&self.session.state).get(name)? {
                let remote = self.ready.remote();
                if let Some(why) = wiped.outdates(&remote.name(), snapshot.seen()) {
                    guard::older_snapshot(&remote.place(name), &why, self.allowed)?;
                }
                vouched |= (wiped.generation, wiped.head) == snapshot.id();
            }
        }
        let Some(newest) = snapshot else {
            self.which.is_newest_of(name)?;
            return Ok(Box::new(self.mirror(directory, target, root.as_ref())?));
        };
        let id = newest.id();
        let snapshot = self.wanted(directory, &snapshots, newest, &mut monitor)?;
        drop(monitor);
        let is_newest = snapshot.id() == id;
        let restore = self.exact(directory, (target, root), snapshots, (snapshot, is_newest))?;
        // A seal, or what this machine remembers, says who has made it.
        let vouched = vouched && is_newest || self.ready.remote().is_encrypted();
        if !vouched {
            restore.gives_no_powers(self.allowed)?;
        }
        Ok(Box::new(restore))
    }

    /// The snapshot that is wanted, which may be an earlier one than the `newest`.
    fn wanted(
        &self,
        directory: &Directory,
        snapshots: &Snapshots,
        newest: Snapshot,
        watch: &mut Monitor,
    ) -> Result<Snapshot> {
        let (name, newest_at) = (&directory.name, newest.made().0);
        if self.which.is(newest.generation(), newest_at) {
            return Ok(newest);
        }
        let wiped = Records::in_state(&self.session.state).get(name)?.is_some();
        if wiped && self.request.to.is_none() {
            let what = format!("{name} is wiped here: its newest snapshot comes back first");
            return Err(Error::guard(what).hint(format!(
                "`poof download --only {}` brings that back. `--to DIR` restores an earlier one \
                 elsewhere.",
                typed(Path::new(name))
            )));
        }
        let all = snapshots.told(watch)?.all;
        let mut earlier = all.iter().filter(|told| told.generation() < newest.generation());
        let Some(told) =
            earlier.clone().find(|told| self.which.is(told.generation(), told.made().0))
        else {
            let oldest = earlier.next_back().map_or(newest_at, |oldest| oldest.made().0);
            return Err(which::no_snapshot(name, self.which, oldest));
        };
        let number = told.generation();
        snapshots.generation(number, watch)?.ok_or_else(|| which::unusable(name, number))
    }

    /// The restore of everything that the manifest knows.
    fn exact(
        &self,
        directory: &Directory,
        (path, root): (PathBuf, Option<Root>),
        snapshots: Snapshots<'a>,
        (snapshot, newest): (Snapshot, bool),
    ) -> Result<Restore<'a>> {
        let Incoming { session, request, .. } = self;
        let (name, report) = (&directory.name, &*session.report);
        let place = self.ready.remote().place(name);
        let shown = path_of(root.as_ref().map_or(path.as_path(), Root::path)).into_owned();
        // The root itself is an entry.
        let entries = snapshot.counts().entries.saturating_sub(1);
        guard::remote_source(
            &place,
            Some(entries),
            self.repository.suspicion.as_ref(),
            self.allowed,
        )?;
        let monitor = Monitor::comparison(report, name);
        let only = self.parts.get(name).cloned();
        // Of a part not every object is claimed.
        let listing = only.is_none().then(|| self.repository.listing(name)).transpose()?;
        let (mut spared, state) = (self.in_use(directory), self.state(directory));
        if self.reaches_configuration() {
            spared.extend(own_config::not_in(session, &path, &snapshot)?);
        }
        let unsent = self.unsent(&snapshots, &snapshot)?;
        let accounts = self.journal().map(|journal| {
            let wiped = Records::in_state(&session.state);
            Accounts { journal, wiped, machine: self.repository.machine.clone() }
        });
        let keep_extra = request.keep_extra;
        let filter = self.ready.filter().clone();
        let target = Target {
            snapshots,
            snapshot,
            newest,
            path,
            root,
            keep_extra,
            spared,
            state,
            unsent,
            filter,
            past: self.repository.past && only.is_none(),
            only,
            accounts,
        };
        let restore = target.compare(listing)?;
        drop(monitor);
        self.note_spared(name, restore.spared);
        self.note_excluded(name, restore.excluded);
        if restore.withheld() > 0 {
            report.say_of(name, TreeNote::Withheld(restore.withheld()));
        }
        self.lacking.set(self.lacking.get() || !restore.unsent.is_empty());
        lists::unsent(report, name, &restore.unsent);
        if restore.foreign > 0 {
            report.say_of(name, TreeNote::LeftOnRemote(restore.foreign as u64));
        }
        guard::deletions(&shown, restore.plan().totals(), self.allowed)?;
        Ok(restore)
    }

    pub(super) fn journal(&self) -> Option<Journal> {
        self.request.to.is_none().then(|| Journal::in_state(&self.session.state))
    }

    /// Where a tree goes.
    fn target(&self, directory: &Directory) -> PathBuf {
        target(self.request.to.as_deref(), directory)
    }

    /// Whether the configuration in use is restored as well, where it is in a tree.
    pub(super) fn reaches_configuration(&self) -> bool {
        self.request.to.is_some() || !self.request.only.is_empty()
    }

    /// Where the configuration in use is below the directory, unless that is
    /// named.
    pub(super) fn in_use(&self, directory: &Directory) -> Vec<Vec<u8>> {
        if self.reaches_configuration() {
            return Vec::new();
        }
        (self.spares)(self.session, directory)
    }

    /// What poof remembers, if that is below the directory: it is never restored there.
    pub(super) fn state(&self, directory: &Directory) -> Vec<Vec<u8>> {
        if self.request.to.is_some() {
            Vec::new()
        } else {
            own_files::state(self.session, directory)
        }
    }

    /// What the last backup could not send from here, but for what another machine has saved
    /// something else of since: a person says which of these is wanted.
    fn unsent(&self, snapshots: &Snapshots, found: &Snapshot) -> Result<Kept> {
        if self.request.to.is_some() {
            return Ok(Kept::default());
        }
        let all = unsent::read(&snapshots.cache)?;
        let Some(known) = snapshots.cached().filter(|known| known.id() != found.id()) else {
            return Ok(all);
        };
        let mut theirs = Vec::new();
        between(&known, found, Some(&all), &mut |difference, entry, _| {
            if matches!(difference, Difference::New | Difference::Content) {
                theirs.push(entry.path.clone());
            }
        })?;
        let is_own = |path: &&[u8]| !theirs.iter().any(|their| is_within(their, path));
        Ok(all.paths().filter(is_own).collect())
    }

    pub(super) fn note_excluded(&self, name: &str, excluded: u64) {
        if excluded > 0 {
            self.session.report.say_of(name, TreeNote::ExcludedStays(excluded));
        }
    }

    pub(super) fn note_spared(&self, name: &str, spared: u64) {
        if spared > 0 && self.reaches_configuration() {
            self.session.report.say_of(name, TreeNote::ConfigurationStays);
        } else if spared > 0 {
            // A place of this machine alone has another name in poof.conf.
            let own = |directory: &&Directory| {
                let own = self.repository.place_of_its_own(self.session, directory);
                own.is_some_and(|own| own.name == name)
            };
            let only =
                self.ready.directories().iter().find(own).map_or(name, |own| own.name.as_str());
            self.session.report.say_of(name, TreeNote::ConfigurationLeft(only.to_owned()));
        }
    }
}

/// Where a tree goes: to its own place, or below `to`.
pub(super) fn target(to: Option<&Path>, directory: &Directory) -> PathBuf {
    match to {
        Some(to) => std::path::absolute(to).unwrap_or_else(|_| to.into()).join(&directory.name),
        None => directory.local.clone(),
    }
}

/// The tree there, if it is there.
///
/// # Errors
/// It cannot be opened, or something else is in the way.
pub(super) fn root_at(roots: &Roots, target: &Path) -> Result<Option<Root>> {
    let root = roots.get(target)?;
    if root.is_none() && target.exists() {
        let what = format!("{} is in the way: it is not a directory", path_of(target));
        return Err(Error::new(Kind::Incomplete, what).hint("Move it aside."));
    }
    Ok(root)
}

/// Asks before local files go that the snapshot does not hold.
fn consent(session: &Session, tasks: &[Box<dyn Task + '_>], yes: bool) -> Result<()> {
    let deleted = tasks.iter().map(|task| task.plan().totals().delete - task.leftovers());
    let deleted: usize = deleted.sum();
    let replaced: usize = tasks.iter().map(|task| task.plan().totals().replaced).sum();
    if deleted + replaced == 0 {
        return Ok(());
    }
    let (deleted, replaced) = (files(deleted as u64), files(replaced as u64));
    let what = format!(
        "{deleted} would be deleted and {replaced} replaced; the snapshot does not hold what is \
         in them"
    );
    if session.report.confirm(&format!("{what}. Go on?"), yes)? {
        return Ok(());
    }
    Err(Error::guard(what).hint(
        "Nothing was changed. `--dry-run` lists them, `--keep-extra` keeps what would be deleted, \
         `--yes` goes ahead.",
    ))
}
