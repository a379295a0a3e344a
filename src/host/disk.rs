//! What the systems do differently with files.

use std::ffi::{CStr, CString};
use std::io;
#[cfg(not(target_os = "macos"))]
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode};

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

/// Makes a FIFO or a device; `device` is its number as `st_rdev` has it.
///
/// # Errors
/// It cannot be made, or not on this system.
pub fn make_node(dir: &OwnedFd, name: &CStr, kind: FileType, device: u64) -> io::Result<()> {
    #[cfg(target_os = "macos")]
    {
        let _ = (dir, name, kind, device, Mode::RUSR);
        Err(io::ErrorKind::Unsupported.into())
    }
    #[cfg(not(target_os = "macos"))]
    Ok(rustix::fs::mknodat(dir, name, kind, Mode::RUSR, device)?)
}

/// Brings all that was written to the file system of `handle` to its disk.
///
/// # Errors
/// The disk fails.
pub fn sync(handle: &OwnedFd) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(handle)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = handle;
        rustix::fs::sync();
    }
    Ok(())
}

/// Whether names in a directory that differ in the case of letters are different.
///
/// # Errors
/// Nothing can be written there.
pub fn keeps_case(dir: &Path) -> io::Result<bool> {
    let probe = tempfile::Builder::new().prefix(".poof-CASE-").suffix(".probe").tempfile_in(dir)?;
    let name = probe.path().file_name().unwrap_or_default().to_ascii_lowercase();
    match std::fs::symlink_metadata(dir.join(name)) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
