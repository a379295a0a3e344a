//! Sends random bytes through the journal of a file system. A file without a name has an
//! extended attribute that fills a block of metadata; each new value goes through the
//! journal. (ext4: one block each, Documentation/filesystems/ext4/attributes.rst; xfs: a
//! leaf of the attribute fork, as long as the value is not too large for it.)

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Timespec, Timestamps, XattrFlags, fsetxattr, fstatvfs, futimens};

use super::GoesOn;
use super::noise::Noise;
use crate::host::handle;

/// So many files at once: below the number that a process may usually have open.
const FILES: usize = 400;
const NAME: &str = "user.poof";
/// A block, in bytes.
const BLOCK: usize = 4096;
/// More than that takes none of these file systems in one block.
const LONGEST: u64 = 4096;
/// What a block of attributes has beside a value, with a margin.
const BESIDE: u64 = 128;

pub struct Churn {
    files: Vec<File>,
    /// Bytes of a value.
    len: usize,
    noise: Noise,
}

impl Churn {
    /// # Errors
    /// Nothing can be made in the directory, or its file system has no such attributes.
    pub fn new(dir: &Path, kind: &str) -> io::Result<Self> {
        let mut files = vec![tempfile::tempfile_in(dir)?];
        let places = if kind == "xfs" { places(dir) } else { Vec::new() };
        let others = places.iter().filter_map(|place| handle::path_of(place).ok());
        let others: Vec<_> = others.map(|path| path.into_string().unwrap_or_default()).collect();
        while files.len() < FILES {
            let place = others.get(files.len() % others.len().max(1));
            let file = match place.map(tempfile::tempfile_in) {
                Some(Ok(file)) => Ok(file),
                _ => tempfile::tempfile_in(dir),
            };
            // As many as there may be.
            let Ok(file) = file else { break };
            files.push(file);
        }
        let len = usize::try_from(length(kind, fstatvfs(&files[0])?.f_bsize)).unwrap_or(512);
        let mut churn = Churn { files, len, noise: Noise::new()? };
        if kind == "xfs" {
            churn.take_single_blocks()?;
        }
        Ok(churn)
    }

    /// The block of a directory that is gone may never have been written since: it has the
    /// names, and is free. It is among the first that xfs takes for a file that needs one
    /// block and is near it.
    fn take_single_blocks(&mut self) -> io::Result<()> {
        for file in &self.files {
            file.write_all_at(self.noise.next(BLOCK), 0)?;
        }
        commit(&self.files[0], true)
    }

    /// Writes round after round until `bytes` are written; `all`: brings more to the disk than
    /// these files. Whether it was not stopped before.
    pub fn run(&mut self, bytes: u64, all: bool, goes_on: GoesOn<'_>) -> io::Result<bool> {
        let mut done = 0;
        while done < bytes {
            for file in &self.files {
                fsetxattr(file, NAME, self.noise.next(self.len), XattrFlags::empty())?;
                done += self.len as u64;
                if !goes_on(done.min(bytes)) {
                    return Ok(false);
                }
            }
            // What is set again before it is in the journal is there once.
            commit(&self.files[self.files.len() - 1], all)?;
        }
        Ok(true)
    }
}

/// So often the times of all files are set: half a MiB of fast commits and more.
const FAST_ROUNDS: i64 = 64;

impl Churn {
    /// Writes over what ext4 may have set apart in its journal for fast commits, which have
    /// names (Documentation/filesystems/ext4/journal.rst). No attribute goes there, but the
    /// times of a file do. Whether it was not stopped before.
    pub fn run_fast(&self, goes_on: &mut dyn FnMut() -> bool) -> io::Result<bool> {
        let Some(last) = self.files.last() else { return Ok(true) };
        // What is not for a fast commit is on the disk first.
        commit(last, false)?;
        for round in 0..FAST_ROUNDS {
            for (file, number) in self.files.iter().zip(0..) {
                let time = Timespec { tv_sec: round, tv_nsec: number };
                let (last_access, last_modification) = (time, time);
                futimens(file, &Timestamps { last_access, last_modification })?;
            }
            commit(last, false)?;
            if !goes_on() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// So many parts of a disk at most have files.
const PLACES: usize = 16;

/// Directories all over the disk: xfs gives each new one to another part of it, and a file
/// to that of its directory. Their names are gone; xfs makes files without a name in them
/// nevertheless.
fn places(dir: &Path) -> Vec<OwnedFd> {
    let make = || {
        let directory = tempfile::Builder::new().prefix(".poof-").tempdir_in(dir)?;
        let handle = File::open(directory.path())?;
        directory.close()?;
        Ok(handle.into())
    };
    (0..PLACES).filter_map(|_: usize| io::Result::<OwnedFd>::ok(make())).collect()
}

#[cfg(target_os = "linux")]
fn commit(file: &File, all: bool) -> io::Result<()> {
    if all { Ok(rustix::fs::syncfs(file)?) } else { Ok(rustix::fs::fsync(file)?) }
}

#[cfg(not(target_os = "linux"))]
fn commit(file: &File, _: bool) -> io::Result<()> {
    Ok(rustix::fs::fsync(file)?)
}

/// The longest value that is one block of metadata, in bytes.
fn length(kind: &str, block: u64) -> u64 {
    let block = block.clamp(512, LONGEST);
    let most = match kind {
        // Larger ones are outside of the leaf, and go past the log
        // (`xfs_attr_leaf_entsize_local_max`, fs/xfs/libxfs/xfs_da_format.h).
        "xfs" => block / 4 * 3,
        _ => block,
    };
    most - BESIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_fits_into_a_block() {
        assert_eq!(length("ext4", 4096), 3968);
        assert_eq!(length("ext4", 1024), 896);
        assert_eq!(length("xfs", 4096), 2944);
        assert_eq!(length("btrfs", 65536), 3968);
        assert_eq!(length("xfs", 512), 256);
    }

    #[test]
    fn it_writes_as_much_as_it_is_told_and_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        // Not every file system of a machine that builds poof takes attributes.
        let Ok(mut churn) = Churn::new(dir.path(), "ext4") else { return };
        let mut last = 0;
        let Ok(true) = churn.run(10_000, false, &mut |done| {
            last = done;
            true
        }) else {
            return;
        };
        assert_eq!(last, 10_000);
        assert!(!churn.run(10_000, false, &mut |_| false).unwrap());
        assert!(!churn.run_fast(&mut || false).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a name");
    }
}
