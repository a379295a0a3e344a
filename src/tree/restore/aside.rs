//! Attributes that are too large to be held for every path of a restore: they wait in a file.
//!
//! All that a restore has to do is in memory at once. A path, an owner and some small
//! attributes are little of it; but an entry may have 16 MiB of attributes, and half a
//! megabyte of a bucket may unpack to gigabytes of them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::privileged::is_of_root;
use crate::host::flags;
use crate::tree::model::entry::{Entry, MOST_ATTRIBUTE_BYTES};
use crate::tree::scan::attributes::{Xattrs, flags_of, with_flags};

/// So many bytes of attributes stay with an entry.
const LIGHT: usize = 1024;
/// In place of the attributes an entry then has one without a name, which no disk has: where
/// they begin in the file, and how many bytes they are.
const PLACE: usize = 16;
const LEVEL: i32 = 1;
/// More than all attributes of an entry are, in bytes.
const LARGEST: usize = 2 * MOST_ATTRIBUTE_BYTES;

/// Where they wait: a file without a name, gone with the process.
pub struct Aside {
    dir: PathBuf,
    file: Mutex<Option<File>>,
}

impl Aside {
    /// `dir` is this user's alone.
    pub fn new(dir: PathBuf) -> Self {
        Aside { dir, file: Mutex::new(None) }
    }

    /// Puts the attributes of an entry aside, if they are large. What tells that they give
    /// special rights stays. If the file cannot be written, they stay where they are.
    pub fn put(&self, entry: &mut Entry) {
        let xattrs = &entry.attributes.xattrs;
        let size = |(name, value): &(Vec<u8>, Vec<u8>)| name.len() + value.len();
        if xattrs.iter().map(size).sum::<usize>() <= LIGHT {
            return;
        }
        let Ok(bytes) = postcard::to_stdvec(&entry.attributes) else { return };
        let Ok(bytes) = zstd::bulk::compress(&bytes, LEVEL) else { return };
        let Ok(at) = self.append(&bytes) else { return };
        let place = [at.to_le_bytes(), (bytes.len() as u64).to_le_bytes()].concat();
        let telling = xattrs.iter().find(|(name, _)| is_of_root(name));
        let telling = telling.map(|(name, _)| (name.clone(), Vec::new()));
        let rest: Xattrs = [Some((Vec::new(), place)), telling].into_iter().flatten().collect();
        entry.attributes.xattrs =
            with_flags(rest, flags_of(&entry.attributes) & flags::HERE.kept());
    }

    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = Some(tempfile::tempfile_in(&self.dir)?);
        }
        let file = file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let at = file.seek(SeekFrom::End(0))?;
        file.write_all(bytes)?;
        Ok(at)
    }

    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes)
    }

    /// The entry with all its attributes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn whole<'e>(&self, entry: &'e Entry) -> io::Result<Cow<'e, Entry>> {
        let place = entry.attributes.xattrs.first().filter(|(name, _)| name.is_empty());
        let place = place.and_then(|(_, place)| <[u8; PLACE]>::try_from(place.as_slice()).ok());
        let Some(place) = place else { return Ok(Cow::Borrowed(entry)) };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
        let (at, len) = (number(&place[..PLACE / 2]), number(&place[PLACE / 2..]));
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.read(at, &mut bytes)?;
        let bytes = zstd::bulk::decompress(&bytes, LARGEST)?;
        let attributes = postcard::from_bytes(&bytes).map_err(io::Error::other)?;
        Ok(Cow::Owned(Entry { attributes, ..entry.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{Attributes, EntryKind};

    #[test]
    fn what_is_put_aside_comes_back_and_what_is_small_stays() {
        let dir = tempfile::tempdir().unwrap();
        let aside = Aside::new(dir.path().to_path_buf());
        let entry = |number: u8, size: usize| Entry {
            path: vec![number],
            kind: EntryKind::Directory,
            attributes: Attributes {
                mode: 0o755,
                xattrs: vec![
                    (flags::HERE.attribute.to_vec(), flags::HERE.written(u32::MAX).unwrap().into()),
                    (b"trusted.a".to_vec(), b"x".to_vec()),
                    (b"user.x".to_vec(), vec![number; size]),
                ],
                ..Attributes::default()
            },
            hard_link: None,
            stored: None,
            local: None,
        };
        let all: Vec<_> = (0..9).map(|n: u8| entry(n, usize::from(n) * 9_000)).collect();
        let mut held = all.clone();
        for entry in &mut held {
            aside.put(entry);
        }
        assert_eq!(held[0], all[0]);
        for (held, all) in held.iter().zip(&all) {
            assert_eq!(*aside.whole(held).unwrap(), *all);
            assert_eq!(flags_of(&held.attributes), flags_of(&all.attributes));
            let names = held.attributes.xattrs.iter().map(|(name, _)| name.as_slice());
            assert!(names.clone().any(is_of_root) && held.attributes.xattrs.len() == 3);
        }
        assert!(held[1..].iter().all(|entry| entry.attributes.xattrs[0].1.len() == PLACE));
        // Where there is no room they stay.
        let nowhere = Aside::new(dir.path().join("missing"));
        let mut kept = all[5].clone();
        nowhere.put(&mut kept);
        assert_eq!((&kept, &*nowhere.whole(&kept).unwrap()), (&all[5], &all[5]));
    }
}
