//! What has gone up in bundles and is in no snapshot yet. A run that is killed leaves it: the
//! next one sends nothing of it again that is here as it was.
//!
//! The note is in the cache of its tree: like that it has names of files, and is wiped with them.
//! A frame of it is one bundle:
//!
//! ```text
//! size[4]     of what follows the hash, little-endian
//! hash[32]    the BLAKE3 of that
//! Bundle      postcard
//! Entry …     its members, with `local`
//! ```

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::own_objects::mark;
use crate::base::error::{Error, Result};
use crate::base::files::create_private_dir;
use crate::host::erase;
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::Entry;

const NOTE: &str = "packed";

/// A frame that is larger, in bytes, was not made by us.
const LARGEST: usize = 64 << 20;

fn path(cache: &Path) -> PathBuf {
    cache.join(NOTE)
}

/// What runs have noted that did not end.
#[derive(Debug, Default)]
pub struct Packed {
    file: Option<File>,
    pub bundles: Vec<Bundle>,
    /// The numbers of these.
    numbers: HashSet<u64>,
    /// Where the entry of a path is in the file, and how long, by a hash of the path.
    places: HashMap<u64, (u64, usize)>,
}

impl Packed {
    /// What is noted in a cache. What cannot be read is not noted: it is sent again.
    pub fn read(cache: &Path) -> Self {
        let mut packed = Packed::default();
        let Ok(file) = File::open(path(cache)) else { return packed };
        let mut reader = BufReader::new(&file);
        let mut at = 0;
        while let Some(frame) = next_frame(&mut reader) {
            at += 4 + 32;
            if packed.take_frame(&frame, at).is_none() {
                break;
            }
            at += frame.len() as u64;
        }
        packed.file = Some(file);
        packed
    }

    fn take_frame(&mut self, frame: &[u8], at: u64) -> Option<()> {
        let (bundle, mut rest) = postcard::take_from_bytes::<Bundle>(frame).ok()?;
        self.numbers.insert(bundle.number);
        self.bundles.push(bundle);
        while !rest.is_empty() {
            let (entry, after) = postcard::take_from_bytes::<Entry>(rest).ok()?;
            let place = at + (frame.len() - rest.len()) as u64;
            self.places.insert(mark(&entry.path), (place, rest.len() - after.len()));
            rest = after;
        }
        Some(())
    }

    /// Forgets the bundles that `is_there` does not know, and what is in them.
    pub fn retain(&mut self, is_there: impl Fn(&Bundle) -> bool) {
        self.bundles.retain(is_there);
        self.numbers = self.bundles.iter().map(|bundle| bundle.number).collect();
    }

    /// What was noted of a file that is here as it was then.
    pub fn find(&self, seen: &Entry) -> Option<Entry> {
        // There is none after a run that ended.
        let file = self.file.as_ref()?;
        let (at, len) = self.places.get(&mark(&seen.path))?;
        let mut bytes = vec![0; *len];
        file.read_exact_at(&mut bytes, *at).ok()?;
        let noted: Entry = postcard::from_bytes(&bytes).ok()?;
        let size = |entry: &Entry| entry.file().map(|data| data.size);
        let same = noted.path == seen.path
            && noted.local.is_some()
            && noted.local == seen.local
            && noted.attributes.mtime == seen.attributes.mtime
            && size(&noted) == size(seen)
            && noted.member().is_some_and(|member| self.numbers.contains(&member.bundle));
        same.then_some(noted)
    }
}

fn next_frame(from: &mut impl Read) -> Option<Vec<u8>> {
    let (mut size, mut hash) = ([0; 4], [0; 32]);
    from.read_exact(&mut size).and_then(|()| from.read_exact(&mut hash)).ok()?;
    let size = usize::try_from(u32::from_le_bytes(size)).ok().filter(|size| *size <= LARGEST)?;
    let mut frame = vec![0; size];
    // A crash may have cut the last one.
    from.read_exact(&mut frame).ok()?;
    (blake3::hash(&frame) == hash).then_some(frame)
}

/// Notes a bundle that has gone up, and its members.
///
/// # Errors
/// The cache cannot be written.
pub fn note(cache: &Path, bundle: &Bundle, members: &[Entry]) -> Result<()> {
    create_private_dir(cache)?;
    let path = path(cache);
    let write = || -> io::Result<()> {
        let invalid = |_| io::Error::from(io::ErrorKind::InvalidData);
        let mut frame = postcard::to_stdvec(bundle).map_err(invalid)?;
        for member in members {
            frame = postcard::to_extend(member, frame).map_err(invalid)?;
        }
        let size = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let bytes = [&size.to_le_bytes()[..], blake3::hash(&frame).as_bytes(), &frame].concat();
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).open(&path)?.write_all(&bytes)
    };
    write().map_err(|error| Error::io("write", &path, &error))
}

/// Forgets what is noted: a snapshot has it, or nothing needs it.
///
/// # Errors
/// It cannot be removed.
pub fn forget(cache: &Path) -> Result<()> {
    let path = path(cache);
    erase::if_there(&path).map_err(|error| Error::io("remove", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{
        Attributes, EntryKind, FileData, Local, Member, Stored, StoredObject, Tag, Time,
    };
    use std::fs;

    fn entry(name: &str, ino: u64) -> Entry {
        let member = Member { bundle: 3, offset: 40, size: 5, deflated: false };
        Entry {
            path: name.into(),
            kind: EntryKind::File(FileData { size: 5, content: None, sparse: false }),
            attributes: Attributes::default(),
            hard_link: None,
            stored: Some(Stored::Member(member)),
            local: Some(Local { dev: 1, ino, ctime: Time::default() }),
        }
    }

    fn bundle(number: u64) -> Bundle {
        let (md5, nonce, tag) = ([0; 16], None, Tag::Md5);
        let object = StoredObject { odd: false, size: 9, md5, tag, nonce };
        Bundle { number, object, until: None }
    }

    #[test]
    fn what_is_here_as_it_was_noted_is_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path();
        note(cache, &bundle(3), &[entry("a", 1), entry("b", 2)]).unwrap();
        note(cache, &bundle(4), &[entry("c", 3)]).unwrap();
        let packed = Packed::read(cache);
        assert_eq!(packed.bundles, [bundle(3), bundle(4)]);
        assert_eq!(packed.find(&entry("b", 2)), Some(entry("b", 2)));
        assert_eq!(packed.find(&entry("c", 3)), Some(entry("c", 3)));
        for other in [entry("b", 3), entry("d", 2), Entry { local: None, ..entry("a", 1) }] {
            assert_eq!(packed.find(&other), None);
        }
        // Cut by a crash, and spoilt.
        let bytes = fs::read(path(cache)).unwrap();
        fs::write(path(cache), &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(Packed::read(cache).bundles, [bundle(3)]);
        let mut spoilt = bytes.clone();
        spoilt[60] ^= 1;
        fs::write(path(cache), spoilt).unwrap();
        assert!(Packed::read(cache).bundles.is_empty());
        forget(cache).unwrap();
        assert!(!path(cache).exists());
        forget(cache).unwrap();
    }
}
