//! Compares a snapshot with the walk of its directory, side by side.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::mem;

use itertools::{EitherOrBoth, Itertools, process_results};

use super::aside::Aside;
use super::here::{Here, id_of};
use super::links::Links;
use super::steps::{Act, Dir, Gone, Instead, Step, Steps};
use crate::base::error::Result;
use crate::storage::failure::FailureKind;
use crate::tree::model::entry::{Entry, EntryKind, is_below, is_within, order};
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::Failed;
use crate::tree::scan::attributes::{Holds, Power};
use crate::tree::scan::excluded::Excluded;
use crate::tree::scan::hashing;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, LeftOut};

/// What is to stay as it is.
pub struct Rules<'a> {
    /// None if it is not there.
    pub root: Option<&'a Root>,
    pub power: Power,
    pub holds: Holds,
    pub keep_extra: bool,
    /// Paths that are left alone, with all below them.
    pub spared: &'a [Vec<u8>],
    /// The same, and it goes without saying.
    pub state: &'a [Vec<u8>],
    /// What the last backup could not send: no snapshot holds it.
    pub unsent: &'a Kept,
    /// The paths that are wanted; None: all. What is above them is the way to them.
    pub only: Option<&'a Kept>,
    /// Where large attributes of what has to be done wait.
    pub large: &'a Aside,
}

/// Compares a snapshot with what a walk finds in its directory.
///
/// # Errors
/// The snapshot cannot be read.
pub fn compare(
    snapshot: impl Iterator<Item = Result<Entry>>,
    walk: impl Iterator<Item = Found>,
    rules: &Rules,
) -> Result<Steps> {
    let left_out = RefCell::new(Vec::new());
    let found = walk.filter_map(|found| match found {
        Found::Entry(entry) => Some(Here::Entry(entry)),
        Found::LeftOut(out) => {
            left_out.borrow_mut().push(out);
            None
        }
        Found::Excluded(found) => Some(Here::Excluded(found)),
    });
    let mut steps = Steps::default();
    let found_at = RefCell::new(HashMap::new());
    let mut making = Making {
        steps: &mut steps,
        rules,
        links: Links::default(),
        kept: None,
        alone: Kept::default(),
    };
    process_results(snapshot, |wanted| {
        let found = found.inspect(|here| here.note(&found_at));
        for pair in wanted.merge_join_by(found, |a, b| order(&a.path, b.path())) {
            match pair {
                EitherOrBoth::Left(wanted) => making.missing(wanted),
                EitherOrBoth::Both(wanted, Here::Entry(found)) => making.both(wanted, &found),
                EitherOrBoth::Right(Here::Entry(found)) => making.extra(&found),
                EitherOrBoth::Both(wanted, Here::Excluded(found)) => {
                    making.leave(&found);
                    making.excluded(&wanted, &found);
                }
                EitherOrBoth::Right(Here::Excluded(found)) => making.leave(&found),
            }
        }
    })?;
    making.make_no_way();
    let links = making.links;
    steps.plan.unchanged -= links.resolve(&mut steps.paths);
    let left_out = left_out.into_inner();
    occupied(&mut steps.paths, &left_out);
    steps.complete_plan(left_out);
    steps.found = found_at.into_inner();
    Ok(steps)
}

/// Where something could not be looked at, and below, there may be something.
fn occupied(steps: &mut [Step], left_out: &[LeftOut]) {
    let places: HashSet<&[u8]> =
        left_out.iter().filter(|out| !out.partial).map(|out| out.path.as_slice()).collect();
    if places.is_empty() {
        return;
    }
    for step in steps.iter_mut().filter(|step| step.is_new()) {
        let path = &step.entry.path;
        let ends = (0..path.len()).filter(|&at| path[at] == b'/').chain([path.len()]);
        if ends.into_iter().any(|end| places.contains(&path[..end])) {
            step.instead_of = Instead::Other;
        }
    }
}

struct Making<'a> {
    steps: &'a mut Steps,
    rules: &'a Rules<'a>,
    links: Links,
    /// Something that stays where the snapshot has a directory.
    kept: Option<Vec<u8>>,
    /// What is excluded and here, or was not sent: no snapshot may hold it.
    alone: Kept,
}

impl Making<'_> {
    fn missing(&mut self, wanted: Entry) {
        if self.is_alone(&wanted.path) {
            self.steps.spared += u64::from(self.is_spared(&wanted.path));
        } else if self.kept.as_deref().is_some_and(|kept| is_below(&wanted.path, kept)) {
            self.keep(&wanted.path);
        } else if !self.alone.holds(&wanted.path) {
            self.put(wanted, Instead::Nothing);
        } else if !self.rules.unsent.holds(&wanted.path) {
            // A directory that is excluded is left alone as a whole.
            self.steps.withheld.push(wanted.path);
        }
    }

    /// `wanted` has to come to its place.
    fn put(&mut self, mut wanted: Entry, instead_of: Instead) {
        self.rules.large.put(&mut wanted);
        if wanted.is_directory() {
            self.steps.directories.push(Dir { entry: wanted, new: true, differs: true });
            return;
        }
        self.links.note(&wanted, None);
        let act = if wanted.file().is_some() { Act::Fetch } else { Act::Make };
        self.steps.paths.push(Step { entry: wanted, act, instead_of, found: None, same: false });
    }

    fn both(&mut self, mut wanted: Entry, found: &Entry) {
        let differs = self.rules.power.differ(&wanted, found, self.rules.holds);
        if differs || wanted.is_directory() || wanted.hard_link.is_some() {
            self.rules.large.put(&mut wanted);
        }
        if self.is_way(&wanted.path) {
            self.pass(&wanted.path, found);
            return;
        }
        if self.is_alone(&wanted.path) {
            let counts = self.is_spared(&wanted.path);
            self.steps.spared +=
                u64::from(counts && (differs || !self.same_content(&wanted, found)));
            return;
        }
        if self.rules.unsent.holds(&wanted.path) && (differs || !self.same_content(&wanted, found))
        {
            self.leave_unsent(&wanted.path);
            return;
        }
        match (wanted.is_directory(), found.is_directory()) {
            (true, true) => {
                self.steps.directories.push(Dir { entry: wanted, new: false, differs });
            }
            (false, false) if self.is_somebodys(&wanted, found) => self.put(wanted, Instead::Other),
            (false, false) if self.same_content(&wanted, found) => {
                self.steps.stale |= wanted.local != found.local;
                self.links.note(&wanted, found.hard_link);
                self.steps.plan.unchanged += 1;
                if differs {
                    let (act, instead_of, found) = (Act::Attributes, Instead::Other, id_of(found));
                    let same = false;
                    self.steps.paths.push(Step { entry: wanted, act, instead_of, found, same });
                }
            }
            (false, false) => self.put(wanted, Instead::Other),
            _ if self.rules.keep_extra => {
                self.keep(&wanted.path);
                self.kept = Some(wanted.path);
            }
            (true, false) => {
                self.go(found, true);
                self.put(wanted, Instead::Other);
            }
            (false, true) => {
                self.go(found, false);
                self.put(wanted, Instead::Directory);
            }
        }
    }

    /// Whether a path is not wanted itself, but something below it.
    fn is_way(&self, path: &[u8]) -> bool {
        self.rules.only.is_some_and(|only| !only.holds(path))
    }

    /// A directory on the way stays as it is. Anything else is in the way.
    fn pass(&mut self, path: &[u8], found: &Entry) {
        if found.is_directory() {
            self.steps.ways.push(found.clone());
        } else {
            self.keep(path);
            self.kept = Some(path.to_vec());
        }
    }

    /// Whether root would give a file away that somebody else has a hand on: who owned it may
    /// still have it open and write what goes out under the new owner's name, and who owns a
    /// directory may have made a name there for a file of root's. It is fetched anew.
    fn is_somebodys(&self, wanted: &Entry, found: &Entry) -> bool {
        self.rules.power == Power::Root
            && wanted.file().is_some()
            && wanted.attributes.uid != found.attributes.uid
            && (found.attributes.uid != 0 || found.hard_link.is_some())
    }

    fn keep(&mut self, path: &[u8]) {
        let why = "what is to stay is in its way";
        self.steps.plan.failed.push(Failed::at(path, FailureKind::Forbidden, why));
    }

    fn extra(&mut self, found: &Entry) {
        let path = &found.path;
        if self.is_alone(path) {
            self.steps.spared += u64::from(self.is_spared(path));
            return;
        }
        if self.rules.unsent.holds(path) && !self.rules.keep_extra {
            self.leave_unsent(path);
            return;
        }
        self.steps.extra.push(path.clone());
        if self.is_way(path) {
            return;
        }
        let Rules { keep_extra, spared, state, .. } = self.rules;
        if !keep_extra && !spared.iter().chain(*state).any(|s| is_below(s, path)) {
            self.go(found, false);
        }
    }

    fn leave_unsent(&mut self, path: &[u8]) {
        self.steps.unsent.push(path.to_vec());
        self.alone.add(path);
    }

    /// Something that is excluded stays, and with it the directories that it is in.
    fn leave(&mut self, found: &Excluded) {
        self.steps.excluded += 1;
        self.alone.add(found.path());
    }

    /// The snapshot has something where something else is excluded, or the same from
    /// before that was.
    fn excluded(&mut self, wanted: &Entry, found: &Excluded) {
        if wanted.is_directory() != found.is_directory() {
            self.keep(&wanted.path);
            self.kept = Some(wanted.path.clone());
        }
    }

    /// Takes back what would remove a directory in which something is left alone.
    fn make_no_way(&mut self) {
        let alone = &self.alone;
        self.steps.gone.retain(|gone| !alone.is_below(&gone.path));
        let blocked = |step: &Step| step.replaces_directory() && alone.is_below(&step.entry.path);
        let (blocked, rest): (Vec<_>, Vec<_>) =
            mem::take(&mut self.steps.paths).into_iter().partition(blocked);
        self.steps.paths = rest;
        for step in blocked {
            self.links.forget(&step.entry);
            self.keep(&step.entry.path);
        }
    }

    /// `found` has to go.
    fn go(&mut self, found: &Entry, first: bool) {
        let (path, directory) = (found.path.clone(), found.is_directory());
        self.steps.gone.push(Gone { path, directory, first });
    }

    /// Whether what is found holds what is wanted, attributes apart.
    fn same_content(&self, wanted: &Entry, found: &Entry) -> bool {
        match (&wanted.kind, &found.kind) {
            (EntryKind::File(_), EntryKind::File(_)) => {
                // What cannot be read is fetched.
                let root = self.rules.root;
                root.is_some_and(|root| hashing::is_same(root, found, wanted, false))
            }
            (then, now) => then == now,
        }
    }

    fn is_alone(&self, path: &[u8]) -> bool {
        self.is_spared(path) || self.rules.state.iter().any(|state| is_within(path, state))
    }

    fn is_spared(&self, path: &[u8]) -> bool {
        self.rules.spared.iter().any(|spared| is_within(path, spared))
    }
}
