//! The directory in which a restore collects files before they go to their places, and to
//! which a wipe moves what it removes: this user's alone, and reached by its handle, so
//! that nobody can have a file written anywhere else, or exchange what is in it.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::at_calls::{make_writable, open_directory};
use super::moved::{self, Foreign, PROBE};
use super::walk::STAGE;
use crate::host::erase::{self, FillPattern};
use crate::host::resolve::is_empty;
use crate::host::stat::id;

pub struct Stage(OwnedFd);

impl Stage {
    /// Makes an empty stage in `root`. What a download that was killed has left there is
    /// of no use, and what a wipe has left there is proven.
    ///
    /// # Errors
    /// It cannot be made, or somebody else has put something into its place, or it holds
    /// what is not proven.
    pub fn make(root: &OwnedFd) -> io::Result<Self> {
        let make = || -> io::Result<()> {
            clear(root, None)?;
            Ok(mkdirat(root, name()?, Mode::RWXU)?)
        };
        match make() {
            // A directory that is read-only to its owner.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                make_writable(root)?;
                make()?;
            }
            other => other?,
        }
        let dir = open_directory(root, &name()?)?;
        if is_own(&dir)? && is_empty(&dir)? {
            return Ok(Stage(dir));
        }
        Err(io::Error::other(format!("something else has come to the place of {STAGE}")))
    }

    pub fn handle(&self) -> &OwnedFd {
        &self.0
    }

    /// The name of what is collected under a number.
    pub fn staged(id: u64) -> io::Result<CString> {
        Ok(CString::new(id.to_string())?)
    }

    /// Opens what is collected.
    ///
    /// # Errors
    /// It is not there.
    pub fn open(&self, name: &CStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Removes it with what is left in it. If it was moved, it stays where it is, empty.
    ///
    /// # Errors
    /// Something cannot be removed, or is not proven and stays.
    pub fn remove(&self, root: &OwnedFd) -> io::Result<()> {
        let Stage(dir) = self;
        holds_nothing_foreign(dir)?;
        erase::within(dir)?;
        match statat(root, name()?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if id(&found) == id(&fstat(dir)?) => {
                Ok(unlinkat(root, name()?, AtFlags::REMOVEDIR)?)
            }
            _ => Ok(()),
        }
    }
}

fn name() -> io::Result<CString> {
    Ok(CString::new(STAGE)?)
}

/// Opens the stage that a run of this user has left in `root`, if there is one.
///
/// # Errors
/// It cannot be read.
pub fn left(root: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(root, name()?, flags, Mode::empty()) {
        // Somebody else's is nothing that was moved by us.
        Ok(dir) => Ok(is_own(&dir)?.then_some(dir)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes the stage that a run before has left in `root`, and with a noise overwrites what
/// is in it.
///
/// # Errors
/// Something cannot be removed, or is not proven and stays, with all others.
pub fn clear(root: &OwnedFd, noise: Option<&FillPattern>) -> io::Result<()> {
    if let Some(stage) = left(root)? {
        holds_nothing_foreign(&stage)?;
    }
    erase::all(root, &name()?, noise)
}

fn holds_nothing_foreign(stage: &OwnedFd) -> io::Result<()> {
    let Some(Foreign { name, .. }) = moved::foreign(stage)?.into_iter().next() else {
        return Ok(());
    };
    let name = name.to_string_lossy();
    Err(io::Error::other(format!(
        "in {STAGE} there is {name}, which nobody has proven; move it from there"
    )))
}

/// Makes a file that is not there: nothing that is, no link and no other name of a file,
/// is written to.
///
/// # Errors
/// Something is there, or it cannot be made.
pub fn create(dir: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?)
}

/// Whether this user alone can write in a directory. Some disks have one owner for
/// everything, who is then also that of what this user makes.
fn is_own(dir: &OwnedFd) -> io::Result<bool> {
    let stat = fstat(dir)?;
    if is_ours_alone(&stat, geteuid().as_raw()) {
        return Ok(true);
    }
    let probe = create(dir, PROBE)?;
    let made = fstat(&probe)?;
    unlinkat(dir, PROBE, AtFlags::empty())?;
    Ok(made.st_uid == stat.st_uid && !is_ours_alone(&made, geteuid().as_raw()))
}

fn is_ours_alone(stat: &Stat, us: u32) -> bool {
    stat.st_uid == us && !Mode::from_raw_mode(stat.st_mode).intersects(Mode::RWXG | Mode::RWXO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_in_the_place_of_the_stage_goes_and_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (root, other) = (dir.path().join("root"), dir.path().join("other"));
        for dir in [&root, &other] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(other.join("kept"), "x").unwrap();
        symlink(&other, root.join(STAGE)).unwrap();
        let handle = OwnedFd::from(File::open(&root).unwrap());
        let stage = Stage::make(&handle).unwrap();
        create(stage.handle(), &Stage::staged(7).unwrap()).unwrap();
        assert!(root.join(STAGE).join("7").exists());
        assert!(create(stage.handle(), c"7").is_err(), "nothing is written over");
        // Its owner moves it, and puts a link there.
        fs::rename(root.join(STAGE), root.join("moved")).unwrap();
        symlink(&other, root.join(STAGE)).unwrap();
        create(stage.handle(), c"8").unwrap();
        stage.remove(&handle).unwrap();
        assert_eq!(fs::read_dir(root.join("moved")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    }
}
