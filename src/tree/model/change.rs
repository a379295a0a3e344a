//! A change of a tree, as a backup finds it and carries it out.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::Arc;

use super::entry::Entry;
use crate::host::spill::{Spill, Spilt};

/// One path of the next snapshot that is not as it was in the last.
#[derive(Clone, Debug)]
pub struct Change {
    packed: Packed,
    /// Its object has to be stored.
    pub send: Option<Why>,
    /// The remote cannot hold its name: the object goes among poof's records.
    pub odd: bool,
    /// It goes into a bundle, and has no object of its own.
    pub bundled: bool,
    pub news: News,
    /// An entry that is gone, whose object has this content: the file was renamed.
    pub from: Option<Box<Entry>>,
}

/// The entry, or of what is gone the path alone, as a manifest has it: a first backup has as
/// many changes as there are files, and these are a third of the bytes.
#[derive(Clone)]
enum Packed {
    Here(Box<[u8]>),
    /// On the disk.
    Spilt(Arc<Spill>, Spilt),
}

impl Change {
    /// An entry that is not as it was.
    pub fn of(entry: &Entry, send: Option<Why>, news: News) -> Self {
        let packed = pack(entry);
        Change { packed, send, odd: false, bundled: false, news, from: None }
    }

    /// A path with nothing there any more.
    pub fn gone(path: &[u8]) -> Self {
        let (packed, news) = (pack(path), News::Gone);
        Change { packed, send: None, odd: false, bundled: false, news, from: None }
    }

    /// Relative to the root of the tree, as on disk; empty of one that is spilt.
    pub fn path(&self) -> &[u8] {
        match &self.packed {
            // An entry begins with its path.
            Packed::Here(packed) => postcard::take_from_bytes(packed).map_or(&[], |(path, _)| path),
            Packed::Spilt(..) => {
                debug_assert!(false, "it is spilt");
                &[]
            }
        }
    }

    /// What is there; None: it is gone, or spilt.
    pub fn entry(&self) -> Option<Entry> {
        match &self.packed {
            // What was packed here has all that a manifest can hold: the walk leaves out the
            // rest.
            Packed::Here(packed) if self.news != News::Gone => postcard::from_bytes(packed).ok(),
            Packed::Here(_) => None,
            Packed::Spilt(..) => {
                debug_assert!(false, "it is spilt");
                None
            }
        }
    }

    /// What is there, also of one that is spilt; None: it is gone.
    ///
    /// # Errors
    /// It cannot be read from the disk.
    pub fn read(&self) -> io::Result<Option<Entry>> {
        match &self.packed {
            Packed::Here(_) => Ok(self.entry()),
            Packed::Spilt(spill, at) => {
                let entry = postcard::from_bytes(&spill.get(*at)?).map_err(io::Error::other)?;
                Ok(Some(entry))
            }
        }
    }

    /// The same with the entry as it is now.
    pub fn complete(&mut self, entry: &Entry) {
        self.packed = pack(entry);
    }

    /// Puts the entry on the disk. Nobody may look at it but by [`Change::read`] then.
    ///
    /// # Errors
    /// It cannot be written there, and stays where it is.
    pub fn spill(&mut self, spill: &Arc<Spill>) -> io::Result<()> {
        if let (Packed::Here(packed), false) = (&self.packed, self.news == News::Gone) {
            self.packed = Packed::Spilt(Arc::clone(spill), spill.put(packed)?);
        }
        Ok(())
    }
}

impl Debug for Packed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Packed::Here(_)) { "Here" } else { "Spilt" })
    }
}

/// Writing to memory cannot fail, and all of our types have a form.
fn pack(value: &(impl serde::Serialize + ?Sized)) -> Packed {
    Packed::Here(postcard::to_stdvec(value).unwrap_or_default().into())
}

/// How an entry differs from what the last snapshot says of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It was not there.
    New,
    /// Its content or its attributes are others.
    Differs,
    /// Only this machine sees a difference: another inode, another ctime.
    Sighting,
    /// It is gone.
    Gone,
}

/// Why an object has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    New,
    /// The file is not what it was.
    Changed,
    /// The file is, but the object is gone.
    ObjectMissing,
    /// The file is, but somebody has changed the object.
    ObjectChanged,
    /// The file is, and so is what the remote holds; but it is to be in a bundle and is not, or
    /// the other way round, or the bundle is to be made anew.
    Repacked,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{
        Attributes, Content, EntryKind, FileData, Local, Stored, StoredObject, Tag, Time,
    };

    #[test]
    fn an_entry_comes_out_as_it_went_in() {
        let path = b"a/\xff\n b".to_vec();
        let time = Time { seconds: -1, nanos: 999_999_999 };
        let (mode, uid, gid) = (0o6755, 0, u32::MAX);
        let xattrs = vec![(b"user.a".to_vec(), vec![0, 255])];
        let attributes = Attributes { mode, uid, gid, mtime: time, xattrs };
        let data = FileData { size: u64::MAX, content: Some(Content([7; 32])), sparse: true };
        let (tag, nonce) = (Tag::Text("\"t\"".to_owned()), Some([9; 24]));
        let object = StoredObject { odd: true, size: 1, md5: [3; 16], tag, nonce };
        let local = Local { dev: 1, ino: u64::MAX, ctime: time };
        let entry = |kind, stored| Entry {
            path: path.clone(),
            kind,
            attributes: attributes.clone(),
            hard_link: Some(5),
            stored,
            local: Some(local),
        };
        for entry in [
            entry(EntryKind::File(data), Some(Stored::Object(object))),
            entry(EntryKind::Symlink { target: b"\xfe".to_vec() }, None),
            entry(EntryKind::CharDevice(u64::MAX), None),
        ] {
            let mut change = Change::of(&entry, Some(Why::New), News::New);
            assert_eq!((change.path(), change.entry()), (&path[..], Some(entry.clone())));
            let later = Entry { local: None, ..entry };
            change.complete(&later);
            assert_eq!((change.path(), change.entry()), (&path[..], Some(later)));
        }
        let gone = Change::gone(&path);
        assert_eq!((gone.path(), gone.entry()), (&path[..], None));
    }
}
