//! What fstat(2) tells, in types that are the same on every system: a mode of macOS has
//! 16 bits, and its number of a device is signed.

use rustix::fs::{Mode, RawMode, Stat};

/// Device and inode: what a name cannot tell.
pub type Id = (u64, u64);

pub fn id(stat: &Stat) -> Id {
    (device(stat), stat.st_ino)
}

/// The permission bits with setuid, setgid and sticky.
pub fn permissions(stat: &Stat) -> u32 {
    kind_and_permissions(stat) & 0o7777
}

/// All of `st_mode`.
#[allow(clippy::useless_conversion)] // of u16 on macOS
pub fn kind_and_permissions(stat: &Stat) -> u32 {
    u32::from(stat.st_mode)
}

/// Permission bits, as the system takes them.
pub fn mode(permissions: u32) -> Mode {
    Mode::from_raw_mode(RawMode::try_from(permissions & 0o7777).unwrap_or(0))
}

/// The number of the device that it is on, widened as Go and the standard library do it.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)] // of i32 on macOS
pub fn device(stat: &Stat) -> u64 {
    stat.st_dev as u64
}

/// The number of the device that it is.
#[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)] // of i32 on macOS
pub fn device_number(stat: &Stat) -> u64 {
    stat.st_rdev as u64
}
