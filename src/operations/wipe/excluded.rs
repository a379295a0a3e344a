//! What the filters exclude of the directories of an upload: counted before, and wiped
//! only if it was asked for.

use std::collections::HashMap;

use super::{Stage, Wiping};
use crate::base::error::{Kind, Result};
use crate::base::shown::name_of;
use crate::config::trees::Directory;
use crate::operations::outcome::Outcome;
use crate::operations::own_files;
use crate::operations::repository::Repository;
use crate::operations::session::Session;
use crate::report::Event;
use crate::report::event::Fate;
use crate::report::progress::Progress;
use crate::storage::filter::Filter;
use crate::tree::model::path_set::Kept;
use crate::tree::scan::excluded::Extent;
use crate::tree::wipe::{Asked, Phase, Tally, Wipe};

/// What is excluded, directory by directory.
pub struct Excluding<'a> {
    pub session: &'a Session,
    pub filter: &'a Filter,
    /// It is to be wiped.
    pub goes: bool,
    /// poof then removes itself.
    pub leaves: bool,
    asked: HashMap<String, Asked>,
}

impl<'a> Excluding<'a> {
    pub fn new(session: &'a Session, filter: &'a Filter, goes: bool, leaves: bool) -> Self {
        Excluding { session, filter, goes, leaves, asked: HashMap::new() }
    }

    /// Looks at a directory, before its backup does: what becomes excluded after that is
    /// not given up.
    ///
    /// # Errors
    /// An interrupt.
    pub fn look(&mut self, repository: &Repository, directory: &Directory) -> Result<()> {
        if !self.filter.is_empty() {
            let root = repository.roots.open(&directory.local).ok();
            let asked = Asked::of(root.as_ref(), self.filter, &self.spared(directory))?;
            self.asked.insert(directory.name.clone(), asked);
        }
        Ok(())
    }

    /// What a wipe of the directory leaves alone whatever it is.
    pub fn spared(&self, directory: &Directory) -> Kept {
        let spared = if self.leaves { own_files::needed } else { own_files::spared };
        spared(self.session, directory).iter().map(Vec::as_slice).collect()
    }

    /// What was excluded in a directory when it was looked at.
    pub fn of(&self, tree: &str) -> Option<&Asked> {
        self.asked.get(tree).filter(|asked| asked.extent.found)
    }

    /// Of all these directories.
    pub fn extent(&self, directories: &[&Directory]) -> Extent {
        let extents = directories.iter().filter_map(|directory| self.of(&directory.name));
        extents.fold(Extent::default(), |all, Asked { extent, .. }| Extent {
            files: all.files + extent.files,
            bytes: all.bytes + extent.bytes,
            found: true,
        })
    }

    /// Says of each directory what would go, or stay.
    pub fn preview(&self, directories: &[&Directory]) {
        for Directory { name, .. } in directories {
            let Some(Asked { extent, .. }) = self.of(name) else { continue };
            let fate = if self.goes { Fate::WouldGo } else { Fate::WouldStay };
            self.tell(name, *extent, &[], fate);
        }
    }

    /// Tells what becomes of so much that is excluded; where it begins, if that is known.
    pub fn tell(&self, tree: &str, extent: Extent, paths: &[Vec<u8>], fate: Fate) {
        self.session.report.tell(&Event::Excluded {
            tree: tree.to_owned(),
            files: extent.files,
            bytes: extent.bytes,
            wiped: matches!(fate, Fate::WouldGo | Fate::Gone),
            paths: paths.to_vec(),
            fate,
        });
    }
}

impl Wiping<'_> {
    /// Wipes what is excluded in a directory, if it is to go; else says that it is here.
    pub(super) fn excluded(&self, directory: &Directory, outcome: &mut Outcome) -> Result<Tally> {
        let name = &directory.name;
        let Some(asked) = self.excluding.of(name) else { return Ok(Tally::default()) };
        let keep = |why: &str, outcome: &mut Outcome| {
            self.session.report.warn(&format!("{name}: what is excluded stays: {why}"));
            outcome.worsen(Kind::Residue);
            outcome.wipe.excluded_left += asked.extent.files;
            Ok(Tally::default())
        };
        if !self.excluding.goes {
            self.excluded_stays(name, asked.extent, &[], outcome);
            return Ok(Tally::default());
        }
        if outcome.kind.is_some_and(|kind| kind != Kind::Residue) {
            return keep("not everything else is proven and wiped", outcome);
        }
        let own = self.is_own(directory);
        let snapshots = self.repository.snapshots(name);
        let wipes = self.repository.wipes(&snapshots);
        let Some(record) = wipes.records.get(name)? else {
            // Its own wipe has told why it stays.
            return if own {
                Ok(Tally::default())
            } else {
                keep("nothing else was wiped", outcome)
            };
        };
        let filter = self.excluding.filter;
        if record.filter.as_deref() != Some(filter.id()) {
            let why = "poof.conf excludes something else than when the rest was backed up";
            return keep(why, outcome);
        }
        let report = &*self.session.report;
        let mut progress = Progress::new(report.shows_progress(), asked.extent.bytes);
        progress.begin(name, asked.extent.bytes);
        let mut done = 0;
        let mut told = |path: &[u8], size: u64| {
            done += size;
            progress.update(done, &format!("wiping {}", name_of(path)));
        };
        let root = self.repository.roots.get(&directory.local)?;
        let spared = self.excluding.spared(directory);
        let begun = wipes.records.begun(name)?;
        let wipe = Wipe { root: root.as_ref(), spared: &spared, filter, begun, left_before: None };
        let tally = wipe.run_excluded(asked, &mut told)?;
        drop(progress);
        if record.phase == Phase::Wiped {
            wipes.records.forget_begun(name)?;
        }
        self.tell(name, &tally, Stage::Excluded, outcome);
        Ok(tally)
    }

    /// Says that something excluded is here. That is as it should be, unless poof itself
    /// was to vanish with all.
    pub(super) fn excluded_stays(
        &self,
        name: &str,
        extent: Extent,
        paths: &[Vec<u8>],
        outcome: &mut Outcome,
    ) {
        outcome.wipe.excluded_left += extent.files;
        let fate = if self.leaves { Fate::StayBehind } else { Fate::Stay };
        if fate == Fate::StayBehind {
            outcome.worsen(Kind::Residue);
        }
        self.excluding.tell(name, extent, paths, fate);
    }
}
