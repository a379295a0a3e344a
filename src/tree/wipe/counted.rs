//! What of a tree was proven, and what of it is gone, in numbers and as one hash, without a
//! name. docs/wiping.md says how somebody else computes the hash.

use super::hash_tree::HashTree;
use super::tally::Tally;
use crate::base::error::{Error, Result};
use crate::tree::model::entry::{Entry, EntryKind};
use crate::tree::proof::Proof;

/// How many random bytes each leaf begins with.
const SALT: usize = 32;
pub type Salt = [u8; SALT];

/// So many files, links and so on, and the bytes of their content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub files: u64,
    pub bytes: u64,
}

impl Count {
    pub fn add(&mut self, files: u64, bytes: u64) {
        self.files += files;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub proven: Count,
    /// Of these: by a hash of the server's, by reading back, and by the manifest alone.
    pub by_hash: u64,
    pub by_reading: u64,
    pub by_manifest: u64,
    /// What is proven and not here any more.
    pub gone: Count,
    pub salt: Salt,
    /// The root of the hash tree over that, in the order of entries.
    pub root: [u8; 32],
}

impl Counted {
    /// Reads the snapshot once more.
    ///
    /// # Errors
    /// The snapshot cannot be read.
    pub fn of(proof: &Proof, tally: &Tally, salt: Salt) -> Result<Self> {
        let (mut proven, mut gone) = (Count::default(), Count::default());
        let (mut objects, mut tree) = (0, HashTree::default());
        for entry in proof.entries()? {
            let (number, entry) = entry?;
            let entry = entry.entry();
            if entry.is_directory() {
                continue;
            }
            let size = entry.file().map_or(0, |data| data.size);
            proven.add(1, size);
            objects += u64::from(entry.file().is_some());
            if tally.not_here.has(number) {
                gone.add(1, size);
                add(&mut tree, &salt, entry)?;
            }
        }
        let by_reading = proof.read_back;
        Ok(Counted {
            by_hash: objects.saturating_sub(by_reading),
            by_reading,
            by_manifest: proven.files - objects,
            proven,
            gone,
            salt,
            root: tree.root(),
        })
    }
}

/// A leaf: salt, a letter for what it is, size (8 bytes, big-endian) and BLAKE3 of its content,
/// and its path. All but the last have a length that is known.
fn add(tree: &mut HashTree, salt: &Salt, entry: &Entry) -> Result<()> {
    let of = |content: &[u8]| *blake3::hash(content).as_bytes();
    let (letter, content) = match &entry.kind {
        EntryKind::File(data) => (b"f", data.content.map(|content| content.0)),
        EntryKind::Symlink { target } => (b"l", Some(of(target))),
        EntryKind::Fifo => (b"p", Some(of(b""))),
        EntryKind::CharDevice(_) => (b"c", Some(of(b""))),
        EntryKind::BlockDevice(_) => (b"b", Some(of(b""))),
        EntryKind::Directory => return Ok(()),
    };
    // Nothing is proven whose content was not read.
    let content = content.ok_or_else(|| Error::unexpected("a proven file has no hash"))?;
    let size = entry.content_size().to_be_bytes();
    tree.add(&[salt, letter, &size, &content, &entry.path]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{Attributes, Content, FileData};
    use std::collections::BTreeSet;

    fn file(path: &str, text: &str) -> Entry {
        let content = Some(Content(*blake3::hash(text.as_bytes()).as_bytes()));
        let size = text.len() as u64;
        Entry {
            path: path.into(),
            kind: EntryKind::File(FileData { size, content, sparse: false }),
            attributes: Attributes::default(),
            hard_link: None,
            stored: None,
            local: None,
        }
    }

    fn root(salt: u8, entry: &Entry) -> [u8; 32] {
        let mut tree = HashTree::default();
        add(&mut tree, &[salt; SALT], entry).unwrap();
        tree.root()
    }

    #[test]
    fn whatever_a_file_is_changes_the_root() {
        let link = EntryKind::Symlink { target: b"text".to_vec() };
        let link = Entry { kind: link, ..file("a", "") };
        let fifo = Entry { kind: EntryKind::Fifo, ..file("a", "") };
        let all = [file("a", "text"), file("b", "text"), file("a", "texu"), link, fifo];
        let mut roots: BTreeSet<_> = all.iter().map(|entry| root(1, entry)).collect();
        roots.insert(root(2, &all[0]));
        assert_eq!(roots.len(), all.len() + 1);
        // What no run can prove.
        let unread = EntryKind::File(FileData { size: 1, content: None, sparse: false });
        let unread = Entry { kind: unread, ..file("a", "") };
        assert!(add(&mut HashTree::default(), &[0; SALT], &unread).is_err());
    }
}
