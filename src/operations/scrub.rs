//! What an upload does once it has wiped, and poof itself is gone: what the file systems
//! still hold of it is written over.

use std::env;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::outcome::{FileSystem, Outcome, ScrubRun};
use super::own_files;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::name_of;
use crate::config::Scrub;
use crate::config::trees::Directory;
use crate::host::mounts::{self, Mount};
use crate::host::scrub::{self, Filled, Journal, journal};
use crate::report::event::{FreeSpace, InJournal, On};
use crate::report::progress::Progress;
use crate::report::{Event, Note};
use crate::tree::wipe::{Achieved, achieved};

/// What nobody has asked for takes no longer.
const LIMIT: Duration = Duration::from_mins(1);
/// As many bytes between two looks at the progress.
const STEP: u64 = 1 << 20;
/// File systems whose free space poof knows how to overwrite.
const FILLED: [&str; 5] = ["ext2", "ext3", "ext4", "xfs", "btrfs"];

/// A file system that something is wiped on.
struct Place {
    mount: Mount,
    /// Tells it from others.
    device: String,
    /// What is wiped on it, and where else this user can write.
    paths: Vec<PathBuf>,
}

/// What is to be overwritten on a file system.
struct Task {
    journal: InJournal,
    /// Through the journal, in bytes.
    bytes: u64,
    free: Option<FreeSpace>,
    seconds: u64,
}

/// In the state directory, from the moment in which something is to be wiped until that is
/// scrubbed: a run that was cut is made up for by the next.
const DUE: &str = "scrub-due";

const NO_NAMES: &str = "Nothing was wiped in this run, so nothing is overwritten. `poof upload --scrub=names` does it.";
const NOT_FREE: &str =
    "Nothing was wiped in this run, so nothing is overwritten. `poof upload --scrub=free` does it.";

/// Notes that there will be something to scrub.
///
/// # Errors
/// The state directory cannot be written.
pub fn is_due(session: &Session) -> Result<()> {
    let path = session.state.join(DUE);
    File::create(&path).map(drop).map_err(|error| Error::io("write", &path, &error))
}

/// A scrub that is to be.
pub struct Scrubbing<'a> {
    session: &'a Session,
    /// None: nobody has said.
    wish: Option<Scrub>,
    /// It is said of this run.
    asked: bool,
    /// A run before was cut.
    due: bool,
    /// Where, in the order of poof.conf.
    places: Vec<Place>,
}

impl<'a> Scrubbing<'a> {
    /// Looks where what is to be wiped is, as long as it is there. `asked`: what is wished of
    /// this run; `usual`: of each.
    pub fn of(
        session: &'a Session,
        (asked, usual): (Option<Scrub>, Option<Scrub>),
        directories: &[&Directory],
    ) -> Self {
        let (wish, asked) = (asked.or(usual), asked.is_some());
        let due = session.state.join(DUE).exists();
        let trees = directories.iter().map(|directory| own_files::real(&directory.local));
        let own = [session.state.clone(), session.files.dir.clone()];
        let mut places: Vec<Place> = Vec::new();
        for path in trees.chain(own) {
            let there = path.ancestors().find_map(|path| File::open(path).ok());
            let Some((mount, device)) = there.and_then(|there| seen(&there.into())) else {
                continue;
            };
            match places.iter_mut().find(|place| place.device == device) {
                Some(place) => place.paths.push(path),
                None => places.push(Place { mount, device, paths: vec![path] }),
            }
        }
        places.retain(|place| is_disk(&place.mount));
        for place in &mut places {
            place.paths.extend([session.layout.home.clone(), env::temp_dir()]);
        }
        if wish == Some(Scrub::No) {
            places.clear();
        }
        Scrubbing { session, wish, asked, due, places }
    }

    /// Whether there is something to scrub: `wiped` files, and what a run has left that was cut;
    /// or somebody wants it in any case.
    fn has_cause(&self, wiped: u64) -> bool {
        self.asked || self.due || wiped > 0
    }

    /// Says what would be done once so many files are wiped.
    pub fn preview(&self, wiped: usize) {
        if self.has_cause(wiped as u64) {
            self.tell();
        }
    }

    fn tell(&self) {
        for place in &self.places {
            let Some((_, Task { journal, bytes, free, seconds })) = self.task(place) else {
                continue;
            };
            let mount = On(Some(place.mount.clone()));
            let journal_bytes = bytes;
            self.session.report.tell(&Event::WouldScrub {
                journal,
                journal_bytes,
                free,
                seconds,
                mount,
            });
        }
    }

    /// Writes over it, and says what was achieved. What nobody has asked for in this run is
    /// done where something was wiped.
    ///
    /// # Errors
    /// An interrupt.
    pub fn run(&self, outcome: &mut Outcome) -> Result<()> {
        if self.wish == Some(Scrub::No) {
            return Ok(());
        }
        let is_gone = outcome.fields.contains_key("neutered");
        let wiped = outcome.fields.get("wiped_files").and_then(serde_json::Value::as_u64);
        if is_gone || self.has_cause(wiped.unwrap_or(0)) {
            self.all(outcome, is_gone)?;
        } else {
            match self.wish {
                None | Some(Scrub::No) => {}
                Some(Scrub::Names) => self.session.report.note(NO_NAMES),
                Some(Scrub::Free) => self.session.report.note(NOT_FREE),
            }
        }
        // At level 4 it went with the state.
        let _ = fs::remove_file(self.session.state.join(DUE));
        Ok(())
    }

    fn all(&self, outcome: &mut Outcome, is_gone: bool) -> Result<()> {
        let tasks: Vec<_> =
            self.places.iter().filter_map(|place| Some((place, self.task(place)?))).collect();
        let report = &*self.session.report;
        let total = tasks.iter().map(|(_, (_, task))| task.total()).sum();
        if self.wish.is_some() && tasks.iter().any(|(_, (_, task))| task.free.is_some()) {
            self.tell();
        }
        let mut work = Work {
            progress: Progress::new(report.shows_progress(), total),
            end: self.wish.is_none().then(|| Instant::now() + LIMIT),
            session: self.session,
        };
        for (place, (dir, task)) in tasks {
            let begun = Instant::now();
            let point = name_of(place.mount.point.as_bytes()).into_owned();
            work.progress.begin(&point, task.total());
            let done = work.place(place, &dir, task);
            let is_whole = done.journal.is_settled() && done.free.as_ref().is_none_or(|f| f.whole);
            if !is_whole && self.wish.is_some() {
                outcome.worsen(Kind::Residue);
            }
            work.progress.end();
            let seconds = begun.elapsed().as_secs_f64();
            outcome.wipe.scrubs.push(done.of(place));
            let told = Event::Scrub {
                journal: done.journal,
                journal_bytes: done.bytes,
                free: done.free,
                seconds,
                why: done.why,
                is_gone,
                mount: On(Some(place.mount.clone())),
            };
            work.progress.aside(|| report.tell(&told));
            interrupt::check().map_err(|_| interrupted(is_gone, self.wish))?;
        }
        Ok(())
    }

    /// What there is to do on a file system, and in which directory of it.
    fn task(&self, place: &Place) -> Option<(PathBuf, Task)> {
        let (dir, handle) = place.open()?;
        let Mount { kind, disk, .. } = &place.mount;
        let journal = scrub::journal(&handle, kind, &place.device);
        let free = (self.wish == Some(Scrub::Free) && FILLED.contains(&kind.as_str()))
            .then(|| scrub::free_now(&dir))
            .flatten();
        Some((dir, task(journal, free, self.wish, (kind, disk.rotates))))
    }
}

impl Place {
    /// A directory of it in which this user can make a file.
    fn open(&self) -> Option<(PathBuf, OwnedFd)> {
        let dirs = self.paths.iter().flat_map(|path| path.ancestors());
        dirs.filter(|dir| dir.is_dir()).find_map(|dir| {
            let handle = File::open(dir).ok()?.into();
            let is_here = seen(&handle).is_some_and(|(_, device)| device == self.device);
            (is_here && scrub::takes_files(dir)).then(|| (dir.to_path_buf(), handle))
        })
    }
}

fn seen(handle: &OwnedFd) -> Option<(Mount, String)> {
    Some((mounts::of(handle)?, mounts::device(handle)?))
}

/// Whether a disk of this machine holds it.
fn is_disk(mount: &Mount) -> bool {
    !matches!(achieved(Some(mount))[..], [Achieved::Memory | Achieved::Elsewhere])
}

/// `free`: bytes to write there, and bytes that stay free; None: that is not wanted.
fn task(
    journal: Journal,
    free: Option<(u64, u64)>,
    wish: Option<Scrub>,
    (kind, rotates): (&str, Option<bool>),
) -> Task {
    let (in_journal, bytes) = match journal {
        Journal::Absent => (InJournal::Absent, 0),
        Journal::Unknown => (InJournal::Unknown, 0),
        Journal::Of(size) => (InJournal::Written, journal::to_write(size)),
    };
    let seconds = journal::seconds(bytes, kind, rotates);
    if wish.is_none() && Duration::from_secs(seconds) > LIMIT {
        return Task { journal: InJournal::Long, bytes: 0, free: None, seconds };
    }
    let free = free.map(|(bytes, reserve)| FreeSpace {
        bytes,
        reserve,
        whole: true,
        gave_back: false,
        is_flash: rotates == Some(false),
    });
    let filled = free.as_ref().map_or(0, |free| scrub::seconds_to_fill(free.bytes, rotates));
    Task { journal: in_journal, bytes, free, seconds: seconds + filled }
}

impl Task {
    fn total(&self) -> u64 {
        self.bytes + self.free.as_ref().map_or(0, |free| free.bytes)
    }
}

/// What was done of a task.
struct Done {
    journal: InJournal,
    bytes: u64,
    free: Option<FreeSpace>,
    why: Option<String>,
}

impl Done {
    fn of(&self, place: &Place) -> ScrubRun {
        let kind = Some(place.mount.kind.clone());
        ScrubRun {
            file_system: FileSystem { kind, device: Some(place.device.clone()) },
            journal: self.journal,
            journal_bytes: self.bytes,
            free: self.free.clone(),
        }
    }
}

struct Work<'a> {
    session: &'a Session,
    progress: Progress,
    /// When what nobody has asked for ends.
    end: Option<Instant>,
}

impl Work<'_> {
    /// First what is free, then the journal, which has what that has changed as well.
    fn place(&self, place: &Place, dir: &Path, task: Task) -> Done {
        let Mount { kind, point, .. } = &place.mount;
        let Task { journal, bytes, free, .. } = task;
        let mut done = Done { journal, bytes: 0, free: None, why: None };
        let mut before = 0;
        if let Some(free) = free {
            before = free.bytes;
            let what = format!("overwriting what is free on {}", name_of(point.as_bytes()));
            match scrub::free(dir, kind, &mut self.goes_on(0, &what)) {
                Ok(Filled { bytes, whole, gave_back }) => {
                    done.free = Some(FreeSpace { bytes, whole, gave_back, ..free });
                }
                Err(error) => {
                    done.why = Some(error.to_string());
                    done.free = Some(FreeSpace { bytes: 0, whole: false, ..free });
                }
            }
        }
        if journal == InJournal::Written {
            let what = format!("overwriting the journal of {}", name_of(point.as_bytes()));
            let mut goes_on = self.goes_on(before, &what);
            let mut last = 0;
            let written = scrub::names(dir, kind, bytes, &mut |now| {
                last = now;
                goes_on(now)
            });
            done.bytes = last;
            match written {
                Ok(true) => {}
                Ok(false) => done.journal = InJournal::Part,
                Err(error) => {
                    done.journal = InJournal::Failed;
                    done.why = Some(error.to_string());
                }
            }
        }
        done
    }

    /// Shows how far it is, and whether it goes on; `before` bytes were written before.
    fn goes_on(&self, before: u64, what: &str) -> impl FnMut(u64) -> bool {
        let mut shown = 0;
        move |done| {
            if done >= shown + STEP {
                shown = done;
                self.progress.update(before + done, what);
                if let Some(standing) = self.progress.line() {
                    self.session.report.say(Note::Going { standing, file: what.to_owned() });
                }
            }
            !interrupt::requested() && self.end.is_none_or(|end| Instant::now() < end)
        }
    }
}

/// What is wiped is wiped.
fn interrupted(is_gone: bool, wish: Option<Scrub>) -> Error {
    let what = "interrupted: the wipe is done, and what it leaves is overwritten in part";
    let error = Error::new(Kind::Interrupted, what);
    match wish {
        _ if is_gone => error,
        Some(Scrub::Free) => error.hint("`poof upload --scrub=free` begins that again."),
        _ => error.hint("`poof upload --scrub=names` begins that again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_by_default_where_that_takes_less_than_a_minute() {
        let disk = ("ext4", Some(false));
        let of = |size, wish| task(Journal::Of(size), None, wish, disk);
        let usual = of(1 << 30, None);
        assert_eq!(usual.journal, InJournal::Written);
        assert!(usual.bytes > 1 << 30 && usual.seconds < 60);
        assert_eq!(of(64 << 30, None).journal, InJournal::Long);
        let wanted = of(64 << 30, Some(Scrub::Names));
        assert_eq!(wanted.journal, InJournal::Written);
        assert!(wanted.seconds > 60);
        assert_eq!(task(Journal::Absent, None, None, disk).journal, InJournal::Absent);
        let unknown = task(Journal::Unknown, None, Some(Scrub::Names), ("btrfs", None));
        assert_eq!((unknown.journal, unknown.total()), (InJournal::Unknown, 0));
    }

    #[test]
    fn what_is_free_counts_as_well() {
        let (journal, free) = (Journal::Of(1 << 20), Some((1 << 40, 1 << 30)));
        let task = task(journal, free, Some(Scrub::Free), ("ext4", Some(false)));
        assert!(task.total() > 1 << 40 && task.seconds > 60);
        let free = task.free.unwrap();
        assert!(free.is_flash && free.whole && free.reserve == 1 << 30);
    }

    #[test]
    fn memory_and_servers_are_not_scrubbed() {
        let of = |kind: &str| {
            let mount = Mount { kind: kind.to_owned(), ..Mount::default() };
            is_disk(&mount)
        };
        for kind in ["ext4", "xfs", "btrfs", "apfs", "overlay", "vfat"] {
            assert!(of(kind), "{kind}");
        }
        for kind in ["tmpfs", "nfs4", "fuse.sshfs"] {
            assert!(!of(kind), "{kind}");
        }
    }
}
