//! System calls on files that only macOS has.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::base::files;
use rustix::fs::{Mode, OFlags, Stat, fstat, openat};

use crate::host::handle::path_of;
use crate::host::stat::id;

/// Opens a file, a directory or a link to read its attributes: a link is the link
/// (`O_SYMLINK`), and the disk can be ejected meanwhile (`O_EVTONLY`). None: it cannot be
/// opened; Apple does not say whether the latter takes the permission to read, which the
/// attributes do.
///
/// # Errors
/// Something else is there by now.
pub fn for_attributes(dir: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<Option<OwnedFd>> {
    let how = OFlags::from_bits_retain((libc::O_SYMLINK | libc::O_EVTONLY).cast_unsigned());
    let how = how | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(handle) = openat(dir, name, how, Mode::empty()) else { return Ok(None) };
    if id(&fstat(&handle)?) == id(stat) {
        Ok(Some(handle))
    } else {
        Err(io::Error::other("something else has come to its place meanwhile"))
    }
}

/// Makes a FIFO, readable by its owner. By a path: mkfifoat came with macOS 13.
///
/// # Errors
/// It cannot be made.
pub fn make_fifo(dir: &OwnedFd, name: &CStr) -> io::Result<()> {
    let path = [path_of(dir)?.as_bytes(), b"/", name.to_bytes()].concat();
    let path = CString::new(path)?;
    // SAFETY: the path ends with a NUL and outlives the call, which keeps nothing.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o400) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Brings all that was written to the file system of `handle` to its disk. sync(2) does
/// not wait for it.
///
/// # Errors
/// The disk fails.
pub fn sync(handle: &OwnedFd) -> io::Result<()> {
    /// `SYNC_VOLUME_FULLSYNC` and `SYNC_VOLUME_WAIT` of unistd.h; libc has neither.
    const FULL_AND_WAIT: libc::c_int = 0x01 | 0x02;
    unsafe extern "C" {
        fn fsync_volume_np(fd: libc::c_int, flags: libc::c_int) -> libc::c_int;
    }
    // SAFETY: a system call on a handle that is open, without memory of ours.
    if unsafe { fsync_volume_np(handle.as_raw_fd(), FULL_AND_WAIT) } == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if !files::has_no_full_sync(error.raw_os_error()) {
        return Err(error);
    }
    // What a disk of a server has of it: all is begun, and what is open has arrived.
    rustix::fs::sync();
    files::flush(&handle.try_clone()?.into())
}
