//! Objects that are poof's own although no snapshot names them: those that a run is
//! about to make, and those that it is about to remove. Their names are noted first,
//! so that the next run tells what a run that did not end has left from what others
//! have put there.
//!
//! The note is in the cache of its tree and goes with it. Eight bytes of a hash
//! stand for a name: a first backup of a million files writes eight megabytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::files::{create_private_dir, flush};
use crate::host::erase::{self, FillPattern, Replaced};

const NOTE: &str = "ours";

/// An object that neither the tree nor its last snapshot knows, and that poof has not
/// made as far as this machine can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Below the name of the tree; from the top of the bucket if it is `odd`.
    pub name: Vec<u8>,
    /// In bytes, as stored.
    pub size: u64,
    /// It is where the objects with substitute names are, among the records of the tree.
    pub odd: bool,
}

/// The names that runs have noted which did not end.
#[derive(Debug, Default)]
pub struct Ours {
    /// Sorted.
    marks: Vec<u64>,
}

impl Ours {
    /// What is noted in a cache. What cannot be read is not noted: its objects are
    /// then foreign, and stay.
    pub fn read(cache: &Path) -> Self {
        let bytes = fs::read(path(cache)).unwrap_or_default();
        // A crash may have cut the last one.
        let (marks, _) = bytes.as_chunks();
        let mut marks: Vec<_> = marks.iter().map(|mark| u64::from_le_bytes(*mark)).collect();
        marks.sort_unstable();
        Ours { marks }
    }

    pub(in crate::tree) fn holds(&self, mark: u64) -> bool {
        self.marks.binary_search(&mark).is_ok()
    }

    /// Whether an object below the name of the tree is poof's own.
    pub fn has(&self, name: &[u8]) -> bool {
        is_partial(name) || self.holds(mark(name))
    }

    /// The same of an object with a substitute name.
    pub fn has_odd(&self, name: &[u8]) -> bool {
        is_partial(name) || odd_mark(name).is_some_and(|mark| self.holds(mark))
    }
}

fn path(cache: &Path) -> PathBuf {
    cache.join(NOTE)
}

pub(in crate::tree) fn mark(name: &[u8]) -> u64 {
    let hash = blake3::hash(name);
    hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}

/// The mark of the path for which a substitute name stands: [`Names::odd`] begins
/// with the same hash.
pub(in crate::tree) fn odd_mark(name: &[u8]) -> Option<u64> {
    let hash = data_encoding::HEXLOWER.decode(name).ok().filter(|hash| hash.len() == 16)?;
    hash.first_chunk().map(|first| u64::from_le_bytes(*first))
}

/// Whether an object has a name under which poof itself sends to a disk: see
/// go/store/send.go.
pub(in crate::tree) fn is_partial(name: &[u8]) -> bool {
    let last = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    let id = last.strip_prefix(b".poof-").and_then(|rest| rest.strip_suffix(b".partial"));
    id.is_some_and(|id| {
        id.len() == 16 && id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Notes `marks`; they are on the disk when this returns. Without any, nothing is
/// written.
pub(in crate::tree) fn note(cache: &Path, marks: impl Iterator<Item = Result<u64>>) -> Result<()> {
    let mut marks = marks.peekable();
    if marks.peek().is_none() {
        return Ok(());
    }
    create_private_dir(cache)?;
    let path = path(cache);
    let fail = |error| Error::io("write", &path, &error);
    // 0600, as tempfile makes them.
    let file = tempfile::Builder::new().prefix(".poof-").tempfile_in(cache).map_err(fail)?;
    let mut out = BufWriter::new(file);
    for mark in marks {
        out.write_all(&mark?.to_le_bytes()).map_err(fail)?;
    }
    let file = out.into_inner().map_err(|error| fail(error.into_error()))?;
    flush(file.as_file()).map_err(fail)?;
    let before = Replaced::at(&path);
    file.persist(&path).map_err(|error| fail(error.error))?;
    File::open(cache).and_then(|dir| flush(&dir)).map_err(fail)?;
    FillPattern::new().map(|noise| before.erase(&noise)).map_err(fail)
}

/// Forgets what is noted.
///
/// # Errors
/// It cannot be removed.
pub(in crate::tree) fn forget(cache: &Path) -> Result<()> {
    let path = path(cache);
    erase::if_there(&path).map_err(|error| Error::io("remove", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::layout::Names;

    #[test]
    fn what_was_noted_is_known_under_both_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("cache");
        note(&cache, std::iter::empty()).unwrap();
        assert!(!cache.exists(), "nothing to note");
        note(&cache, [mark(b"a/b"), mark(b"c")].map(Ok).into_iter()).unwrap();
        let ours = Ours::read(&cache);
        assert!(ours.has(b"a/b") && ours.has(b"c") && !ours.has(b"a"));
        assert!(ours.has_odd(Names::odd(b"c").as_bytes()));
        assert!(!ours.has_odd(Names::odd(b"d").as_bytes()) && !ours.has_odd(b"c"));
        note(&cache, [Ok(mark(b"d"))].into_iter()).unwrap();
        let ours = Ours::read(&cache);
        assert!(ours.has(b"d") && !ours.has(b"c"));
        // Cut by a crash.
        fs::write(path(&cache), &mark(b"d").to_le_bytes()[..7]).unwrap();
        assert!(!Ours::read(&cache).has(b"d"));
    }

    #[test]
    fn a_name_under_which_poof_sends_is_its_own_and_no_other_is() {
        let ours = Ours::default();
        for (name, own) in [
            (".poof-0123456789abcdef.partial", true),
            ("deep/in/.poof-0123456789abcdef.partial", true),
            (".poof-0123456789abcdef.partial/x", false),
            (".poof-0123456789abcde.partial", false),
            (".poof-0123456789ABCDEF.partial", false),
            ("x.poof-0123456789abcdef.partial", false),
            ("film.0123abcd.partial", false),
        ] {
            assert_eq!(ours.has(name.as_bytes()), own, "{name}");
            assert_eq!(ours.has_odd(name.as_bytes()), own, "{name}");
        }
    }
}
