//! Whether the disk of the remote is there. One that is not leaves an empty directory where it
//! was mounted, and a backup into that would fill the disk of the system.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, is_absent, write_private};
use crate::base::shown::path_of;
use crate::host::mounts;
use crate::storage::remote::Remote;

/// Refuses if the disk is not there: its directory is missing, or the bucket is, and nothing
/// is mounted where this machine has seen it. No word lets that pass.
///
/// # Errors
/// The disk is not there, or the state cannot be read.
pub fn check(state: &Path, remote: &Remote) -> Result<()> {
    let absent = |what: String| {
        Err(Error::new(Kind::Remote, what).hint(
            "Is the disk attached and mounted? Nothing was changed; mount it and run the command \
             again. If the path is wrong: `poof cconfig --remote local PATH=/full/path`.",
        ))
    };
    if let Some(dir) = remote.absent_disk() {
        let what = if dir.exists() { "is no directory" } else { "does not exist" };
        return absent(format!("{} is in {}, which {what}", remote.name(), path_of(dir)));
    }
    let Some(bucket) = remote.bucket_on_disk().filter(|bucket| !bucket.is_dir()) else {
        return Ok(());
    };
    let known = remembered(&path(state))?.remove(&key(&bucket));
    match (known, mounts::point_of(&bucket)) {
        (Some(known), Some(now)) if is_unmounted(&known, &now) => absent(format!(
            "{} is on the disk that was mounted at {}, and nothing is mounted there",
            remote.name(),
            path_of(&known)
        )),
        _ => Ok(()),
    }
}

/// Remembers where the disk is mounted, once the bucket was seen there.
///
/// # Errors
/// The state cannot be written.
pub fn remember(state: &Path, remote: &Remote) -> Result<()> {
    let Some(bucket) = remote.bucket_on_disk().filter(|bucket| bucket.is_dir()) else {
        return Ok(());
    };
    let Some(point) = mounts::point_of(&bucket) else { return Ok(()) };
    let path = path(state);
    let mut all = remembered(&path)?;
    if all.get(&key(&bucket)) == Some(&point) {
        return Ok(());
    }
    all.insert(key(&bucket), point);
    let text = serde_json::to_vec(&all).map_err(|error| Error::unexpected(error.to_string()))?;
    create_private_dir(state)?;
    write_private(&path, &text)
}

/// Whether what was mounted at `known` is gone: what is there now belongs to a mount above.
fn is_unmounted(known: &Path, now: &Path) -> bool {
    known != now && known.starts_with(now)
}

fn path(state: &Path) -> PathBuf {
    state.join("disks.json")
}

fn key(bucket: &Path) -> String {
    bucket.to_string_lossy().into_owned()
}

/// Mount points by the paths of buckets. A file that is damaged says nothing.
fn remembered(path: &Path) -> Result<BTreeMap<String, PathBuf>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if is_absent(&error) => Ok(BTreeMap::new()),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_gone_if_a_mount_above_has_its_place() {
        let is = |known: &str, now: &str| is_unmounted(known.as_ref(), now.as_ref());
        assert!(is("/media/joe/disk", "/") && is("/mnt/a/b", "/mnt/a"));
        assert!(!is("/", "/") && !is("/media/joe/disk", "/media/joe/disk"));
        assert!(!is("/home", "/home/joe/disk"), "one more is mounted below");
    }
}
