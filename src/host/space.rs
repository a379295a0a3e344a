//! How much room a disk has.

use std::path::Path;

use rustix::fs::statvfs;

/// Bytes that are free for this user where `path` is, or will be. None: nobody knows; a driver
/// that does not say how large the disk is does not know what is free.
pub fn free(path: &Path) -> Option<u64> {
    let disk = path.ancestors().find_map(|dir| statvfs(dir).ok())?;
    (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}
