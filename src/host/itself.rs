//! What is at a name, opened for itself: a link is the link. What takes its place
//! afterwards is not touched, whoever has put it there.

use std::ffi::CStr;
#[cfg(not(target_os = "macos"))]
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Gid, Mode, OFlags, Stat, Timestamps, Uid, XattrFlags, fstat, openat};
use rustix::io::Errno;

use super::created::{self, Created};
use super::flags;
#[cfg(not(target_os = "macos"))]
use super::handle;
use super::stat::{self, Id, id};

/// A file, a directory, a link or anything else, and not its name.
pub struct Itself {
    handle: OwnedFd,
    stat: Stat,
    /// Where such a handle only says what it is of, the rest goes through this path, which
    /// leads to it and not to where a link leads.
    #[cfg(not(target_os = "macos"))]
    path: CString,
}

impl Itself {
    /// What is at `name` in `dir`. It need not be readable.
    ///
    /// # Errors
    /// Nothing is there, or the directory may not be searched.
    pub fn at(dir: impl AsFd, name: &CStr) -> io::Result<Self> {
        Self::of(open(dir, name)?)
    }

    /// What is open at a handle.
    ///
    /// # Errors
    /// The system does not tell what it is.
    pub fn of(handle: OwnedFd) -> io::Result<Self> {
        Ok(Itself {
            stat: fstat(&handle)?,
            #[cfg(not(target_os = "macos"))]
            path: handle::path_of(&handle)?,
            handle,
        })
    }

    /// As it was when it was opened.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    pub fn id(&self) -> Id {
        id(&self.stat)
    }

    /// As it is now: some disks give another number to what was renamed.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn id_now(&self) -> io::Result<Id> {
        Ok(id(&fstat(&self.handle)?))
    }

    pub fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Its flags, as they are now.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn flags(&self) -> io::Result<u32> {
        flags::of_open(&self.handle)
    }

    /// # Errors
    /// They cannot be set, or not on this system.
    pub fn set_flags(&self, wanted: u32) -> io::Result<()> {
        flags::set_open(&self.handle, &fstat(&self.handle)?, wanted)
    }

    /// When it was made, as it is now. None: its disk or this system does not say.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn created(&self) -> io::Result<Option<Created>> {
        Ok(created::of(&fstat(&self.handle)?))
    }

    /// Sets when it was made. An older time of its last change moves that, so it comes
    /// after the times.
    ///
    /// # Errors
    /// It cannot; [`io::ErrorKind::Unsupported`] if its disk or this system has none.
    #[cfg_attr(not(target_os = "macos"), allow(clippy::unused_self))]
    pub fn set_created(&self, wanted: Created) -> io::Result<()> {
        #[cfg(target_os = "macos")]
        return super::macos::created::set(&self.handle, wanted);
        #[cfg(not(target_os = "macos"))]
        {
            let _ = wanted;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Takes its locks. Returns the flags that it had, if there were any.
    ///
    /// # Errors
    /// It cannot.
    pub fn unlock(&self) -> io::Result<Option<u32>> {
        flags::unlock_open(&self.handle)
    }
}

#[cfg(not(target_os = "macos"))]
fn open(dir: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(dir, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(not(target_os = "macos"))]
impl Itself {
    /// # Errors
    /// It cannot be given away.
    pub fn chown(&self, uid: u32, gid: u32) -> Result<(), Errno> {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        let empty = rustix::fs::AtFlags::EMPTY_PATH;
        rustix::fs::chownat(&self.handle, c"", Some(uid), Some(gid), empty)
    }

    /// Not of a link, which has no mode.
    ///
    /// # Errors
    /// It cannot be set.
    pub fn chmod(&self, mode: u32) -> Result<(), Errno> {
        let flags = rustix::fs::AtFlags::empty();
        rustix::fs::chmodat(rustix::fs::CWD, &self.path, stat::mode(mode), flags)
    }

    /// # Errors
    /// They cannot be set.
    pub fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        let flags = rustix::fs::AtFlags::empty();
        rustix::fs::utimensat(rustix::fs::CWD, &self.path, times, flags)
    }

    /// # Errors
    /// They cannot be listed.
    pub fn list_xattrs(&self, names: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::listxattr(&self.path, names)
    }

    /// The size of its value.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn xattr_size(&self, name: &CStr) -> Result<usize, Errno> {
        rustix::fs::getxattr_query(&self.path, name)
    }

    /// # Errors
    /// It cannot be read.
    pub fn xattr(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::getxattr(&self.path, name, value)
    }

    /// # Errors
    /// It cannot be set.
    pub fn set_xattr(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        rustix::fs::setxattr(&self.path, name, value, XattrFlags::empty())
    }

    /// # Errors
    /// It cannot be removed.
    pub fn remove_xattr(&self, name: &CStr) -> Result<(), Errno> {
        rustix::fs::removexattr(&self.path, name)
    }
}

#[cfg(target_os = "macos")]
fn open(dir: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    use rustix::fs::{AtFlags, chmodat, statat};
    let link = OFlags::from_bits_retain(libc::O_SYMLINK.cast_unsigned());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | link;
    match openat(&dir, name, flags, Mode::empty()) {
        // Only its owner may change that, and root needs none of it.
        Err(Errno::ACCESS) => {
            let found = statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let mode = stat::mode(stat::permissions(&found)) | Mode::RUSR;
            chmodat(&dir, name, mode, AtFlags::SYMLINK_NOFOLLOW)?;
            openat(&dir, name, flags, Mode::empty())
        }
        other => other,
    }
}

#[cfg(target_os = "macos")]
impl Itself {
    /// # Errors
    /// It cannot be given away.
    pub fn chown(&self, uid: u32, gid: u32) -> Result<(), Errno> {
        rustix::fs::fchown(&self.handle, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
    }

    /// Not of a link, which has no mode.
    ///
    /// # Errors
    /// It cannot be set.
    pub fn chmod(&self, mode: u32) -> Result<(), Errno> {
        rustix::fs::fchmod(&self.handle, stat::mode(mode))
    }

    /// # Errors
    /// They cannot be set.
    pub fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        rustix::fs::futimens(&self.handle, times)
    }

    /// # Errors
    /// They cannot be listed.
    pub fn list_xattrs(&self, names: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::flistxattr(&self.handle, names)
    }

    /// The size of its value.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn xattr_size(&self, name: &CStr) -> Result<usize, Errno> {
        rustix::fs::fgetxattr_query(&self.handle, name)
    }

    /// # Errors
    /// It cannot be read.
    pub fn xattr(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::fgetxattr(&self.handle, name, value)
    }

    /// # Errors
    /// It cannot be set.
    pub fn set_xattr(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        rustix::fs::fsetxattr(&self.handle, name, value, XattrFlags::empty())
    }

    /// # Errors
    /// It cannot be removed.
    pub fn remove_xattr(&self, name: &CStr) -> Result<(), Errno> {
        rustix::fs::fremovexattr(&self.handle, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn what_is_set_is_set_of_what_was_opened_whatever_has_its_name_by_then() {
        let dir = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| dir.path().join(name));
        for path in [&mine, &other] {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let handle = File::open(dir.path()).unwrap();
        let here = Itself::at(&handle, c"mine").unwrap();
        fs::rename(&mine, dir.path().join("moved")).unwrap();
        symlink("other", &mine).unwrap();
        here.chmod(0o4755).unwrap();
        let mode = |name: &str| fs::symlink_metadata(dir.path().join(name)).unwrap().mode();
        assert_eq!((mode("moved") & 0o7777, mode("other") & 0o7777), (0o4755, 0o600));
        let link = Itself::at(&handle, c"mine").unwrap();
        assert_eq!(link.kind(), FileType::Symlink);
        assert_ne!(link.id(), here.id());
        let time = rustix::fs::Timespec { tv_sec: 7, tv_nsec: 0 };
        link.set_times(&Timestamps { last_access: time, last_modification: time }).unwrap();
        assert_eq!(fs::symlink_metadata(&mine).unwrap().mtime(), 7);
        assert_ne!(fs::metadata(&other).unwrap().mtime(), 7);
    }

    #[test]
    fn what_nobody_may_read_is_opened_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("closed");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        let here = Itself::at(File::open(dir.path()).unwrap(), c"closed").unwrap();
        here.chmod(0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
    }
}
