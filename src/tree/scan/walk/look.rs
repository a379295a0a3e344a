//! A look at one directory, one file.

use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Dir, Stat};

use crate::base::error::{Error, Kind};
use crate::host::created;
use crate::host::privacy;
use crate::host::stat::{device, permissions};
use crate::tree::model::entry::{Attributes, Local, STAGE, Time};
use crate::tree::scan::attributes;

/// Why the root of a tree cannot be walked.
pub fn closed(root: &Path, error: &io::Error) -> Error {
    let told = Error::io("read", root, error).with_kind(Kind::Incomplete);
    match privacy::hint(error, root) {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The names in a directory, in reverse order.
pub fn names(dir: impl AsFd, root: bool) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let bytes = name.to_bytes();
        let staged = root && bytes == STAGE.as_bytes();
        if !staged && !matches!(bytes, b"." | b"..") {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

pub fn of(stat: &Stat, xattrs: Vec<(Vec<u8>, Vec<u8>)>, flags: u32) -> Attributes {
    let mtime = time(stat.st_mtime, stat.st_mtime_nsec);
    let xattrs = attributes::with_flags(xattrs, flags);
    let xattrs = attributes::with_created(xattrs, created::of(stat));
    let mode = permissions(stat);
    Attributes { mode, uid: stat.st_uid, gid: stat.st_gid, mtime, xattrs }
}

/// Where something was seen on this machine.
pub fn local(stat: &Stat) -> Local {
    let ctime = time(stat.st_ctime, stat.st_ctime_nsec);
    Local { dev: device(stat), ino: stat.st_ino, ctime }
}

/// A time as a `Stat` has it.
pub fn time(seconds: i64, nanos: impl TryInto<u32>) -> Time {
    Time { seconds, nanos: nanos.try_into().unwrap_or(0) }
}
