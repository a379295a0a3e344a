//! What snapshots hold, for those who look into them or want a part back: by the manifest
//! alone. No object is listed, and nothing that a later run decides by changes.

pub mod diff;
pub mod find;
pub mod get;
pub mod history;
pub mod ls;
mod selection;
mod unlisted;

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};

use super::monitor::Monitor;
use super::outcome::Outcome;
use super::own_files;
use super::repository::{attached, cache};
use super::runner;
use super::session::Session;
use super::which::{Which, no_snapshot, unusable};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::machine::Machine;
use crate::host::scratch::Scratch;
use crate::report::{Bytes, Event, event};
use crate::storage::failure::Failure;
use crate::storage::job::Unwatched;
use crate::storage::store::Store;
use crate::tree::guard::{self, Allowed};
use crate::tree::history::Past;
use crate::tree::manifest::Key;
use crate::tree::model::entry::{Entry, EntryKind};
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::model::path_set::Kept;
use crate::tree::remote::identity::{self, Identities};
use crate::tree::remote::listing::list;
use crate::tree::snapshot::{Heads, ReadShards, Snapshot, Snapshots, Told};
use crate::tree::wipe::Records;
pub use selection::Selection;

/// The manifests of a bucket.
pub struct Contents<'a> {
    session: &'a Session,
    ready: &'a Ready,
    allowed: Allowed,
    store: Store,
    key: Key,
    machine: Machine,
    /// The store, as this machine remembers it.
    id: Option<String>,
    /// What is read and not cached.
    scratch: Scratch,
    parts: Cell<u32>,
    /// It is the store that this machine knows.
    confirmed: Cell<bool>,
    shards: RefCell<ReadShards>,
}

/// A tree on the remote, and what this machine knows of it.
pub struct Held<'a> {
    pub directory: Directory,
    pub snapshots: Snapshots<'a>,
    /// The last snapshot that this machine has taken, if it is the newest.
    pub current: Option<Snapshot>,
    /// The others, the newest first; read where they are needed.
    told: RefCell<Option<Heads>>,
}

impl<'a> Contents<'a> {
    /// # Errors
    /// The disk of the remote is not there, or the state directory cannot be written.
    pub fn open(session: &'a Session, ready: &'a Ready, allowed: Allowed) -> Result<Self> {
        let (remote, state) = (ready.remote(), &session.state);
        attached::check(state, remote)?;
        let (store, name) = (remote.store(), remote.name());
        let fail = |failure: Failure| failure.into_error(&format!("open {name}"), Kind::Remote);
        let key = identity::key(&store).map_err(fail)?;
        let id = identity::remembered_id(state, &name);
        // A machine that knows no store can tell no other from it.
        let any = id.is_none() || allowed.other_remote;
        let key = key.of_store(id.as_deref().unwrap_or_default(), any);
        create_private_dir(state)?;
        let scratch =
            Scratch::below(state).map_err(|error| Error::io("write below", state, &error))?;
        let machine = Machine::of_state(state)?;
        let (parts, confirmed, shards) = (Cell::new(0), Cell::new(false), RefCell::default());
        Ok(Contents {
            session,
            ready,
            allowed,
            store,
            key,
            machine,
            id,
            scratch,
            parts,
            confirmed,
            shards,
        })
    }

    /// A directory as the remote has it: that of the configuration of one machine may be there
    /// under a name of its own.
    ///
    /// # Errors
    /// The remote fails.
    pub fn tree(&self, directory: &Directory) -> Result<Held<'_>> {
        let own = own_files::place_of_its_own(self.session, &self.machine, directory);
        if let Some(own) = own {
            let held = self.held(own)?;
            if held.snapshots.exist() {
                return Ok(held);
            }
        }
        self.held(directory.clone())
    }

    fn held(&self, directory: Directory) -> Result<Held<'_>> {
        let names = Names::new(&directory.name);
        let dir = format!("{}/{}", names.records(), Names::HEADS);
        let doing = format!("list the snapshots of {}", directory.name);
        let heads = list(&self.store, &dir, &[], &mut Unwatched)
            .map_err(|failure| failure.into_error(&doing, Kind::Remote))?;
        let wiped = self.wiped(&directory)?;
        let cache = match &self.id {
            Some(id) if !wiped => cache(&self.session.state, id, &directory.name),
            // What is read of a tree that was wiped names its files.
            _ => self.place()?,
        };
        let (store, key, records) = (&self.store, &self.key, heads.named_below(Names::HEADS));
        let snapshots =
            Snapshots { store, names, key, records, bundles: Inventory::default(), cache };
        let current = snapshots.current(&mut Unwatched)?;
        if current.is_none() {
            // Its head would have told.
            self.confirm()?;
        }
        Ok(Held { directory, snapshots, current, told: RefCell::default() })
    }

    /// Looks, once, whether this is the store that this machine knows.
    fn confirm(&self) -> Result<()> {
        if !self.confirmed.get() {
            let (store, key, state) = (&self.store, &self.key, &self.session.state);
            let remote = &self.ready.remote().name();
            Identities { store, key, state, remote }.confirm(self.allowed)?;
            self.confirmed.set(true);
        }
        Ok(())
    }

    /// Whether nobody else can have put something into a snapshot: the remote is encrypted, or
    /// this machine has made or taken it.
    ///
    /// # Errors
    /// What is noted of a wipe cannot be read.
    pub fn is_certain(&self, held: &Held, id: (u64, [u8; 32])) -> Result<bool> {
        let taken = held.snapshots.cached().is_some_and(|known| known.id() == id);
        let wiped = Records::in_state(&self.session.state).get(&held.directory.name)?;
        let wiped = wiped.is_some_and(|wiped| (wiped.generation, wiped.head) == id);
        Ok(self.ready.remote().is_encrypted() || taken || wiped)
    }

    /// Whether a tree was wiped here.
    fn wiped(&self, directory: &Directory) -> Result<bool> {
        Ok(Records::in_state(&self.session.state).get(&directory.name)?.is_some())
    }

    /// A new place for what is read.
    fn place(&self) -> Result<PathBuf> {
        let number = self.parts.get();
        self.parts.set(number + 1);
        let place = self.scratch.path().join(number.to_string());
        fs::create_dir(&place).map_err(|error| Error::io("make", &place, &error))?;
        Ok(place)
    }

    /// All of a snapshot.
    ///
    /// # Errors
    /// There is none, or the remote fails.
    pub fn whole(&self, held: &Held, which: Which) -> Result<Snapshot> {
        if let (Some(current), Which::Newest) = (&held.current, which) {
            return Ok(current.clone());
        }
        let number = self.told(held, which)?.generation();
        if let Some(current) = held.current.as_ref().filter(|c| c.generation() == number) {
            return Ok(current.clone());
        }
        let mut monitor = self.monitor(held);
        let Snapshots { store, names, key, records, .. } = &held.snapshots;
        let (names, records) = (names.clone(), records.below(""));
        let bundles = Inventory::default();
        let aside = Snapshots { store, names, key, records, bundles, cache: self.place()? };
        aside
            .generation(number, &mut monitor)?
            .ok_or_else(|| unusable(&held.directory.name, number))
    }

    /// What a snapshot holds at some paths and below, and those directories above that are
    /// not there below `target`, if that is where it goes.
    ///
    /// # Errors
    /// There is none, or the remote fails.
    pub fn part(
        &self,
        held: &Held,
        which: Which,
        paths: &Kept,
        target: Option<&Path>,
    ) -> Result<Snapshot> {
        if paths.holds(b"") {
            return self.whole(held, which);
        }
        if let (Some(current), Which::Newest) = (&held.current, which) {
            return Snapshots::narrowed(current, paths, &self.place()?);
        }
        let told = self.told(held, which)?;
        self.part_of(held, &told, paths, target)
    }

    /// The same of one generation.
    ///
    /// # Errors
    /// The remote fails.
    pub fn part_of(
        &self,
        held: &Held,
        told: &Told,
        paths: &Kept,
        target: Option<&Path>,
    ) -> Result<Snapshot> {
        let current = held.current.as_ref();
        if let Some(current) = current.filter(|c| c.generation() == told.generation()) {
            return Snapshots::narrowed(current, paths, &self.place()?);
        }
        let ways = target.map(|target| selection::missing_above(paths, target)).unwrap_or_default();
        let (place, mut shards) = (self.place()?, self.shards.borrow_mut());
        let mut monitor = self.monitor(held);
        held.snapshots.part(told, (paths, &ways), &mut shards, &place, &mut monitor)
    }

    /// All generations whose heads can be read, the newest first.
    ///
    /// # Errors
    /// The remote fails.
    fn heads(&self, held: &Held) -> Result<Heads> {
        if let Some(told) = &*held.told.borrow() {
            return Ok(told.clone());
        }
        let told = held.snapshots.told(&mut self.monitor(held))?;
        *held.told.borrow_mut() = Some(told.clone());
        Ok(told)
    }

    /// The same, if this machine may go by them.
    ///
    /// # Errors
    /// The remote fails, or has none, or the newest is not what follows on the last that this
    /// machine has seen.
    pub fn all(&self, held: &Held) -> Result<Vec<Told>> {
        let Heads { all, damaged, .. } = self.heads(held)?;
        let name = &held.directory.name;
        if let Some(why) = &damaged {
            guard::older_snapshot(&self.ready.remote().place(name), why, self.allowed)?;
        }
        let Some(newest) = all.first() else { return Err(self.none(held)) };
        let known = held.snapshots.cached().and_then(|known| newest.is_behind(&known));
        let wiped = Records::in_state(&self.session.state).get(name)?;
        let remote = self.ready.remote();
        let wiped = wiped.and_then(|wiped| wiped.outdates(&remote.name(), newest.seen()));
        if let Some(why) = known.or(wiped) {
            guard::older_snapshot(&remote.place(name), &why, self.allowed)?;
        }
        Ok(all)
    }

    /// The head of a generation.
    fn told(&self, held: &Held, which: Which) -> Result<Told> {
        let name = &held.directory.name;
        let all = self.all(held)?;
        all.iter().find(|told| which.is(told.generation(), told.made().0)).cloned().ok_or_else(
            || match all.last() {
                Some(oldest) => no_snapshot(name, which, oldest.made().0),
                None => self.none(held),
            },
        )
    }

    /// Until when the snapshot with this index, of which the first is the newest, comes back
    /// whole; None if that is not said.
    fn kept_until(&self, all: &[Told], index: usize, since: Option<u64>) -> Option<u64> {
        let keep = self.ready.keeps()?;
        since.filter(|since| all[index].generation() >= *since)?;
        let (next, _) = all.get(index.checked_sub(1)?)?.made();
        Some(next.saturating_add(keep.as_secs()))
    }

    /// The first snapshot that comes back whole, where "keep" is set; None: none does.
    ///
    /// # Errors
    /// The remote fails.
    fn kept_since(&self, held: &Held) -> Result<Option<u64>> {
        match self.ready.keeps() {
            Some(_) => held.snapshots.kept_since(&mut self.monitor(held)),
            None => Ok(None),
        }
    }

    /// What is kept for the earlier snapshots of a tree.
    ///
    /// # Errors
    /// The remote fails.
    fn past(&self, held: &Held) -> Result<Past> {
        let Snapshots { store, names, .. } = &held.snapshots;
        Past::list(store, names, &mut self.monitor(held))
    }

    /// Why there is nothing to look at.
    fn none(&self, held: &Held) -> Error {
        let place = self.ready.remote().place(&held.directory.name);
        held.none(&place)
    }

    fn monitor(&self, held: &Held) -> Monitor<'_> {
        Monitor::comparison(&*self.session.report, &held.directory.name)
    }
}

/// Where many directories are looked at, one that has no such snapshot is named, and the
/// others are shown.
fn or_named<T>(session: &Session, outcome: &mut Outcome, looked: Result<T>) -> Result<Option<T>> {
    match looked {
        Err(error) if error.kind() == Kind::Incomplete => {
            runner::note_failure(&*session.report, outcome, error)?;
            Ok(None)
        }
        looked => looked.map(Some),
    }
}

impl Held<'_> {
    /// Why there is nothing to look at at `place`, where it is on the remote.
    fn none(&self, place: &str) -> Error {
        if self.snapshots.exist() {
            let what = format!("no manifest of {place} can be read");
            return Error::guard(what).hint(
                "Are the passwords in rclone-poof.conf those of the backup? `poof check` says more.",
            );
        }
        Error::guard(format!("{place} has no snapshot")).hint("`poof backup` makes one.")
    }
}

/// An entry of a snapshot, as it is told.
/// Without a manifest there are no attributes.
fn entry_event(tree: &str, entry: &Entry, shown: event::EntryShown) -> Event {
    let (kind, target) = match &entry.kind {
        EntryKind::File(_) => ("file", None),
        EntryKind::Directory => ("directory", None),
        EntryKind::Symlink { target } => {
            ("link", (!target.is_empty()).then(|| Bytes::target(target)))
        }
        EntryKind::Fifo => ("fifo", None),
        EntryKind::CharDevice(_) => ("char_device", None),
        EntryKind::BlockDevice(_) => ("block_device", None),
    };
    let attributes = &entry.attributes;
    let known = *attributes != unlisted::attributes(attributes.mtime);
    Event::Entry(event::Entry {
        tree: tree.to_owned(),
        kind,
        bytes: entry.file().map(|data| data.size),
        modified: (attributes.mtime.seconds, attributes.mtime.nanos),
        mode: known.then(|| format!("{:04o}", attributes.mode)),
        uid: known.then_some(attributes.uid),
        gid: known.then_some(attributes.gid),
        target,
        path: Bytes::path(&entry.path),
        shown,
    })
}
