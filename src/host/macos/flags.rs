//! The flags of a file (chflags(2)): which are kept, how they are written, and in
//! which order they are changed.

use std::ffi::CStr;
#[cfg(target_os = "macos")]
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::Stat;
#[cfg(target_os = "macos")]
use rustix::fs::{AtFlags, statat};

#[cfg(target_os = "macos")]
use crate::host::disk;

/// The owner's own (`UF_*` of sys/stat.h), by the names that `chflags` and `ls -lO`
/// have for them. Not among them: `UF_COMPRESSED`, `UF_TRACKED` and `UF_DATAVAULT`,
/// which say how the system stores something, and every `SF_*`, which is not for a
/// user to set.
const KEPT: [(u32, &str); 5] = [
    (0x0001, "nodump"),
    (IMMUTABLE, "uchg"),
    (APPEND, "uappnd"),
    (0x0008, "opaque"),
    (0x8000, "hidden"),
];

const IMMUTABLE: u32 = 0x0002;
const APPEND: u32 = 0x0004;

/// With one of these nothing of a file can be changed, not even its name.
const LOCKS: u32 = IMMUTABLE | APPEND;

/// Whether this system has such flags.
pub const HERE: bool = cfg!(target_os = "macos");

/// As a manifest has them: `uchg,hidden`. None: there are none that are kept.
pub fn written(flags: u32) -> Option<String> {
    let names = KEPT.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name);
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// What [`written`] wrote. What a newer poof may have written is no flag here.
pub fn read(text: &[u8]) -> u32 {
    let flag = |name: &[u8]| KEPT.iter().find(|(_, known)| known.as_bytes() == name);
    text.split(|byte| *byte == b',').filter_map(flag).map(|(flag, _)| flag).sum()
}

/// What is to be set before anything else of a file is changed, and what when all
/// else is done and it is in its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub before: Option<u32>,
    pub last: Option<u32>,
}

/// From the flags that a file has to those that are kept of it. What is not kept
/// stays as it is.
pub fn change(now: u32, wanted: u32) -> Change {
    let kept: u32 = KEPT.iter().map(|(flag, _)| flag).sum();
    let unlocked = now & !LOCKS;
    let end = now & !kept | wanted & kept;
    Change { before: (unlocked != now).then_some(unlocked), last: (end != unlocked).then_some(end) }
}

/// Those of a file.
#[cfg(target_os = "macos")]
pub fn of(stat: &Stat) -> u32 {
    stat.st_flags
}

/// Those of a file.
#[cfg(not(target_os = "macos"))]
pub fn of(_: &Stat) -> u32 {
    0
}

/// Gives `name` in `dir` these flags. A link is not followed.
///
/// # Errors
/// It cannot, or not on this system.
#[cfg(target_os = "macos")]
pub fn set(dir: &OwnedFd, name: &CStr, flags: u32) -> io::Result<()> {
    let mut path = disk::path_of(dir)?.into_bytes();
    path.push(b'/');
    path.extend_from_slice(name.to_bytes());
    let path = CString::new(path)?;
    // SAFETY: the path ends with a NUL and outlives the call, which keeps nothing.
    match unsafe { libc::lchflags(path.as_ptr(), flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives `name` in `dir` these flags. A link is not followed.
///
/// # Errors
/// It cannot, or not on this system.
#[cfg(not(target_os = "macos"))]
pub fn set(_: &OwnedFd, _: &CStr, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Takes the locks from `name` in `dir`. Returns the flags that it had, if there
/// were any.
///
/// # Errors
/// It cannot.
#[cfg(target_os = "macos")]
pub fn unlock(dir: &OwnedFd, name: &CStr) -> io::Result<Option<u32>> {
    let now = of(&statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?);
    match change(now, 0).before {
        Some(unlocked) => set(dir, name, unlocked).map(|()| Some(now)),
        None => Ok(None),
    }
}

/// Takes the locks from `name` in `dir`. Returns the flags that it had, if there
/// were any.
///
/// # Errors
/// Never: there are none here.
#[cfg(not(target_os = "macos"))]
#[allow(clippy::unnecessary_wraps)] // as on macOS
pub fn unlock(_: &OwnedFd, _: &CStr) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Takes the locks from what is open. Returns whether there were any.
///
/// # Errors
/// It cannot.
#[cfg(target_os = "macos")]
pub fn unlock_open(handle: &OwnedFd) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    let Some(unlocked) = change(of(&rustix::fs::fstat(handle)?), 0).before else {
        return Ok(false);
    };
    // SAFETY: a system call on a handle that is open, without memory of ours.
    match unsafe { libc::fchflags(handle.as_raw_fd(), unlocked) } {
        0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: u32 = 0x8000;
    const COMPRESSED: u32 = 0x20;
    const SYSTEM: u32 = 0xffff_0000;

    #[test]
    fn only_what_a_user_can_set_is_written_and_it_is_read_again() {
        assert_eq!(written(0), None);
        assert_eq!(written(COMPRESSED | SYSTEM), None);
        assert_eq!(
            written(HIDDEN | IMMUTABLE | COMPRESSED | SYSTEM).as_deref(),
            Some("uchg,hidden")
        );
        for (flag, _) in KEPT {
            assert_eq!(read(written(flag).unwrap().as_bytes()), flag);
        }
        assert_eq!(read(b"uchg,of-the-future,hidden"), HIDDEN | IMMUTABLE);
        assert_eq!(read(b""), 0);
        assert_eq!(read(b"\xff,,uchg"), IMMUTABLE);
    }

    #[test]
    fn a_lock_goes_before_anything_is_changed_and_comes_last() {
        let of = |now, wanted| change(now, wanted);
        assert_eq!(of(0, 0), Change { before: None, last: None });
        assert_eq!(
            of(0, IMMUTABLE | HIDDEN),
            Change { before: None, last: Some(IMMUTABLE | HIDDEN) }
        );
        assert_eq!(of(IMMUTABLE, IMMUTABLE), Change { before: Some(0), last: Some(IMMUTABLE) });
        assert_eq!(of(APPEND | HIDDEN, HIDDEN), Change { before: Some(HIDDEN), last: None });
        assert_eq!(of(HIDDEN, 0), Change { before: None, last: Some(0) });
    }

    #[test]
    fn what_the_system_says_of_a_file_is_neither_set_nor_taken_away() {
        let system = COMPRESSED | 0x4000_0000;
        assert_eq!(change(system, 0), Change { before: None, last: None });
        assert_eq!(change(system, HIDDEN), Change { before: None, last: Some(system | HIDDEN) });
        assert_eq!(change(0, system), Change { before: None, last: None });
    }
}
