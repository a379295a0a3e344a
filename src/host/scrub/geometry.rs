//! What xfs and btrfs tell everybody of themselves.

use std::os::fd::OwnedFd;
use std::path::Path;

/// Bytes of the log of an xfs.
#[cfg(target_os = "linux")]
pub fn xfs_log(dir: &OwnedFd) -> Option<u64> {
    use std::os::fd::AsRawFd;
    /// `XFS_IOC_FSGEOMETRY_V4`, `_IOR('X', 124, struct xfs_fsop_geom_v4)` (`fs/xfs/libxfs/xfs_fs.h`):
    /// that which every kernel has.
    const GEOMETRY: libc::Ioctl = 0x8070_587C_u32 as libc::Ioctl;
    /// The beginning of `struct xfs_fsop_geom_v4`, and room for its rest.
    #[repr(C, align(8))]
    #[derive(Default)]
    struct Geometry {
        block: u32,
        before: [u32; 3],
        log_blocks: u32,
        behind: [u32; 23],
    }
    const { assert!(size_of::<Geometry>() == 112) };
    let mut told = Geometry::default();
    // SAFETY: the kernel writes as many bytes as the number of the call says, which is the
    // size of the structure, and that lives longer than the call.
    let is_told = unsafe { libc::ioctl(dir.as_raw_fd(), GEOMETRY, &raw mut told) } == 0;
    is_told.then(|| u64::from(told.block) * u64::from(told.log_blocks))
}

/// Bytes of a btrfs that are set apart for metadata, and hold none.
#[cfg(target_os = "linux")]
pub fn free_metadata(dir: &Path) -> Option<u64> {
    use std::os::fd::AsRawFd;
    /// `BTRFS_IOC_SPACE_INFO`, `_IOWR(0x94, 20, struct btrfs_ioctl_space_args)` (linux/btrfs.h).
    const SPACES: libc::Ioctl = 0xC010_9414_u32 as libc::Ioctl;
    const METADATA: u64 = 4;
    const MOST: usize = 16;
    /// `struct btrfs_ioctl_space_args` with room for some `struct btrfs_ioctl_space_info`:
    /// flags, bytes, bytes in use.
    #[repr(C)]
    struct Spaces {
        room: u64,
        found: u64,
        each: [[u64; 3]; MOST],
    }
    let dir = std::fs::File::open(dir).ok()?;
    let mut told = Spaces { room: MOST as u64, found: 0, each: [[0; 3]; MOST] };
    // SAFETY: the kernel writes as many of the parts as it is told that there is room for,
    // and the structure lives longer than the call.
    let is_told = unsafe { libc::ioctl(dir.as_raw_fd(), SPACES, &raw mut told) } == 0;
    let free = told.each.iter().filter(|[flags, ..]| flags & METADATA != 0);
    is_told.then(|| free.map(|[_, all, used]| all.saturating_sub(*used)).sum())
}

/// Bytes of the log of an xfs: there is none here.
#[cfg(not(target_os = "linux"))]
pub fn xfs_log(_: &OwnedFd) -> Option<u64> {
    None
}

/// Bytes of a btrfs that hold no metadata: there is none here.
#[cfg(not(target_os = "linux"))]
pub fn free_metadata(_: &Path) -> Option<u64> {
    None
}

// That they tell the truth is for tests/it/residue.rs: it takes such file systems.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_system_tells_nothing() {
        assert_eq!(xfs_log(&std::fs::File::open("/dev/null").unwrap().into()), None);
        assert_eq!(free_metadata(Path::new("/dev/null")), None);
    }
}
