//! Whether somebody else has a file open.

use std::os::fd::OwnedFd;

/// Whether anybody has the file open for writing. `handle` is open for reading
/// only. `false` also where the system does not tell: on other systems than Linux,
/// on network file systems, and for a file of somebody else's.
#[cfg(target_os = "linux")]
pub fn is_written(handle: &OwnedFd) -> bool {
    is_refused(handle, libc::F_RDLCK)
}

/// Whether anybody else has the file open at all, as far as the system tells.
#[cfg(target_os = "linux")]
pub fn is_open_elsewhere(handle: &OwnedFd) -> bool {
    is_refused(handle, libc::F_WRLCK)
}

/// Whether a lease is refused: one to read while the file is open for writing, one to
/// write while others have it open (fcntl(2)).
#[cfg(target_os = "linux")]
fn is_refused(handle: &OwnedFd, lease: libc::c_int) -> bool {
    use std::io;
    use std::os::fd::AsRawFd;
    /// asm-generic/fcntl.h; the libc crate has it on few systems.
    const F_SETSIG: libc::c_int = 10;
    let fd = handle.as_raw_fd();
    // SAFETY: system calls without memory of ours, on a file that is open as long
    // as `handle` lives.
    unsafe {
        // Who opens the file while the lease is held makes the system send a signal:
        // one that does nothing.
        libc::fcntl(fd, F_SETSIG, libc::SIGURG);
        if libc::fcntl(fd, libc::F_SETLEASE, lease) == 0 {
            libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK);
            return false;
        }
    }
    io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
}

/// Whether anybody has the file open for writing: not told here.
#[cfg(not(target_os = "linux"))]
pub fn is_written(_: &OwnedFd) -> bool {
    false
}

/// Whether anybody else has the file open: not told here.
#[cfg(not(target_os = "linux"))]
pub fn is_open_elsewhere(_: &OwnedFd) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};

    #[test]
    fn a_file_is_written_while_somebody_has_it_open_for_that() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let open = || OwnedFd::from(File::open(&path).unwrap());
        let reader = open();
        assert!(!is_written(&open()));
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(is_written(&open()));
        drop(writer);
        assert!(!is_written(&open()));
        assert!(is_open_elsewhere(&open()));
        drop(reader);
        assert!(!is_open_elsewhere(&open()));
    }
}
