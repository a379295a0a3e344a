//! The BLAKE3 of a local file.

use std::fs::File;
use std::io;

use super::root::Root;
use crate::tree::model::entry::{Content, Entry, FileData};

/// Whether the regular file `now` below `root` has the content that is known of
/// `then`: it is the same inode with the times of then, or, and in any case if
/// `rehash` or if it does not say its size, it is read and has the same hash.
pub fn is_same(root: &Root, now: &Entry, then: &Entry, rehash: bool) -> bool {
    let (Some(found), Some(known)) = (now.file(), then.file()) else { return false };
    let untouched = now.local == then.local && now.attributes.mtime == then.attributes.mtime;
    let hashed = || root.file(&now.path).and_then(of).ok() == known.content;
    if known.content.is_none() {
        return false;
    }
    if found.size != known.size {
        return may_be_unsized(found) && hashed();
    }
    untouched && !rehash || hashed()
}

/// Whether the size of a file may be none: in procfs each has 0 bytes, in sysfs a page,
/// and so has what a FUSE file system does not know before it is read.
fn may_be_unsized(file: &FileData) -> bool {
    file.size == 0 || file.sparse && file.size == 4096
}

/// Hashes what is read from an open file.
///
/// # Errors
/// It cannot be read.
pub fn of(file: File) -> io::Result<Content> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(Content(*hasher.finalize().as_bytes()))
}
