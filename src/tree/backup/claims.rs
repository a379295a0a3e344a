//! Which objects a backup claims as its own, and which it leaves to others.

use super::Backup;
use super::bundling::may_have_its_own;
use crate::base::error::Result;
use crate::tree::model::change::Change;
use crate::tree::model::layout::Names;
use crate::tree::model::path::Below;
use crate::tree::remote::own_objects::{self, Foreign, Ours, mark, note, odd_mark};

impl Backup<'_> {
    /// Notes which objects this run is about to make and to remove, and keeps what an
    /// earlier run has noted of those that are there.
    pub(super) fn note_ours(&self) -> Result<()> {
        let before = Ours::read(&self.snapshots.cache);
        let own = &self.listing.own;
        // What is to be in a bundle may have an object of its own in the end.
        let new = self.changes.iter().filter(|change| change.send.is_some());
        let new = new.filter_map(Change::entry);
        let new = new.flat_map(|entry| match Names::object(&entry) {
            Ok(name) => {
                let path = mark(&entry.path);
                let mark = mark(name.as_bytes());
                // What others have made and this replaces is not ours before it is.
                let made = !own.has(name.as_bytes()) || before.holds(mark);
                [made.then_some(Ok(mark)), (path != mark).then_some(Ok(path))]
            }
            Err(error) => [Some(Err(error)), None],
        });
        let gone = self.plan.delete.iter().take(self.gone);
        let gone = gone.map(|item| Ok(mark(item.path.as_bytes())));
        let odd = self.odd_gone.iter().filter_map(|name| odd_mark(name)).map(Ok);
        let gone = gone.chain(self.superseded.iter().map(|name| Ok(mark(name.as_bytes()))));
        note(&self.snapshots.cache, new.flatten().chain(gone).chain(odd))
    }

    /// Stores under a substitute name what a disk cannot hold beside an object that
    /// stays: a file where there is a directory, or the other way round. S3 could, but
    /// a server with a disk below (MinIO) loses sight of one of them.
    pub(super) fn give_way(&mut self) {
        if self.removes_foreign {
            return;
        }
        let own = self.foreign.iter().filter(|foreign| !foreign.odd);
        let mut names: Vec<&[u8]> = own.map(|foreign| foreign.name.as_slice()).collect();
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        let is_blocked = |name: &[u8]| {
            let below = [name, b"/"].concat();
            let next = names.partition_point(|other| *other < below.as_slice());
            let mut above = (0..name.len()).filter(|at| name[*at] == b'/').map(|at| &name[..at]);
            names.get(next).is_some_and(|other| other.starts_with(&below))
                || above.any(|dir| names.binary_search(&dir).is_ok())
        };
        let bundling = self.bundling;
        let may_have_its_own =
            |change: &&mut Change| change.send.is_some() && may_have_its_own(bundling, change);
        for change in self.changes.iter_mut().filter(may_have_its_own) {
            let name = change.entry().as_ref().map(Names::object);
            change.odd |=
                name.is_some_and(|name| name.is_ok_and(|name| is_blocked(name.as_bytes())));
        }
    }

    /// The user has said so: what is foreign goes with what is gone.
    pub fn remove_foreign(&mut self) {
        self.removes_foreign = true;
        let dir = self.snapshots.names.odd_dir().len() + 1;
        for Foreign { name, size, odd } in &self.foreign {
            if *odd {
                self.odd_gone.push(name[dir..].to_vec());
            } else {
                self.plan.delete.add(name, *size);
            }
        }
    }

    /// All of it is settled: the snapshot names what was made, and the rest is gone.
    pub(super) fn forget_ours(&self) -> Result<()> {
        own_objects::forget(&self.snapshots.cache)
    }
}
