//! What a restore has to do at each path, as a value.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::path::Path;

use crate::host::stat::Id;
use crate::storage::failure::FailureKind;
use crate::tree::model::entry::{Entry, EntryKind, as_path, is_below, is_within, order};
use crate::tree::model::path::{Below, LocalPath};
use crate::tree::model::plan::{Failed, Plan};
use crate::tree::scan::walk::LeftOut;

/// What happens at the path of an entry that is no directory.
#[derive(Clone, Debug)]
pub struct Step {
    pub entry: Entry,
    pub act: Act,
    /// What is there now.
    pub instead_of: Instead,
    /// Which one that is, if it is to stay.
    pub found: Option<Id>,
    /// It holds the same, and only shares its file with other names than it should.
    pub same: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its content is fetched.
    Fetch,
    /// It has none and is made: a link, a FIFO, a device.
    Make,
    /// It becomes another name of the file at this path.
    Link(Vec<u8>),
    /// Only its attributes are set.
    Attributes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    Nothing,
    Other,
    Directory,
}

/// A directory of the snapshot.
#[derive(Clone, Debug)]
pub struct Dir {
    pub entry: Entry,
    pub new: bool,
    /// Its attributes have to be set in any case.
    pub differs: bool,
}

/// Something that the snapshot does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub path: Vec<u8>,
    pub directory: bool,
    /// A file where a directory is to be: it goes before anything else.
    pub first: bool,
}

/// The outcome: everything in the order of entries.
#[derive(Debug, Default)]
pub struct Steps {
    pub plan: Plan<LocalPath>,
    /// What is no directory.
    pub paths: Vec<Step>,
    pub directories: Vec<Dir>,
    /// Directories on the way to what is wanted, as they were found: so they are to be.
    pub ways: Vec<Entry>,
    pub gone: Vec<Gone>,
    /// The directories that were found, whatever becomes of them.
    pub found: HashMap<Vec<u8>, Id>,
    /// What was found that the snapshot does not hold, whether it goes or not.
    pub extra: Vec<Vec<u8>>,
    /// What was left alone because it was to be.
    pub spared: u64,
    /// What is left alone because the last backup could not send it.
    pub unsent: Vec<Vec<u8>>,
    /// What is not here and belongs into a directory that is excluded and here: it is not brought.
    pub withheld: Vec<Vec<u8>>,
    /// Paths that the filters exclude and that are here: they stay.
    pub excluded: u64,
    /// Files are the same, and that had to be found out by reading them.
    pub stale: bool,
}

impl Step {
    /// Whether nothing was found where it is to be.
    pub fn is_new(&self) -> bool {
        self.instead_of == Instead::Nothing
    }

    /// Whether a directory has to go before it can come to its place.
    pub fn replaces_directory(&self) -> bool {
        self.instead_of == Instead::Directory
    }

    /// Whether `gone` is where this is to be, or below.
    pub fn covers(&self, gone: &Gone) -> bool {
        is_within(&gone.path, &self.entry.path)
    }
}

impl Steps {
    /// Whether anything is put into a place, besides attributes.
    pub fn bring_something(&self) -> bool {
        let new = self.directories.iter().any(|dir| dir.new);
        new || self.paths.iter().any(|step| step.act != Act::Attributes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
            && self.gone.is_empty()
            && !self.directories.iter().any(|dir| dir.new || dir.differs)
    }

    /// Takes out what cannot be fetched because its object is `missing`. Returns
    /// the paths.
    pub fn without_objects(&mut self, missing: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let missing: HashSet<&Vec<u8>> = missing.iter().collect();
        let (lost, rest): (Vec<_>, Vec<_>) = mem::take(&mut self.paths)
            .into_iter()
            .partition(|step| step.act == Act::Fetch && missing.contains(&step.entry.path));
        self.paths = rest;
        let lost: Vec<_> = lost.into_iter().map(|step| step.entry.path).collect();
        let paths: HashSet<&Path> = lost.iter().map(|path| as_path(path)).collect();
        for items in [&mut self.plan.add, &mut self.plan.update] {
            items.retain(|item| !paths.contains(item.path.as_path()));
        }
        lost
    }

    /// Writes the plan of all steps; `left_out` could not be compared.
    pub(super) fn complete_plan(&mut self, left_out: Vec<LeftOut>) {
        let plan = &mut self.plan;
        for Step { entry, act, instead_of, same, .. } in &self.paths {
            let size = match (act, &entry.kind) {
                (Act::Fetch, EntryKind::File(data)) => data.size,
                _ => 0,
            };
            let items = match (act, instead_of) {
                (Act::Attributes, _) => &mut plan.attributes,
                (_, Instead::Nothing) => &mut plan.add,
                _ => {
                    plan.relinked += usize::from(*same);
                    &mut plan.update
                }
            };
            items.add(&entry.path, size);
        }
        // A directory with something in it goes without saying.
        let directories = &self.directories;
        for (index, Dir { entry, new, differs }) in directories.iter().enumerate() {
            let next = directories.get(index + 1);
            let first = self.paths.partition_point(|s| order(&s.entry.path, &entry.path).is_lt());
            let filled = next.is_some_and(|next| is_below(&next.entry.path, &entry.path))
                || self.paths.get(first).is_some_and(|s| is_below(&s.entry.path, &entry.path));
            match (new, differs) {
                (true, _) if !filled => plan.add.add(&entry.path, 0),
                (false, true) => plan.attributes.add(&entry.path, 0),
                _ => {}
            }
        }
        for (index, Gone { path, .. }) in self.gone.iter().enumerate() {
            let next = self.gone.get(index + 1);
            if !next.is_some_and(|next| is_below(&next.path, path)) {
                plan.delete.add(path, 0);
            }
        }
        let stepped =
            |path: &[u8]| self.paths.binary_search_by(|step| order(&step.entry.path, path)).is_ok();
        for out in left_out.into_iter().filter(|out| out.loss && !stepped(&out.path)) {
            let why = format!("it cannot be compared: {}", out.why);
            plan.failed.push(Failed::at(&out.path, FailureKind::Forbidden, &why));
        }
    }
}
