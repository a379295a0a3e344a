//! Sets when a file was made.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

/// Gives it to what is open. The handle need not be one for writing.
///
/// # Errors
/// It cannot; [`io::ErrorKind::Unsupported`] if its disk keeps none.
pub fn set(handle: &OwnedFd, (seconds, nanos): (i64, u32)) -> io::Result<()> {
    let mut what = libc::attrlist {
        bitmapcount: libc::ATTR_BIT_MAP_COUNT,
        reserved: 0,
        commonattr: libc::ATTR_CMN_CRTIME,
        volattr: 0,
        dirattr: 0,
        fileattr: 0,
        forkattr: 0,
    };
    let mut time = libc::timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    // SAFETY: the handle is open; the list and the one value that it asks for are of the
    // sizes that are given and outlive the call, which keeps nothing.
    let done = unsafe {
        libc::fsetattrlist(
            handle.as_raw_fd(),
            ptr::from_mut(&mut what).cast(),
            ptr::from_mut(&mut time).cast(),
            size_of::<libc::timespec>(),
            0,
        )
    };
    if done == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // EINVAL: it does not know the attribute.
        error if matches!(error.raw_os_error(), Some(libc::ENOTSUP | libc::EINVAL)) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        error => Err(error),
    }
}
