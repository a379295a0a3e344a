//! Whether a file lies among the metadata of its file system.

use std::os::fd::OwnedFd;

/// The content of larger files never does, in bytes.
#[cfg(target_os = "linux")]
const MOST: u64 = 4096;

/// Whether the content of a file lies within its inode (ext4 with `inline_data`) or in
/// the tree of the file system (btrfs). Overwriting it then means writing metadata, which
/// goes through the journal, or is copied. `false` also where the system does not tell.
#[cfg(target_os = "linux")]
pub fn is_inline(handle: &OwnedFd, size: u64) -> bool {
    use std::os::fd::AsRawFd;
    /// `_IOWR('f', 11, struct fiemap)`, linux/fiemap.h.
    const FIEMAP: libc::Ioctl = 0xC020_660B_u32 as libc::Ioctl;
    const DATA_INLINE: u32 = 0x200;
    /// `struct fiemap` with room for one `struct fiemap_extent`.
    #[repr(C)]
    #[derive(Default)]
    struct Map {
        start: u64,
        length: u64,
        flags: u32,
        mapped: u32,
        room: u32,
        reserved: u32,
        at: [u64; 3],
        reserved_of_extent: [u64; 2],
        flags_of_extent: u32,
        reserved_at_the_end: [u32; 3],
    }
    if size > MOST {
        return false;
    }
    let mut map = Map { length: MOST, room: 1, ..Map::default() };
    // SAFETY: the kernel writes into a structure of the size that it is told, with room
    // for one extent, which lives longer than the call.
    let told = unsafe { libc::ioctl(handle.as_raw_fd(), FIEMAP, &raw mut map) } == 0;
    told && map.mapped > 0 && map.flags_of_extent & DATA_INLINE != 0
}

/// Whether the content of a file lies among metadata: not told here.
#[cfg(not(target_os = "linux"))]
pub fn is_inline(_: &OwnedFd, _: u64) -> bool {
    false
}

// That it finds what is inline is for tests/it/residue.rs: it takes such a file system.
#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_file_with_blocks_of_its_own_is_not_inline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for size in [4096, 100_000] {
            std::fs::write(&path, vec![7; size]).unwrap();
            let file = File::open(&path).unwrap();
            file.sync_all().unwrap();
            assert!(!is_inline(&file.into(), size as u64));
        }
    }
}
