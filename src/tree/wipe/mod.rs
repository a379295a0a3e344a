//! The wipe of a tree: what is proven is overwritten where it lies, and removed.
//! Nothing else is touched.
//!
//! The tree is walked by the handles of its directories; no link is followed and no
//! mount crossed. Whatever is not, at this moment, the file that was proven, stays.

mod achieved;
mod dirs;
mod path;
mod presence;
mod record;
mod rest;

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, thread};

use rustix::io::Errno;

pub use achieved::{Achieved, achieved};
pub use path::Reason;
pub use presence::{MARKER, Presence, Wipes};
pub use record::{Begun, Phase, Record, Records};

use self::dirs::Dirs;
use self::path::{Gone, Path, Stays};
use super::entry::{Time, is_below, is_within};
use super::proof::{Proof, Proven};
use crate::base::error::{Error, Result};
use crate::base::files::is_absent;
use crate::base::interrupt;
use crate::host::disk::sync;
use crate::host::erase::Noise;
use crate::host::mounts::{self, Mount};

/// Files that go together, with one line in the journal. Each may hold the handle
/// of another directory open.
const BATCH: usize = 256;
/// How many are written at once: the time of a small file is that of its sync, and
/// file systems do several of these in one.
const WIDE: usize = 8;

/// A tree that is to go.
pub struct Wipe<'a> {
    pub root: &'a std::path::Path,
    /// Paths that stay as they are: poof itself and its configuration.
    pub spared: &'a [Vec<u8>],
    pub begun: Begun,
}

/// Something of the tree that is still there.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    pub path: Vec<u8>,
    pub reason: Reason,
    pub why: String,
}

/// How a wipe went.
#[derive(Debug, Default)]
pub struct Tally {
    /// Files, links and so on that are gone, no directories.
    pub gone: u64,
    /// Their content, in bytes.
    pub bytes: u64,
    pub left: Vec<Left>,
    /// Paths whose files have names outside of the tree, and so their content.
    pub outside: Vec<Vec<u8>>,
    pub mount: Option<Mount>,
    /// Some of it lay among the metadata of the file system.
    pub inline: bool,
    /// The user asked to stop.
    pub interrupted: bool,
    /// Files and so on that were not begun then.
    pub rest: u64,
}

impl Tally {
    /// What the wipe has achieved.
    pub fn achieved(&self) -> Vec<Achieved> {
        let mut said = achieved(self.mount.as_ref());
        if self.inline && said.first() == Some(&Achieved::InPlace) {
            said.insert(1, Achieved::Inline);
        }
        said
    }
}

/// Hears of each path that is done, with its bytes.
pub type Told<'a> = &'a mut (dyn FnMut(&[u8], u64) + Send);

/// A path that is to go, in a batch.
struct Job {
    number: u64,
    proven: Proven,
    dir: Arc<OwnedFd>,
    name: CString,
}

struct Work<'a> {
    dirs: Dirs,
    noise: Noise,
    begun: Begun,
    batch: Vec<Job>,
    /// Files of which a name is gone, and since when.
    linked: HashMap<(u64, u64), (Vec<u8>, Time)>,
    /// A directory that could not be entered: nothing in it is touched.
    blocked: Vec<Vec<u8>>,
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
        let Wipe { root, spared, begun } = self;
        let fail = |error: io::Error| Error::io("wipe", root, &error);
        let dirs = match Dirs::open(root) {
            Err(error) if is_absent(&error) => return Ok(Tally::default()),
            other => other.map_err(fail)?,
        };
        let tally = Tally { mount: mounts::of(dirs.root()), ..Tally::default() };
        let (batch, linked, blocked) = (Vec::new(), HashMap::new(), Vec::new());
        let noise = Noise::of(&begun.key);
        let mut work = Work { dirs, noise, begun, batch, linked, blocked, tally, told };
        let is_spared = |path: &[u8]| spared.iter().any(|spared| is_within(path, spared));
        let mut directories = Vec::new();
        for entry in proof.entries()? {
            let (number, proven) = entry?;
            let path = &proven.entry().path;
            if path.is_empty() || is_spared(path) || work.is_blocked(path) {
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
            work.add(number, proven)?;
        }
        work.flush()?;
        work.tally.interrupted = interrupt::requested();
        if !work.tally.interrupted {
            let unproven: Vec<&[u8]> = proof.unproven().map(|(path, _)| path).collect();
            let known: HashSet<&[u8]> =
                directories.iter().map(Vec::as_slice).chain(unproven.iter().copied()).collect();
            // What a directory says of its entries is overwritten where they go, but a
            // directory that goes itself before that is on the disk leaves it there.
            // Where it cannot be, names stay, which is never promised otherwise.
            let _ = sync(work.dirs.root());
            work.look_again(root, &known, spared);
            let stay: Vec<&[u8]> =
                unproven.into_iter().chain(spared.iter().map(Vec::as_slice)).collect();
            work.remove_directories(&directories, root, &stay);
            // Before anybody notes that all is gone.
            let _ = sync(work.dirs.root());
        }
        let Work { linked, mut tally, .. } = work;
        tally.outside = linked.into_values().map(|(path, _)| path).collect();
        tally.outside.sort();
        Ok(tally)
    }
}

impl Work<'_> {
    fn is_blocked(&self, path: &[u8]) -> bool {
        self.blocked.last().is_some_and(|dir| is_below(path, dir))
    }

    fn stays(&mut self, path: Vec<u8>, Stays { reason, why }: Stays) {
        self.tally.left.push(Left { path, reason, why });
    }

    fn add(&mut self, number: u64, proven: Proven) -> Result<()> {
        match self.dirs.parent(&proven.entry().path) {
            Ok((dir, name)) => self.batch.push(Job { number, proven, dir, name }),
            Err((dir, error)) => {
                self.blocked.push(dir.clone());
                match error.kind() {
                    ErrorKind::NotFound => {}
                    _ if is_replaced(&error) => {
                        let why = "something else stands in the place of this directory";
                        self.stays(dir, Stays::unproven(why));
                    }
                    _ => self.stays(dir, error.into()),
                }
            }
        }
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Wipes the batch.
    fn flush(&mut self) -> Result<()> {
        let jobs = mem::take(&mut self.batch);
        let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else { return Ok(()) };
        self.begun.begin(first.number, last.number)?;
        // Names of one file go one after the other: each changes what the next sees.
        let (linked, single): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.proven.entry().hard_link.is_some());
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
            let local = job.proven.entry().local;
            let known = local.and_then(|local| self.linked.get(&(local.dev, local.ino)));
            let ctime = known.map(|(_, ctime)| *ctime);
            let outcome = wipe(&job, ctime, &self.begun, &self.noise);
            let entry = job.proven.entry();
            (self.told)(&entry.path, entry.file().map_or(0, |data| data.size));
            self.note(&job, outcome);
        }
        Ok(())
    }

    /// Wipes several at a time. Those that are missing in the end were not begun.
    fn all(&mut self, jobs: &[Job]) -> Vec<(usize, Outcome)> {
        let next = AtomicUsize::new(0);
        let Work { begun, noise, told, .. } = self;
        let (begun, noise, told) = (&*begun, &*noise, Mutex::new(told));
        let work = || {
            let mut done = Vec::new();
            while !interrupt::requested() {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(index) else { break };
                let outcome = wipe(job, None, begun, noise);
                let entry = job.proven.entry();
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

    fn note(&mut self, job: &Job, outcome: Outcome) {
        let entry = job.proven.entry();
        let size = entry.file().map_or(0, |data| data.size);
        let inode = entry.local.map(|local| (local.dev, local.ino));
        match outcome {
            Ok(Gone::Absent) => {}
            Ok(Gone::Wiped { inline }) => {
                self.tally.inline |= inline;
                self.tally.gone += 1;
                self.tally.bytes += size;
                inode.and_then(|inode| self.linked.remove(&inode));
            }
            Ok(Gone::Unlinked { inode, ctime }) => {
                self.tally.gone += 1;
                self.linked.insert(inode, (entry.path.clone(), ctime));
            }
            Err(stays) => self.stays(entry.path.clone(), stays),
        }
    }
}

/// Where a directory was, there is a file, or a link.
fn is_replaced(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::LOOP))
}

type Outcome = std::result::Result<Gone, Stays>;

fn wipe(job: &Job, ctime: Option<Time>, begun: &Begun, noise: &Noise) -> Outcome {
    let Job { number, proven, dir, name } = job;
    Path { dir, name, begun: begun.has(*number), ctime }.wipe(proven, noise)
}
