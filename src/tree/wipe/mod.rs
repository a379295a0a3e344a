//! The wipe of a tree: it overwrites in place what is proven, and removes it.
//! Nothing else is touched.
//!
//! The tree is walked by the handles of its directories; no link is followed and no
//! mount crossed. Whatever is not, at this moment, the file that was proven, stays.

mod aside;
mod assurance;
mod batch;
mod consented;
mod counted;
mod dirs;
mod excluded;
mod given_back;
mod hash_tree;
mod journal;
mod leftovers;
mod lifted;
mod path;
mod state;
mod stays;
mod tally;

use std::collections::HashMap;

pub use assurance::{Achieved, achieved};
pub use consented::Asked;
pub use counted::{Count, Counted, Salt};
pub use given_back::{GivenBack, given_back};
pub use journal::{Begun, Phase, Record, Records};
pub use lifted::is_locked;
pub use state::{GONE, Presence, Wipes};
pub use stays::Reason;
pub use tally::{Left, Tally};

use self::aside::Aside;
use self::batch::{Blocked, Goes, Job};
use self::dirs::Dirs;
use self::given_back::head_of;
use self::stays::Stays;
use super::model::entry::Time;
use super::model::path_set::Kept;
use super::proof::Proof;
use super::scan::root::Root;
use super::scan::walk::STAGE;
use super::snapshot::Snapshot;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::host::disk::sync;
use crate::host::erase::FillPattern;
use crate::host::mounts;
use crate::storage::filter::Filter;
use leftovers::{Look, excluded_now};

/// A tree that is to go.
pub struct Wipe<'a> {
    /// None if there is nothing.
    pub root: Option<&'a Root>,
    /// Paths that stay as they are: poof itself and its configuration.
    pub spared: &'a Kept,
    /// What it excludes stays, unless it is given up.
    pub filter: &'a Filter,
    pub begun: Begun,
    /// What an earlier wipe of the same snapshot has left; None: there was none, or it did not
    /// come to its end.
    pub left_before: Option<Kept>,
}

/// Hears of each path that is done, with its bytes.
pub type Told<'a> = &'a mut (dyn FnMut(&[u8], u64) + Send);

struct Work<'a> {
    dirs: Dirs,
    noise: FillPattern,
    begun: Begun,
    left_before: Option<Kept>,
    /// Tells the snapshot from others.
    head: u64,
    batch: Vec<Job>,
    /// Where names are moved to before they go, once the first does.
    aside: Option<Aside>,
    /// Files of which a name is gone, and since when.
    linked: HashMap<(u64, u64), (Vec<u8>, Time)>,
    blocked: Vec<Blocked>,
    /// What is locked and to go.
    locked: Vec<Vec<u8>>,
    tally: Tally,
    told: Told<'a>,
}

impl Wipe<'_> {
    /// Wipes all that `proof` has and that still is what was proven; then the
    /// directories that are empty, and the root.
    ///
    /// # Errors
    /// The journal cannot be written, or the snapshot not be read. What concerns
    /// one path is in the tally.
    pub fn run(self, proof: &Proof, told: Told<'_>) -> Result<Tally> {
        let Wipe { root, spared, filter, begun, left_before } = self;
        let Some(root) = root else { return Ok(Tally::default()) };
        let mut work = Work::new(root, begun, told)?;
        work.left_before = left_before;
        work.head = head_of(proof.snapshot());
        // What has become excluded since it was proven stays, too.
        let mut stays = spared.clone();
        work.give_back(root, Some(proof.snapshot()), &mut stays)?;
        for path in
            excluded_now(root, filter).map_err(|error| Error::io("read", root.path(), &error))?
        {
            stays.add(&path);
        }
        let mut directories = Vec::new();
        for entry in proof.entries()? {
            let (number, proven) = entry?;
            let path = &proven.entry().path;
            if stays.holds(path) || work.is_blocked(path) {
                if work.is_missing(path) && !proven.entry().is_directory() {
                    work.not_here(Some(number));
                }
                continue;
            }
            work.expect(proven.entry());
            if path.is_empty() {
                continue;
            }
            if interrupt::requested() {
                work.tally.rest += u64::from(!proven.entry().is_directory());
                continue;
            }
            if proven.entry().is_directory() {
                directories.push(path.clone());
                continue;
            }
            work.add(Goes::Proven(number, proven))?;
        }
        work.flush()?;
        let unproven: Vec<&[u8]> = proof.unproven().map(|(path, _)| path).collect();
        let known = directories.iter().map(Vec::as_slice).chain(unproven.iter().copied()).collect();
        let look = Look { root, filter, known, spared, only_excluded: false };
        Ok(work.finish(&look, &unproven, &directories))
    }

    /// Wipes what is excluded and was `asked` for; then the directories that held it
    /// and are empty, and the root, if it is. Nothing else is touched.
    ///
    /// # Errors
    /// As [`Wipe::run`].
    pub fn run_excluded(self, asked: &Asked, told: Told<'_>) -> Result<Tally> {
        let Wipe { root, spared, filter, begun, .. } = self;
        let Some(root) = root else { return Ok(Tally::default()) };
        let mut work = Work::new(root, begun, told)?;
        let mut stays = spared.clone();
        work.give_back(root, None, &mut stays)?;
        let directories = work.wipe_excluded(root, filter, asked, &stays)?;
        let known = directories.iter().map(Vec::as_slice).collect();
        let look = Look { root, filter, known, spared, only_excluded: true };
        Ok(work.finish(&look, &[], &directories))
    }
}

impl<'a> Work<'a> {
    fn new(root: &Root, begun: Begun, told: Told<'a>) -> Result<Self> {
        let dirs = Dirs::of(root).map_err(|error| Error::io("wipe", root.path(), &error))?;
        let (mount, device) = (mounts::of(dirs.root()), mounts::device(dirs.root()));
        let tally = Tally { mount, device, ..Tally::default() };
        let (batch, linked) = (Vec::new(), HashMap::new());
        let (blocked, locked) = (Vec::new(), Vec::new());
        let noise = FillPattern::of(&begun.key);
        let (aside, head, left_before) = (None, 0, None);
        Ok(Work {
            dirs,
            noise,
            begun,
            left_before,
            head,
            batch,
            aside,
            linked,
            blocked,
            locked,
            tally,
            told,
        })
    }

    /// What a run that was killed has moved, and was not to, is back, named, and `stays`.
    fn give_back(
        &mut self,
        root: &Root,
        snapshot: Option<&Snapshot>,
        stays: &mut Kept,
    ) -> Result<()> {
        for GivenBack { path, why } in given_back(root, snapshot)? {
            stays.add(&path);
            self.tally.untaken.push(path.clone());
            self.stays(path, Stays::unproven(&why));
        }
        Ok(())
    }

    /// Once the files are gone: looks what is there, and removes the directories.
    fn finish(mut self, look: &Look, unproven: &[&[u8]], directories: &[Vec<u8>]) -> Tally {
        if self.aside.take().is_some_and(Aside::finish) {
            self.stays(STAGE.into(), Stays::unproven(stays::REPLACED));
        }
        self.tally.interrupted = interrupt::requested();
        if !self.tally.interrupted {
            // What a directory says of its entries is overwritten where they go, but a
            // directory that goes itself before that is on the disk leaves it there.
            // Where it cannot be, names stay, which is never promised otherwise.
            let _ = sync(self.dirs.root());
            let mut stay = self.look_again(look);
            for path in unproven {
                stay.add(path);
            }
            self.remove_directories(directories, look.root, &mut stay);
            // Before anybody notes that all is gone.
            let _ = sync(self.dirs.root());
        }
        self.find_lifted(look.root.path());
        let Work { linked, mut tally, .. } = self;
        tally.outside = linked.into_values().map(|(path, _)| path).collect();
        tally.outside.sort();
        tally
    }
}
