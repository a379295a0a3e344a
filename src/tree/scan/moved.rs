//! What a wipe has moved to the stage says by its name there what it has to be. A run after
//! one that was killed tells from it what may go, and what has to go back.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Stat, fstat, statat};

use crate::host::stat::{Id, id, kind_and_permissions};

/// An entry of a snapshot: the beginning of the hash of its head, and the number among its
/// entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub head: u64,
    pub number: u64,
}

/// What is to be removed, and where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// None: no snapshot holds it.
    pub entry: Option<Numbered>,
    /// The directory that it was in.
    pub dir: Id,
    seen: Seen,
}

/// What tells a file from another one. Who renames it changes its ctime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    id: Id,
    kind: u32,
    size: u64,
    /// Seconds and nanoseconds; none of a file that was cut to nothing, which has got another.
    mtime: Option<(i64, u64)>,
}

impl Seen {
    fn of(stat: &Stat) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss)] // of i64 on macOS
        let mtime = (stat.st_mtime, stat.st_mtime_nsec as u64);
        Seen {
            id: id(stat),
            kind: kind_and_permissions(stat) & 0o170_000,
            size,
            mtime: (size > 0 || !kind.is_file()).then_some(mtime),
        }
    }
}

const PREFIX: &str = "wiped";

impl Moved {
    /// `file`, of which a name in `dir` is to go.
    pub fn new(entry: Option<Numbered>, dir: &Stat, file: &Stat) -> Self {
        Moved { entry, dir: id(dir), seen: Seen::of(file) }
    }

    /// Whether that is what is there.
    pub fn is(&self, found: &Stat) -> bool {
        Seen::of(found) == self.seen
    }

    /// Its name in the stage, where `serial` tells it from all others. It tells nothing of
    /// the name that goes.
    pub fn name(&self, serial: u64) -> io::Result<CString> {
        let Moved { entry, dir, seen: Seen { id, kind, size, mtime } } = self;
        let numbers = |numbers: &[u64]| {
            numbers.iter().map(|number| format!("{number:x}")).collect::<Vec<_>>().join(".")
        };
        let entry = entry.map_or("-".to_owned(), |entry| numbers(&[entry.head, entry.number]));
        let mtime = mtime
            .map_or("-".to_owned(), |(seconds, nanos)| numbers(&[seconds.cast_unsigned(), nanos]));
        let seen = numbers(&[dir.0, dir.1, id.0, id.1, u64::from(*kind), *size]);
        Ok(CString::new(format!("{PREFIX}-{serial:x}_{entry}_{seen}_{mtime}"))?)
    }

    fn parse(name: &CStr) -> Option<Self> {
        let rest = name.to_str().ok()?.strip_prefix(PREFIX)?.strip_prefix('-')?;
        let mut parts = rest.split('_');
        let (_, entry, seen, mtime) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let numbers = |part: &str| -> Option<Vec<u64>> {
            part.split('.').map(|number| u64::from_str_radix(number, 16).ok()).collect()
        };
        let pair = |part: &str| match numbers(part)?[..] {
            [first, second] => Some((first, second)),
            _ => None,
        };
        let entry = match entry {
            "-" => None,
            some => pair(some).map(|(head, number)| Some(Numbered { head, number }))?,
        };
        let mtime = match mtime {
            "-" => None,
            some => pair(some).map(|(seconds, nanos)| Some((seconds.cast_signed(), nanos)))?,
        };
        let [dir_device, dir, device, inode, kind, size] = numbers(seen)?[..] else { return None };
        let kind = u32::try_from(kind).ok()?;
        let seen = Seen { id: (device, inode), kind, size, mtime };
        Some(Moved { entry, dir: (dir_device, dir), seen })
    }
}

/// Something in the stage that a wipe was not to remove.
pub struct Foreign {
    pub name: CString,
    /// None: poof does not know how it came there.
    pub moved: Option<Moved>,
}

/// Where a restore makes a directory, in the stage.
pub const DIRECTORY: &CStr = c"directory";
/// A file that tells whose a disk makes what is new on it.
pub const PROBE: &CStr = c"probe";

/// Whether a name in the stage is one that a restore gives.
fn is_collected(name: &CStr) -> bool {
    name.to_bytes().iter().all(u8::is_ascii_digit) || name == DIRECTORY || name == PROBE
}

/// What is in a stage, and is neither what a download has collected nor what was proven when
/// a wipe moved it there.
///
/// # Errors
/// It cannot be read.
pub fn foreign(stage: &OwnedFd) -> io::Result<Vec<Foreign>> {
    let mut all = Vec::new();
    for entry in Dir::read_from(stage)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || is_collected(name) {
            continue;
        }
        let moved = Moved::parse(name);
        let found = statat(stage, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !moved.is_some_and(|moved| moved.is(&found)) {
            all.push(Foreign { name: name.to_owned(), moved });
        }
    }
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Whether an open directory is the one in which something was.
///
/// # Errors
/// The system does not tell.
pub fn is_home(moved: &Moved, dir: &OwnedFd) -> io::Result<bool> {
    Ok(id(&fstat(dir)?) == moved.dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    #[test]
    fn what_was_moved_is_recognised_and_what_took_its_place_is_not() {
        let root = tempfile::tempdir().unwrap();
        let dir = OwnedFd::from(File::open(root.path()).unwrap());
        fs::write(root.path().join("full"), "content").unwrap();
        fs::write(root.path().join("cut"), "").unwrap();
        symlink("target", root.path().join("link")).unwrap();
        let stat = |name: &CStr| statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let entry = Some(Numbered { head: u64::MAX, number: 0 });
        for (entry, name) in [(entry, c"full"), (None, c"cut"), (None, c"link")] {
            let moved = Moved::new(entry, &fstat(&dir).unwrap(), &stat(name));
            let parsed = Moved::parse(&moved.name(7).unwrap()).unwrap();
            assert_eq!(parsed, moved);
            assert!(moved.name(u64::MAX).unwrap().to_bytes().len() < 255);
            assert!(is_home(&parsed, &dir).unwrap() && parsed.is(&stat(name)));
            for other in [c"full", c"cut", c"link"] {
                assert_eq!(parsed.is(&stat(other)), other == name, "{name:?} {other:?}");
            }
        }
        // Written to, with the same size, and cut no more.
        let full = Moved::new(None, &fstat(&dir).unwrap(), &stat(c"full"));
        let cut = Moved::new(None, &fstat(&dir).unwrap(), &stat(c"cut"));
        let file = File::options().write(true).open(root.path().join("full")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        fs::write(root.path().join("cut"), "x").unwrap();
        assert!(!full.is(&stat(c"full")) && !cut.is(&stat(c"cut")));
        for odd in [c"wiped-", c"wiped-0_-_1.2.3_-", c"wiped-0_-_1.2.3.4.5.6_x", c"7", c"\xff"] {
            assert_eq!(Moved::parse(odd), None, "{odd:?}");
        }
    }
}
