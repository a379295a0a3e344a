//! The attributes of an entry that are more than a number: extended attributes,
//! among them ACLs.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// Extended attributes that the system makes by itself, and those that say
/// something of this machine alone.
const NOT_OURS: [&[u8]; 3] = [b"security.selinux", b"security.ima", b"security.evm"];

/// The extended attributes of an open file or directory.
///
/// # Errors
/// They cannot be read.
pub fn of_handle(handle: &OwnedFd) -> io::Result<Xattrs> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    of_path(&CString::new(path)?, true)
}

/// Those of a name in a directory; a link is not followed.
///
/// # Errors
/// They cannot be read.
pub fn of_name(dir: &OwnedFd, name: &CStr) -> io::Result<Xattrs> {
    of_path(&beside(dir, name)?, false)
}

/// A path to `name` through the handle of its directory: as short as it gets,
/// and safe from changes above.
fn beside(dir: &OwnedFd, name: &CStr) -> io::Result<CString> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    Ok(CString::new(path)?)
}

fn of_path(path: &CStr, follow: bool) -> io::Result<Xattrs> {
    let mut names = vec![0; 1024];
    let size = loop {
        let listed = if follow {
            rustix::fs::listxattr(path, &mut names[..])
        } else {
            rustix::fs::llistxattr(path, &mut names[..])
        };
        match listed {
            Ok(size) => break size,
            Err(Errno::RANGE) => names.resize(names.len() * 4, 0),
            Err(Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut found = Vec::new();
    for name in names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if NOT_OURS.contains(&name) {
            continue;
        }
        let c_name = CString::new(name)?;
        let mut value = vec![0; 4096];
        let size = loop {
            let read = if follow {
                rustix::fs::getxattr(path, &c_name, &mut value[..])
            } else {
                rustix::fs::lgetxattr(path, &c_name, &mut value[..])
            };
            match read {
                Ok(size) => break Some(size),
                Err(Errno::RANGE) => value.resize(value.len() * 4, 0),
                // Gone since, or not for this user to see.
                Err(Errno::NODATA | Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => break None,
                Err(error) => return Err(error.into()),
            }
        };
        if let Some(size) = size {
            value.truncate(size);
            found.push((name.to_vec(), value));
        }
    }
    found.sort_unstable();
    Ok(found)
}
