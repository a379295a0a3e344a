//! The exact restore of a tree from its snapshot: compared, judged, carried out.

mod alias;
pub mod apart;
mod apply;
mod aside;
mod compare;
pub mod differences;
mod finish;
mod here;
mod links;
mod locked;
mod objects;
mod owners;
mod placing;
mod privileged;
mod steps;
mod tally;
mod unseen;
mod ways;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;

use alias::{aliases, renamed};
use aside::Aside;
use compare::{Rules, compare};
use objects::Objects;
use owners::Mapping;
use steps::Steps;

use super::journal::Journal;
use super::model::entry::Entry;
use super::model::path::LocalPath;
use super::model::path_set::Kept;
use super::model::plan::{Failed, Plan};
use super::remote::listing::Listing;
use super::scan::attributes::{Holds, Power};
use super::scan::root::Root;
use super::scan::walk::{Found, Walk, closed};
use super::snapshot::{Snapshot, Snapshots};
use super::wipe::Records;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::host::machine::Machine;
use crate::storage::failure::FailureKind;
use crate::storage::filter::Filter;

/// A snapshot on its way to a directory.
pub struct Restore<'a> {
    /// Paths that are to stay as they are, and are not.
    pub spared: u64,
    /// What the filters exclude, is here, and stays as it is.
    pub excluded: u64,
    /// What stays as it is because the last backup could not send it.
    pub unsent: Vec<Vec<u8>>,
    /// Objects of the remote that no snapshot knows.
    pub foreign: usize,
    /// Told when all is done.
    pub notes: Vec<String>,
    steps: Steps,
    target: Target<'a>,
    power: Power,
    /// Paths of files whose objects are not what the snapshot says of them.
    unsound: HashSet<Vec<u8>>,
    /// What the steps have of large attributes.
    aside: Aside,
    /// Where the objects of some paths are, from the top of the bucket: they are kept, and
    /// something else is in their places.
    elsewhere: HashMap<Vec<u8>, String>,
}

/// Which snapshot goes where, and how.
pub struct Target<'a> {
    pub snapshots: Snapshots<'a>,
    pub snapshot: Snapshot,
    /// It is the newest one: what is saved next builds on it.
    pub newest: bool,
    /// Where it goes, for messages and to make it.
    pub path: PathBuf,
    /// The same, if it is there.
    pub root: Option<Root>,
    pub keep_extra: bool,
    /// Paths below the root that stay as they are.
    pub spared: Vec<Vec<u8>>,
    /// What poof remembers of this machine, below the root: it stays in any case.
    pub state: Vec<Vec<u8>>,
    /// What the last backup could not send: it stays as well.
    pub unsent: Kept,
    /// What it excludes of what is here stays as well.
    pub filter: Filter,
    /// These paths and what is below them, and nothing else but directories on the way to
    /// them that are missing; None: all.
    pub only: Option<Kept>,
    /// What is noted of the tree, if this is its directory.
    pub accounts: Option<Accounts>,
    /// What is not in its place may be kept for earlier snapshots.
    pub past: bool,
}

/// What this machine notes of a tree.
pub struct Accounts {
    /// Whether a download is under way.
    pub journal: Journal,
    /// Whether it is wiped, which ends here.
    pub wiped: Records,
    /// Who that is.
    pub machine: Machine,
}

impl<'a> Target<'a> {
    /// Compares the directory with the snapshot, and the snapshot with what
    /// the remote lists, if that is known.
    ///
    /// # Errors
    /// The directory or the snapshot cannot be read.
    pub fn compare(self, listing: Option<Listing>) -> Result<Restore<'a>> {
        let power = Power::of_this_process();
        let mapping = match power {
            Power::Root => Mapping::new(self.snapshot.owners()),
            Power::Owner => Mapping::default(),
        };
        let mut objects = Objects::of(&self, listing);
        let wanted = self.wanted()?.map(|entry| {
            interrupt::check()?;
            let entry = entry?;
            objects.see(&entry)?;
            Ok(mapping.apply(entry))
        });
        let root = self.root.as_ref();
        let found = self.found()?;
        let Target { keep_extra, spared, state, unsent, .. } = &self;
        let (keep_extra, holds) =
            (*keep_extra, root.map(|root| Holds::of(root.handle())).unwrap_or_default());
        let aside = Aside::new(self.snapshots.cache.clone());
        let large = &aside;
        let only = self.only.as_ref();
        let rules = Rules { root, power, holds, keep_extra, spared, state, unsent, only, large };
        let mut steps = compare(wanted, found, &rules)?;
        interrupt::check()?;
        let aliases = root.map(|root| aliases(&steps, root)).unwrap_or_default();
        if !aliases.is_empty() {
            let found = renamed(self.found()?, &aliases);
            let wanted = self.wanted()?.map(|entry| Ok(mapping.apply(entry?)));
            steps = compare(wanted, found.into_iter(), &rules)?;
            interrupt::check()?;
        }
        let foreign = objects.foreign();
        let Objects { missing, unsound, elsewhere, .. } = objects;
        let missing = unseen::without_found(missing, &steps, &self.snapshots)?;
        let lost = steps.without_objects(&missing);
        let why = if self.newest {
            "its object is missing on the remote; a backup sends it again, if it is here"
        } else {
            "a later backup has replaced or removed its object, and it is not kept (any more)"
        };
        steps.plan.failed.extend(lost.iter().map(|p| Failed::at(p, FailureKind::Lost, why)));
        let (spared, excluded) = (steps.spared, steps.excluded);
        let (unsent, notes) = (steps.unsent.clone(), Vec::new());
        let target = self;
        Ok(Restore {
            spared,
            excluded,
            unsent,
            foreign,
            notes,
            steps,
            target,
            power,
            unsound,
            aside,
            elsewhere,
        })
    }
}

impl Target<'_> {
    /// What of the snapshot is wanted, and the directories on the way to it.
    fn wanted(&self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let only = self.only.as_ref();
        Ok(self.snapshot.entries()?.filter(move |entry| match (only, entry) {
            (Some(only), Ok(entry)) => only.holds(&entry.path) || only.is_below(&entry.path),
            _ => true,
        }))
    }

    /// What is there.
    fn found(&self) -> Result<impl Iterator<Item = Found>> {
        let found = walk_to(self.root.as_ref(), &self.filter, self.only.as_ref())?;
        Ok(found.take_while(|_| !interrupt::requested()))
    }

    /// The directory, which is made if it is missing.
    fn made(&mut self) -> io::Result<Root> {
        let root = match &self.root {
            Some(root) => root.clone(),
            None => Root::make(&self.path)?,
        };
        self.root = Some(root.clone());
        Ok(root)
    }
}

impl Restore<'_> {
    /// The tree's name.
    pub fn name(&self) -> &str {
        self.target.snapshots.names.tree()
    }

    /// How many paths are not here, and not brought because they are excluded.
    pub fn withheld(&self) -> u64 {
        self.steps.withheld.len() as u64
    }

    /// Which paths are not as the snapshot has them, because they were to stay.
    fn stays(&self) -> impl Fn(&[u8]) -> bool + use<'_> {
        let Target { spared, state, .. } = &self.target;
        let spared = spared.iter().chain(state).chain(&self.unsent);
        let stay: Kept = spared.map(Vec::as_slice).collect();
        move |path| stay.holds(path)
    }

    pub fn plan(&self) -> &Plan<LocalPath> {
        &self.steps.plan
    }
}

/// A directory that does not exist holds nothing.
pub(super) fn walk(
    root: Option<&Root>,
    filter: &Filter,
) -> Result<impl Iterator<Item = Found> + use<>> {
    walk_to(root, filter, None)
}

/// The same, to `only` these paths, if they are given, and to what is below them.
fn walk_to(
    root: Option<&Root>,
    filter: &Filter,
    only: Option<&Kept>,
) -> Result<impl Iterator<Item = Found> + use<>> {
    let walk = root.map(|root| Walk::new(root, filter).map_err(|e| closed(root.path(), &e)));
    let walk = walk.transpose()?.map(|walk| match only {
        Some(only) => walk.only(only.clone()),
        None => walk,
    });
    Ok(walk.into_iter().flatten())
}
