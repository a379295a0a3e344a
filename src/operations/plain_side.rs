//! What is in the bucket in clear beside an encrypted remote, and what of it is
//! poof's own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::repository::{Repository, cache};
use super::secrets::{in_time, rclone_file};
use super::session::Session;
use super::superseded::lacking;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::base::units::{date, files};
use crate::config::sections::hides_names;
use crate::config::{PoofConf, Problem, Ready};
use crate::host::scratch::Scratch;
use crate::storage::failure::Failure;
use crate::storage::job::{Unwatched, Watch};
use crate::storage::remote::Remote;
use crate::storage::store::Store;
use crate::tree::guard::first;
use crate::tree::manifest::Key;
use crate::tree::model::entry::Entry;
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::{Names, RECORDS};
use crate::tree::model::path::Below;
use crate::tree::remote::identity;
use crate::tree::remote::known;
use crate::tree::remote::listing::{list, list_records};
use crate::tree::remote::lock::Lock;
use crate::tree::remote::own_objects::Ours;
use crate::tree::snapshot::{Newest, Snapshot, Snapshots};

/// The plain side of the bucket.
pub struct PlainSide<'a> {
    pub plain: &'a Remote,
    pub store: Store,
    /// For people and for the state.
    name: String,
    /// Of records that nothing seals.
    key: Key,
    /// Poof's own records there.
    records: Inventory,
    /// Something is kept there for earlier snapshots.
    pub past: bool,
    /// The trees of which they tell.
    known: BTreeSet<String>,
}

impl<'a> PlainSide<'a> {
    /// Reads the records, if there are any.
    ///
    /// # Errors
    /// The remote cannot be listed.
    pub fn of(repository: &Repository, plain: &'a Remote) -> Result<Self> {
        let store = plain.store();
        let (mut records, mut past) = (Inventory::default(), false);
        if repository.sight.there.as_ref().is_some_and(|top| top.holds(RECORDS)) {
            let fail = |failure: Failure| {
                failure.into_error(&format!("list {}", plain.place(RECORDS)), Kind::Remote)
            };
            (records, past) = list_records(&store, &mut Unwatched).map_err(fail)?;
        }
        let known = known::trees(&records);
        let (name, key) = (plain.name(), Key::plain());
        Ok(PlainSide { plain, store, name, key, records, past, known })
    }

    /// The lock there over some trees, which is taken when it is first needed.
    pub fn lock<'s>(
        &'s self,
        session: &'s Session,
        repository: &'s Repository,
        trees: Vec<String>,
    ) -> Lock<'s> {
        Lock::new(
            &self.store,
            &session.state,
            &self.name,
            &repository.machine,
            trees,
            &self.records,
        )
    }

    /// The snapshots of a tree there, with what is known of them in `cache`.
    fn snapshots(&self, tree: &str, cache: PathBuf) -> Snapshots<'_> {
        Snapshots {
            store: &self.store,
            names: Names::new(tree),
            key: &self.key,
            records: self.records.below(&format!("trees/{tree}/")),
            bundles: self.bundles(tree),
            cache,
        }
    }

    /// The bundles of a tree there.
    pub fn bundles(&self, tree: &str) -> Inventory {
        self.records.below(&format!("bundles/{tree}/"))
    }

    /// Whether poof has records of a tree there.
    pub fn knows(&self, tree: &str) -> bool {
        self.known.contains(tree)
    }

    /// Whether something of a tree may be there.
    pub fn may_hold(&self, repository: &Repository, tree: &str) -> bool {
        let top = repository.sight.there.as_ref();
        self.known.contains(tree) || top.is_some_and(|top| top.holds(first(tree)))
    }

    /// Whether something of a tree is there.
    ///
    /// # Errors
    /// The remote cannot be listed.
    pub fn holds(&self, tree: &str) -> Result<bool> {
        if self.knows(tree) {
            return Ok(true);
        }
        let doing = format!("list {}", self.plain.place(tree));
        let listed = list(&self.store, tree, &[], &mut Unwatched);
        Ok(!listed.map_err(|f| f.into_error(&doing, Kind::Remote))?.is_empty())
    }

    /// How many earlier snapshots of a tree are there.
    ///
    /// # Errors
    /// The remote fails.
    pub fn earlier(&self, tree: &str) -> Result<u64> {
        if !self.past {
            return Ok(0);
        }
        // Its records say so, and no cache.
        let (count, _) = self.snapshots(tree, PathBuf::new()).extent(&mut Unwatched)?;
        Ok(count.saturating_sub(1))
    }

    /// The trees that are not in this poof.conf and of which something is there:
    /// those that its records name, and those that the encrypted side has as well.
    pub fn others(&self, repository: &Repository, ready: &Ready) -> Vec<String> {
        let configured: BTreeSet<_> = ready.directories().iter().map(|d| &d.name).collect();
        let encrypted =
            repository.trees().into_iter().filter(|tree| self.may_hold(repository, tree));
        let all: BTreeSet<_> = self.known.iter().cloned().chain(encrypted).collect();
        all.into_iter().filter(|tree| !configured.contains(tree)).collect()
    }

    /// A tree there that is within another one or around it.
    pub fn entangled(&self, tree: &str) -> Option<String> {
        known::nested(&[tree], &[tree], &self.known).map(|nested| nested.other)
    }

    /// Whether the records there are of no tree.
    ///
    /// # Errors
    /// The remote cannot be listed.
    pub fn is_done(&self) -> Result<bool> {
        let listed = list_records(&self.store, &mut Unwatched);
        let listed = listed.map_err(|f| f.into_error("list the records", Kind::Incomplete))?;
        let of_none = |name: Vec<u8>| name == b"identity" || name.starts_with(b"probe-");
        let (listed, past) = listed;
        Ok(!past && listed.names().all(of_none))
    }

    /// What is below the name of a tree: objects that `encrypted` or the snapshot
    /// there knows, and the others.
    ///
    /// # Errors
    /// The remote fails, or a snapshot cannot be read.
    pub fn sorted(
        &self,
        session: &Session,
        tree: &str,
        encrypted: &Snapshot,
        watch: &mut dyn Watch,
    ) -> Result<Sorted> {
        let listed = list(&self.store, tree, &[], watch);
        let doing = format!("list {}", self.plain.place(tree));
        let mut own = listed.map_err(|f| f.into_error(&doing, Kind::Remote))?;
        claim(&mut own, encrypted.entries()?)?;
        create_private_dir(&session.state)?;
        let scratch = Scratch::below(&session.state)
            .map_err(|error| Error::io("write below", &session.state, &error))?;
        let snapshots = self.snapshots(tree, scratch.path().join("cache"));
        create_private_dir(&snapshots.cache)?;
        if let Newest::Found(last) = snapshots.newest(watch)? {
            self.is_moved(session, tree, &last, encrypted)?;
            claim(&mut own, last.entries()?)?;
        }
        let ours = Ours::default();
        let mut sorted = Sorted::default();
        for (name, size, _) in own.unclaimed() {
            if ours.has(&name) {
                continue;
            }
            sorted.foreign.push((name, size));
        }
        if !sorted.foreign.is_empty() {
            let foreign: BTreeSet<&[u8]> =
                sorted.foreign.iter().map(|(name, _)| name.as_slice()).collect();
            let known = own.names().filter(|name| !foreign.contains(name.as_slice()));
            sorted.known = known.collect();
        }
        Ok(sorted)
    }

    /// Another machine may have saved in clear after this one had switched to the
    /// encrypted side: what it saved is only there.
    ///
    /// # Errors
    /// The encrypted snapshot lacks some of the last plain one, which this machine has
    /// never had.
    fn is_moved(
        &self,
        session: &Session,
        tree: &str,
        plain: &Snapshot,
        encrypted: &Snapshot,
    ) -> Result<()> {
        let id = identity::remembered_id(&session.state, &self.name).unwrap_or_default();
        if self.snapshots(tree, cache(&session.state, &id, tree)).is_taken(plain) {
            return Ok(());
        }
        let lacking = lacking(encrypted, plain)?;
        if lacking == 0 {
            return Ok(());
        }
        let (made, host) = plain.made();
        let what = format!(
            "the plain copy of {tree} stays: {host} saved it on {}, and {} of it are not in the \
             encrypted snapshot",
            date(made),
            files(lacking)
        );
        Err(Error::new(Kind::Unproven, what).hint(
            "`poof cryptoggle` and `poof download` bring them here; then back them up on the \
             encrypted side.",
        ))
    }
}

/// The plain side of the bucket, if it can be told from the encrypted one.
pub fn plain_side<'a>(session: &Session, ready: &'a Ready) -> Result<&'a Remote> {
    let remote = ready.remote();
    let plain = ready.counterpart().filter(|_| remote.is_encrypted()).ok_or_else(|| {
        Error::guard(format!(
            "{} is not encrypted: it holds the snapshots themselves",
            remote.name()
        ))
        .hint("`poof cryptoggle` switches to the encrypted remote.")
    })?;
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let conf = in_time(rclone_file(session, Some(&poof)))?.conf;
    let secrets = poof.secrets();
    let mut crypts = conf.sections().filter(|section| conf.kind(section) == Some("crypt"));
    if crypts.any(|crypt| !hides_names(&conf, &secrets, crypt)) {
        return Err(Error::guard(
            "names are not encrypted: plain and encrypted copies share places",
        )
        .hint("Nothing was changed; remove the plain copies by hand."));
    }
    Ok(plain)
}

/// What is in clear below the name of a tree.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Objects that poof has made; only filled where there are others.
    pub known: Vec<Vec<u8>>,
    /// The others, with their sizes.
    pub foreign: Vec<(Vec<u8>, u64)>,
}

fn claim(own: &mut Inventory, entries: impl Iterator<Item = Result<Entry>>) -> Result<()> {
    for entry in entries {
        let entry = entry?;
        if entry.is_object() {
            own.claim(Names::object(&entry)?.as_bytes());
        }
    }
    Ok(())
}
