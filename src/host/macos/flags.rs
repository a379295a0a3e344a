//! The flags of a file (chflags(2)): the thin edges.

#[cfg(target_os = "macos")]
use std::io;
#[cfg(target_os = "macos")]
use std::os::fd::OwnedFd;

use rustix::fs::Stat;

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

/// Gives what is open these flags.
///
/// # Errors
/// It cannot; [`io::ErrorKind::Unsupported`] if its disk has none.
#[cfg(target_os = "macos")]
pub fn set(handle: &OwnedFd, flags: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: a system call on a handle that is open, without memory of ours.
    match unsafe { libc::fchflags(handle.as_raw_fd(), flags) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // Which the standard library does not take for that.
            error if error.raw_os_error() == Some(libc::ENOTSUP) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            error => Err(error),
        },
    }
}
