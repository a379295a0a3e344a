//! The backup of one tree: surveyed, judged, carried out.

mod bundling;
mod claims;
mod cost;
mod keeping;
pub(in crate::tree) mod renames;
pub mod survey;
mod suspects;
pub mod uploader;
mod waves;

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use itertools::{Itertools, process_results};

use super::model::bundle::Bundle;
use super::model::change::{Change, Why};
use super::model::empty_directories;
use super::model::entry::as_path;
use super::model::layout::Names;
use super::model::path::{Below, LocalPath, ObjectName};
use super::model::path_set::Kept;
use super::model::plan::{Failed, Item, Places, Plan};
use super::remote::damaged;
use super::remote::listing::{Listing, still_there};
use super::remote::lock::Lock;
use super::remote::own_objects::{Foreign, Ours};
use super::remote::packed::{self, Packed};
use super::scan::excluded::Extent;
use super::scan::root::Root;
use super::scan::walk::{Found, LeftOut, Walk, closed};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::units::files;
use crate::host::spill::Spill;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::filter::Filter;
use crate::storage::job::Watch;
use crate::storage::store::Bytes;
use crate::tree::guard::Distance;
use crate::tree::history::keeping::Leaving;
use crate::tree::journal::Journal;
use crate::tree::snapshot::{Arrived, Facts, Keep, Next, Snapshot, Snapshots};
use crate::tree::{unsent, withheld};
pub use bundling::Bundling;
use bundling::{groups, may_have_its_own};
pub use cost::Cost;
use cost::Load;
use survey::{Sides, survey};
use suspects::Past;
pub use uploader::PORTION;
use uploader::{Carried, Coming, Outgoing, Packing};
pub use waves::{Wave, Waves};

/// A tree on its way to the remote.
pub struct Backup<'a> {
    pub plan: Plan<LocalPath, ObjectName>,
    pub left_out: Vec<LeftOut>,
    /// Objects that somebody else changed or removed, by path.
    pub drift: Vec<(Vec<u8>, Why)>,
    /// Entries of the tree that are no directories.
    pub entries: u64,
    /// What the filters leave out: what is in excluded directories only if it was to
    /// be counted.
    pub excluded: Extent,
    /// Told when all is done.
    pub notes: Vec<String>,
    /// Objects that poof did not make, and whether they go.
    pub foreign: Vec<Foreign>,
    pub removes_foreign: bool,
    pub(super) snapshots: Snapshots<'a>,
    root: Root,
    last: Option<Snapshot>,
    pub(super) changes: Vec<Change>,
    pub(super) listing: Listing,
    /// How many of the deletions are those of poof's own objects.
    pub(super) gone: usize,
    /// Objects with substitute names that no entry has any more.
    pub(super) odd_gone: Vec<Vec<u8>>,
    odd_names: u64,
    past: Past,
    /// How the directory differs from the snapshot that it was compared with.
    pub distance: Distance,
    renew: bool,
    journal: Journal,
    keep: Keep,
    /// What has to be kept before it is replaced or removed.
    leaving: Vec<Leaving>,
    /// Objects that go because what they hold goes into a bundle.
    superseded: Vec<ObjectName>,
    bundling: Option<Bundling>,
    /// Bundles that an earlier run has made, and that no snapshot has.
    resumed: Vec<Bundle>,
    /// Something that has come to the place of what a wipe has taken.
    pub in_its_place: Option<Vec<u8>>,
    /// What is here of a tree that a wipe has left in part.
    here: Option<Vec<Vec<u8>>>,
    /// What is still withheld; None: nothing was.
    withheld: Option<Vec<Vec<u8>>>,
}

/// What the survey of a tree needs.
pub struct Preparation<'a> {
    pub snapshots: Snapshots<'a>,
    pub root: Root,
    pub last: Option<Snapshot>,
    pub listing: Listing,
    /// Write a new generation even if nothing has changed.
    pub renew: bool,
    pub rehash: bool,
    /// For how long what is replaced and removed is kept.
    pub keep: Keep,
    /// What goes into bundles; None: nothing does.
    pub bundling: Option<Bundling>,
    pub filter: Filter,
    /// Count all that is excluded.
    pub count: bool,
    /// Of downloads that were not completed: the files here are the snapshot now.
    pub journal: Journal,
    /// A wipe has taken a part of the tree, and this is what it has left: what else is missing is
    /// not gone.
    pub left: Option<Kept>,
}

impl<'a> Preparation<'a> {
    /// Walks the tree beside its last snapshot and the listing of the remote, and
    /// makes the plan.
    ///
    /// # Errors
    /// The root or the last snapshot cannot be read.
    pub fn survey(self) -> Result<Backup<'a>> {
        let Preparation { snapshots, root, last, renew, rehash, keep, bundling, .. } = self;
        let mut listing = self.listing.with(last.as_ref().map_or(&[], Snapshot::bundles));
        let packed = packed(&mut listing, bundling, &snapshots.cache);
        let (mut excluded, left_out) = (Extent::default(), RefCell::new(Vec::new()));
        let (unseen, barred) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let walk = walk(&root, &self.filter, self.count)?;
        let walk = walk.filter_map(|found| match found {
            Found::Entry(entry) => Some(entry),
            Found::LeftOut(out) => {
                if out.loss && !out.partial {
                    unseen.borrow_mut().push(out.path.clone());
                }
                left_out.borrow_mut().push(out);
                None
            }
            Found::Excluded(found) => {
                excluded.add(&found);
                if found.top {
                    barred.borrow_mut().push(found.path().to_vec());
                }
                None
            }
        });
        let walk = walk.take_while(|_| !interrupt::requested());
        let entries = last.as_ref().map(Snapshot::entries).transpose()?.into_iter().flatten();
        let mut sides = Sides {
            root: &root,
            listing: &mut listing,
            unseen: &unseen,
            barred: &barred,
            rehash,
            names: &snapshots.names,
            ours: Ours::read(&snapshots.cache),
            altered: 0,
            leaving: keep.is_wanted().then(Vec::new),
            bundling,
            superseded: HashSet::new(),
            packed: &packed,
            damaged: damaged::read(&snapshots.cache)?,
            left: self.left,
            withheld: withheld::read(&snapshots.cache)?,
        };
        let mut survey = process_results(entries, |entries| survey(walk, entries, &mut sides))??;
        interrupt::check()?;
        let plan = survey.plan();
        if let (Some(_), Some(last), false) = (bundling, &last, survey.changes.is_empty()) {
            survey.make_anew(last, &bundling::worn(listing.bundles.intact()))?;
        }
        Ok(Backup {
            drift: drift(&survey.changes),
            entries: survey.entries,
            excluded,
            gone: plan.delete.len(),
            plan,
            odd_gone: survey.unclaimed.odd_gone,
            foreign: survey.unclaimed.foreign,
            removes_foreign: false,
            left_out: left_out.into_inner(),
            distance: Distance::of(&survey.changes, survey.altered, survey.turned),
            changes: survey.changes,
            snapshots,
            root,
            last,
            listing,
            odd_names: survey.odd,
            past: survey.past,
            notes: Vec::new(),
            renew,
            journal: self.journal,
            keep,
            leaving: survey.leaving,
            superseded: survey.superseded,
            bundling,
            resumed: packed.bundles,
            in_its_place: survey.in_its_place,
            here: survey.here,
            withheld: survey.withheld,
        })
    }
}

/// All that is there; `whole`: also what is in excluded directories.
fn walk(root: &Root, filter: &Filter, whole: bool) -> Result<Walk> {
    let walk = Walk::new(root, filter).map_err(|error| closed(root.path(), &error))?;
    Ok(if whole { walk.deep() } else { walk })
}

/// What an earlier run has sent in bundles that are there, and that no snapshot has.
fn packed(listing: &mut Listing, bundling: Option<Bundling>, cache: &Path) -> Packed {
    let mut packed = bundling.map(|_| Packed::read(cache)).unwrap_or_default();
    listing.bundles.expect(&packed.bundles);
    packed.retain(|bundle| listing.bundles.is_there(bundle));
    packed
}

/// Objects that somebody else changed or removed, by path.
fn drift(changes: &[Change]) -> Vec<(Vec<u8>, Why)> {
    let drift = changes.iter().filter_map(|change| match change.send? {
        why @ (Why::ObjectMissing | Why::ObjectChanged) => Some((change.path().to_vec(), why)),
        _ => None,
    });
    drift.collect()
}

impl Backup<'_> {
    /// The tree's name.
    pub fn name(&self) -> &str {
        self.snapshots.names.tree()
    }

    /// The last snapshot that this machine has made or taken.
    pub fn saved(&self) -> Option<Snapshot> {
        self.snapshots.cached()
    }

    /// What it will ask of S3, and send. What compressing saves is not known yet.
    pub fn cost(&self, encrypted: bool) -> Cost {
        let size = |change: &Change| change.entry().map_or(0, |entry| entry.content_size());
        // What is in a bundle and was renamed stays there.
        let stays =
            |change: &Change| change.from.as_ref().is_some_and(|from| from.member().is_some());
        let sent = self.changes.iter().enumerate();
        let sent = sent.filter(|(_, change)| change.send.is_some() && !stays(change));
        let (packed, own): (Vec<_>, Vec<_>) = sent.partition(|(_, change)| change.bundled);
        let (renamed, own): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|(_, change)| change.from.is_some());
        let packed: Vec<usize> = packed.into_iter().map(|(index, _)| index).collect();
        let member = |index: &usize| {
            let change = &self.changes[*index];
            cost::member(change.path(), size(change))
        };
        let bundles = groups(&self.changes, &packed).into_iter();
        let removed = self.plan.delete.len() + self.superseded.len() + self.odd_gone.len();
        let load = Load {
            objects: own.into_iter().map(|(_, change)| size(change)).collect(),
            bundles: bundles.map(|group| group.iter().map(member).sum()).collect(),
            renamed: renamed.len() as u64,
            kept: self.leaving.len() as u64,
            removals: removed as u64,
            changes: self.changes.len() as u64,
            entries: self.entries,
            present: self.listing.own.count(),
            encrypted,
        };
        load.cost()
    }

    /// Whether something of it goes into bundles, which are compressed.
    pub fn packs(&self) -> bool {
        self.changes.iter().any(|change| change.send.is_some() && change.bundled)
    }

    /// Stores what is new, proves it, writes the snapshot, and only then removes
    /// what is gone. Whoever changes something holds `lock`. Returns what could not be
    /// done.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry_out(&mut self, lock: &Lock, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        if self.sends_or_removes() {
            lock.hold()?;
            self.snapshots.note_keeping(self.last.as_ref(), self.keep, watch)?;
        }
        self.note_ours()?;
        self.give_way();
        let mut kept = self.keep(watch)?;
        // A file that became a directory goes before what is in it comes: disks, and
        // MinIO, have no room for both. All other deletions wait for the head.
        let arriving = self.arriving()?;
        let (blocking, others) = self.plan.in_the_way(&arriving);
        let (blocking, mut others) = (names_of(blocking), names_of(others));
        others.append(&mut self.superseded);
        let mut failed = std::mem::take(&mut kept.failed);
        failed.extend(self.remove(&blocking, watch)?);
        if !blocking.is_empty() {
            let Snapshots { store, names, .. } = &self.snapshots;
            empty_directories::remove(&self.plan, &arriving, |place| {
                let _ = store.remove_empty_directories(&format!("{}/{place}", names.tree()));
            });
        }
        let mut carried = self.send(&mut kept, watch)?;
        self.give_back(&kept.moved, watch);
        self.leave_packed_as_it_was(&mut carried.failed, &mut others)?;
        failed.append(&mut carried.failed);
        unsent::note(&self.snapshots.cache, &failed, &self.left_out)?;
        self.plan.turned_out_equal(&carried.kept);
        let mut changes = std::mem::take(&mut self.changes);
        // What failed stays in the snapshot as it was.
        changes.retain(|change| change.send.is_none());
        self.save(&changes, carried, lock, watch)?;
        if failed.is_empty() {
            if !others.is_empty() {
                lock.hold()?;
            }
            failed = self.remove(&others, watch)?;
            if lock.is_held() {
                self.clean_odd(&changes, watch);
            }
        } else {
            self.plan.delete.retain(|item| blocking.contains(&item.path));
        }
        if failed.is_empty() {
            self.forget_ours()?;
            damaged::forget(&self.snapshots.cache)?;
        }
        if failed.iter().all(|failed| failed.deletion) {
            self.journal.end(self.name())?;
        }
        self.tell_odd(&changes);
        Ok(failed)
    }

    /// Stores what is new in `changes`, and proves it.
    fn send(&mut self, kept: &mut keeping::Kept, watch: &mut dyn Watch) -> Result<Carried> {
        let notes = self.snapshots.uploads();
        let (packing, spill) = (self.packing(), self.spill(kept.moved.is_empty()));
        let outgoing = Outgoing {
            notes: Some(&notes),
            store: self.snapshots.store,
            names: &self.snapshots.names,
            root: &self.root,
            listing: &self.listing,
            changes: &mut self.changes,
            kept: HashSet::new(),
            coming: Some(Coming { snapshots: &self.snapshots, last: self.last.as_ref() }),
            arrived: Arrived::new(),
            unseen: HashSet::new(),
            aside: std::mem::take(&mut kept.aside),
            packing,
            spill,
        };
        outgoing.carry(watch)
    }

    /// Saves a snapshot with `changes`, which the remote has.
    fn save(
        &mut self,
        changes: &[Change],
        Carried { arrived, bundles, last_bundle, .. }: Carried,
        lock: &Lock,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let made = &[bundles, std::mem::take(&mut self.resumed)].concat();
        let facts = Facts { renew: self.renew, lock, keep: self.keep, made, last_bundle };
        self.snapshots.save(self.last.as_ref(), changes, &arrived, facts, watch)?;
        if let Some(here) = &self.here {
            // The snapshot has it now, and no wipe has taken it.
            unsent::note_left(&self.snapshots.cache, here.iter().map(Vec::as_slice))?;
        }
        if let Some(still) = &self.withheld {
            withheld::note(&self.snapshots.cache, still.iter().map(Vec::as_slice))?;
        }
        packed::forget(&self.snapshots.cache)
    }

    /// Says how many names the remote cannot hold.
    fn tell_odd(&mut self, changes: &[Change]) {
        let odd = self.odd_names + changes.iter().filter(|change| change.odd).count() as u64;
        if odd > 0 {
            self.notes.push(format!(
                "{} whose name the remote cannot hold: kept under another, from which only poof \
                 restores",
                files(odd)
            ));
        }
    }

    /// Where the entries of those go that are proven, if there are many.
    fn spill(&self, nothing_is_aside: bool) -> Option<Arc<Spill>> {
        // What is moved aside is looked for by its path again.
        let sent = self.changes.iter().filter(|change| change.send.is_some()).count();
        let is_large = sent > PORTION && nothing_is_aside;
        let spill = is_large.then(|| Spill::below(&self.snapshots.cache).ok());
        spill.flatten().map(Arc::new)
    }

    fn packing(&self) -> Packing {
        let last = self.last.as_ref().map_or(0, Snapshot::last_bundle);
        let last = self.listing.bundles.last_number().max(last);
        Packing::after(last, self.bundling.map_or(0, |bundling| bundling.limit))
    }

    /// What could not be packed in another way stays as the last snapshot has it, and that is
    /// no failure: nobody has changed it. Takes what has its own object from the names of those
    /// that are to go.
    fn leave_packed_as_it_was(
        &mut self,
        failed: &mut Vec<Failed>,
        going: &mut Vec<ObjectName>,
    ) -> Result<()> {
        let repacked = |change: &&mut Change| change.send == Some(Why::Repacked);
        let mut stay = HashSet::new();
        for change in self.changes.iter_mut().filter(repacked) {
            let Some(entry) = change.entry() else { continue };
            (change.send, change.bundled, change.odd) = (None, false, entry.is_odd());
            stay.insert(as_path(&entry.path).to_path_buf());
        }
        failed.retain(|failed| failed.deletion || !stay.contains(&failed.path));
        if going.is_empty() {
            return Ok(());
        }
        // What was to go into a bundle may have an object of its own in the end.
        let entries = self.changes.iter().filter(|change| change.send.is_none());
        let entries =
            entries.filter_map(|change| Next::of(change).map(|next| next.entry).transpose());
        let own = entries.filter_ok(|entry| entry.object().is_some_and(|object| !object.odd));
        let own: HashSet<ObjectName> =
            own.map(|entry| Names::object(&entry?)).collect::<Result<_>>()?;
        going.retain(|name| !own.contains(name));
        Ok(())
    }

    fn sends_or_removes(&self) -> bool {
        self.plan.deleted().next().is_some()
            || !self.odd_gone.is_empty()
            || !self.superseded.is_empty()
            || self.changes.iter().any(|change| change.send.is_some())
    }

    /// Where objects arrive. Nobody asks where nothing is deleted.
    fn arriving(&self) -> Result<Places> {
        if self.plan.delete.is_empty() {
            return Ok(Places::default());
        }
        let sent = self.changes.iter().filter(|change| change.send.is_some());
        let sent = sent.filter(|change| !change.odd && may_have_its_own(self.bundling, change));
        let names = sent.filter_map(Change::entry).map(|entry| Names::object(&entry));
        process_results(names, |names| names.collect())
    }

    /// Removes the objects with odd names that no entry has any more. One that
    /// stays costs space and nothing else.
    fn clean_odd(&self, changes: &[Change], watch: &mut dyn Watch) {
        let used: HashSet<String> =
            changes.iter().filter(|c| c.odd).map(|change| Names::odd(change.path())).collect();
        let dir = self.snapshots.names.odd_dir();
        let names = self.odd_gone.iter().map(|name| String::from_utf8_lossy(name));
        let gone = names.filter(|name| !used.contains(name.as_ref()));
        let gone: Vec<_> = gone.map(|name| Bytes(format!("{dir}/{name}").into_bytes())).collect();
        if !gone.is_empty() {
            let _ = self.snapshots.store.remove(&gone, watch);
        }
    }

    fn remove(&self, names: &[ObjectName], watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let Snapshots { store, names: of, .. } = &self.snapshots;
        let full: Vec<_> = names.iter().map(|name| Bytes(of.full(name.as_bytes()))).collect();
        let doing = format!("remove what is gone from {}", of.tree());
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
        let removed = store.remove(&full, watch).map_err(fail)?;
        let failed = removed.into_iter().filter_map(|record| {
            let failure = record.failure?;
            let name = names.get(usize::try_from(record.id).ok()?)?;
            Some(Failed::deletion(name, failure.kind, failure.text))
        });
        let mut failed: Vec<Failed> = failed.collect();
        let left = still_there(store, of, names, watch).map_err(fail)?;
        for name in left {
            if failed.iter().all(|known| known.path != name.as_path()) {
                let why = "it was to be removed and is still there; run it again".to_owned();
                failed.push(Failed::deletion(&name, FailureKind::Other, why));
            }
        }
        Ok(failed)
    }
}

fn names_of(items: Vec<Item<ObjectName>>) -> Vec<ObjectName> {
    items.into_iter().map(|item| item.path).collect()
}
