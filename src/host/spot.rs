//! Which directory is at a path, and on which mount: a file system that was mounted over it,
//! or over one above, has another beside the one that is open.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD};

use super::stat::Id;

/// A directory as the system tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    id: Id,
    /// The number of the mount; None where the system does not tell.
    mount: Option<u64>,
}

impl Spot {
    /// Of an open directory.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn of(dir: &OwnedFd) -> io::Result<Self> {
        look(dir, Look::Open)
    }

    /// What is at a path now. It is only looked at: no link at its end is followed, and
    /// nothing is opened.
    ///
    /// # Errors
    /// Nothing is there, or this user may not go there.
    pub fn at(path: &Path) -> io::Result<Self> {
        look(CWD, Look::At(path))
    }

    /// The same of a path from an open directory.
    ///
    /// # Errors
    /// As [`Spot::at`].
    pub fn below(dir: &OwnedFd, path: &Path) -> io::Result<Self> {
        look(dir, Look::At(path))
    }

    /// Whether both are on the same mount. Some disks give new numbers to what they hold at
    /// any time.
    pub fn is_beside(&self, other: &Self) -> bool {
        (self.id.0, self.mount) == (other.id.0, other.mount)
    }
}

#[derive(Clone, Copy)]
enum Look<'a> {
    Open,
    At(&'a Path),
}

#[cfg(target_os = "linux")]
fn look(dir: impl AsFd, look: Look) -> io::Result<Spot> {
    use rustix::fs::{StatxFlags, makedev, statx};
    use rustix::io::Errno;

    const MOUNT: StatxFlags = StatxFlags::MNT_ID;
    let found = match look {
        Look::Open => statx(&dir, c"", AtFlags::EMPTY_PATH, StatxFlags::INO | MOUNT),
        Look::At(path) => statx(&dir, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO | MOUNT),
    };
    match found {
        Ok(found) => {
            let told = StatxFlags::from_bits_retain(found.stx_mask).contains(MOUNT);
            let device = makedev(found.stx_dev_major, found.stx_dev_minor);
            Ok(Spot { id: (device, found.stx_ino), mount: told.then_some(found.stx_mnt_id) })
        }
        // Before Linux 4.11, or forbidden to a container.
        Err(Errno::NOSYS | Errno::PERM) => by_stat(dir, look),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn look(dir: impl AsFd, look: Look) -> io::Result<Spot> {
    by_stat(dir, look)
}

fn by_stat(dir: impl AsFd, look: Look) -> io::Result<Spot> {
    use super::stat::id;
    use rustix::fs::{fstat, statat};

    let found = match look {
        Look::Open => fstat(dir)?,
        Look::At(path) => statat(dir, path, AtFlags::SYMLINK_NOFOLLOW)?,
    };
    Ok(Spot { id: id(&found), mount: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn a_directory_is_where_it_was_until_another_is_there() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("dir");
        fs::create_dir(&path).unwrap();
        let above = OwnedFd::from(File::open(root.path()).unwrap());
        let dir = OwnedFd::from(File::open(&path).unwrap());
        let was = Spot::of(&dir).unwrap();
        for find in [by_stat(&dir, Look::Open), by_stat(&above, Look::At(Path::new("dir")))] {
            assert_eq!(find.unwrap().id, was.id);
        }
        assert_eq!(Spot::at(&path).unwrap(), was);
        assert_eq!(Spot::below(&above, Path::new("dir")).unwrap(), was);
        fs::rename(&path, root.path().join("moved")).unwrap();
        assert_eq!(Spot::at(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        let now = Spot::at(&path).unwrap();
        assert!(now != was && now.is_beside(&was));
        // What is mounted at /proc is on no disk.
        assert!(
            !Path::new("/proc/self").exists()
                || !was.is_beside(&Spot::at(Path::new("/proc")).unwrap())
        );
    }
}
