//! What file systems hold of attributes: some have neither owners nor modes, and times
//! in steps.

use std::os::fd::OwnedFd;

use crate::host::mounts;
use crate::tree::model::entry::Time;

/// What the file system of a directory holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holds {
    /// All of it, as far as is known: what differs is set.
    #[default]
    All,
    /// Times in steps. Owners and modes if it takes them: that depends on its mount
    /// options.
    Coarse,
    /// Times in steps, and neither owners nor modes.
    Times,
}

/// FAT and exFAT, as the systems and drivers name them.
const TIMES: [&str; 6] = ["vfat", "msdos", "exfat", "msdosfs", "fuse.fusefat", "fuse.exfat"];
/// NTFS and what servers have; `fuseblk` and `fuse.` are any of all these.
const COARSE: [&str; 9] =
    ["ntfs", "ntfs3", "cifs", "smb3", "smbfs", "hfs", "hfsplus", "fuse", "fuseblk"];

/// The steps in nanoseconds: of NTFS, exFAT, HFS and FAT.
const STEPS: [i128; 4] = [100, 10_000_000, 1_000_000_000, 2_000_000_000];

impl Holds {
    /// What is known of the file system of a directory.
    pub fn of(dir: &OwnedFd) -> Self {
        mounts::of(dir).map_or(Holds::All, |mount| Holds::of_kind(&mount.kind))
    }

    fn of_kind(kind: &str) -> Self {
        if TIMES.contains(&kind) {
            Holds::Times
        } else if COARSE.contains(&kind) || kind.starts_with("fuse.") {
            Holds::Coarse
        } else {
            Holds::All
        }
    }

    /// Whether `found` is what becomes of the time `wanted` here.
    pub fn same_time(self, wanted: Time, found: Time) -> bool {
        let nanos = |time: Time| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let (wanted, found) = (nanos(wanted), nanos(found));
        let step = |step: &i128| found % step == 0 && (wanted - found).abs() < *step;
        wanted == found || self != Holds::All && STEPS.iter().any(step)
    }

    pub fn holds_modes(self) -> bool {
        self != Holds::Times
    }

    /// Whether a refusal of a mode or an owner says that the file system has none, and
    /// not that this user must not set it.
    pub fn may_lack_modes(self) -> bool {
        self != Holds::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: i64, nanos: u32) -> Time {
        Time { seconds, nanos }
    }

    #[test]
    fn a_rounded_time_is_the_same_where_times_have_steps() {
        let wanted = time(1_000_000_001, 123_456_789);
        for found in [
            time(1_000_000_000, 0),
            time(1_000_000_002, 0),
            time(1_000_000_001, 0),
            time(1_000_000_001, 120_000_000),
            time(1_000_000_001, 123_456_700),
        ] {
            assert!(Holds::Times.same_time(wanted, found), "{found:?}");
            assert!(Holds::Coarse.same_time(wanted, found), "{found:?}");
            assert!(!Holds::All.same_time(wanted, found), "{found:?}");
        }
        for found in [
            time(1_000_000_003, 0),
            time(1_000_000_001, 123_456_700 + 1),
            time(999_999_999, 0),
            time(1_000_000_004, 0),
        ] {
            assert!(!Holds::Times.same_time(wanted, found), "{found:?}");
        }
        let before = time(-3, 500_000_000);
        assert!(Holds::Times.same_time(before, time(-4, 0)));
        assert!(Holds::All.same_time(wanted, wanted));
    }

    #[test]
    fn only_the_family_of_fat_never_holds_modes() {
        assert_eq!(Holds::of_kind("vfat"), Holds::Times);
        assert_eq!(Holds::of_kind("fuseblk"), Holds::Coarse);
        assert_eq!(Holds::of_kind("fuse.sshfs"), Holds::Coarse);
        for kind in ["ext4", "xfs", "btrfs", "tmpfs", "apfs", "overlay", "zfs", "nfs4"] {
            assert_eq!(Holds::of_kind(kind), Holds::All);
        }
    }
}
