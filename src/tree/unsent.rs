//! What the last backup of a tree could not send: no snapshot holds it as it is here,
//! so that a download leaves it alone. And what a wipe has left.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::model::path_set::Kept;
use super::model::plan::Failed;
use super::path_note::PathNote;
use super::scan::walk::LeftOut;
use crate::base::error::Result;

fn unsent(cache: &Path) -> PathNote {
    PathNote::of(cache, "unsent")
}

/// What the last wipe has left of the snapshot, once it has come to its end.
fn kept_back(cache: &Path) -> PathNote {
    PathNote::of(cache, "left")
}

/// Notes the paths of the snapshot that a wipe has left. All else of it is gone here: what is at
/// such a place has come after that.
///
/// # Errors
/// The cache cannot be written.
pub fn note_left<'a>(cache: &Path, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    kept_back(cache).write(paths)
}

/// Before a wipe begins nobody knows what it will leave.
///
/// # Errors
/// The note of the wipe before cannot be removed.
pub fn forget_left(cache: &Path) -> Result<()> {
    kept_back(cache).forget()
}

/// What the last wipe has left; None: none has come to its end.
///
/// # Errors
/// The note is there and cannot be read.
pub fn left(cache: &Path) -> Result<Option<Kept>> {
    kept_back(cache).read()
}

/// The paths that were not sent, relative to the tree.
///
/// # Errors
/// The list is there and cannot be read.
pub fn read(cache: &Path) -> Result<Kept> {
    unsent(cache).all()
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
    unsent(cache).replace(failed.chain(left_out.map(|out| out.path.as_slice())))
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
        assert!(unsent(&cache).read().unwrap().is_none() && !read(&cache).unwrap().holds(b"dir"));
    }
}
