//! A path to what is open.

use std::ffi::CString;
use std::io;
#[cfg(not(target_os = "macos"))]
use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;

/// A path to what is open at `handle`, which is followed.
///
/// # Errors
/// The system does not tell.
#[cfg(target_os = "macos")]
pub fn path_of(handle: &OwnedFd) -> io::Result<CString> {
    Ok(rustix::fs::getpath(handle)?)
}

/// A path to what is open at `handle`, which is followed: as short as it gets, and
/// safe from changes above.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "macos"))]
pub fn path_of(handle: &OwnedFd) -> io::Result<CString> {
    Ok(CString::new(format!("/proc/self/fd/{}", handle.as_raw_fd()))?)
}
