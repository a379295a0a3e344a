//! What the last backup of a tree could not send: no snapshot holds it as it is here,
//! so that a download leaves it alone.
//!
//! The list is in the cache of its tree: like that it has names of files, and is wiped with
//! them.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::model::path_set::Kept;
use super::model::plan::Failed;
use super::scan::walk::LeftOut;
use crate::base::error::{Error, Result};
use crate::base::files::{is_absent, write_private};
use crate::host::erase::{self, FillPattern, Replaced};

const NOTE: &str = "unsent";
/// What the last wipe has left of the snapshot, once it has come to its end.
const LEFT: &str = "left";

fn path(cache: &Path) -> PathBuf {
    cache.join(NOTE)
}

/// Notes the paths of the snapshot that a wipe has left. All else of it is gone here: what is at
/// such a place has come after that.
///
/// # Errors
/// The cache cannot be written.
pub fn note_left<'a>(cache: &Path, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    write_private(&cache.join(LEFT), &paths.collect::<Vec<_>>().join(&0))
}

/// Before a wipe begins nobody knows what it will leave.
///
/// # Errors
/// The note of the wipe before cannot be removed.
pub fn forget_left(cache: &Path) -> Result<()> {
    let path = cache.join(LEFT);
    erase::if_there(&path).map_err(|error| Error::io("wipe", &path, &error))
}

/// What the last wipe has left; None: none has come to its end.
///
/// # Errors
/// The note is there and cannot be read.
pub fn left(cache: &Path) -> Result<Option<Kept>> {
    list(&cache.join(LEFT))
}

/// How many paths have to be in a directory that a wipe has left in part, as far as that was
/// noted.
///
/// # Errors
/// A list is there and cannot be read.
pub fn expected(cache: &Path) -> Result<u64> {
    let (left, unsent) = (left(cache)?.unwrap_or_default(), read(cache)?);
    let unsent = unsent.paths().filter(|path| !left.holds(path));
    Ok((left.paths().count() + unsent.count()) as u64)
}

/// The paths in a list, each of which ends at a zero byte; None: there is no list.
fn list(path: &Path) -> Result<Option<Kept>> {
    match fs::read(path) {
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
        Ok(bytes) => {
            let paths = bytes.split(|byte| *byte == 0).filter(|path| !path.is_empty());
            Ok(Some(paths.collect()))
        }
    }
}

/// The paths, relative to the tree.
///
/// # Errors
/// The list is there and cannot be read.
pub fn read(cache: &Path) -> Result<Kept> {
    Ok(list(&path(cache))?.unwrap_or_default())
}

/// Notes what a backup has not sent, in place of what the one before it has not.
///
/// # Errors
/// The cache cannot be written.
pub fn note(cache: &Path, failed: &[Failed], left_out: &[LeftOut]) -> Result<()> {
    let failed = failed.iter().filter(|failed| !failed.deletion);
    let failed = failed.map(|failed| failed.path.as_os_str().as_bytes());
    // Of what is there in part the snapshot has the rest.
    let left_out = left_out.iter().filter(|out| out.loss && !out.partial);
    let paths = failed.chain(left_out.map(|out| out.path.as_slice()));
    let list = paths.collect::<Vec<_>>().join(&0);
    let path = path(cache);
    let fail = |error| Error::io("write", &path, &error);
    if list.is_empty() {
        return erase::if_there(&path).map_err(fail);
    }
    let before = Replaced::at(&path);
    write_private(&path, &list)?;
    FillPattern::new().map(|noise| before.erase(&noise)).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::failure::FailureKind;
    use crate::tree::model::path::LocalPath;

    #[test]
    fn what_was_not_sent_is_known_until_the_next_backup() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        note(&cache, &[], &[]).unwrap();
        assert!(!cache.exists(), "nothing to note");
        let out = |path: &str, loss, partial| {
            let (path, why) = (path.into(), String::new());
            LeftOut { path, why, loss, partial }
        };
        let failed = [
            Failed::at(b"a/\xff\n", FailureKind::Other, "it changes"),
            Failed::deletion(&LocalPath::from("gone"), FailureKind::Denied, String::new()),
        ];
        let left_out =
            [out("dir", true, false), out("acl", true, true), out("socket", false, false)];
        note(&cache, &failed, &left_out).unwrap();
        let kept = read(&cache).unwrap();
        assert!(kept.holds(b"a/\xff\n") && kept.holds(b"dir/below"));
        assert!(!["gone", "acl", "socket", "a"].iter().any(|path| kept.holds(path.as_bytes())));
        note(&cache, &[], &[]).unwrap();
        assert!(!path(&cache).exists() && !read(&cache).unwrap().holds(b"dir"));
    }
}
