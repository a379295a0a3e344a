//! What a file system is and what lies below it, as far as the system tells.

use std::fs;
use std::os::fd::OwnedFd;
#[cfg(target_os = "linux")]
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use procfs_core::process::MountInfo;

/// The option of ext4 that sends content through the journal.
pub const JOURNALED: &str = "data=journal";

/// A mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: String,
    /// The type of the file system, as the system has it: `ext4`.
    pub kind: String,
    /// Those of the file system itself: `data=journal`, `nodatacow`.
    pub options: Vec<String>,
    pub disk: Disk,
}

/// What a file system lies on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// None where the system does not say.
    pub rotates: Option<bool>,
    /// A layer below encrypts.
    pub is_encrypted: bool,
    /// A logical volume, which may have snapshots.
    pub is_volume: bool,
    /// A block device of this machine is what is mounted.
    pub is_here: bool,
}

/// The mount that an open file or directory is on.
#[cfg(target_os = "linux")]
pub fn of(handle: &OwnedFd) -> Option<Mount> {
    on(handle).map(|(mount, _)| mount)
}

/// What tells its file system from others, wherever that is mounted: the name of the disk in
/// sysfs, if there is one.
#[cfg(target_os = "linux")]
pub fn device(handle: &OwnedFd) -> Option<String> {
    let (_, device) = on(handle)?;
    match fs::canonicalize(device) {
        Ok(path) => Some(path.file_name()?.to_string_lossy().into_owned()),
        Err(_) => number(handle),
    }
}

/// What tells its file system from others, wherever that is mounted.
#[cfg(target_os = "macos")]
pub fn device(handle: &OwnedFd) -> Option<String> {
    number(handle)
}

fn number(handle: &OwnedFd) -> Option<String> {
    let stat = rustix::fs::fstat(handle).ok()?;
    Some(super::stat::device(&stat).to_string())
}

/// The mount, and where sysfs has what it is on.
#[cfg(target_os = "linux")]
fn on(handle: &OwnedFd) -> Option<(Mount, PathBuf)> {
    let id = id(handle)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let (mut mount, number, source) = find(&mounts, id)?;
    // The numbers of some file systems are no disk's; what is mounted then is.
    let device = fs::metadata(source).ok().filter(|meta| meta.file_type().is_block_device());
    let is_here = device.is_some();
    let number = device.map_or(number, |meta| {
        format!("{}:{}", rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()))
    });
    let device = Path::new("/sys/dev/block").join(number);
    mount.disk = Disk { is_here, ..disk(&device) };
    mount.options.extend(hidden(&mount.kind, &device));
    Some((mount, device))
}

/// Options that a file system has of itself, which the list of mounts leaves out:
/// `tune2fs -o journal_data`.
#[cfg(target_os = "linux")]
fn hidden(kind: &str, device: &Path) -> Option<String> {
    let name = fs::canonicalize(device).ok()?.file_name()?.to_owned();
    let options = Path::new("/proc/fs").join(kind).join(name).join("options");
    let options = fs::read_to_string(options).ok()?;
    options.lines().find(|option| *option == JOURNALED).map(str::to_owned)
}

/// The mount that an open file or directory is on.
#[cfg(target_os = "macos")]
pub fn of(handle: &OwnedFd) -> Option<Mount> {
    let _ = (find, disk);
    let stat = rustix::fs::fstatfs(handle).ok()?;
    let text = |chars: &[libc::c_char]| {
        let bytes = chars.iter().map(|char| char.cast_unsigned()).take_while(|byte| *byte != 0);
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
    };
    let (kind, point) = (text(&stat.f_fstypename), text(&stat.f_mntonname));
    Some(of_statfs(kind, point, &text(&stat.f_mntfromname)))
}

/// What statfs(2) of macOS tells: whether a disk spins or encrypts is not in it.
#[cfg(any(target_os = "macos", test))]
fn of_statfs(kind: String, point: String, from: &str) -> Mount {
    let disk = Disk { is_here: from.starts_with("/dev/"), ..Disk::default() };
    Mount { point, kind, options: Vec::new(), disk }
}

/// The number of the mount that an open file or directory is on.
#[cfg(target_os = "linux")]
pub fn id(handle: &OwnedFd) -> Option<i32> {
    use std::os::fd::AsRawFd;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
}

/// Where the file system is mounted that `path` is on, or what there is of it.
pub fn point_of(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find(|path| path.exists())?;
    let handle = OwnedFd::from(fs::File::open(there).ok()?);
    of(&handle).map(|mount| mount.point.into())
}

/// What is mounted below a directory, by its path from there. Known on Linux only.
pub fn below(root: &Path) -> Vec<(PathBuf, Mount)> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let infos = mounts.lines().filter_map(|line| MountInfo::from_line(line).ok());
    let inside = infos.filter_map(|info| {
        let path = info.mount_point.strip_prefix(root).ok()?.to_path_buf();
        (!path.as_os_str().is_empty()).then(|| (path, from(info).0))
    });
    inside.collect()
}

/// The mount `id` in the text of `/proc/self/mountinfo` (proc(5)), the number of its
/// device (`8:1`) and what is mounted.
fn find(mounts: &str, id: i32) -> Option<(Mount, String, String)> {
    let info = mounts.lines().find_map(|line| {
        let info = MountInfo::from_line(line).ok()?;
        (info.mnt_id == id).then_some(info)
    })?;
    Some(from(info))
}

fn from(info: MountInfo) -> (Mount, String, String) {
    let mut options: Vec<_> = info
        .super_options
        .into_iter()
        .map(|(key, value)| value.map_or(key.clone(), |value| format!("{key}={value}")))
        .collect();
    options.sort();
    let point = info.mount_point.to_string_lossy().into_owned();
    let mount = Mount { point, kind: info.fs_type, options, disk: Disk::default() };
    (mount, info.majmin, info.mount_source.unwrap_or_default())
}

/// What sysfs says of a block device and of those below it.
fn disk(device: &Path) -> Disk {
    let read = |path: &str| fs::read_to_string(device.join(path)).unwrap_or_default();
    let rotates = ["queue/rotational", "../queue/rotational"]
        .iter()
        .find_map(|path| read(path).trim().parse::<u8>().ok())
        .map(|rotates| rotates != 0);
    let kind = read("dm/uuid");
    let mut disk = Disk {
        rotates,
        is_encrypted: kind.starts_with("CRYPT-"),
        is_volume: kind.starts_with("LVM-"),
        is_here: false,
    };
    for below in fs::read_dir(device.join("slaves")).into_iter().flatten().flatten() {
        let below = self::disk(&below.path());
        disk.is_encrypted |= below.is_encrypted;
        disk.is_volume |= below.is_volume;
    }
    disk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_by_its_number() {
        let text = "\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,data=journal
35 21 0:31 / /home rw shared:2 - btrfs /dev/vdb rw,nodatacow,subvol=/home
";
        let (mount, number, source) = find(text, 35).unwrap();
        assert_eq!((mount.point.as_str(), mount.kind.as_str()), ("/home", "btrfs"));
        assert_eq!((number.as_str(), source.as_str()), ("0:31", "/dev/vdb"));
        assert!(mount.options.contains(&"nodatacow".to_owned()));
        let (mount, ..) = find(text, 21).unwrap();
        assert!(mount.options.contains(&"data=journal".to_owned()));
        assert_eq!(find(text, 99), None);
    }

    #[test]
    fn statfs_of_macos_is_understood() {
        let of = |kind: &str, from: &str| of_statfs(kind.to_owned(), "/Volumes/x".to_owned(), from);
        let mount = of("apfs", "/dev/disk3s5");
        assert_eq!((mount.kind.as_str(), mount.disk.is_here), ("apfs", true));
        assert!(!of("smbfs", "//joe@nas.local/x").disk.is_here);
    }

    #[test]
    fn a_disk_is_what_lies_below() {
        let sys = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = sys.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("sda/queue/rotational", "1\n");
        write("sda/sda1/partition", "1\n");
        write("dm-1/queue/rotational", "0\n");
        write("dm-1/dm/uuid", "LVM-abc\n");
        write("dm-1/slaves/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n");
        let at = |name: &str| disk(&sys.path().join(name));
        assert_eq!(at("sda/sda1").rotates, Some(true));
        let encrypted =
            Disk { rotates: Some(false), is_encrypted: true, is_volume: true, ..Disk::default() };
        assert_eq!(at("dm-1"), encrypted);
        assert_eq!(at("none"), Disk::default());
    }
}
