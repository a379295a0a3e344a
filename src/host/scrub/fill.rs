//! Fills what is free with random bytes, once, and lets all of it go again.
//!
//! Some of it has to stay free for others. So the part that was left is taken afterwards,
//! in exchange for a part that is written: what a file has given back, ext4, xfs and btrfs
//! give to nobody before that is on the disk, so that the new file gets the other blocks.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::fs::fstatvfs;
use rustix::io::Errno;

use super::GoesOn;
use super::noise::Noise;
use super::reserve::{Room, piece, reserve, to_give_back};
use crate::base::files;
use crate::base::units::bytes;

/// What was done of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Written, in bytes.
    pub bytes: u64,
    /// It was not stopped before.
    pub whole: bool,
    /// Others needed space meanwhile, and got some.
    pub gave_back: bool,
}

/// What would be written on the file system of a directory, and stay free meanwhile, in bytes.
pub fn free_now(dir: &Path) -> Option<(u64, u64)> {
    let room = room(File::open(dir).ok()?).ok()?;
    Some((planned(room), reserve(room)))
}

/// All that is free for everybody, and twice what stays.
fn planned(room: Room) -> u64 {
    let filled = room.available - reserve(room);
    filled + SWAPS * (room.free - filled)
}

/// So often what was left is taken in exchange.
const SWAPS: u64 = 2;
/// As many bytes at once.
const AT_ONCE: usize = 1 << 20;
/// The time between two looks at what is free.
const LOOK: Duration = Duration::from_millis(5);

fn room(of: impl AsFd) -> io::Result<Room> {
    let stat = fstatvfs(of)?;
    let all = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let (available, free) = (all(stat.f_bavail), all(stat.f_bfree));
    Ok(Room { size: all(stat.f_blocks), available, free: free.max(available) })
}

/// The files that hold what was free, in order.
#[derive(Default)]
struct Held {
    files: Mutex<Vec<(File, u64)>>,
    /// Others need space.
    pressed: AtomicBool,
    over: AtomicBool,
}

impl Held {
    fn push(&self, file: File, bytes: u64) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push((file, bytes));
    }

    /// Gives so many bytes back, or what there is.
    fn give_back(&self, bytes: u64) -> u64 {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut count, mut given) = (0, 0);
        while given < bytes && count < files.len() {
            given += files[count].1;
            count += 1;
        }
        for (file, _) in files.drain(..count) {
            // Else xfs does so when it has time.
            let _ = file.set_len(0);
        }
        given
    }

    /// Looks all the time at whether others need space.
    fn watch(&self, at: &File, reserve: u64) {
        while !self.over.load(Ordering::Relaxed) {
            let available = room(at).map_or(0, |room| room.available);
            let missing = to_give_back(reserve, available);
            if missing > 0 {
                self.pressed.store(true, Ordering::Relaxed);
                self.give_back(missing);
            }
            thread::sleep(LOOK);
        }
    }
}

struct Fill<'a> {
    dir: &'a Path,
    at: &'a File,
    kind: &'a str,
    reserve: u64,
    held: &'a Held,
    noise: Noise,
    bytes: u64,
}

/// Fills the file system of a directory up to a reserve, and gives all back.
///
/// # Errors
/// It cannot be written to.
pub fn run(dir: &Path, kind: &str, goes_on: GoesOn<'_>) -> io::Result<Filled> {
    let at = File::open(dir)?;
    let first = room(&at)?;
    let (held, noise, reserve) = (Held::default(), Noise::new()?, reserve(first));
    let mut fill = Fill { dir, at: &at, kind, reserve, held: &held, noise, bytes: 0 };
    let filled = thread::scope(|scope| {
        scope.spawn(|| held.watch(&at, reserve));
        let whole = fill.all(piece(first), goes_on);
        held.over.store(true, Ordering::Relaxed);
        whole
    });
    let gave_back = held.pressed.load(Ordering::Relaxed);
    Ok(Filled { bytes: fill.bytes, whole: filled?, gave_back })
}

impl Fill<'_> {
    /// Whether it was not stopped before.
    fn all(&mut self, piece: u64, goes_on: GoesOn<'_>) -> io::Result<bool> {
        while !self.is_pressed() && room(self.at)?.available >= self.reserve + piece {
            if !self.piece(piece, false, goes_on)? {
                return Ok(false);
            }
        }
        for _ in 0..SWAPS {
            let left = room(self.at)?.free;
            let given = if self.is_pressed() { 0 } else { self.held.give_back(left) };
            if given > 0 && !self.piece(given.min(left), true, goes_on)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_pressed(&self) -> bool {
        self.held.pressed.load(Ordering::Relaxed)
    }

    /// One more file; `at_once`: its blocks are taken before they are written. Whether it
    /// was not stopped before.
    fn piece(&mut self, len: u64, at_once: bool, goes_on: GoesOn<'_>) -> io::Result<bool> {
        let file = tempfile::tempfile_in(self.dir)?;
        if at_once {
            take(&file, len);
        }
        let (mut done, mut going) = (0, true);
        while done < len && going && !self.is_full(at_once)? {
            let next = usize::try_from(len - done).unwrap_or(AT_ONCE).min(AT_ONCE);
            match file.write_all_at(self.noise.next(next), done) {
                Err(error) if is_limited(&error) => return Err(self.limited()),
                Err(error) if is_full(&error) => {
                    // Nobody else is to see that.
                    self.held.pressed.store(true, Ordering::Relaxed);
                    self.held.give_back(self.reserve);
                    break;
                }
                other => other?,
            }
            done += next as u64;
            self.bytes += next as u64;
            going = goes_on(self.bytes);
        }
        match self.brought_to_disk(&file) {
            Err(error) if is_limited(&error) => return Err(self.limited()),
            Err(error) if is_full(&error) => {
                self.held.pressed.store(true, Ordering::Relaxed);
                self.held.give_back(self.reserve);
            }
            other => other?,
        }
        self.held.push(file, done);
        Ok(going)
    }

    /// What is free is not for this user to fill.
    fn limited(&self) -> io::Error {
        io::Error::other(format!("a quota allows no more than {}", bytes(self.bytes)))
    }

    /// Whether others need what is left.
    fn is_full(&self, is_taken: bool) -> io::Result<bool> {
        let available = room(self.at)?.available;
        Ok(self.is_pressed() || !is_taken && available < self.reserve + AT_ONCE as u64)
    }

    #[cfg(target_os = "linux")]
    fn brought_to_disk(&self, file: &File) -> io::Result<()> {
        files::flush_data(file)?;
        if self.kind == "btrfs" {
            // It says what is free as of its last commit.
            rustix::fs::syncfs(file)?;
        }
        // What others have read is to stay in memory.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    fn brought_to_disk(&self, file: &File) -> io::Result<()> {
        let _ = self.kind;
        files::flush_data(file)
    }
}

/// Takes blocks for a file now. Where that is not known they are taken as it is written.
fn take(file: &File, len: u64) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len);
    let _ = (file, len);
}

/// Whether an error says that there is no more space.
fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOSPC.raw_os_error())
}

/// The same for this user, or this directory, alone.
fn is_limited(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::DQUOT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_free_is_written_in_exchange() {
        let room = Room { size: 1 << 40, available: 100 << 30, free: 150 << 30 };
        let filled = (100 << 30) - reserve(room);
        assert_eq!(planned(room), filled + 2 * ((150 << 30) - filled));
        assert_eq!(planned(Room { size: 0, available: 0, free: 0 }), 0);
    }

    #[test]
    fn the_first_files_are_given_back_first() {
        let held = Held::default();
        for bytes in [3, 4, 5] {
            held.push(tempfile::tempfile().unwrap(), bytes);
        }
        assert_eq!(held.give_back(0), 0);
        assert_eq!(held.give_back(4), 7);
        assert_eq!(held.give_back(100), 5);
        assert_eq!(held.give_back(1), 0);
    }

    #[test]
    fn no_space_for_all_is_another_thing_than_a_quota() {
        let (full, limit) = (Errno::NOSPC.into(), Errno::DQUOT.into());
        assert!(is_full(&full) && !is_limited(&full));
        assert!(is_limited(&limit) && !is_full(&limit));
        assert!(!is_full(&Errno::IO.into()) && !is_full(&io::Error::other("x")));
    }
}
