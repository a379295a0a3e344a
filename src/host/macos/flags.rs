//! The flags of a file (chflags(2)): the thin edges.

use std::ffi::CStr;
#[cfg(target_os = "macos")]
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::Stat;

#[cfg(target_os = "macos")]
use crate::host::{disk, flags};

/// The owner's own (`UF_*` of sys/stat.h), by the names that `chflags` and `ls -lO`
/// have for them. Not among them: `UF_COMPRESSED`, `UF_TRACKED` and `UF_DATAVAULT`,
/// which say how the system stores something, and every `SF_*`, which is not for a
/// user to set.
pub const KEPT: [(u32, &str); 5] = [
    (0x0001, "nodump"),
    (IMMUTABLE, "uchg"),
    (APPEND, "uappnd"),
    (0x0008, "opaque"),
    (0x8000, "hidden"),
];

const IMMUTABLE: u32 = 0x0002;
const APPEND: u32 = 0x0004;

/// With one of these nothing of a file can be changed, not even its name.
pub const LOCKS: u32 = IMMUTABLE | APPEND;

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
/// It cannot.
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

/// Takes the locks of its owner from what is in the way: `name` in `dir`. Returns the
/// flags that it had, if there were any.
///
/// # Errors
/// It cannot.
#[cfg(target_os = "macos")]
pub fn make_way(dir: &OwnedFd, name: &CStr) -> io::Result<Option<u32>> {
    flags::unlock(dir, name)
}

/// On Linux it is root who has locked what is in the way, and it stays.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "macos"))]
#[allow(clippy::unnecessary_wraps)] // as on macOS
pub fn make_way(_: &OwnedFd, _: &CStr) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Takes the locks from what is open. Returns whether there were any.
///
/// # Errors
/// It cannot.
#[cfg(target_os = "macos")]
pub fn unlock_open(handle: &OwnedFd) -> io::Result<bool> {
    use std::os::fd::AsRawFd;
    let now = of(&rustix::fs::fstat(handle)?);
    let Some(unlocked) = flags::MACOS.change(now, 0, LOCKS).before else {
        return Ok(false);
    };
    // SAFETY: a system call on a handle that is open, without memory of ours.
    match unsafe { libc::fchflags(handle.as_raw_fd(), unlocked) } {
        0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}
