//! The attributes of an entry that are more than a number: extended attributes,
//! among them ACLs, and the flags that a person sets; and how all are set again.

mod carried;
mod disk;
mod read;

use std::ffi::CString;
use std::io::{self, ErrorKind};

use rustix::fs::{FileType, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use read::{created_of, is_foreign, is_in_no_disk, of_itself};

use crate::base::shown::name_of;
use crate::host::created::Created;
use crate::host::flags;
use crate::host::itself::Itself;
use crate::host::macos::xattrs;
use crate::tree::model::entry::{Attributes, Entry, EntryKind, Time};

pub use carried::carry_over;
pub use disk::Holds;
pub use read::{
    Found, Xattrs, as_known, flags_of, of_handle, of_name, same_but_for_created, with_created,
    with_flags, with_unread,
};

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
        !is_in_no_disk(name)
            && xattrs::can_be(flags::ON_MACOS, name)
            && (self == Power::Root
                || flags::ON_MACOS
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

    /// Whether two entries of a kind differ in something that this user can set, and
    /// that the disk can hold.
    pub fn differ(self, wanted: &Entry, found: &Entry, disk: Holds) -> bool {
        let (a, b) = (&wanted.attributes, &found.attributes);
        let link = matches!(wanted.kind, EntryKind::Symlink { .. });
        let owner = self == Power::Root && (a.uid, a.gid) != (b.uid, b.gid);
        let mode = !link && self.mode(a, b.uid, b.gid) != b.mode;
        disk.holds_modes() && (owner || mode)
            || !disk.same_time(a.mtime, b.mtime)
            || self.settable(&a.xattrs) != self.settable(&b.xattrs)
            || (flags_of(a) ^ flags_of(b)) & flags::settable() != 0
            || differ_created(created_of(a), created_of(b), disk)
    }
}

/// Whether two differ in when they were made. What is not known, of a snapshot without it
/// or on a disk without it, is no difference.
fn differ_created(wanted: Option<Created>, found: Option<Created>, disk: Holds) -> bool {
    let time = |(seconds, nanos)| Time { seconds, nanos };
    wanted.zip(found).is_some_and(|(a, b)| !disk.same_time(time(a), time(b)))
}

/// What could not be set without anything being wrong.
#[derive(Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is counted by itself
pub struct Short {
    /// The owner is another than it should be, which only root can change.
    pub owner: bool,
    /// An extended attribute that is refused here.
    pub xattr: Option<String>,
    /// It has attributes that only another system can have.
    pub foreign: bool,
    /// It should be locked, which only root can do.
    pub lock: bool,
    /// The disk has no owners or no modes.
    pub disk: bool,
    /// The disk does not keep when it was made.
    pub created: bool,
}

/// Gives what was opened the attributes of `entry`, but for its flags, of which it has
/// none then that lock it: they come when it is in its place.
///
/// # Errors
/// It is of another kind, or one of them cannot be set.
pub fn apply(here: &Itself, entry: &Entry, power: Power, holds: Holds) -> io::Result<Short> {
    let wanted = &entry.attributes;
    let link = matches!(entry.kind, EntryKind::Symlink { .. });
    if !is_kind(&entry.kind, here.kind()) {
        return Err(io::Error::other(REPLACED));
    }
    here.unlock()?;
    let stat = here.stat();
    let foreign = (stat.st_uid, stat.st_gid) != (wanted.uid, wanted.gid);
    let mut disk = false;
    if foreign && power == Power::Root {
        // Before the mode: it takes setuid and setgid away.
        disk |= is_lacking(here.chown(wanted.uid, wanted.gid), holds)?;
    }
    let present = power.settable(&of_itself(here)?.xattrs);
    let to_set = power.settable(&wanted.xattrs);
    let of_other_system = wanted.xattrs.iter().any(|(name, _)| is_foreign(name));
    let mut refused = None;
    if present != to_set {
        if !link {
            // User attributes want that for a moment.
            disk |= is_lacking(here.chmod(wanted.mode | 0o600), holds)?;
        }
        refused = set_xattrs(here, &present, &to_set)?;
    }
    if !link {
        // After the ACL, whose mask it is in part.
        let mode = power.mode(wanted, stat.st_uid, stat.st_gid);
        disk |= is_lacking(here.chmod(mode), holds)?;
    }
    here.set_times(&times(wanted.mtime))?;
    let owner = foreign && power == Power::Owner;
    Ok(Short { owner, xattr: refused, foreign: of_other_system, disk, ..Short::default() })
}

/// Whether a mode or an owner was not set because the disk has none.
fn is_lacking(done: rustix::io::Result<()>, holds: Holds) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(false),
        Err(Errno::NOSYS | Errno::NOTSUP) => Ok(true),
        Err(Errno::PERM) if holds.may_lack_modes() => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Gives what was opened the time of `entry` once more, and as that of its last access:
/// fusefat takes a new name for a new file, and no time without the other.
///
/// # Errors
/// They cannot be set.
pub fn set_both_times(here: &Itself, entry: &Entry) -> io::Result<()> {
    let Timestamps { last_modification, .. } = times(entry.attributes.mtime);
    Ok(here.set_times(&Timestamps { last_access: last_modification, last_modification })?)
}

/// Why something is left alone that is not what was looked at.
pub const REPLACED: &str = "something else has come to its place meanwhile, which is left alone";

fn is_kind(wanted: &EntryKind, found: FileType) -> bool {
    match wanted {
        EntryKind::File(_) => found.is_file(),
        EntryKind::Directory => found.is_dir(),
        EntryKind::Symlink { .. } => found.is_symlink(),
        EntryKind::Fifo => found.is_fifo(),
        EntryKind::CharDevice(_) => found.is_char_device(),
        EntryKind::BlockDevice(_) => found.is_block_device(),
    }
}

/// Sets when it was made, after its times. Returns whether its disk does not keep that.
fn set_created(here: &Itself, entry: &Entry, holds: Holds) -> io::Result<bool> {
    let Some(wanted) = created_of(&entry.attributes) else { return Ok(false) };
    let is_so = || Ok::<_, io::Error>(!differ_created(Some(wanted), here.created()?, holds));
    if here.created()?.is_some() && is_so()? {
        return Ok(false);
    }
    match here.set_created(wanted) {
        Ok(()) => Ok(here.created()?.is_none() || !is_so()?),
        // The times were set a moment ago: who owns it is not the matter.
        Err(error)
            if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Gives it when it was made, and then the flags of `entry`: the very last.
///
/// # Errors
/// They cannot be set.
pub fn seal(here: &Itself, entry: &Entry, short: Short, holds: Holds) -> io::Result<Short> {
    let short = Short { created: set_created(here, entry, holds)?, ..short };
    let (now, wanted) = (here.flags()?, flags_of(&entry.attributes));
    let settable = flags::settable();
    let lock = flags::HERE.lock(wanted & !now & !settable);
    let short = Short { lock, ..short };
    let Some(last) = flags::HERE.change(now, wanted, settable).last else {
        return Ok(short);
    };
    match here.set_flags(last) {
        Ok(()) => Ok(short),
        // A disk that has none.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let refused = flags::HERE.written(wanted ^ now).unwrap_or_default();
            Ok(Short { xattr: Some(refused), ..short })
        }
        Err(error) => Err(error),
    }
}

/// Returns the name of one that is refused: by a file system that has none, or
/// by the rules of this system.
fn set_xattrs(here: &Itself, present: &Xattrs, wanted: &Xattrs) -> io::Result<Option<String>> {
    let mut refused = None;
    for (key, _) in present {
        if !wanted.iter().any(|(name, _)| name == key) {
            match here.remove_xattr(&CString::new(key.as_slice())?) {
                Ok(()) | Err(xattrs::ABSENT | Errno::NOTSUP) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    for pair in wanted.iter().filter(|pair| !present.contains(pair)) {
        let name = CString::new(pair.0.as_slice())?;
        if flags::ON_MACOS && pair.0 == xattrs::RESOURCE_FORK {
            // It was not there, or is written anew in a moment.
            let _ = here.remove_xattr(&name);
        }
        match here.set_xattr(&name, &pair.1) {
            Ok(()) => {}
            Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => {
                refused = Some(name_of(&pair.0).into_owned());
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
        let here = if flags::ON_MACOS { "com.apple.FinderInfo" } else { "user.x" };
        let away = if flags::ON_MACOS { "security.capability" } else { "com.apple.FinderInfo" };
        for power in [Power::Root, Power::Owner] {
            assert!(power.sets(here.as_bytes()) && !power.sets(away.as_bytes()), "{power:?}");
            // The flags of a file are set by other means.
            assert!(!power.sets(b"poof.flags") && !power.sets(b"poof.linux-flags"));
            assert!(!power.sets(b"poof.created"));
        }
    }

    #[test]
    fn when_something_was_made_is_a_difference_where_it_is_known_and_beyond_the_steps() {
        let of = |wanted, found, disk| differ_created(wanted, found, disk);
        let (then, rounded, other) = ((1_000_000_001, 123_456_789), (1_000_000_001, 0), (5, 0));
        assert!(!of(Some(then), Some(then), Holds::All));
        assert!(
            of(Some(then), Some(other), Holds::All) && of(Some(then), Some(other), Holds::Coarse)
        );
        assert!(of(Some(then), Some(rounded), Holds::All));
        assert!(!of(Some(then), Some(rounded), Holds::Coarse), "HFS has whole seconds");
        // A snapshot of before, or of another system; a disk that keeps none.
        assert!(!of(None, Some(then), Holds::All) && !of(Some(then), None, Holds::All));
    }

    #[test]
    fn flags_that_can_be_set_are_a_difference_and_no_others() {
        let of = |attribute: &[u8], text: &str| Entry {
            path: b"file".to_vec(),
            kind: EntryKind::Fifo,
            attributes: Attributes {
                xattrs: vec![(attribute.to_vec(), text.into())],
                ..Attributes::default()
            },
            hard_link: None,
            stored: None,
            local: None,
        };
        let none = of(b"user.same", "");
        let none = Entry { attributes: Attributes::default(), ..none };
        let (lock, other) = if flags::ON_MACOS {
            ("uchg", flags::LINUX.attribute)
        } else {
            ("immutable", flags::MACOS.attribute)
        };
        let here = flags::HERE.attribute;
        let may_lock = flags::HERE.lock(flags::settable());
        for power in [Power::Root, Power::Owner] {
            assert!(power.differ(&of(here, "nodump"), &none, Holds::All), "{power:?}");
            assert_eq!(power.differ(&of(here, lock), &none, Holds::All), may_lock, "{power:?}");
            assert!(!power.differ(&of(here, "of-the-future"), &none, Holds::All), "{power:?}");
            for text in ["nodump", "immutable", "uchg", "\u{fffd},,"] {
                assert!(!power.differ(&of(other, text), &none, Holds::All), "{power:?} {text}");
            }
        }
    }
}
