//! Whether somebody is writing to a file.

use std::os::fd::OwnedFd;

/// Whether anybody has the file open for writing. `handle` is open for reading
/// only. `false` also where the system does not tell: on other systems than Linux,
/// on network file systems, and for a file of somebody else's.
#[cfg(target_os = "linux")]
pub fn is_written(handle: &OwnedFd) -> bool {
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
        // A read lease is refused while the file is open for writing (fcntl(2)).
        if libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
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
        let _reader = open();
        assert!(!is_written(&open()));
        let writer = OpenOptions::new().append(true).open(&path).unwrap();
        assert!(is_written(&open()));
        drop(writer);
        assert!(!is_written(&open()));
    }
}
