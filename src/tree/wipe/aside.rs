//! A name goes in two steps: what it is the name of is moved to where nobody else works, looked
//! at there, and only then removed. Between a look and a removal in place an editor could
//! have put a new version there, which would be lost.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Stat, renameat, statat, unlinkat};

use super::stays::{REPLACED, Stays};
use crate::host::erase::{self, FillPattern};
use crate::host::stat::id;
use crate::tree::scan::at_calls::put;
use crate::tree::scan::staging::Stage;
use crate::tree::scan::walk::STAGE;

pub struct Aside {
    stage: Stage,
    /// Of the tree: what nobody may have proven finds its place there at the latest.
    root: OwnedFd,
    next: AtomicU64,
    /// Something that is not proven is in it, and could not go back.
    kept: AtomicBool,
}

impl Aside {
    /// What a run that was killed has left there is proven, or was fetched: it goes first.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(root: &OwnedFd, noise: &FillPattern) -> io::Result<Self> {
        // Of a file with other names it is an error that its content stays.
        let _ = erase::all(root, &CString::new(STAGE)?, Some(noise));
        let stage = Stage::make(root)?;
        let root = root.try_clone()?;
        Ok(Aside { stage, root, next: AtomicU64::new(0), kept: AtomicBool::new(false) })
    }

    /// Removes `name` from `dir` if it is that of `file`. False: it cannot be moved, for it is
    /// on another file system, or locked.
    ///
    /// # Errors
    /// It is the name of something else, which is back at its place, or beside it.
    pub fn remove(&self, dir: &OwnedFd, name: &CStr, file: &Stat) -> Result<bool, Stays> {
        let own = Stage::staged(self.next.fetch_add(1, Ordering::Relaxed))?;
        if renameat(dir, name, self.stage.handle(), &own).is_err() {
            return Ok(false);
        }
        let moved = statat(self.stage.handle(), &own, AtFlags::SYMLINK_NOFOLLOW);
        if !moved.is_ok_and(|moved| is_same(&moved, file)) {
            return Err(self.give_back(&own, dir, name));
        }
        if let Err(error) = unlinkat(self.stage.handle(), &own, AtFlags::empty()) {
            // The report of what is left has its real name.
            let _ = put(self.stage.handle(), &own, dir, &name.into(), true);
            return Err(error.into());
        }
        Ok(true)
    }

    fn give_back(&self, own: &CString, dir: &OwnedFd, name: &CStr) -> Stays {
        if put(self.stage.handle(), own, dir, &name.into(), true).is_ok() {
            return Stays::unproven(REPLACED);
        }
        // Something has come there once more. In the stage it may not stay: the next run
        // removes that.
        for (place, where_) in [(dir, "in the same directory"), (&self.root, "at the top")] {
            for number in 1..100 {
                let other = format!("poof-kept-{number}");
                let Ok(beside) = CString::new(other.as_str()) else { break };
                if put(self.stage.handle(), own, place, &beside, true).is_ok() {
                    return Stays::unproven(&format!(
                        "{REPLACED}, twice: what came first is {other} {where_} now"
                    ));
                }
            }
        }
        self.kept.store(true, Ordering::Relaxed);
        let own = own.to_string_lossy();
        Stays::unproven(&format!(
            "{REPLACED}: it is {own} in {STAGE} now; move it from there before another upload"
        ))
    }

    /// Removes the stage, unless something is kept in it; whether that is so.
    pub fn finish(self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }
}

/// However the wipe ends.
impl Drop for Aside {
    fn drop(&mut self) {
        if !self.kept.load(Ordering::Relaxed) {
            // What is left of it is removed with the directories, or by the next run.
            let _ = self.stage.remove(&self.root);
        }
    }
}

/// Whether the file that was moved is the one that was looked at, with the size that it had then. The
/// number of what nobody has open may be another's by now.
fn is_same(moved: &Stat, file: &Stat) -> bool {
    let kind = FileType::from_raw_mode(file.st_mode);
    let time = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec);
    id(moved) == id(file)
        && FileType::from_raw_mode(moved.st_mode) == kind
        && moved.st_size == file.st_size
        && (kind.is_file() || time(moved) == time(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    fn stat(dir: &OwnedFd, name: &CStr) -> Stat {
        statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).unwrap()
    }

    #[test]
    fn what_is_not_the_file_is_back_at_its_place_or_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let handle = OwnedFd::from(File::open(root.path()).unwrap());
        let noise = FillPattern::new().unwrap();
        let aside = Aside::make(&handle, &noise).unwrap();
        for name in ["proven", "new"] {
            fs::write(at(name), name).unwrap();
        }
        let proven = stat(&handle, c"proven");
        // An editor saves.
        fs::rename(at("new"), at("proven")).unwrap();
        let stays = aside.remove(&handle, c"proven", &proven).unwrap_err();
        assert_eq!(stays, Stays::unproven(REPLACED));
        assert_eq!(fs::read(at("proven")).unwrap(), b"new");
        // The same file, written to.
        let proven = stat(&handle, c"proven");
        fs::write(at("proven"), "longer").unwrap();
        assert!(aside.remove(&handle, c"proven", &proven).is_err());
        assert_eq!(fs::read(at("proven")).unwrap(), b"longer");
        // And once more, while it is looked at.
        let own = Stage::staged(99).unwrap();
        fs::write(at(STAGE).join("99"), "first").unwrap();
        let stays = aside.give_back(&own, &handle, c"proven");
        assert!(stays.why.contains("poof-kept-1 in the same directory"), "{stays:?}");
        assert_eq!(fs::read(at("poof-kept-1")).unwrap(), b"first");
        assert_eq!(fs::read(at("proven")).unwrap(), b"longer");
        // Where the directory takes nothing any more, it comes to the top.
        fs::create_dir(at("sub")).unwrap();
        for number in 1..100 {
            fs::write(at("sub").join(format!("poof-kept-{number}")), "").unwrap();
        }
        fs::write(at("sub/proven"), "last").unwrap();
        fs::write(at(STAGE).join("99"), "second").unwrap();
        let sub = OwnedFd::from(File::open(at("sub")).unwrap());
        let stays = aside.give_back(&own, &sub, c"proven");
        assert!(stays.why.contains("poof-kept-2 at the top"), "{stays:?}");
        assert_eq!(fs::read(at("poof-kept-2")).unwrap(), b"second");
        let proven = stat(&handle, c"proven");
        assert!(aside.remove(&handle, c"proven", &proven).unwrap());
        assert!(!at("proven").exists());
        assert!(!aside.finish() && !at(STAGE).exists());
        // What a run that was killed has left.
        fs::create_dir(at(STAGE)).unwrap();
        fs::write(at(STAGE).join("0"), "left").unwrap();
        assert!(!Aside::make(&handle, &noise).unwrap().finish() && !at(STAGE).exists());
    }
}
