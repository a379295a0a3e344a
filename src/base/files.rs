//! Files that hold secrets: written whole or not at all, readable by the owner
//! alone whatever the umask.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::{Error, Result};

/// How the name of a file begins that holds secrets for a moment, or until something is done.
/// It belongs to no tree: a backup would send what is about to be a secret.
pub const SECRETS: &str = ".poof-private-";

/// Makes `dir` and what is missing above it; `dir` itself is 0700.
pub fn create_private_dir(dir: &Path) -> Result<()> {
    let make = || {
        if dir.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))
    };
    make().map_err(|error| Error::io("create the directory", dir, &error))
}

/// Replaces the content of `path` atomically: after a crash at any moment it
/// has the old or the new content. The file is 0600. A symbolic link at
/// `path` stays, its target is replaced.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    Staged::beside(path, content)?.put()
}

/// The same of several files: all that can fail for want of space or permission fails before
/// the first of them changes.
///
/// # Errors
/// One cannot be written.
pub fn write_all_private(files: &[(&Path, &[u8])]) -> Result<()> {
    let staged: Vec<_> =
        files.iter().map(|(path, content)| Staged::beside(path, content)).collect::<Result<_>>()?;
    staged.into_iter().try_for_each(Staged::put)
}

/// Makes private files in this order, all of them or none. Nothing is replaced.
///
/// # Errors
/// One is there already, or cannot be written.
pub fn make_all_private(files: &[(&Path, &[u8])]) -> Result<()> {
    let staged: Vec<_> =
        files.iter().map(|(path, content)| Staged::beside(path, content)).collect::<Result<_>>()?;
    let mut made = Vec::new();
    for Staged { path, target, file } in staged {
        let done = file.persist_noclobber(&target).map_err(|error| error.error);
        match done.and_then(|_| flush(&File::open(parent(&target))?)) {
            Ok(()) => made.push(target),
            Err(error) => {
                for path in &made {
                    let _ = remove(path);
                }
                return Err(Error::io("write", &path, &error));
            }
        }
    }
    Ok(())
}

/// The new content of a file, on its disk, but not in its place. It goes if it is dropped.
struct Staged {
    path: PathBuf,
    target: PathBuf,
    file: NamedTempFile,
}

impl Staged {
    fn beside(path: &Path, content: &[u8]) -> Result<Self> {
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let dir = parent(&target);
        create_private_dir(&dir)?;
        let stage = || {
            let mut file = tempfile::Builder::new()
                .prefix(SECRETS)
                .permissions(Permissions::from_mode(0o600))
                .tempfile_in(&dir)?;
            file.as_file().set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(content)?;
            flush(file.as_file())?;
            Ok(file)
        };
        let file = stage().map_err(|error| Error::io("write", path, &error))?;
        Ok(Staged { path: path.to_path_buf(), target, file })
    }

    fn put(self) -> Result<()> {
        let Staged { path, target, file } = self;
        let put = || {
            file.persist(&target).map_err(|error| error.error)?;
            flush(&File::open(parent(&target))?)
        };
        put().map_err(|error| Error::io("write", &path, &error))
    }
}

/// The same of a file that everybody may read, in a directory that is there. A symbolic link
/// at `path` is replaced: whoever may write there has no say about other files.
///
/// # Errors
/// It cannot be written.
pub fn write_public(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(SECRETS).tempfile_in(parent(path))?;
        file.write_all(content)?;
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
        flush(file.as_file())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error| Error::io("write", path, &error))
}

/// Brings a file or directory to its disk, or as near as that lets it come: macOS does it
/// with `F_FULLFSYNC`, which servers (SMB) and some disks (exFAT) do not have.
///
/// # Errors
/// The disk fails.
pub fn flush(file: &File) -> io::Result<()> {
    as_far_as_possible(file, file.sync_all())
}

/// The same of its content, without what only says when it was written.
///
/// # Errors
/// The disk fails.
pub fn flush_data(file: &File) -> io::Result<()> {
    as_far_as_possible(file, file.sync_data())
}

fn as_far_as_possible(file: &File, done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if has_no_full_sync(error.raw_os_error()) => Ok(rustix::fs::fsync(file)?),
        other => other,
    }
}

/// Whether an error of `F_FULLFSYNC` says that there is no such thing here.
pub fn has_no_full_sync(errno: Option<i32>) -> bool {
    const NONE: [i32; 4] = [libc::ENOTSUP, libc::EOPNOTSUPP, libc::ENOTTY, libc::EINVAL];
    errno.is_some_and(|errno| NONE.contains(&errno))
}

/// Whether an error says that there is no such file, or no directory for it.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes a file, if it is there.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The directory that holds `path`; `.` for a bare name.
pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Whether others than the owner may read `path`. `false` if it is missing.
pub fn readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_private_and_a_link_to_it_survives() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("deep/real"), dir.path().join("link"));
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_private(&real, b"one").unwrap();
        assert!(!readable_by_others(&real) && !readable_by_others(&dir.path().join("deep")));
        write_private(&link, b"two").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn of_several_files_none_changes_if_one_cannot_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let (one, file) = (dir.path().join("one"), dir.path().join("file"));
        fs::write(&one, "old").unwrap();
        fs::write(&file, "").unwrap();
        let other = file.join("other");
        assert!(write_all_private(&[(&one, b"new"), (&other, b"new")]).is_err());
        assert_eq!(fs::read(&one).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
        let other = dir.path().join("other");
        write_all_private(&[(&one, b"new"), (&other, b"new")]).unwrap();
        assert_eq!(
            (fs::read(&one).unwrap(), fs::read(&other).unwrap()),
            (b"new".into(), b"new".into())
        );
    }

    #[test]
    fn of_several_new_files_all_are_made_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        fs::write(&other, "mine").unwrap();
        assert!(make_all_private(&[(&one, b"1"), (&other, b"2")]).is_err());
        assert_eq!(fs::read(&other).unwrap(), b"mine");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        fs::remove_file(&other).unwrap();
        make_all_private(&[(&one, b"1"), (&other, b"2")]).unwrap();
        assert_eq!(
            (fs::read(&one).unwrap(), fs::read(&other).unwrap()),
            (b"1".into(), b"2".into())
        );
        assert!(!readable_by_others(&one));
    }

    #[test]
    fn only_a_disk_that_has_no_full_sync_gets_less() {
        for errno in [libc::ENOTSUP, libc::ENOTTY] {
            assert!(has_no_full_sync(Some(errno)));
        }
        for errno in [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EBADF] {
            assert!(!has_no_full_sync(Some(errno)));
        }
        assert!(!has_no_full_sync(None));
    }

    #[test]
    fn nothing_is_left_behind_when_the_target_cannot_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("taken")).unwrap();
        assert!(write_private(&dir.path().join("taken"), b"x").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
