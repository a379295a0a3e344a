//! What a bucket holds besides files: poof's own records, opened once a run.

use std::path::{Path, PathBuf};

use super::Context;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::config::Ready;
use crate::storage::failure::Failure;
use crate::storage::job::{Unwatched, Watch};
use crate::storage::remote::Remote;
use crate::storage::store::Store;
use crate::tree::guard::{Allowed, Sight};
use crate::tree::identity::{Found, Identities};
use crate::tree::inventory::Inventory;
use crate::tree::listing::list;
use crate::tree::manifest::Key;
use crate::tree::objects::{Names, RECORDS};
use crate::tree::snapshot::{Snapshots, Standing};

pub struct Vault<'a> {
    pub remote: &'a Remote,
    pub store: Store,
    pub key: Key,
    /// All of poof's own records.
    pub records: Inventory,
    identity: Found,
    /// The remote's name, for people and for the state.
    name: String,
    state: &'a Path,
}

impl<'a> Vault<'a> {
    /// # Errors
    /// The remote cannot be reached, or refuses, or it is another store than this
    /// machine knows, which `allowed` may let pass.
    pub fn open(
        context: &'a Context,
        ready: &'a Ready,
        sight: &Sight,
        allowed: Allowed,
    ) -> Result<Self> {
        let remote = ready.remote();
        let store = remote.store();
        let doing = format!("read the records of {}", remote.name());
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Remote);
        let key = match store.secret().map_err(fail)? {
            Some(secret) => Key::from_secret(&secret),
            None => Key::plain(),
        };
        let records = if sight.here.holds(RECORDS) {
            list(&store, RECORDS, &mut Unwatched).map_err(fail)?
        } else {
            let mut none = Inventory::default();
            none.sort();
            none
        };
        let (name, state) = (remote.name(), &context.state);
        let identities = Identities { store: &store, key: &key, state, remote: &name };
        let identity = identities.check(&records, allowed)?;
        Ok(Vault { remote, store, key, records, identity, name, state })
    }

    /// Gives the store an identity if it has none.
    ///
    /// # Errors
    /// The remote or this machine's disk fails.
    pub fn mark(&self) -> Result<()> {
        let Vault { store, key, state, name, identity, .. } = self;
        let identities = Identities { store, key, state, remote: name };
        if identity.new { identities.create(identity) } else { Ok(()) }
    }

    pub fn snapshots(&self, tree: &str) -> Snapshots<'_> {
        Snapshots {
            store: &self.store,
            names: Names::new(tree),
            key: &self.key,
            records: self.below(tree),
            cache: self.cache(tree),
        }
    }

    /// The records of a tree.
    pub fn below(&self, tree: &str) -> Inventory {
        self.records.below(&format!("trees/{tree}/"))
    }

    /// How the last snapshot of a tree stands for one who has no cache: its
    /// manifest is read from the remote.
    ///
    /// # Errors
    /// As [`Snapshots::last`].
    pub fn remote_only(&self, tree: &str, watch: &mut dyn Watch) -> Result<Standing> {
        create_private_dir(self.state)?;
        let scratch = tempfile::tempdir_in(self.state)
            .map_err(|error| Error::io("write below", self.state, &error))?;
        let cache = scratch.path().join("cache");
        create_private_dir(&cache)?;
        Snapshots { cache, ..self.snapshots(tree) }.last(watch)
    }

    /// The cache of a tree of this store; its name says neither.
    fn cache(&self, tree: &str) -> PathBuf {
        let place = format!("{}\0{tree}", self.identity.id);
        self.state.join("trees").join(&blake3::hash(place.as_bytes()).to_hex()[..16])
    }
}
