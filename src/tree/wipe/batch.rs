//! What goes together: noted in the journal, then several at a time.

use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, thread};

use rustix::io::Errno;

use super::Work;
use super::aside::Aside;
use super::consented::GivenUp;
use super::journal::Begun;
use super::path::{Gone, Path};
use super::stays::Stays;
use super::tally::Left;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::host::erase::FillPattern;
use crate::tree::model::entry::{Entry, Time, is_below};
use crate::tree::proof::Proven;
use crate::tree::scan::moved::Numbered;

/// Files that go together, with one line in the journal. Each may hold the handle
/// of another directory open.
const BATCH: usize = 256;
/// How many are written at once: the time of a small file is that of its sync, and
/// file systems do several of these in one.
const WIDE: usize = 8;

/// What may go. Nothing else can be in a batch.
pub enum Goes {
    /// With its number among the entries of the snapshot.
    Proven(u64, Proven),
    GivenUp(GivenUp),
}

impl Goes {
    pub fn entry(&self) -> &Entry {
        match self {
            Goes::Proven(_, proven) => proven.entry(),
            Goes::GivenUp(given_up) => given_up.entry(),
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Goes::Proven(number, _) => Some(*number),
            Goes::GivenUp(_) => None,
        }
    }
}

/// A directory that could not be entered: nothing in it is touched.
pub struct Blocked {
    dir: Vec<u8>,
    /// It is not here.
    is_missing: bool,
}

/// A path that is to go, in a batch.
pub struct Job {
    goes: Goes,
    dir: Arc<OwnedFd>,
    name: CString,
}

impl Work<'_> {
    pub(super) fn is_blocked(&self, path: &[u8]) -> bool {
        self.blocked.last().is_some_and(|blocked| is_below(path, &blocked.dir))
    }

    /// What is in a directory that is not here any more is not here either.
    pub(super) fn is_missing(&self, path: &[u8]) -> bool {
        self.is_blocked(path) && self.blocked.last().is_some_and(|blocked| blocked.is_missing)
    }

    pub(super) fn stays(&mut self, path: Vec<u8>, Stays { reason, why, .. }: Stays) {
        self.tally.left.push(Left { path, reason, why });
    }

    /// The same of what the snapshot has at a path, which is perhaps the place of something that
    /// was wiped.
    fn entry_stays(&mut self, path: Vec<u8>, number: Option<u64>, stays: Stays) {
        if !stays.taken && self.was_left(&path, number) {
            self.tally.untaken.push(path.clone());
        }
        self.stays(path, stays);
    }

    /// Whether no wipe before this one has taken what was at a path, of which the number is
    /// known if it is no directory.
    pub(super) fn was_left(&self, path: &[u8], number: Option<u64>) -> bool {
        match (&self.left_before, number) {
            (Some(left), _) => left.holds(path) || left.is_below(path),
            (None, Some(number)) => !self.begun.has(number),
            (None, None) => self.begun.is_empty(),
        }
    }

    pub(super) fn add(&mut self, goes: Goes) -> Result<()> {
        match self.dirs.parent(&goes.entry().path) {
            Ok((dir, name)) => self.batch.push(Job { goes, dir, name }),
            Err((dir, error)) => {
                let is_missing = error.kind() == ErrorKind::NotFound;
                self.blocked.push(Blocked { dir: dir.clone(), is_missing });
                match error.kind() {
                    ErrorKind::NotFound => self.not_here(goes.number()),
                    _ if is_replaced(&error) => {
                        let why = "something else is in the place of this directory";
                        self.entry_stays(dir, goes.number(), Stays::unproven(why));
                    }
                    _ => self.entry_stays(dir, goes.number(), error.into()),
                }
            }
        }
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Wipes the batch.
    pub(super) fn flush(&mut self) -> Result<()> {
        let jobs = mem::take(&mut self.batch);
        let mut numbers = jobs.iter().filter_map(|job| job.goes.number());
        if let Some(first) = numbers.next() {
            // What is not proven is nothing that a later run could take for the same.
            self.begun.begin(first, numbers.next_back().unwrap_or(first))?;
        }
        // Names of one file go one after the other: each changes what the next sees.
        let (linked, single): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.goes.entry().hard_link.is_some());
        if self.aside.is_none() && !(linked.is_empty() && single.is_empty()) {
            // Where it cannot be made, names go where they are.
            self.aside = Aside::make(self.dirs.root(), &self.noise).ok();
        }
        let mut outcomes = self.all(&single);
        outcomes.sort_by_key(|(index, _)| *index);
        self.tally.rest += (single.len() - outcomes.len()) as u64;
        for (index, outcome) in outcomes {
            self.note(&single[index], outcome);
        }
        for job in linked {
            if interrupt::requested() {
                self.tally.rest += 1;
                continue;
            }
            let local = job.goes.entry().local;
            let known = local.and_then(|local| self.linked.get(&(local.dev, local.ino)));
            let ctime = known.map(|(_, ctime)| *ctime);
            let Work { begun, noise, aside, head, .. } = &*self;
            let with = With { begun, noise, aside: aside.as_ref(), head: *head };
            let outcome = wipe(&job, ctime, &with);
            let entry = job.goes.entry();
            (self.told)(&entry.path, entry.file().map_or(0, |data| data.size));
            self.note(&job, outcome);
        }
        Ok(())
    }

    /// Wipes several at a time. Those that are missing in the end were not begun.
    fn all(&mut self, jobs: &[Job]) -> Vec<(usize, Outcome)> {
        let next = AtomicUsize::new(0);
        let Work { begun, noise, told, aside, head, .. } = self;
        let (with, told) =
            (With { begun, noise, aside: aside.as_ref(), head: *head }, Mutex::new(told));
        let work = || {
            let mut done = Vec::new();
            while !interrupt::requested() {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(index) else { break };
                let outcome = wipe(job, None, &with);
                let entry = job.goes.entry();
                let size = entry.file().map_or(0, |data| data.size);
                told.lock().unwrap_or_else(PoisonError::into_inner)(&entry.path, size);
                done.push((index, outcome));
            }
            done
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..WIDE.min(jobs.len())).map(|_| scope.spawn(work)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
        })
    }

    /// It is not here, and this run has not begun with it.
    pub(super) fn not_here(&mut self, number: Option<u64>) {
        if let Some(number) = number {
            self.tally.absent += 1;
            self.tally.not_here.add(number);
        }
    }

    fn note(&mut self, job: &Job, outcome: Outcome) {
        let entry = job.goes.entry();
        let size = entry.file().map_or(0, |data| data.size);
        let inode = entry.local.map(|local| (local.dev, local.ino));
        if let (Ok(Gone::Wiped { .. } | Gone::Unlinked { .. }), Some(number)) =
            (&outcome, job.goes.number())
        {
            self.tally.not_here.add(number);
        }
        match outcome {
            Ok(Gone::Absent) => self.not_here(job.goes.number()),
            Ok(Gone::Wiped { inline }) => {
                self.tally.inline |= inline;
                self.tally.gone += 1;
                self.tally.bytes = self.tally.bytes.saturating_add(size);
                inode.and_then(|inode| self.linked.remove(&inode));
            }
            Ok(Gone::Unlinked { inode, ctime }) => {
                self.tally.gone += 1;
                self.linked.insert(inode, (entry.path.clone(), ctime));
            }
            Err(stays) => self.entry_stays(entry.path.clone(), job.goes.number(), stays),
        }
    }
}

/// Where a directory was, there is a file, or a link.
fn is_replaced(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::LOOP))
}

type Outcome = std::result::Result<Gone, Stays>;

/// What is the same for all of a batch.
struct With<'a> {
    begun: &'a Begun,
    noise: &'a FillPattern,
    aside: Option<&'a Aside>,
    /// Tells the snapshot from others.
    head: u64,
}

fn wipe(job: &Job, ctime: Option<Time>, with: &With) -> Outcome {
    let (Job { goes, dir, name }, &With { noise, aside, head, .. }) = (job, with);
    let begun = goes.number().is_some_and(|number| with.begun.has(number));
    let entry = goes.number().map(|number| Numbered { head, number });
    let path = Path { dir, name, begun, ctime, aside, entry };
    match goes {
        Goes::Proven(_, proven) => path.wipe(proven, noise),
        Goes::GivenUp(given_up) => path.wipe_unproven(given_up, noise),
    }
}
