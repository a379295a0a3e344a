//! What the systems do differently with files.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, openat};

#[cfg(target_os = "macos")]
use super::macos::disk as macos;
#[cfg(target_os = "linux")]
use super::mounts;

/// What is at `name`, of which `stat` is known, opened for nothing but its attributes, where
/// that is the way to read them. Elsewhere, and where it cannot be opened, a path is.
///
/// # Errors
/// Something else is there by now.
#[cfg_attr(not(target_os = "macos"), allow(clippy::unnecessary_wraps))]
pub fn for_attributes(dir: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<Option<OwnedFd>> {
    #[cfg(target_os = "macos")]
    if is_safe_to_open(FileType::from_raw_mode(stat.st_mode)) {
        return macos::for_attributes(dir, name, stat);
    }
    let _ = (dir, name, stat);
    Ok(None)
}

/// Whether it does nothing to open something: who writes to a FIFO would take us for its
/// reader, and a device may do anything.
#[cfg(any(target_os = "macos", test))]
fn is_safe_to_open(kind: FileType) -> bool {
    matches!(kind, FileType::RegularFile | FileType::Directory | FileType::Symlink)
}

/// Makes a FIFO or a device; `device` is its number as `st_rdev` has it.
///
/// # Errors
/// It cannot be made, or not on this system.
pub fn make_node(dir: &OwnedFd, name: &CStr, kind: FileType, device: u64) -> io::Result<()> {
    #[cfg(target_os = "macos")]
    {
        // The numbers of another system name other devices.
        let _ = (device, Mode::RUSR);
        let is_fifo = kind == FileType::Fifo;
        if is_fifo { macos::make_fifo(dir, name) } else { Err(io::ErrorKind::Unsupported.into()) }
    }
    #[cfg(not(target_os = "macos"))]
    Ok(rustix::fs::mknodat(dir, name, kind, Mode::RUSR, device)?)
}

/// Brings all that was written to the file system of `handle` to its disk.
///
/// # Errors
/// The disk fails.
pub fn sync(handle: &OwnedFd) -> io::Result<()> {
    #[cfg(target_os = "macos")]
    return macos::sync(handle);
    #[cfg(not(target_os = "macos"))]
    Ok(rustix::fs::syncfs(handle)?)
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

/// Opens `name` in `dir`. No link is followed.
///
/// # Errors
/// It cannot be opened; [`io::ErrorKind::CrossesDevices`] if something is mounted
/// there.
pub fn open_here(dir: &OwnedFd, name: &CStr, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;
        let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
        match openat2(dir, name, flags, Mode::empty(), resolve) {
            // Before Linux 5.6, or forbidden to a container.
            Err(Errno::NOSYS | Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    let handle = openat(dir, name, flags, Mode::empty())?;
    if is_beside(dir, &handle)? { Ok(handle) } else { Err(io::ErrorKind::CrossesDevices.into()) }
}

/// Whether nothing is mounted between a directory and what was opened in it.
fn is_beside(dir: &OwnedFd, handle: &OwnedFd) -> io::Result<bool> {
    // A directory can also be mounted twice.
    #[cfg(target_os = "linux")]
    if mounts::id(handle) != mounts::id(dir) {
        return Ok(false);
    }
    Ok(fstat(handle)?.st_dev == fstat(dir)?.st_dev)
}

/// Takes from a file or directory the flags that keep it from being changed
/// (`chattr +i`, `chattr +a`; macOS: `chflags uchg`).
///
/// # Errors
/// It has none, or they are not for this user to take.
pub fn unlock(handle: &OwnedFd) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
        let flags = ioctl_getflags(handle)?;
        let free = flags.difference(IFlags::IMMUTABLE | IFlags::APPEND);
        if free != flags {
            return Ok(ioctl_setflags(handle, free)?);
        }
    }
    #[cfg(target_os = "macos")]
    if super::flags::unlock_open(handle)?.is_some() {
        return Ok(());
    }
    let _ = handle;
    Err(io::ErrorKind::PermissionDenied.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_opened_that_would_notice_it() {
        for (kind, safe) in [
            (FileType::RegularFile, true),
            (FileType::Directory, true),
            (FileType::Symlink, true),
            (FileType::Fifo, false),
            (FileType::CharacterDevice, false),
            (FileType::BlockDevice, false),
            (FileType::Socket, false),
        ] {
            assert_eq!(is_safe_to_open(kind), safe, "{kind:?}");
        }
    }
}
