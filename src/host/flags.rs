//! The flags of a file that a person sets: which are kept, how they are written, and in
//! which order they are changed. Linux (`chattr`) and macOS (`chflags`) have theirs, and
//! neither takes those of the other for its own.

use std::ffi::CStr;
use std::fs;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::LazyLock;

use rustix::fs::{AtFlags, CWD, Stat, fstat};
#[cfg(target_os = "linux")]
use rustix::fs::{
    FileType, IFlags, Mode, OFlags, StatxFlags, chmodat, ioctl_getflags, ioctl_setflags, openat,
    statx,
};
#[cfg(target_os = "linux")]
use rustix::io::Errno;
#[cfg(target_os = "linux")]
use rustix::path::Arg;

#[cfg(target_os = "linux")]
use super::handle;
use super::macos::flags as macos;
#[cfg(target_os = "linux")]
use super::stat::{mode, permissions};

/// What a system has.
#[derive(Debug)]
pub struct System {
    /// Under this name the flags of a file are among its extended attributes in a
    /// manifest, as text. No attribute of a disk comes there under it.
    pub attribute: &'static [u8],
    kept: &'static [(u32, &'static str)],
    /// With one of these nothing of a file can be changed, not even its name.
    locks: u32,
}

/// Of macOS.
pub const MACOS: System =
    System { attribute: b"poof.flags", kept: &macos::KEPT, locks: macos::LOCKS };

/// Of Linux: the numbers are those of `FS_IOC_GETFLAGS`, and of the attributes of statx(2)
/// as well. All other flags say how a file system stores something.
pub const LINUX: System = System {
    attribute: b"poof.linux-flags",
    kept: &[(0x10, "immutable"), (0x20, "append-only"), (0x40, "nodump")],
    locks: 0x30,
};

/// Of this system.
pub const HERE: &System = if ON_MACOS { &MACOS } else { &LINUX };

/// Whether this system is macOS.
pub const ON_MACOS: bool = cfg!(target_os = "macos");

/// Whether an attribute of this name is the flags of some system.
pub fn is_flags(name: &[u8]) -> bool {
    [&MACOS, &LINUX].iter().any(|system| system.attribute == name)
}

/// What is to be set before anything else of a file is changed, and what when all
/// else is done and it is in its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub before: Option<u32>,
    pub last: Option<u32>,
}

impl System {
    /// As a manifest has them: `uchg,hidden`. None: there are none that are kept.
    pub fn written(&self, flags: u32) -> Option<String> {
        let names = self.kept.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name);
        let names: Vec<_> = names.collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// What [`System::written`] wrote. What a newer poof may have written is no flag here.
    pub fn read(&self, text: &[u8]) -> u32 {
        let flag = |name: &[u8]| self.kept.iter().find(|(_, known)| known.as_bytes() == name);
        text.split(|byte| *byte == b',').filter_map(flag).fold(0, |all, (flag, _)| all | flag)
    }

    /// All that are kept.
    pub fn kept(&self) -> u32 {
        self.kept.iter().fold(0, |all, (flag, _)| all | flag)
    }

    /// Whether one of these flags keeps a file from being changed.
    pub fn lock(&self, flags: u32) -> bool {
        flags & self.locks != 0
    }

    /// From the flags that a file has to those that are wanted of it, of which `settable`
    /// can be set. What cannot, and what is not kept, stays as it is.
    pub fn change(&self, now: u32, wanted: u32, settable: u32) -> Change {
        let settable = settable & self.kept();
        let unlocked = now & !(self.locks & settable);
        let end = now & !settable | wanted & settable;
        Change {
            before: (unlocked != now).then_some(unlocked),
            last: (end != unlocked).then_some(end),
        }
    }

    /// Those that can be set here; `locks` if that is allowed to this process.
    fn settable(&self, locks: bool) -> u32 {
        if locks { self.kept() } else { self.kept() & !self.locks }
    }
}

/// Those that this process can set. On macOS all are the owner's own; on Linux those
/// that lock a file want a capability that a container, even one of root's, has not.
pub fn settable() -> u32 {
    static SETTABLE: LazyLock<u32> = LazyLock::new(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        HERE.settable(ON_MACOS || may_lock(&status, &users))
    });
    *SETTABLE
}

/// Whether a process of this `/proc/self/status` and `uid_map` has the capability
/// `CAP_LINUX_IMMUTABLE`, which counts in the first of all user namespaces only.
fn may_lock(status: &str, users: &str) -> bool {
    const IMMUTABLE: u64 = 1 << 9;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    let first = users.split_whitespace().eq(["0", "0", "4294967295"]);
    effective.is_some_and(|all| all & IMMUTABLE != 0) && first
}

/// Those of `name` in `dir`, of which `stat` is known. A link has none.
#[cfg(target_os = "macos")]
pub fn of(_: &OwnedFd, _: &CStr, stat: &Stat) -> u32 {
    macos::of(stat)
}

/// Those of `name` in `dir`, of which `stat` is known. A link has none: what it inherits
/// of its directory nobody can take from it.
#[cfg(target_os = "linux")]
pub fn of(dir: &OwnedFd, name: &CStr, stat: &Stat) -> u32 {
    if !has_flags(stat) {
        return 0;
    }
    attributes(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC)
}

/// Those that statx(2) tells of; none where it fails.
#[cfg(target_os = "linux")]
fn attributes(dir: impl AsFd, name: impl Arg, how: AtFlags) -> u32 {
    let Ok(found) = statx(dir, name, how, StatxFlags::empty()) else { return 0 };
    let known = found.stx_attributes & found.stx_attributes_mask;
    u32::try_from(known.bits() & u64::from(LINUX.kept())).unwrap_or(0)
}

/// What can have them: a device would answer to what is meant for a file.
#[cfg(target_os = "linux")]
fn has_flags(stat: &Stat) -> bool {
    matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile | FileType::Directory)
}

/// Whether something is there, and locked. A link is not followed.
pub fn is_locked(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    let flags = attributes(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
    #[cfg(target_os = "macos")]
    let flags = {
        let found = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
        found.map_or(0, |stat| macos::of(&stat))
    };
    HERE.lock(flags)
}

/// Gives what is open, of which `stat` is known, these flags. The handle need not be one
/// for reading.
///
/// # Errors
/// It cannot; [`io::ErrorKind::Unsupported`] if it has none.
#[cfg(target_os = "macos")]
pub fn set_open(handle: &OwnedFd, _: &Stat, flags: u32) -> io::Result<()> {
    macos::set(handle, flags)
}

/// Gives what is open, of which `stat` is known, these flags. The handle need not be one
/// for reading.
///
/// # Errors
/// It cannot; [`io::ErrorKind::Unsupported`] if it has none.
#[cfg(target_os = "linux")]
pub fn set_open(handle: &OwnedFd, stat: &Stat, flags: u32) -> io::Result<()> {
    if !has_flags(stat) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let path = handle::path_of(handle)?;
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = || openat(CWD, &path, how, Mode::empty());
    let handle = match open() {
        // Its owner cannot read it.
        Err(Errno::ACCESS) => {
            let mode = mode(permissions(stat));
            chmodat(CWD, &path, mode | Mode::RUSR, AtFlags::empty())?;
            let opened = open();
            chmodat(CWD, &path, mode, AtFlags::empty())?;
            opened?
        }
        other => other?,
    };
    let kept = IFlags::from_bits_retain(LINUX.kept());
    let all = |now: IFlags| now.difference(kept) | IFlags::from_bits_retain(flags) & kept;
    match ioctl_getflags(&handle).and_then(|now| ioctl_setflags(&handle, all(now))) {
        Err(Errno::NOTTY | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        other => Ok(other?),
    }
}

/// Those of what is open.
///
/// # Errors
/// It cannot be looked at.
pub fn of_open(handle: &OwnedFd) -> io::Result<u32> {
    let stat = fstat(handle)?;
    #[cfg(target_os = "macos")]
    return Ok(macos::of(&stat));
    #[cfg(target_os = "linux")]
    {
        if !has_flags(&stat) {
            return Ok(0);
        }
        Ok(attributes(handle, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC))
    }
}

/// Takes the locks from what is open. Returns the flags that it had, if there were any.
///
/// # Errors
/// It cannot.
pub fn unlock_open(handle: &OwnedFd) -> io::Result<Option<u32>> {
    let now = of_open(handle)?;
    match HERE.change(now, 0, HERE.kept()).before {
        Some(unlocked) => set_open(handle, &fstat(handle)?, unlocked).map(|()| Some(now)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMMUTABLE: u32 = 0x10;
    const APPEND: u32 = 0x20;
    const NODUMP: u32 = 0x40;

    fn change(system: &System, now: u32, wanted: u32) -> Change {
        system.change(now, wanted, system.kept())
    }

    #[test]
    fn only_what_a_person_can_set_is_written_and_it_is_read_again() {
        let (compressed, system) = (0x20, 0xffff_0000);
        assert_eq!(MACOS.written(0), None);
        assert_eq!(MACOS.written(compressed | system), None);
        let all = 0x8002 | compressed | system;
        assert_eq!(MACOS.written(all).as_deref(), Some("uchg,hidden"));
        // Extents, and no access time.
        assert_eq!(LINUX.written(0x80000 | 0x80), None);
        assert_eq!(LINUX.written(0x80000 | 0x50).as_deref(), Some("immutable,nodump"));
        for system in [&MACOS, &LINUX] {
            for (flag, _) in system.kept {
                assert_eq!(system.read(system.written(*flag).unwrap().as_bytes()), *flag);
            }
            for odd in [&b""[..], b",", b"\xff,,", b"of-the-future"] {
                assert_eq!(system.read(odd), 0);
            }
        }
        assert_eq!(MACOS.read(b"uchg,of-the-future,hidden"), 0x8002);
        // Twice the same is no other flag.
        assert_eq!(LINUX.read(b"append-only,append-only,nodump"), APPEND | NODUMP);
        assert_eq!(LINUX.read(b"uchg,uappnd"), 0, "those of a Mac");
        assert_eq!(MACOS.read(b"immutable,append-only"), 0, "those of Linux");
    }

    #[test]
    fn a_lock_goes_before_anything_is_changed_and_comes_last() {
        let of = |now, wanted| change(&LINUX, now, wanted);
        assert_eq!(of(0, 0), Change { before: None, last: None });
        let both = IMMUTABLE | NODUMP;
        assert_eq!(of(0, both), Change { before: None, last: Some(both) });
        assert_eq!(of(IMMUTABLE, IMMUTABLE), Change { before: Some(0), last: Some(IMMUTABLE) });
        assert_eq!(of(APPEND | NODUMP, NODUMP), Change { before: Some(NODUMP), last: None });
        assert_eq!(of(NODUMP, 0), Change { before: None, last: Some(0) });
        assert_eq!(
            change(&MACOS, 0x8004, 0x8000),
            Change { before: Some(0x8000), last: None },
            "hidden, and appended to"
        );
    }

    #[test]
    fn what_the_system_says_of_a_file_is_neither_set_nor_taken_away() {
        let system = 0x20 | 0x4000_0000;
        assert_eq!(change(&MACOS, system, 0), Change { before: None, last: None });
        let with = Change { before: None, last: Some(system | 0x8000) };
        assert_eq!(change(&MACOS, system, 0x8000), with);
        assert_eq!(change(&MACOS, 0, system), Change { before: None, last: None });
    }

    #[test]
    fn what_this_process_cannot_set_stays_as_it_is() {
        let user = LINUX.settable(false);
        assert_eq!((user, LINUX.settable(true)), (NODUMP, IMMUTABLE | APPEND | NODUMP));
        assert_eq!(LINUX.change(0, IMMUTABLE, user), Change { before: None, last: None });
        assert_eq!(LINUX.change(IMMUTABLE, 0, user), Change { before: None, last: None });
        let last = Some(IMMUTABLE | NODUMP);
        assert_eq!(LINUX.change(IMMUTABLE, NODUMP, user), Change { before: None, last });
    }

    #[test]
    fn a_container_may_be_without_the_capability() {
        let (first, other) = ("         0          0 4294967295\n", "0 100000 65536\n");
        let status =
            |caps: &str| format!("Name:\tpoof\nCapPrm:\t0\nCapEff:\t{caps}\nSeccomp:\t0\n");
        for (status, users, may) in [
            (status("000001ffffffffff"), first, true),
            (status("0000000000000200"), first, true),
            (status("00000000a80425fb"), first, false), // Docker's
            (status("0000000000000000"), first, false),
            (status("000001ffffffffff"), other, false),
            (status("no number"), first, false),
            (String::new(), first, false),
        ] {
            assert_eq!(may_lock(&status, users), may, "{status} {users}");
        }
    }
}
