//! `poof download`: makes every local directory equal to its snapshot.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::carry::{self, Task};
use super::own_config::{self, Before};
use super::vault::Vault;
use super::watch::Monitor;
use super::{Context, Outcome, hooks, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::path_of;
use crate::base::units::files;
use crate::cli::{Caution, Download};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::kept::Kept;
use crate::tree::plan::Plan;
use crate::tree::restore::{Accounts, Restore, Target};
use crate::tree::root::Root;
use crate::tree::snapshot::{Snapshot, Snapshots, Standing};
use crate::tree::unsent;
use crate::tree::wipe::Records;

pub fn run(context: &Context, args: &Download) -> Result<Outcome> {
    let dry_run = args.mirror.caution.dry_run;
    let _lock = context.lock_unless(dry_run)?;
    let ready = setup::load_to_restore(context)?;
    setup::select(&ready, &args.mirror.only)?;
    let run = || bring_from(context, args, &ready, setup::in_use);
    hooks::around(context, ready.hooks(), dry_run, "download", run)
}

/// What is left alone of a directory, relative to it.
pub type Spares = fn(&Context, &Directory) -> Vec<Vec<u8>>;

/// The same on a bare machine, where `spares` says what is the configuration in use. Of
/// the hooks, which were for another machine, none runs.
///
/// # Errors
/// As `run`.
pub fn bring(context: &Context, args: &Download, spares: Spares) -> Result<Outcome> {
    let _lock = context.lock()?;
    bring_from(context, args, &setup::load_to_restore(context)?, spares)
}

fn bring_from(
    context: &Context,
    args: &Download,
    ready: &Ready,
    spares: Spares,
) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Caution { dry_run, yes, allow } = &args.mirror.caution;
    let directories = setup::select(ready, &args.mirror.only)?;
    let allowed = setup::allowed(allow);
    let vault = Vault::open(context, ready, &directories, allowed)?;
    show::nested(context, vault.nested(ready, &directories).as_ref());
    let incoming = Incoming {
        context,
        args,
        ready,
        vault: &vault,
        allowed,
        spares,
        lacking: Cell::new(false),
    };

    let mut outcome = Outcome::default();
    let mut tasks = Vec::new();
    for directory in &vault.places(context, &directories) {
        interrupt::check()?;
        match incoming.prepare(directory) {
            Ok(task) => tasks.push(task),
            Err(error) => {
                let error = error.of_tree(&directory.name);
                carry::note_failure(terminal, &mut outcome, error)?;
            }
        }
    }
    if incoming.lacking.get() {
        outcome.worsen(Kind::Incomplete);
    }
    if *dry_run {
        carry::list(terminal, &tasks);
        return Ok(carry::would(terminal, &tasks, outcome));
    }
    consent(context, &tasks, *yes)?;
    let roots: Vec<_> = directories.iter().map(|directory| incoming.target(directory)).collect();
    let (reaches, sealed) = (incoming.reaches_configuration(), ready.remote().is_encrypted());
    let before = Before::note(context, &roots, !reaches, sealed)?;
    let outcome = carry::all(terminal, tasks, outcome, "restored");
    before.compare(context, *yes)?;
    Ok(outcome?.closed())
}

/// What the preparation of every tree needs to know.
pub(super) struct Incoming<'a> {
    pub(super) context: &'a Context,
    pub(super) args: &'a Download,
    pub(super) ready: &'a Ready,
    pub(super) vault: &'a Vault<'a>,
    pub(super) allowed: Allowed,
    spares: Spares,
    /// Something stays that is not as the snapshot has it.
    lacking: Cell<bool>,
}

impl<'a> Incoming<'a> {
    /// Plans the restore of a snapshot and asks the guards.
    fn prepare(&self, directory: &Directory) -> Result<Box<dyn Task + 'a>> {
        let name = &directory.name;
        let target = self.target(directory);
        let root = self.vault.roots.get(&target)?;
        if root.is_none() && target.exists() {
            let what = format!("{} is in the way: it is not a directory", path_of(&target));
            return Err(Error::new(Kind::Incomplete, what).hint("Move it aside."));
        }
        let mut monitor = Monitor::comparison(&self.context.terminal, name);
        let snapshots = self.vault.snapshots(name);
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
        drop(monitor);
        if let Some(snapshot) = &snapshot {
            // The cache that knew the last snapshot was wiped with the tree; what was noted of
            // the wipe knows it too.
            if let Some(wiped) = Records::in_state(&self.context.state).get(name)? {
                let remote = self.ready.remote();
                if let Some(why) = wiped.outdates(&remote.name(), snapshot.seen()) {
                    guard::older_snapshot(&remote.place(name), &why, self.allowed)?;
                }
                vouched |= (wiped.generation, wiped.head) == snapshot.id();
            }
        }
        match snapshot {
            Some(snapshot) => {
                let restore = self.exact(directory, (target, root), snapshots, snapshot)?;
                // A seal, or what this machine remembers, says who has made it.
                if !vouched && !self.ready.remote().is_encrypted() {
                    restore.gives_no_powers(self.allowed)?;
                }
                Ok(Box::new(restore))
            }
            None => Ok(Box::new(self.mirror(directory, target, root.as_ref())?)),
        }
    }

    /// The restore of everything that the manifest knows.
    fn exact(
        &self,
        directory: &Directory,
        (path, root): (PathBuf, Option<Root>),
        snapshots: Snapshots<'a>,
        snapshot: Snapshot,
    ) -> Result<Restore<'a>> {
        let Incoming { context, args, .. } = self;
        let (name, terminal) = (&directory.name, &context.terminal);
        let place = self.ready.remote().place(name);
        let shown = path_of(root.as_ref().map_or(path.as_path(), Root::path)).into_owned();
        // The root itself is an entry.
        let entries = snapshot.counts().entries.saturating_sub(1);
        guard::remote_source(&place, Some(entries), self.vault.suspicion.as_ref(), self.allowed)?;
        let monitor = Monitor::comparison(terminal, name);
        let listing = self.vault.listing(name)?;
        let (mut spared, state) = (self.in_use(directory), self.state(directory));
        if self.reaches_configuration() {
            spared.extend(own_config::not_in(context, &path, &snapshot)?);
        }
        let unsent = self.unsent(&snapshots.cache)?;
        let accounts = self.journal().map(|journal| {
            let wiped = Records::in_state(&context.state);
            Accounts { journal, wiped, machine: self.vault.machine.clone() }
        });
        let keep_extra = args.keep_extra;
        let filter = self.ready.filter().clone();
        let target = Target {
            snapshots,
            snapshot,
            path,
            root,
            keep_extra,
            spared,
            state,
            unsent,
            filter,
            accounts,
        };
        let restore = target.compare(listing)?;
        drop(monitor);
        self.note_spared(name, restore.spared);
        self.note_excluded(name, restore.excluded);
        self.lacking.set(self.lacking.get() || !restore.unsent.is_empty());
        show::unsent(terminal, name, &restore.unsent);
        if restore.foreign > 0 {
            let count = files(restore.foreign as u64);
            terminal.note(&format!("{name}: not in the snapshot and left on the remote: {count}"));
        }
        guard::deletions(&shown, restore.plan(), self.allowed)?;
        Ok(restore)
    }

    pub(super) fn journal(&self) -> Option<Journal> {
        self.args.to.is_none().then(|| Journal::in_state(&self.context.state))
    }

    /// Where a tree goes.
    fn target(&self, directory: &Directory) -> PathBuf {
        match &self.args.to {
            Some(to) => std::path::absolute(to).unwrap_or_else(|_| to.into()).join(&directory.name),
            None => directory.local.clone(),
        }
    }

    /// Whether the configuration in use is restored as well, where it is in a tree.
    pub(super) fn reaches_configuration(&self) -> bool {
        self.args.to.is_some() || !self.args.mirror.only.is_empty()
    }

    /// Where the configuration in use lies below the directory, unless that is
    /// named.
    pub(super) fn in_use(&self, directory: &Directory) -> Vec<Vec<u8>> {
        if self.reaches_configuration() {
            return Vec::new();
        }
        (self.spares)(self.context, directory)
    }

    /// What poof remembers, if that lies below the directory: it is never restored there.
    pub(super) fn state(&self, directory: &Directory) -> Vec<Vec<u8>> {
        if self.args.to.is_some() { Vec::new() } else { setup::state(self.context, directory) }
    }

    /// What the last backup could not send from here.
    fn unsent(&self, cache: &Path) -> Result<Kept> {
        if self.args.to.is_some() { Ok(Kept::default()) } else { unsent::read(cache) }
    }

    pub(super) fn note_excluded(&self, name: &str, excluded: u64) {
        if excluded > 0 {
            let what = format!("{name}: excluded and left alone as it is here: {excluded}");
            self.context.terminal.note(&what);
        }
    }

    pub(super) fn note_spared(&self, name: &str, spared: u64) {
        if spared > 0 && self.reaches_configuration() {
            self.context.terminal.note(&format!(
                "{name}: of the configuration in use stays what the snapshot does not hold"
            ));
        } else if spared > 0 {
            // A place of this machine alone has another name in poof.conf.
            let own = |directory: &&Directory| {
                let own = self.vault.place_of_its_own(self.context, directory);
                own.is_some_and(|own| own.name == name)
            };
            let only = self.ready.directories().iter().find(own).map_or(name, |own| &own.name);
            self.context.terminal.note(&format!(
                "{name}: the configuration in use is left alone (`--only {only}` restores it)"
            ));
        }
    }
}

/// Asks before local files go that the snapshot does not hold.
fn consent(context: &Context, tasks: &[Box<dyn Task + '_>], yes: bool) -> Result<()> {
    let count = |of: fn(&Plan) -> usize| tasks.iter().map(|t| of(t.plan())).sum::<usize>();
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
