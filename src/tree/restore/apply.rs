//! Carries out a restore. It verifies what it has fetched before that replaces
//! anything; what is gone goes last.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io;
use std::mem;
use std::os::fd::AsFd;

use super::alias::twin;
use super::locked;
use super::placing::Place;
use super::steps::{Act, Dir, Gone, Step};
use super::tally::{Tally, verified};
use super::{Accounts, Restore};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::{name_of, path_of};
use crate::base::units::bytes;
use crate::host::space::free;
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch};
use crate::tree::model::entry::{Entry, EntryKind, as_path};
use crate::tree::model::path::LocalPath;
use crate::tree::model::plan::Failed;
use crate::tree::remote::object_metadata::{fetch_of, in_bundle};
use crate::tree::retry::{Attempt, Failures, retrying};
use crate::tree::scan::attributes::Short;
use crate::tree::scan::root::Root;
use crate::tree::scan::staging::clear;
use crate::tree::wipe::{GivenBack, given_back};

impl Restore<'_> {
    /// Makes the directory what the snapshot says. Returns what could not be done.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry_out(&mut self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        let mut tally = Tally { failed: self.steps.plan.failed.clone(), ..Tally::default() };
        self.give_back(&mut tally)?;
        if !self.steps.is_empty() {
            self.has_room()?;
            if let Some(Accounts { journal, .. }) = &self.target.accounts {
                journal.begin(self.name())?;
            }
            let path = self.target.path.clone();
            let fail = |e: io::Error| Error::io("write to", &path, &e).with_kind(Kind::Incomplete);
            let root = self.target.made().map_err(fail)?;
            let found = mem::take(&mut self.steps.found);
            let comes = self.steps.bring_something();
            let mut place = Place::open(&root, found, self.power, comes).map_err(fail)?;
            let work = Work { restore: self, place: &place };
            if let Err(error) = work.carry_out(&mut tally, watch) {
                let _ = place.tidy(); // the next run removes what stays
                return Err(error);
            }
            // What has come to its place is not seen there.
            for path in place.covered() {
                tally.failed.push(covered(&root, &path));
            }
            let root_entry = self.steps.directories.first().filter(|d| d.entry.path.is_empty());
            let root_entry = root_entry.map(|dir| self.aside.whole(&dir.entry)).transpose();
            let way = self.steps.ways.first().filter(|way| way.path.is_empty());
            let root_entry = root_entry.map(|entry| entry.or(way.map(Cow::Borrowed)));
            let short = place.close(root_entry.map_err(fail)?.as_deref()).map_err(fail)?;
            tally.note(&[], Ok(short));
        }
        let takes = self.target.accounts.is_some() && self.target.newest;
        if takes {
            self.note_withheld()?;
        }
        if takes && self.lacking(&tally).next().is_none() {
            self.take(&tally)?;
        }
        self.keep_account(&tally, watch)?;
        self.notes.extend(tally.notes());
        Ok(tally.failed)
    }

    /// Puts back what a wipe that was killed had moved and not looked at. What is back at
    /// its place is not replaced in this run: nobody was asked for it.
    fn give_back(&mut self, tally: &mut Tally) -> Result<()> {
        let Some(root) = &self.target.root else { return Ok(()) };
        let back = given_back(root, Some(&self.target.snapshot))?;
        for GivenBack { path, why } in &back {
            tally.failed.push(Failed::at(path, FailureKind::Other, why));
        }
        if !back.is_empty() {
            // What cannot go, or is foreign to it, is told if something else is to come.
            let _ = clear(root.handle(), None);
        }
        let is_back = |path: &Vec<u8>| back.iter().any(|back| back.path == *path);
        self.steps.paths.retain(|step| !is_back(&step.entry.path));
        Ok(())
    }

    /// # Errors
    /// What is to come does not fit on the disk.
    fn has_room(&self) -> Result<()> {
        // Holes take no room, and how many there are is not known.
        let fetched = |step: &&Step| {
            step.act == Act::Fetch && step.entry.file().is_some_and(|data| !data.sparse)
        };
        let size = |step: &Step| step.entry.file().map_or(0, |data| data.size);
        let needed: u64 =
            self.steps.paths.iter().filter(fetched).map(size).fold(0, u64::saturating_add);
        let root = &self.target.path;
        let Some(free) = free(root).filter(|free| *free < needed) else { return Ok(()) };
        let (needed, free) = (bytes(needed), bytes(free));
        let what = format!("{}: {needed} are to come, and {free} are free", path_of(root));
        Err(Error::new(Kind::Incomplete, what)
            .hint("Nothing was changed. Free some space on that disk, or restore with `--to`."))
    }
}

/// Of a directory of which nobody sees what has come to it.
fn covered(root: &Root, path: &[u8]) -> Failed {
    let place = if path.is_empty() { path_of(root.path()) } else { name_of(path) };
    let why = format!(
        "another directory has come to {place} while poof worked there (a file system was mounted \
         over it, or it was moved), and what was restored is not in that; run it again once it \
         is away"
    );
    Failed::at(path, FailureKind::Other, &why)
}

struct Work<'a> {
    restore: &'a Restore<'a>,
    place: &'a Place,
}

impl Work<'_> {
    fn whole<'e>(&self, entry: &'e Entry) -> io::Result<Cow<'e, Entry>> {
        self.restore.aside.whole(entry)
    }

    fn carry_out(&self, tally: &mut Tally, watch: &mut dyn Watch) -> Result<()> {
        let steps = &self.restore.steps;
        for Gone { path, .. } in steps.gone.iter().filter(|gone| gone.first) {
            if let Err(error) = self.place.remove(path, false) {
                tally.fail(path, &error);
            }
        }
        for Dir { entry, .. } in steps.directories.iter().filter(|dir| dir.new) {
            if let (false, Err(error)) = (entry.path.is_empty(), self.place.directory(&entry.path))
            {
                tally.fail(&entry.path, &error);
            }
        }
        let waiting = self.fetch_all(tally, watch)?;
        self.make_all(tally, &waiting)?;
        if tally.failed.is_empty() {
            let replaced: Vec<_> = steps.paths.iter().filter(|s| s.replaces_directory()).collect();
            let rest = |gone: &&Gone| !gone.first && !replaced.iter().any(|s| s.covers(gone));
            self.remove(steps.gone.iter().rev().filter(rest), tally)?;
        }
        self.finish_directories(tally);
        interrupt::check()
    }

    /// Fetches what has content. Returns the steps that have arrived and wait for
    /// the directories in whose place they go.
    fn fetch_all(&self, tally: &mut Tally, watch: &mut dyn Watch) -> Result<HashSet<usize>> {
        let steps = &self.restore.steps.paths;
        let doing = format!("fetch the files of {}", self.restore.name());
        let mut arrived = HashSet::new();
        let absent = |arrived: &HashSet<usize>| {
            let wanted = (0..steps.len()).filter(|&i| steps[i].act == Act::Fetch);
            wanted.filter(|i| !arrived.contains(i)).collect()
        };
        let attempt = |arrived: &mut HashSet<usize>, pending: &[usize]| {
            self.fetch(pending, tally, arrived, watch)
        };
        let failed = retrying(&mut arrived, &doing, absent, attempt)?;
        tally.failed.extend(failed.into_values());
        arrived.retain(|&i| steps[i].replaces_directory());
        Ok(arrived)
    }

    fn fetch(
        &self,
        pending: &[usize],
        tally: &mut Tally,
        arrived: &mut HashSet<usize>,
        watch: &mut dyn Watch,
    ) -> Attempt<Failures> {
        let steps = &self.restore.steps.paths;
        let mut failed = Failures::new();
        let mut unknown = Vec::new();
        let stage = self.place.stage().ok().map(AsFd::as_fd);
        // What is in one bundle comes in few requests if it is asked for in a row.
        let mut pending = pending.to_vec();
        pending.sort_by_key(|&index| in_bundle(&steps[index].entry));
        let jobs = pending.iter().filter_map(|&index| {
            let job = self.job(index, &steps[index].entry);
            if job.is_none() {
                unknown.push(index);
            }
            job
        });
        self.restore.target.snapshots.store.fetch(stage, jobs, watch, |record| {
            let index = usize::try_from(record.id).unwrap_or(usize::MAX);
            let Some(step) = steps.get(index) else { return };
            let entry = &step.entry;
            if let Err((mut kind, why)) = verified(entry, &record) {
                let vague = matches!(kind, FailureKind::Other | FailureKind::Missing);
                if vague && self.restore.unsound.contains(&entry.path) {
                    kind = FailureKind::Lost;
                }
                failed.insert(index, Failed::at(&entry.path, kind, &why));
                return;
            }
            arrived.insert(index);
            if !step.replaces_directory() {
                let put = self.whole(entry);
                let put = put.and_then(|entry| self.place.file(record.id, &entry, step.is_new()));
                tally.note(&entry.path, put.map_err(|error| self.reason(step, error)));
            }
        })?;
        for index in unknown {
            let why = "the snapshot knows no object of it";
            failed.insert(index, Failed::at(&steps[index].entry.path, FailureKind::Config, why));
        }
        Ok(failed)
    }

    fn job(&self, index: usize, entry: &Entry) -> Option<Fetch> {
        let id = index as u64;
        let to = Bytes(id.to_string().into_bytes());
        let place = match self.restore.elsewhere.get(&entry.path) {
            Some(place) => place.clone().into_bytes(),
            None => self.restore.target.snapshots.names.holding(entry).ok()?,
        };
        let fetch = fetch_of(place, id, entry)?;
        Some(Fetch { to, sparse: entry.file()?.sparse, ..fetch })
    }

    /// Everything that has not to be fetched, or waits for a directory to go.
    fn make_all(&self, tally: &mut Tally, waiting: &HashSet<usize>) -> Result<()> {
        let Restore { steps, .. } = self.restore;
        // Another name of a file that could not be restored keeps what it has.
        let failed = tally.failed.iter();
        let failed: HashMap<_, _> = failed.map(|f| (f.path.clone(), f.kind)).collect();
        for (index, step) in steps.paths.iter().enumerate() {
            interrupt::check()?;
            let Step { entry, act, .. } = step;
            let id = index as u64;
            let fetched = *act == Act::Fetch;
            if fetched && !waiting.contains(&index) {
                continue;
            }
            if let Act::Link(first) = act
                && let Some(&kind) = failed.get(as_path(first))
            {
                let first = name_of(first);
                let why = format!("it is another name of {first}, which could not be restored");
                tally.failed.push(Failed::at(&entry.path, kind, &why));
                continue;
            }
            if step.replaces_directory() {
                self.remove(steps.gone.iter().rev().filter(|gone| step.covers(gone)), tally)?;
            }
            let done = self.whole(entry).and_then(|entry| match act {
                Act::Fetch => self.place.file(id, &entry, step.is_new()),
                Act::Make => self.place.special(id, &entry, step.is_new()),
                Act::Link(first) => self
                    .place
                    .hard_link(id, first, &entry.path, step.is_new())
                    .map(|()| Short::default()),
                Act::Attributes => self.place.attributes(&entry, step.found),
            });
            tally.note(&entry.path, done.map_err(|error| self.reason(step, error)));
        }
        Ok(())
    }

    /// Removes what is gone; what is in a directory comes before it.
    fn remove<'g>(&self, gone: impl Iterator<Item = &'g Gone>, tally: &mut Tally) -> Result<()> {
        for Gone { path, directory, .. } in gone {
            interrupt::check()?;
            if let Err(error) = self.place.remove(path, *directory) {
                let kind = FailureKind::Forbidden;
                let error = self.locked(path, error);
                let why = format!("it was to be removed and is still there: {error}");
                tally.failed.push(Failed::deletion(&LocalPath::new(path), kind, why));
            }
        }
        Ok(())
    }

    /// `error`, or that `path` is locked, and how it is unlocked.
    fn locked(&self, path: &[u8], error: io::Error) -> io::Error {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let why = denied.then(|| locked::why(&self.restore.target.path, path)).flatten();
        why.map_or(error, io::Error::other)
    }

    /// Why something could not be put into place, in words that help.
    fn reason(&self, step: &Step, error: io::Error) -> io::Error {
        let Step { entry, .. } = step;
        let device = matches!(entry.kind, EntryKind::CharDevice(_) | EntryKind::BlockDevice(_));
        match error.kind() {
            io::ErrorKind::PermissionDenied if device => {
                io::Error::other("only root can make a device")
            }
            io::ErrorKind::AlreadyExists if step.is_new() => {
                let twin = twin(&self.restore.steps, &entry.path).map(name_of);
                let of = twin.unwrap_or("something that came up meanwhile".into());
                io::Error::other(format!(
                    "this disk takes its name for that of {of}, which stays; `--to` restores both \
                     on a disk that tells them apart"
                ))
            }
            _ => self.locked(&entry.path, error),
        }
    }

    /// Sets the attributes of directories, the deepest first: what happens in a
    /// directory changes its times.
    fn finish_directories(&self, tally: &mut Tally) {
        let steps = &self.restore.steps;
        let changed = steps.paths.iter().map(|step| &step.entry.path);
        let changed = changed.chain(steps.gone.iter().map(|gone| &gone.path));
        let new = steps.directories.iter().filter(|dir| dir.new).map(|dir| &dir.entry.path);
        let touched: HashSet<&[u8]> = changed.chain(new).map(|path| parent(path)).collect();
        let respected = locked::respected(&self.restore.target.path, &tally.failed);
        for Dir { entry, new, differs } in steps.directories.iter().rev() {
            let path = entry.path.as_slice();
            let wanted = *new || *differs || touched.contains(path);
            if !path.is_empty() && wanted && !respected(path) {
                let entry = self.whole(entry);
                tally.note(path, entry.and_then(|entry| self.place.attributes(&entry, None)));
            }
        }
        // To put something into a directory opens it to its owner, and changes its time.
        for way in steps.ways.iter().rev().filter(|way| !way.path.is_empty()) {
            if !respected(&way.path) {
                tally.note(&way.path, self.place.attributes(way, None));
            }
        }
    }
}

/// The directory that `path` is in.
fn parent(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    &path[..end]
}
