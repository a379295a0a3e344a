//! The attributes of an entry that are more than a number: extended attributes,
//! among them ACLs, and the flags of macOS; and how all are set again.

mod read;

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chmodat, chownat,
    utimensat,
};
use rustix::io::Errno;

use read::{FLAGS, Xattrs, beside, of_path};

use super::entry::{Attributes, Entry, EntryKind, Time};
use crate::host::macos::{flags, xattrs};

pub use read::{Found, flags_of, of_handle, of_name, with_flags};

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
        let own = |start: &&[u8]| name.starts_with(start);
        xattrs::can_be(flags::HERE, name)
            && (self == Power::Root
                || flags::HERE
                || [&b"user."[..], b"system.posix_acl"].iter().any(own))
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
    /// It has attributes that only another system can have.
    pub foreign: bool,
}

/// Gives `name` in `dir` the attributes of `entry`, but for its flags, of which it has
/// none then that lock it: they come when it is in its place.
///
/// # Errors
/// One of them cannot be set.
pub fn apply(dir: &OwnedFd, name: &CStr, entry: &Entry, power: Power) -> io::Result<Short> {
    let wanted = &entry.attributes;
    let link = matches!(entry.kind, EntryKind::Symlink { .. });
    flags::unlock(dir, name)?;
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let foreign = (stat.st_uid, stat.st_gid) != (wanted.uid, wanted.gid);
    if foreign && power == Power::Root {
        // Before the mode: it takes setuid and setgid away.
        let (uid, gid) = (Uid::from_raw(wanted.uid), Gid::from_raw(wanted.gid));
        chownat(dir, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    let path = beside(dir, name)?;
    let present = power.settable(&of_path(&path, false)?.xattrs);
    let mut to_set = power.settable(&wanted.xattrs);
    to_set.retain(|(name, _)| name != FLAGS);
    let of_other_system = wanted.xattrs.iter().any(|(name, _)| !xattrs::can_be(flags::HERE, name));
    let mut refused = None;
    if present != to_set {
        if !link {
            // User attributes want that for a moment.
            let open = Mode::from_raw_mode(wanted.mode | 0o600);
            chmodat(dir, name, open, AtFlags::empty())?;
        }
        refused = set_xattrs(&path, &present, &to_set)?;
    }
    if !link {
        // After the ACL, whose mask it is in part.
        let mode = power.mode(wanted, stat.st_uid, stat.st_gid);
        chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
    }
    utimensat(dir, name, &times(wanted.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Short { owner: foreign && power == Power::Owner, xattr: refused, foreign: of_other_system })
}

/// Gives `name` in `dir` the flags of `entry`: the very last.
///
/// # Errors
/// They cannot be set.
pub fn seal(dir: &OwnedFd, name: &CStr, entry: &Entry, short: Short) -> io::Result<Short> {
    if !flags::HERE {
        return Ok(short);
    }
    let now = flags::of(&rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?);
    let Some(last) = flags::change(now, flags_of(&entry.attributes)).last else {
        return Ok(short);
    };
    match flags::set(dir, name, last) {
        Ok(()) => Ok(short),
        // A disk that has none.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(Short { xattr: Some("flags".to_owned()), ..short })
        }
        Err(error) => Err(error),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    // A snapshot of a Mac on Linux, and the other way round.
    #[test]
    fn what_only_another_system_can_have_is_no_difference_here() {
        let here = if flags::HERE { "com.apple.FinderInfo" } else { "user.x" };
        let away = if flags::HERE { "security.capability" } else { "com.apple.FinderInfo" };
        for power in [Power::Root, Power::Owner] {
            assert!(power.sets(here.as_bytes()) && !power.sets(away.as_bytes()), "{power:?}");
            assert_eq!(power.sets(FLAGS), flags::HERE);
        }
    }
}
