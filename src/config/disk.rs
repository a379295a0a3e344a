//! A bucket that is a directory of a disk, and its place beside what is backed up to it.

use crate::base::shown::path_of;
use std::path::{Path, PathBuf};

use super::rclone_conf::RcloneConf;
use super::status::{Problem, Status};
use super::trees::Directory;

/// The directory that holds the bucket, if the remote is a disk.
pub fn bucket(rclone: &RcloneConf, section: &str, name: &str) -> Option<PathBuf> {
    match rclone.kind(section)? {
        "local" => Some(name.into()),
        "alias" => Some(Path::new(rclone.get(section, "remote")?).join(name)),
        _ => None,
    }
}

/// A backup of the backup would never end, and an upload would wipe it.
pub fn apart(
    directories: &[Directory],
    place: &Path,
    real: impl Fn(&Path) -> PathBuf,
) -> Result<(), Problem> {
    // The bucket itself may be still to be made.
    let place = match (place.parent(), place.file_name()) {
        (Some(dir), Some(name)) => real(dir).join(name),
        _ => place.to_path_buf(),
    };
    for Directory { local, .. } in directories {
        let tree = real(local);
        if place.starts_with(&tree) || tree.starts_with(&place) {
            let what = format!(
                "one of {} and the remote, {}, is inside the other",
                path_of(local),
                path_of(&place)
            );
            let hint = "Keep the remote outside of the directories that are backed up to it.";
            return Err(Problem::new(Status::WarnMisconfigured, "poof.conf paths", what, hint));
        }
    }
    Ok(())
}
