//! What a bucket holds besides files: poof's own records, opened once a run.

pub mod attached;
pub mod held;
pub mod sight;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::own_files;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::machine::Machine;
use crate::host::scratch::Scratch;
use crate::storage::failure::Failure;
use crate::storage::job::{Until, Unwatched, Watch};
use crate::storage::remote::Remote;
use crate::storage::store::Store;
use crate::tree::guard::{self, Allowed, Sight, Suspicion};
use crate::tree::manifest::Key;
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::remote::identity::{self, Found, Identities};
use crate::tree::remote::known::{self, Nested};
use crate::tree::remote::listing::{Listing, list, list_records};
use crate::tree::remote::lock::Lock;
use crate::tree::scan::root::Roots;
use crate::tree::snapshot::{Newest, Snapshots, UPLOADS};
use crate::tree::wipe::{Records, Wipes};

pub struct Repository<'a> {
    pub remote: &'a Remote,
    pub store: Store,
    pub key: Key,
    /// All of poof's own records.
    records: Inventory,
    /// The bucket keeps something for earlier snapshots.
    pub past: bool,
    /// The top of the bucket.
    pub sight: Sight,
    /// Why it may be the wrong one.
    pub suspicion: Option<Suspicion>,
    pub(super) listings: Mutex<HashMap<String, std::result::Result<Inventory, Failure>>>,
    identity: Found,
    /// The remote's name, for people and for the state.
    name: String,
    state: &'a Path,
    /// The trees on this machine. They are closed when the work is done, before the hooks
    /// that come after it.
    pub roots: Roots,
    /// This machine, as snapshots, markers and locks name it.
    pub machine: Machine,
    /// Backups of this configuration make bundles.
    bundled: bool,
}

impl<'a> Repository<'a> {
    /// Looks at the bucket: at its top from both sides of the encryption, at poof's
    /// records and at the objects of `directories`, all at once.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses, or it is not the one that this
    /// machine knows, which `allowed` may accept.
    pub fn open(
        session: &'a Session,
        ready: &'a Ready,
        directories: &[&Directory],
        allowed: Allowed,
    ) -> Result<Self> {
        let remote = ready.remote();
        let store = remote.store();
        let (name, state) = (remote.name(), session.state.as_path());
        let doing = format!("read the records of {name}");
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Remote);
        attached::check(state, remote)?;
        let key = identity::key(&store).map_err(fail)?;
        let identities = Identities { store: &store, key: &key, state, remote: &name };
        let id = identity::remembered_id(state, &name).unwrap_or_default();
        // The work is patient, the look is not: if that fails, nobody needs the rest.
        let over = &AtomicBool::new(false);
        let (sight, records, listings) = thread::scope(|scope| {
            let records = scope.spawn(|| list_records(&store, &mut Until(over)));
            let trees = directories.iter().map(|directory| {
                let (tree, store) = (&directory.name, &store);
                let marks = Snapshots::marks(&cache(state, &id, tree));
                (tree, scope.spawn(move || list(store, tree, &marks, &mut Until(over))))
            });
            let trees: Vec<_> = trees.collect();
            let sight = sight::look(ready);
            over.store(sight.is_err(), Ordering::Relaxed);
            let trees =
                trees.into_iter().map(|(tree, listing)| (tree.clone(), sight::joined(listing)));
            let trees: HashMap<_, _> = trees.collect();
            (sight, sight::joined(records), trees)
        });
        let mut sight = sight?;
        let saved = |records: &Inventory| !known::trees(records).is_empty();
        sight.saved_here = records.as_ref().is_ok_and(|(records, _)| saved(records));
        let names: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
        guard::right_remote(&sight, &names, allowed)?;
        let suspicion = sight.suspicion(&names);
        let (records, past) = records.map_err(fail)?;
        let identity = identities.check(&records, allowed)?;
        if !identity.new {
            attached::remember(state, remote)?;
        }
        let key = key.of_store(&identity.id, allowed.other_remote);
        let listings = Mutex::new(listings);
        let machine = Machine::of_state(state)?;
        Ok(Repository {
            remote,
            store,
            key,
            records,
            past,
            sight,
            suspicion,
            listings,
            identity,
            name,
            state,
            roots: Roots::default(),
            machine,
            bundled: ready.bundling().is_some(),
        })
    }

    /// The same for what changes `directories` there.
    ///
    /// # Errors
    /// As [`Repository::open`], or one of them is within or around a tree of another
    /// machine.
    pub fn open_to_change(
        session: &'a Session,
        ready: &'a Ready,
        directories: &[&Directory],
        allowed: Allowed,
    ) -> Result<Self> {
        let repository = Self::open(session, ready, directories, allowed)?;
        match repository.nested(ready, directories) {
            Some(nested) => Err(nested.into()),
            None => Ok(repository),
        }
    }

    /// What the remote holds of a tree that it was opened for; only once.
    ///
    /// # Errors
    /// It could not be listed.
    pub fn listing(&self, tree: &str) -> Result<Listing> {
        let taken = self.listings.lock().unwrap_or_else(PoisonError::into_inner).remove(tree);
        let own = match taken {
            Some(listed) => listed,
            None => list(&self.store, tree, &[], &mut Unwatched),
        };
        let own =
            own.map_err(|failure| failure.into_error(&format!("list {tree}"), Kind::Remote))?;
        Ok(Listing::new(own, &self.below(tree), self.bundles(tree)))
    }

    /// The identity of the store, in hexadecimal.
    pub fn id(&self) -> &str {
        &self.identity.id
    }

    /// One of `directories` that is within or around a tree of another machine: each
    /// would take the other's objects for its own.
    pub fn nested(&self, ready: &Ready, directories: &[&Directory]) -> Option<Nested> {
        let own: Vec<_> = directories.iter().map(|d| d.name.as_str()).collect();
        let configured: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
        known::nested(&own, &configured, &self.trees())
    }

    /// Warns of such a one, for what changes nothing there.
    pub fn warn_of_nested(&self, session: &Session, ready: &Ready, directories: &[&Directory]) {
        if let Some(nested) = self.nested(ready, directories) {
            session.report.warn(&nested.text());
        }
    }

    /// The trees of which poof's records tell.
    pub fn trees(&self) -> BTreeSet<String> {
        known::trees(&self.records)
    }

    /// Whether poof has written to the store, or knows anything of a tree: what is
    /// there without a manifest is then no snapshot.
    pub fn is_poofs(&self, tree: &str) -> bool {
        !self.identity.new || self.below(tree).names().next().is_some()
    }

    /// Gives the store an identity if it has none.
    ///
    /// # Errors
    /// The remote or this machine's disk fails.
    pub fn mark(&self) -> Result<()> {
        let Repository { store, key, state, name, identity, .. } = self;
        let identities = Identities { store, key, state, remote: name };
        if !identity.new {
            return Ok(());
        }
        identities.create(identity)?;
        attached::remember(state, self.remote)
    }

    /// Where the directories are on the remote. Machines that share a bucket give that of
    /// their configuration the same name as a rule, and each has its own configuration:
    /// the first to save has the name, and all others one with their own number.
    pub fn places(&self, session: &Session, directories: &[&Directory]) -> Vec<Directory> {
        let placed = |directory: &&Directory| {
            let own = self.place_of_its_own(session, directory);
            let own = own.filter(|own| self.snapshots(&own.name).exist());
            own.unwrap_or_else(|| (*directory).clone())
        };
        directories.iter().map(placed).collect()
    }

    /// The place of this machine alone for the directory of its configuration; None for
    /// all others.
    pub fn place_of_its_own(&self, session: &Session, directory: &Directory) -> Option<Directory> {
        own_files::place_of_its_own(session, &self.machine, directory)
    }

    /// The lock over some trees, which is taken when it is first needed.
    pub fn lock(&self, trees: Vec<String>) -> Lock<'_> {
        let Repository { store, state, name, machine, records, .. } = self;
        Lock::new(store, state, name, machine, trees, records)
    }

    /// Whether the store has an identity already.
    pub fn is_marked(&self) -> bool {
        !self.identity.new
    }

    /// What is noted of the wipe of a tree.
    pub fn wipes<'s>(&'s self, snapshots: &'s Snapshots<'s>) -> Wipes<'s> {
        Wipes { snapshots, records: Records::in_state(self.state), machine: &self.machine }
    }

    pub fn snapshots(&self, tree: &str) -> Snapshots<'_> {
        Snapshots {
            store: &self.store,
            names: Names::new(tree),
            key: &self.key,
            records: self.below(tree),
            bundles: self.bundles(tree),
            cache: cache(self.state, &self.identity.id, tree),
        }
    }

    /// Aborts what earlier runs began to upload in parts and nobody will go on with:
    /// whatever is noted, but for the trees that are configured and not in `done`.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses; the next run tries again.
    pub fn abandon_uploads(
        &self,
        ready: &Ready,
        done: &[String],
    ) -> std::result::Result<(), Failure> {
        let later = ready.directories().iter().filter(|tree| !done.contains(&tree.name));
        let later: Vec<_> =
            later.map(|tree| cache(self.state, &self.identity.id, &tree.name)).collect();
        let caches = fs::read_dir(self.state.join(CACHES)).into_iter().flatten().flatten();
        let caches = caches.map(|cache| cache.path()).filter(|cache| !later.contains(cache));
        let noted: Vec<_> =
            caches.map(|cache| cache.join(UPLOADS)).filter(|notes| notes.is_dir()).collect();
        if noted.is_empty() { Ok(()) } else { self.store.abandon(&noted) }
    }

    /// The records of a tree.
    pub(super) fn below(&self, tree: &str) -> Inventory {
        self.records.below(&format!("trees/{tree}/"))
    }

    /// The bundles of a tree.
    pub(super) fn bundles(&self, tree: &str) -> Inventory {
        self.records.below(&format!("bundles/{tree}/"))
    }

    /// What the remote holds of a tree at this moment: its objects and its snapshots.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn look_again(&self, tree: &str) -> Result<(Snapshots<'_>, Listing)> {
        let snapshots = self.snapshots(tree);
        let marks = Snapshots::marks(&snapshots.cache);
        let (records, bundles) = (snapshots.names.records(), snapshots.names.bundles());
        // Nobody asks for bundles where none can be.
        let may_be = self.bundled || !snapshots.bundles.is_empty();
        let (own, records, bundles) = thread::scope(|scope| {
            let listed =
                |dir: String| scope.spawn(move || list(&self.store, &dir, &[], &mut Unwatched));
            let (records, bundles) = (listed(records), may_be.then(|| listed(bundles)));
            let own = list(&self.store, tree, &marks, &mut Unwatched);
            let bundles = bundles.map_or_else(|| Ok(Inventory::default()), sight::joined);
            (own, sight::joined(records), bundles)
        });
        let fail = |failure: Failure| failure.into_error(&format!("list {tree}"), Kind::Remote);
        let (own, records) = (own.map_err(fail)?, records.map_err(fail)?);
        let bundles = bundles.map_err(fail)?;
        let listing = Listing::new(own, &records, bundles.below(""));
        Ok((Snapshots { records, bundles, ..snapshots }, listing))
    }

    /// The newest snapshot of a tree for one who has no cache: its manifest is read
    /// from the remote.
    ///
    /// # Errors
    /// As [`Snapshots::newest`].
    pub fn remote_only(&self, of: &Snapshots, watch: &mut dyn Watch) -> Result<Newest> {
        create_private_dir(self.state)?;
        let scratch = Scratch::below(self.state)
            .map_err(|error| Error::io("write below", self.state, &error))?;
        let cache = scratch.path().join("cache");
        create_private_dir(&cache)?;
        let Snapshots { store, names, key, records, bundles, .. } = of;
        let (names, records, bundles) = (names.clone(), records.below(""), bundles.below(""));
        Snapshots { store, names, key, records, bundles, cache }.newest(watch)
    }
}

/// Below the state, the caches of all trees.
const CACHES: &str = "trees";

/// The cache of a tree of the store `id`; its name says neither.
pub fn cache(state: &Path, id: &str, tree: &str) -> PathBuf {
    let place = format!("{id}\0{tree}");
    state.join(CACHES).join(&blake3::hash(place.as_bytes()).to_hex()[..16])
}
