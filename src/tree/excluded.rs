//! What the filters leave out of a tree, as rclone would.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, statat};

use super::entry::Entry;
use super::objects::Names;
use super::walk::LeftOut;
use crate::storage::filter::Filter;
use crate::storage::store::object_name;

/// Something that is left out. Its extended attributes are not read.
#[derive(Debug)]
pub struct Excluded {
    /// It lies in no other that is excluded.
    pub top: bool,
    /// What it is; a socket, say, is not even an entry.
    pub what: Result<Entry, LeftOut>,
}

impl Excluded {
    pub fn path(&self) -> &[u8] {
        match &self.what {
            Ok(entry) => &entry.path,
            Err(out) => &out.path,
        }
    }

    pub fn is_directory(&self) -> bool {
        self.what.as_ref().is_ok_and(Entry::is_directory)
    }
}

/// How much is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Files and what else is no directory.
    pub files: u64,
    pub bytes: u64,
    /// There is something, and be it an empty directory.
    pub found: bool,
}

impl Extent {
    pub fn add(&mut self, excluded: &Excluded) {
        self.found = true;
        self.files += u64::from(!excluded.is_directory());
        let data = excluded.what.as_ref().ok().and_then(Entry::file);
        self.bytes += data.map_or(0, |data| data.size);
    }
}

/// Whether the patterns exclude what stands at a path. A link is known to rclone by the
/// name of its object.
pub fn is_excluded(filter: &Filter, path: &[u8], file_type: FileType) -> bool {
    if filter.is_empty() {
        return false;
    }
    // Every name on a disk has one.
    let Ok(mut name) = object_name(path) else { return false };
    match file_type {
        FileType::Directory => filter.excludes_directory(&name),
        FileType::Symlink => {
            name.extend_from_slice(Names::LINK);
            filter.excludes_file(&name)
        }
        _ => filter.excludes_file(&name),
    }
}

/// Whether a directory, with its names in reverse order, holds a file that has it left
/// out. As to rclone, a link or a directory is none.
pub fn is_marked(dir: &OwnedFd, names: &[CString], filter: &Filter) -> bool {
    filter.markers().iter().any(|marker| {
        let found = names.binary_search_by(|name| marker.as_slice().cmp(name.to_bytes()));
        let stat = found.ok().map(|at| statat(dir, &names[at], AtFlags::SYMLINK_NOFOLLOW));
        let file_type = stat.and_then(Result::ok).map(|s| FileType::from_raw_mode(s.st_mode));
        file_type.is_some_and(|t| !matches!(t, FileType::Directory | FileType::Symlink))
    })
}
