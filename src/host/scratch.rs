//! A directory for what is needed for a moment and names files of the user: it is
//! overwritten when it goes.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tempfile::TempDir;

use super::erase::{self, FillPattern};

const PREFIX: &str = "scratch-";

/// Wiped when it is dropped.
pub struct Scratch {
    dir: TempDir,
    /// Locked while it lives: the sweep of another run leaves it alone.
    _lock: Option<File>,
}

impl Scratch {
    /// # Errors
    /// It cannot be made.
    pub fn below(dir: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(dir)?;
        let lock = File::open(dir.path()).ok();
        let lock = lock.filter(|dir| flock(dir, FlockOperation::NonBlockingLockShared).is_ok());
        Ok(Scratch { dir, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be overwritten is removed all the same.
        let _ = FillPattern::new().and_then(|noise| erase::directory(self.path(), &noise));
    }
}

/// Whether a run that lives has locked it.
fn is_in_use(scratch: &Path) -> bool {
    let Ok(dir) = File::open(scratch) else { return false };
    flock(&dir, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}

/// Wipes what runs that were killed have left below a directory.
///
/// # Errors
/// It cannot be wiped.
pub fn sweep(dir: &Path) -> io::Result<()> {
    let noise = FillPattern::new()?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_scratch = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if is_scratch && !is_in_use(&entry.path()) {
            erase::directory(&entry.path(), &noise)?;
        }
    }
    Ok(())
}

/// What the names of the directories of `poof demo` begin with; the number of the process
/// follows.
pub const DEMO: &str = "poof-demo-";

/// Whether the `poof demo` is at work that has made the directory of this name.
pub fn is_at_work(name: &[u8]) -> bool {
    let number = name.strip_prefix(DEMO.as_bytes()).and_then(|rest| {
        let number = rest.split(|byte| *byte == b'-').next()?;
        str::from_utf8(number).ok()?.parse().ok()
    });
    let process = number.and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_among_them_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (state, other) = (dir.path().join("state"), dir.path().join("other"));
        for dir in [&state, &other] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(other.join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(&other, state.join("scratch-planted")).unwrap();
        std::os::unix::fs::symlink(other.join("kept"), state.join("scratch-file")).unwrap();
        sweep(&state).unwrap();
        assert_eq!(fs::read(other.join("kept")).unwrap(), b"x");
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(dir.path()).unwrap();
        fs::write(scratch.path().join("names"), "secret").unwrap();
        let other = Scratch::below(dir.path()).unwrap();
        let at_work = Scratch::below(dir.path()).unwrap();
        fs::write(dir.path().join("kept"), "x").unwrap();
        drop(other);
        let count = || fs::read_dir(dir.path()).unwrap().count();
        sweep(dir.path()).unwrap();
        assert_eq!(count(), 3, "both are in use");
        // A process that is gone holds no lock.
        let path = scratch.path().to_path_buf();
        let copy = dir.path().join("scratch-killed");
        fs::create_dir(&copy).unwrap();
        fs::copy(path.join("names"), copy.join("names")).unwrap();
        sweep(dir.path()).unwrap();
        assert!(!copy.exists() && path.exists() && at_work.path().exists());
        drop((scratch, at_work));
        assert_eq!(count(), 1);
        assert!(dir.path().join("kept").exists());
    }
}
