//! What is done to names in open directories.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, fchmod, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use crate::host::flags;
use crate::host::itself::Itself;

pub fn open_directory(dir: &OwnedFd, name: &CString) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, name, flags, Mode::empty())?)
}

/// Renames what is made to its place. What is `new` is so because nothing was there:
/// what is there all the same is somebody's, or another entry of the snapshot that this
/// disk takes for the same name, and stays.
pub fn put(
    from: &OwnedFd,
    made: &CString,
    dir: &OwnedFd,
    name: &CString,
    new: bool,
) -> Result<(), Errno> {
    if !new {
        return match renameat(from, made, dir, name) {
            Err(Errno::PERM) if made_way(&Errno::PERM.into(), dir, name) => {
                renameat(from, made, dir, name)
            }
            other => other,
        };
    }
    match renameat_with(from, made, dir, name, RenameFlags::NOREPLACE) {
        // Not on every file system.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => renameat(from, made, dir, name),
                Err(error) => Err(error),
                Ok(_) => Err(Errno::EXIST),
            }
        }
        other => other,
    }
}

/// Whether `error` came from a lock on `name` that is its owner's own, and gone now. On
/// Linux it is root who has locked it, and it stays.
pub fn made_way(error: &io::Error, dir: &OwnedFd, name: &CString) -> bool {
    let unlock = || Itself::at(dir, name)?.unlock();
    flags::ON_MACOS
        && error.raw_os_error() == Some(libc::EPERM)
        && unlock().is_ok_and(|had| had.is_some())
}

/// Does something in `dir`, which is made writable if it has to be.
pub fn writably<T>(dir: &OwnedFd, act: impl Fn() -> Result<T, Errno>) -> io::Result<T> {
    match act() {
        Err(Errno::ACCESS) => {
            make_writable(dir)?;
            Ok(act()?)
        }
        Err(Errno::PERM) if made_way(&Errno::PERM.into(), dir, &c".".to_owned()) => Ok(act()?),
        other => Ok(other?),
    }
}

/// For as long as the work takes: its attributes come last.
pub fn make_writable(dir: &OwnedFd) -> io::Result<()> {
    Ok(fchmod(dir, Mode::RWXU)?)
}

pub fn remove_any(dir: &OwnedFd, name: &CString) -> io::Result<()> {
    match unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn what_is_new_replaces_nothing_that_came_up_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let handle = OwnedFd::from(File::open(dir.path()).unwrap());
        let [made, name, free] = [c"made", c"name", c"free"].map(std::ffi::CStr::to_owned);
        fs::write(dir.path().join("made"), "fetched").unwrap();
        fs::write(dir.path().join("name"), "somebody's").unwrap();
        assert_eq!(put(&handle, &made, &handle, &name, true), Err(Errno::EXIST));
        assert_eq!(fs::read(dir.path().join("name")).unwrap(), b"somebody's");
        assert_eq!(fs::read(dir.path().join("made")).unwrap(), b"fetched");
        put(&handle, &made, &handle, &name, false).unwrap();
        assert_eq!(fs::read(dir.path().join("name")).unwrap(), b"fetched");
        put(&handle, &name, &handle, &free, true).unwrap();
        assert_eq!(fs::read(dir.path().join("free")).unwrap(), b"fetched");
    }
}
