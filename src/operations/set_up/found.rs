//! What a machine has that a person may want to back up, and disks to back up to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use directories::UserDirs;
use walkdir::WalkDir;

use crate::host::mounts;
use crate::host::paths::System;

/// So long all directories together are measured.
const PATIENCE: Duration = Duration::from_secs(2);

/// A directory in the home directory.
pub struct Found {
    pub path: PathBuf,
    pub bytes: u64,
    pub files: u64,
    /// Whether all of it was counted in time.
    pub is_whole: bool,
    /// People keep their own work there: documents, pictures, …
    pub is_personal: bool,
}

/// A disk that is mounted.
pub struct Disk {
    pub point: PathBuf,
    /// Bytes that are free for this user.
    pub free: u64,
}

/// The directories in `home` that are not hidden and hold anything, those of people's own
/// work first; and those whose names poof.conf cannot hold.
pub fn in_home(home: &Path) -> (Vec<Found>, Vec<PathBuf>) {
    let personal = personal(home);
    let listed = fs::read_dir(home).into_iter().flatten().flatten();
    let is_hidden = |path: &Path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    let directories = listed
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| !is_hidden(path));
    let (mut paths, mut unnamed): (Vec<_>, Vec<_>) =
        directories.partition(|path| path.to_str().is_some());
    unnamed.sort();
    paths.sort_by_key(|path| (!personal.contains(path), path.clone()));
    let end = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        // What one does not use is left to the others.
        let left = end.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(paths.len() - i).unwrap_or(u32::MAX);
        let is_personal = personal.contains(path);
        let measured = Found { is_personal, ..measure(path, Instant::now() + share) };
        if measured.files > 0 || !measured.is_whole {
            found.push(measured);
        }
    }
    (found, unnamed)
}

/// Where the desktop has people keep their own work, in the language of the user and by the
/// usual names.
fn personal(home: &Path) -> Vec<PathBuf> {
    const USUAL: [&str; 5] = ["Documents", "Pictures", "Desktop", "Music", "Videos"];
    let usual = USUAL.iter().map(|name| home.join(name));
    let Some(dirs) = UserDirs::new().filter(|dirs| dirs.home_dir() == home) else {
        return usual.collect();
    };
    let all = [
        dirs.document_dir(),
        dirs.picture_dir(),
        dirs.desktop_dir(),
        dirs.audio_dir(),
        dirs.video_dir(),
    ];
    usual.chain(all.into_iter().flatten().map(Path::to_path_buf)).collect()
}

/// How much there is at `path`, as far as that is counted before `end`.
pub fn measure(path: &Path, end: Instant) -> Found {
    let mut found =
        Found { path: path.to_path_buf(), bytes: 0, files: 0, is_whole: true, is_personal: false };
    for entry in WalkDir::new(path).same_file_system(true).into_iter().flatten() {
        if Instant::now() >= end {
            found.is_whole = false;
            break;
        }
        if entry.file_type().is_file() {
            found.files += 1;
            found.bytes += entry.metadata().map_or(0, |meta| meta.len());
        }
    }
    found
}

/// Disks that are mounted where people mount them, and that this user can write to.
pub fn disks() -> Vec<Disk> {
    let mut points: Vec<PathBuf> = if System::current() == System::MacOs {
        let volumes = fs::read_dir("/Volumes").into_iter().flatten().flatten();
        // The disk of the system is there as a link.
        volumes
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()
    } else {
        let root = Path::new("/");
        let below = mounts::below(root).into_iter();
        below.map(|(path, mount)| (root.join(path), mount)).filter_map(external).collect()
    };
    points.sort();
    points.dedup();
    points.into_iter().filter_map(|point| Some(Disk { free: free(&point)?, point })).collect()
}

/// The place of a mount that is no part of the system.
fn external((point, mount): (PathBuf, mounts::Mount)) -> Option<PathBuf> {
    const PLACES: [&str; 3] = ["/media", "/run/media", "/mnt"];
    const NO_DISKS: [&str; 8] =
        ["proc", "sysfs", "devtmpfs", "tmpfs", "overlay", "squashfs", "autofs", "fuse.portal"];
    let is_place = PLACES.iter().any(|place| point.starts_with(place));
    let is_disk = !NO_DISKS.contains(&mount.kind.as_str());
    (is_place && is_disk && point.to_str().is_some()).then_some(point)
}

/// Bytes that are free there; None: nothing can be written there.
fn free(point: &Path) -> Option<u64> {
    rustix::fs::access(point, rustix::fs::Access::WRITE_OK).ok()?;
    let stat = rustix::fs::statvfs(point).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn directories_are_found_with_their_sizes_and_hidden_and_empty_ones_are_not() {
        let home = tempfile::tempdir().unwrap();
        for (path, size) in [("Work/a", 3), ("Work/deep/b", 4), (".cache/c", 5)] {
            let path = home.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![b'x'; size]).unwrap();
        }
        fs::create_dir(home.path().join("Empty")).unwrap();
        std::os::unix::fs::symlink("/", home.path().join("Link")).unwrap();
        let odd = home.path().join(OsStr::from_bytes(b"gr\xfc\xdfe"));
        fs::create_dir(&odd).unwrap();
        let (found, unnamed) = in_home(home.path());
        assert_eq!(unnamed, [odd]);
        let shown: Vec<_> = found.iter().map(|f| (f.path.as_path(), f.files, f.bytes)).collect();
        assert_eq!(shown, [(home.path().join("Work").as_path(), 2, 7)]);
        assert!(found[0].is_whole);
        let late = measure(home.path(), Instant::now());
        assert!(!late.is_whole, "it ends in time");
    }

    #[test]
    fn a_mount_of_the_system_is_no_disk_for_backups() {
        let of = |point: &str, kind: &str| {
            let mount = mounts::Mount { kind: kind.to_owned(), ..mounts::Mount::default() };
            external((point.into(), mount)).is_some()
        };
        assert!(of("/media/joe/disk", "ext4") && of("/run/media/joe/x", "exfat"));
        assert!(of("/mnt/nas", "nfs4"));
        assert!(!of("/", "ext4") && !of("/boot/efi", "vfat") && !of("/home", "btrfs"));
        assert!(!of("/media/x", "tmpfs") && !of("/mediate", "ext4"));
    }
}
