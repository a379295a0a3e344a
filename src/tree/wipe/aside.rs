//! A name goes in two steps: what it is the name of is moved to where nobody else works, looked
//! at there, and only then removed. Between a look and a removal in place an editor could
//! have put a new version there, which would be lost.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{AtFlags, Stat, fstat, renameat, statat, unlinkat};

use super::stays::{REPLACED, Stays};
use crate::host::erase::FillPattern;
use crate::tree::scan::at_calls::put;
use crate::tree::scan::moved::{Moved, Numbered};
use crate::tree::scan::staging::{Stage, clear};
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
    /// It cannot be made, or holds what is not proven.
    pub fn make(root: &OwnedFd, noise: &FillPattern) -> io::Result<Self> {
        // Of a file with other names it is an error that its content stays.
        let _ = clear(root, Some(noise));
        let stage = Stage::make(root)?;
        let root = root.try_clone()?;
        Ok(Aside { stage, root, next: AtomicU64::new(0), kept: AtomicBool::new(false) })
    }

    /// Removes `name` from `dir` if it is that of `file`, which is an `entry`. False: it
    /// cannot be moved, for it is on another file system, or locked.
    ///
    /// # Errors
    /// It is the name of something else, which is back at its place, or beside it.
    pub fn remove(
        &self,
        dir: &OwnedFd,
        name: &CStr,
        file: &Stat,
        entry: Option<Numbered>,
    ) -> Result<bool, Stays> {
        let Some((own, moved)) = self.take(dir, name, file, entry)? else { return Ok(false) };
        let found = statat(self.stage.handle(), &own, AtFlags::SYMLINK_NOFOLLOW);
        if !found.is_ok_and(|found| moved.is(&found)) {
            return Err(self.give_back(&own, dir, name));
        }
        if let Err(error) = unlinkat(self.stage.handle(), &own, AtFlags::empty()) {
            // The report of what is left has its real name.
            let _ = put(self.stage.handle(), &own, dir, &name.into(), true);
            return Err(error.into());
        }
        Ok(true)
    }

    /// Moves a name to the stage. What it has to be is in its name there, before anybody
    /// has looked at it: another run may have to.
    pub(super) fn take(
        &self,
        dir: &OwnedFd,
        name: &CStr,
        file: &Stat,
        entry: Option<Numbered>,
    ) -> Result<Option<(CString, Moved)>, Stays> {
        let moved = Moved::new(entry, &fstat(dir)?, file);
        let own = moved.name(self.next.fetch_add(1, Ordering::Relaxed))?;
        let done = renameat(dir, name, self.stage.handle(), &own);
        Ok(done.is_ok().then_some((own, moved)))
    }

    fn give_back(&self, own: &CStr, dir: &OwnedFd, name: &CStr) -> Stays {
        let twice = |other: &str, where_: &str| {
            let what = format!("{REPLACED}, twice: what came first is {other} {where_} now");
            Stays::unproven(&what)
        };
        match put_back(self.stage.handle(), own, Some((dir, name)), &self.root) {
            Some(PutBack::Own) => Stays::unproven(REPLACED),
            Some(PutBack::Beside(other)) => twice(&other, "in the same directory"),
            Some(PutBack::Top(other)) => twice(&other, "at the top"),
            None => {
                self.kept.store(true, Ordering::Relaxed);
                let own = own.to_string_lossy();
                Stays::unproven(&format!("{REPLACED}: it is {own} in {STAGE} now"))
            }
        }
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

/// Where something is that was in the stage.
#[derive(Debug, PartialEq, Eq)]
pub enum PutBack {
    /// At its place.
    Own,
    /// In the same directory, under this name.
    Beside(String),
    /// At the top of the tree.
    Top(String),
}

/// Puts what is in the stage back to its `place`, or beside it, or to the top of the tree,
/// wherever nothing is. None: it is where it was.
pub fn put_back(
    stage: &OwnedFd,
    own: &CStr,
    place: Option<(&OwnedFd, &CStr)>,
    root: &OwnedFd,
) -> Option<PutBack> {
    let own = own.to_owned();
    if let Some((dir, name)) = place
        && put(stage, &own, dir, &name.into(), true).is_ok()
    {
        return Some(PutBack::Own);
    }
    let beside = |dir: &OwnedFd| {
        let free = |other: &String| {
            let other = CString::new(other.as_str());
            other.is_ok_and(|other| put(stage, &own, dir, &other, true).is_ok())
        };
        (1..100).map(|number| format!("poof-kept-{number}")).find(free)
    };
    let there = place.and_then(|(dir, _)| beside(dir)).map(PutBack::Beside);
    there.or_else(|| beside(root).map(PutBack::Top))
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
        let stays = aside.remove(&handle, c"proven", &proven, None).unwrap_err();
        assert_eq!(stays, Stays::unproven(REPLACED));
        assert_eq!(fs::read(at("proven")).unwrap(), b"new");
        // The same file, written to.
        let proven = stat(&handle, c"proven");
        fs::write(at("proven"), "longer").unwrap();
        assert!(aside.remove(&handle, c"proven", &proven, None).is_err());
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
        assert!(aside.remove(&handle, c"proven", &proven, None).unwrap());
        assert!(!at("proven").exists());
        assert!(!aside.finish() && !at(STAGE).exists());
        // What a run that was killed has left.
        fs::create_dir(at(STAGE)).unwrap();
        fs::write(at(STAGE).join("0"), "left").unwrap();
        assert!(!Aside::make(&handle, &noise).unwrap().finish() && !at(STAGE).exists());
    }
}
