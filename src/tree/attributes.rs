//! The attributes of an entry that are more than a number: extended attributes,
//! among them ACLs; and how all are set again.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chmodat, chownat,
    utimensat,
};
use rustix::io::Errno;

use crate::host::disk;

use super::entry::{Attributes, Entry, EntryKind, Time};

type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Extended attributes that the system makes by itself, and those that say
/// something of this machine alone.
const NOT_OURS: [&[u8]; 3] = [b"security.selinux", b"security.ima", b"security.evm"];

/// The extended attributes of an open file or directory.
///
/// # Errors
/// They cannot be read.
pub fn of_handle(handle: &OwnedFd) -> io::Result<Xattrs> {
    of_path(&disk::path_of(handle)?, true)
}

/// Those of a name in a directory; a link is not followed.
///
/// # Errors
/// They cannot be read.
pub fn of_name(dir: &OwnedFd, name: &CStr) -> io::Result<Xattrs> {
    of_path(&beside(dir, name)?, false)
}

/// A path to `name` through the handle of its directory.
fn beside(dir: &OwnedFd, name: &CStr) -> io::Result<CString> {
    let mut path = disk::path_of(dir)?.into_bytes();
    path.push(b'/');
    path.extend_from_slice(name.to_bytes());
    Ok(CString::new(path)?)
}

fn of_path(path: &CStr, follow: bool) -> io::Result<Xattrs> {
    let mut names = vec![0; 1024];
    let size = loop {
        let listed = if follow {
            rustix::fs::listxattr(path, &mut names[..])
        } else {
            rustix::fs::llistxattr(path, &mut names[..])
        };
        match listed {
            Ok(size) => break size,
            Err(Errno::RANGE) => names.resize(names.len() * 4, 0),
            Err(Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut found = Vec::new();
    for name in names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if NOT_OURS.contains(&name) {
            continue;
        }
        let c_name = CString::new(name)?;
        let mut value = vec![0; 4096];
        let size = loop {
            let read = if follow {
                rustix::fs::getxattr(path, &c_name, &mut value[..])
            } else {
                rustix::fs::lgetxattr(path, &c_name, &mut value[..])
            };
            match read {
                Ok(size) => break Some(size),
                Err(Errno::RANGE) => value.resize(value.len() * 4, 0),
                // Gone since, or not for this user to see.
                Err(Errno::NODATA | Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => break None,
                Err(error) => return Err(error.into()),
            }
        };
        if let Some(size) = size {
            value.truncate(size);
            found.push((name.to_vec(), value));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What this user is able to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Everything.
    Root,
    /// Nothing that belongs to somebody else.
    Owner,
}

impl Power {
    pub fn of_this_process() -> Self {
        if rustix::process::geteuid().is_root() { Power::Root } else { Power::Owner }
    }

    /// Whether an extended attribute can be set.
    fn sets(self, name: &[u8]) -> bool {
        self == Power::Root || name.starts_with(b"user.") || name.starts_with(b"system.posix_acl")
    }

    fn settable(self, xattrs: &Xattrs) -> Xattrs {
        xattrs.iter().filter(|(name, _)| self.sets(name)).cloned().collect()
    }

    /// The mode that something gets which belongs to `uid` and `gid` here. What
    /// runs with the rights of its owner must not do so for another.
    fn mode(self, wanted: &Attributes, uid: u32, gid: u32) -> u32 {
        let foreign = (wanted.uid, wanted.gid) != (uid, gid);
        if self == Power::Owner && foreign { wanted.mode & 0o1777 } else { wanted.mode }
    }

    /// Whether two entries of a kind differ in something that this user can set.
    pub fn differ(self, wanted: &Entry, found: &Entry) -> bool {
        let (a, b) = (&wanted.attributes, &found.attributes);
        let link = matches!(wanted.kind, EntryKind::Symlink { .. });
        let owner = self == Power::Root && (a.uid, a.gid) != (b.uid, b.gid);
        owner
            || !link && self.mode(a, b.uid, b.gid) != b.mode
            || a.mtime != b.mtime
            || self.settable(&a.xattrs) != self.settable(&b.xattrs)
    }
}

/// What could not be set without anything being wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Short {
    /// The owner is another than it should be, which only root can change.
    pub owner: bool,
    /// An extended attribute that is refused here.
    pub xattr: Option<String>,
}

/// Gives `name` in `dir` the attributes of `entry`.
///
/// # Errors
/// One of them cannot be set.
pub fn apply(dir: &OwnedFd, name: &CStr, entry: &Entry, power: Power) -> io::Result<Short> {
    let wanted = &entry.attributes;
    let link = matches!(entry.kind, EntryKind::Symlink { .. });
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let foreign = (stat.st_uid, stat.st_gid) != (wanted.uid, wanted.gid);
    if foreign && power == Power::Root {
        // Before the mode: it takes setuid and setgid away.
        let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
        chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    let path = beside(dir, name)?;
    let present = power.settable(&of_path(&path, false)?);
    let xattrs = power.settable(&wanted.xattrs);
    let mut refused = None;
    if present != xattrs {
        if !link {
            // User attributes want that for a moment.
            let open = Mode::from_raw_mode(wanted.mode | 0o600);
            chmodat(dir, name, open, AtFlags::empty())?;
        }
        refused = set_xattrs(&path, &present, &xattrs)?;
    }
    if !link {
        // After the ACL, whose mask it is in part.
        let mode = power.mode(wanted, stat.st_uid, stat.st_gid);
        chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
    }
    utimensat(dir, name, &times(wanted.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Short { owner: foreign && power == Power::Owner, xattr: refused })
}

/// Returns the name of one that is refused: by a file system that has none, or
/// by the rules of this system.
fn set_xattrs(path: &CStr, present: &Xattrs, wanted: &Xattrs) -> io::Result<Option<String>> {
    let mut refused = None;
    for (key, _) in present {
        if !wanted.iter().any(|(name, _)| name == key) {
            match rustix::fs::lremovexattr(path, &CString::new(key.as_slice())?) {
                Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    for pair in wanted.iter().filter(|pair| !present.contains(pair)) {
        let key = CString::new(pair.0.as_slice())?;
        match rustix::fs::lsetxattr(path, &key, &pair.1, XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => {
                refused = Some(String::from_utf8_lossy(&pair.0).into_owned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(refused)
}

fn times(mtime: Time) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanos.into() },
    }
}
