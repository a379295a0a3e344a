//! How large the journal of a file system is, and how much has to be written until nothing
//! is left of what was in it.

use std::os::fd::OwnedFd;

use super::geometry;

/// Where a file system writes what it is about to change, names of files among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// There is none.
    Absent,
    /// It has at most so many bytes.
    Of(u64),
    /// This file system writes names elsewhere, or nobody has looked where.
    Unknown,
}

/// That of the file system which a directory is on; `device`: its name in sysfs.
pub fn journal(dir: &OwnedFd, kind: &str, device: &str) -> Journal {
    match kind {
        "ext2" => Journal::Absent,
        "ext3" | "ext4" => ext4(dir, device),
        "xfs" => geometry::xfs_log(dir).map_or(Journal::Unknown, Journal::Of),
        _ => Journal::Unknown,
    }
}

#[cfg(target_os = "linux")]
fn ext4(dir: &OwnedFd, device: &str) -> Journal {
    use std::fs;
    use std::path::Path;
    let task = fs::read_to_string(Path::new("/sys/fs/ext4").join(device).join("journal_task"));
    if task.is_ok_and(|task| task.trim() == NO_TASK) {
        return Journal::Absent;
    }
    let Ok(stat) = rustix::fs::fstatvfs(dir) else { return Journal::Unknown };
    let journals = fs::read_dir("/proc/fs/jbd2").into_iter().flatten().flatten();
    let own = journals.map(|entry| entry.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        is_of(&name, device)
    });
    let told = own.and_then(|path| fs::read_to_string(path.join("info")).ok());
    let blocks = told.and_then(|text| most_of(&text));
    Journal::Of(blocks.unwrap_or_else(|| usual_of(stat.f_blocks)) * stat.f_frsize)
}

#[cfg(not(target_os = "linux"))]
fn ext4(_: &OwnedFd, _: &str) -> Journal {
    let _ = (NO_TASK, is_of, most_of, usual_of);
    Journal::Unknown
}

/// What ext4 says of who writes the journal, if it has none (fs/ext4/sysfs.c).
const NO_TASK: &str = "<none>";

/// Whether a directory of /proc/fs/jbd2 is that of the journal within this device: it has
/// the number of an inode behind the name (fs/jbd2/journal.c).
fn is_of(name: &str, device: &str) -> bool {
    let inode = name.strip_prefix(device).and_then(|rest| rest.strip_prefix('-'));
    inode.is_some_and(|inode| !inode.is_empty() && inode.bytes().all(|b| b.is_ascii_digit()))
}

/// At most so many blocks has the journal that says this of itself. Linux has a transaction
/// take a quarter of it at most, or, since 6.11, a third (fs/jbd2/journal.c).
fn most_of(info: &str) -> Option<u64> {
    let (_, rest) = info.lines().next()?.split_once("each up to ")?;
    let blocks: u64 = rest.split(' ').next()?.parse().ok()?;
    Some(blocks.saturating_mul(4))
}

/// As many blocks mke2fs gives the journal of a file system of so many
/// (`ext2fs_default_journal_size` of e2fsprogs, lib/ext2fs/mkjournal.c), for which what it
/// needs itself is counted as well. Older ones give less.
fn usual_of(blocks: u64) -> u64 {
    match (blocks.saturating_mul(11) / 10) >> 10 {
        0..32 => 1 << 10,
        32..256 => 4 << 10,
        256..512 => 8 << 10,
        512..4096 => 16 << 10,
        4096..8192 => 32 << 10,
        8192..16384 => 64 << 10,
        16384..32768 => 128 << 10,
        _ => 256 << 10,
    }
}

/// Bytes that have to go through a journal until it is overwritten.
pub fn to_write(journal: u64) -> u64 {
    journal + journal / 4 + (1 << 20)
}

/// A second, at least: what a disk takes of a journal. Measured on images, on a machine with
/// other work: ext4 30 to 80 MiB, xfs 5 to 25 MiB.
const SPINNING: u64 = 25 << 20;
const OTHER: u64 = 40 << 20;
const XFS: u64 = 10 << 20;

/// About so many seconds it takes to write so many bytes through a journal.
pub fn seconds(bytes: u64, kind: &str, rotates: Option<bool>) -> u64 {
    bytes.div_ceil(match (kind, rotates) {
        ("xfs", _) => XFS,
        (_, Some(true)) => SPINNING,
        _ => OTHER,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_says_how_large_it_is() {
        let info = "12 transactions (9 requested), each up to 4096 blocks\naverage: \n";
        assert_eq!(most_of(info), Some(16384));
        assert_eq!(most_of("average: \n"), None);
        assert_eq!(most_of(""), None);
        assert!(is_of("sda1-8", "sda1") && is_of("dm-0-8", "dm-0"));
        for other in ["sda1", "sda11-8", "sda1-", "sda1-x", "sda-8"] {
            assert!(!is_of(other, "sda1"), "{other}");
        }
        assert!(!is_of("dm-0-8", "dm"));
    }

    #[test]
    fn a_journal_that_says_nothing_is_as_large_as_mke2fs_makes_it() {
        const GB: u64 = 1 << 30;
        let of = |size: u64, block: u64| usual_of(size / block) * block;
        assert_eq!(of(64 << 20, 1024), 4 << 20);
        assert_eq!(of(10 * GB, 4096), 64 << 20);
        assert_eq!(of(100 * GB, 4096), 512 << 20);
        assert_eq!(of(4096 * GB, 4096), GB);
        // What statvfs says is a little less than what mke2fs was given.
        assert_eq!(of(127 * GB, 4096), GB);
    }

    #[test]
    fn more_is_written_than_the_journal_has() {
        assert!(to_write(4 << 20) > 5 << 20);
        assert_eq!(seconds(0, "ext4", None), 0);
        let of = |kind, rotates| seconds(to_write(1 << 30), kind, rotates);
        assert!(of("ext4", None) < of("ext4", Some(true)) && of("ext4", Some(true)) < 60);
        assert!(of("xfs", None) > 60);
    }
}
