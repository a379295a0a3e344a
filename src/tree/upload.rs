//! The backup of one tree: surveyed, judged, carried out.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::entry::{Attributes, Entry, EntryKind};
use super::inventory::Inventory;
use super::listing::{below, list, still_there};
use super::manifest::{Key, Owners};
use super::objects::Names;
use super::outgoing::Outgoing;
use super::plan::{Failed, Item, Plan};
use super::send;
use super::snapshot::{Facts, Snapshot, Snapshots};
use super::survey::{Change, Sides, Survey, Why, survey};
use super::walk::{Found, LeftOut, Walk};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::host::owners;
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::storage::remote::Spec;
use crate::storage::store::{Bytes, Store};

/// A tree on its way to the remote.
pub struct Upload {
    pub names: Names,
    pub plan: Plan,
    pub left_out: Vec<LeftOut>,
    destination: Spec,
    /// Objects that somebody else changed or removed, by path.
    pub drift: Vec<(String, Why)>,
    /// Entries of the tree that are no directories.
    pub entries: u64,
    root: PathBuf,
    store: Store,
    key: Key,
    cache: PathBuf,
    last: Option<Snapshot>,
    changes: Vec<Change>,
    inventory: Inventory,
    records: Inventory,
    renew: bool,
    host: String,
}

/// What the survey of a tree needs.
pub struct Preparation<'a> {
    pub names: Names,
    pub root: &'a Path,
    pub store: &'a Store,
    /// The tree on the remote, for rclone itself.
    pub destination: Spec,
    pub key: &'a Key,
    /// Where the cache of this tree is.
    pub cache: PathBuf,
    /// poof's own records on the remote.
    pub records: &'a Inventory,
    pub rehash: bool,
    pub host: String,
}

impl Preparation<'_> {
    /// The records of this tree alone.
    pub fn records(&self) -> Inventory {
        below(self.records, &format!("trees/{}/", self.names.tree()))
    }

    /// Lists the objects of the tree.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn list(&self, watch: &mut dyn Watch) -> Result<Inventory> {
        let doing = format!("list {}", self.names.tree());
        list(self.store, self.names.tree(), watch)
            .map_err(|failure| failure.into_error(&doing, Kind::Remote))
    }

    /// Walks the tree beside its last snapshot and the listing, and makes the plan.
    ///
    /// # Errors
    /// The root cannot be read, or the last snapshot.
    pub fn survey(
        self,
        last: Option<Snapshot>,
        inventory: Inventory,
        renew: bool,
    ) -> Result<Upload> {
        let mut inventory = inventory;
        let records = self.records();
        let mut odd = below(&records, "odd/");
        let left_out = RefCell::new(Vec::new());
        let unseen = RefCell::new(Vec::new());
        let walk = Walk::new(self.root)
            .map_err(|error| Error::io("read", self.root, &error).with_kind(Kind::Incomplete))?;
        let walk = walk.filter_map(|found| match found {
            Found::Entry(entry) if is_special(&entry) => {
                let why = "it is a FIFO or a device".to_owned();
                left_out.borrow_mut().push(LeftOut { path: entry.path, why, loss: true });
                None
            }
            Found::Entry(entry) => Some(entry),
            Found::LeftOut(out) => {
                if out.loss {
                    unseen.borrow_mut().push(out.path.clone());
                }
                left_out.borrow_mut().push(out);
                None
            }
        });
        let walk = walk.take_while(|_| !interrupt::requested());
        let damage = RefCell::new(None);
        let entries = last.as_ref().map(Snapshot::entries).transpose()?;
        let entries = entries
            .into_iter()
            .flatten()
            .map_while(|entry| entry.map_err(|error| *damage.borrow_mut() = Some(error)).ok());
        let mut sides = Sides {
            root: self.root,
            inventory: &mut inventory,
            odd: &mut odd,
            unseen: &unseen,
            rehash: self.rehash,
        };
        let survey = survey(walk, entries, &mut sides)?;
        interrupt::check()?;
        if let Some(error) = damage.into_inner() {
            return Err(error);
        }
        let plan = plan_of(&survey);
        let drift = survey.changes.iter().filter_map(|change| match change.send? {
            why @ (Why::ObjectMissing | Why::ObjectChanged) => {
                Some((String::from_utf8_lossy(&change.path).into_owned(), why))
            }
            _ => None,
        });
        Ok(Upload {
            drift: drift.collect(),
            entries: survey.entries,
            names: self.names,
            plan,
            left_out: left_out.into_inner(),
            root: self.root.to_path_buf(),
            store: self.store.clone(),
            destination: self.destination,
            key: self.key.clone(),
            cache: self.cache,
            last,
            changes: survey.changes,
            inventory,
            records,
            renew,
            host: self.host,
        })
    }
}

fn plan_of(survey: &Survey) -> Plan {
    let mut plan = Plan { unchanged: survey.unchanged, ..Plan::default() };
    for change in &survey.changes {
        let Some(entry) = &change.entry else { continue };
        let item = Item { path: entry.as_path().to_path_buf(), size: size(entry) };
        match change.send {
            Some(Why::New) => plan.add.push(item),
            Some(_) => plan.update.push(item),
            None => plan.attributes.push(item),
        }
    }
    for (name, size) in &survey.delete {
        let path = OsStr::from_bytes(name).into();
        plan.delete.push(Item { path, size: *size });
    }
    plan
}

/// What a download does not bring back yet must not be called safe.
fn is_special(entry: &Entry) -> bool {
    let kept =
        matches!(entry.kind, EntryKind::File(_) | EntryKind::Directory | EntryKind::Symlink { .. });
    !kept
}

fn size(entry: &Entry) -> u64 {
    match &entry.kind {
        EntryKind::File(data) => data.size,
        EntryKind::Symlink { target } => target.len() as u64,
        _ => 0,
    }
}

impl Upload {
    /// Stores what is new, proves it, writes the snapshot, and only then removes
    /// what is gone. Returns what could not be done.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        let (blocking, others) = self.plan.in_the_way();
        let (blocking, others) = (names_of(&blocking), names_of(&others));
        let mut failed = self.remove(&blocking, watch)?;
        if !blocking.is_empty() {
            send::remove_emptied(&self.destination, &self.plan);
        }
        let outgoing = Outgoing {
            store: &self.store,
            names: &self.names,
            root: &self.root,
            inventory: &self.inventory,
        };
        let carried = outgoing.carry(&mut self.changes, watch)?;
        failed.extend(carried.failed);
        self.plan.turned_out_equal(&carried.kept);
        let mut changes = std::mem::take(&mut self.changes);
        // What failed stays in the snapshot as it was.
        changes.retain(|change| change.send.is_none());
        let facts = Facts { host: self.host.clone(), owners: &note_owners, renew: self.renew };
        let records = std::mem::take(&mut self.records);
        let snapshots = Snapshots {
            store: &self.store,
            names: self.names.clone(),
            key: &self.key,
            records,
            cache: self.cache.clone(),
        };
        snapshots.save(self.last.as_ref(), &changes, &facts, watch)?;
        if failed.is_empty() {
            failed = self.remove(&others, watch)?;
        }
        Ok(failed)
    }

    fn remove(&self, names: &[Vec<u8>], watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let full: Vec<_> = names.iter().map(|name| Bytes(self.names.full(name))).collect();
        let doing = format!("remove what is gone from {}", self.names.tree());
        let removed = self
            .store
            .remove(&full, watch)
            .map_err(|failure| failure.into_error(&doing, Kind::Incomplete))?;
        let failed = removed.into_iter().filter_map(|record| {
            let failure = record.failure?;
            let name = names.get(usize::try_from(record.id).ok()?)?;
            let path = OsStr::from_bytes(name).into();
            Some(Failed { path, kind: failure.kind, why: failure.text })
        });
        let mut failed: Vec<Failed> = failed.collect();
        let left = still_there(&self.store, &self.names, names, watch)
            .map_err(|failure| failure.into_error(&doing, Kind::Incomplete))?;
        for path in left {
            if failed.iter().all(|known| known.path != path) {
                let why = "it was to be removed and is still there; run it again".to_owned();
                failed.push(Failed { path, kind: FailureKind::Other, why });
            }
        }
        Ok(failed)
    }
}

fn names_of(items: &[&Item]) -> Vec<Vec<u8>> {
    let bytes = |item: &&Item| item.path.as_os_str().as_encoded_bytes().to_vec();
    items.iter().map(bytes).collect()
}

/// Notes the names of those to whom an entry belongs.
fn note_owners(entry: &Entry, names: &mut Owners) {
    let Attributes { uid, gid, .. } = entry.attributes;
    names.users.entry(uid).or_insert_with(|| owners::user(uid));
    names.groups.entry(gid).or_insert_with(|| owners::group(gid));
}
