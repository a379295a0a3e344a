//! What is at one path of a tree: all that a restore needs, what the remote
//! holds of it, and how this machine recognises that it has not changed.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::files::SECRETS;

/// One path of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative to the root of the tree: bytes as they are on disk, `/` between
    /// names. Empty for the root itself.
    #[serde(with = "whole")]
    pub path: Vec<u8>,
    pub kind: EntryKind,
    pub attributes: Attributes,
    /// Entries of a tree with the same number are names of one file: the first
    /// eight bytes of the BLAKE3 of the first of their paths.
    pub hard_link: Option<u64>,
    /// What the remote holds of it. Regular files and symbolic links only.
    pub stored: Option<Stored>,
    /// Where it was seen on this machine. Never leaves it.
    pub local: Option<Local>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    File(FileData),
    Directory,
    Symlink {
        #[serde(with = "whole")]
        target: Vec<u8>,
    },
    Fifo,
    /// The number as `st_rdev` has it.
    CharDevice(u64),
    BlockDevice(u64),
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileData {
    /// In bytes.
    pub size: u64,
    /// Unknown until the file was read.
    pub content: Option<Content>,
    /// It occupies less than its size: holes, worth making again.
    pub sparse: bool,
}

/// The BLAKE3 of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Content(pub [u8; 32]);

/// Extended attributes by name, sorted.
pub type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// The directory in the root of a tree where a download collects files before
/// they go to their places. It belongs to no tree.
pub const STAGE: &str = ".poof-restoring";

/// Whether a name is one of poof's own that belongs to no tree, in the `root` of one or below.
pub fn is_reserved(name: &[u8], root: bool) -> bool {
    root && name == STAGE.as_bytes() || name.starts_with(SECRETS.as_bytes())
}

/// How many bytes all extended attributes of an entry have at most, and how many there are.
pub const MOST_ATTRIBUTE_BYTES: usize = 16 << 20;
pub const MOST_ATTRIBUTES: usize = 1 << 15;

/// What a path has besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Permission bits with setuid, setgid and sticky: `st_mode & 07777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    /// Extended attributes by name, sorted; ACLs are among them (Linux:
    /// `system.posix_acl_access` and `_default`).
    #[serde(with = "bounded")]
    pub xattrs: Xattrs,
}

/// Bytes as one piece. As a sequence, which has the same form in a manifest, each would be
/// read and written by itself.
mod whole {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        struct Whole;

        impl Visitor<'_> for Whole {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }

        from.deserialize_bytes(Whole)
    }
}

/// Attributes; not more of them are read than there may be, whatever the bytes say.
mod bounded {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{MOST_ATTRIBUTES, Xattrs, whole};

    #[derive(Serialize)]
    struct Shown<'a>(#[serde(with = "whole")] &'a [u8], #[serde(with = "whole")] &'a [u8]);

    #[derive(Deserialize)]
    struct Read(#[serde(with = "whole")] Vec<u8>, #[serde(with = "whole")] Vec<u8>);

    pub fn serialize<S: Serializer>(xattrs: &Xattrs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(xattrs.iter().map(|(name, value)| Shown(name, value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Xattrs, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Xattrs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("extended attributes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
                let mut xattrs = Vec::new();
                while let Some(Read(name, value)) = all.next_element()? {
                    if xattrs.len() >= MOST_ATTRIBUTES {
                        return Err(Error::custom("too many attributes"));
                    }
                    xattrs.push((name, value));
                }
                Ok(xattrs)
            }
        }

        from.deserialize_seq(Bounded)
    }
}

/// A time of the file system: seconds since 1970, which may be negative, and
/// nanoseconds (0 to 999,999,999) that count forward from there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time {
    pub seconds: i64,
    pub nanos: u32,
}

/// What the remote holds of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredForm", into = "StoredForm")]
pub enum Stored {
    /// An object of its own.
    Object(StoredObject),
    /// A part of a bundle.
    Member(Member),
}

/// An object on the remote, as the server had it when it was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredObject {
    /// The object has no name that the remote could hold: it is among poof's
    /// own records, under a hash of its path.
    pub odd: bool,
    /// In bytes, as stored (under crypt larger than the file).
    pub size: u64,
    /// Of the bytes as stored.
    pub md5: [u8; 16],
    /// How a listing shows this very object.
    pub tag: Tag,
    /// Under crypt: the nonce, with which the stored bytes can be made again.
    pub nonce: Option<[u8; 24]>,
}

/// A content in a bundle, which is a zip archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The number of the bundle.
    pub bundle: u64,
    /// Where its bytes begin in the archive, in clear.
    pub offset: u64,
    /// How many bytes it has there.
    pub size: u64,
    /// They are compressed (Deflate).
    pub deflated: bool,
}

/// No file that is larger, in bytes, is in a bundle.
pub const LARGEST_MEMBER: u64 = 16 << 20;

/// [`Stored`] as a manifest has it. Before there were bundles, the number of the variant was
/// [`StoredObject::odd`]: both have the same form.
#[derive(Serialize, Deserialize)]
enum StoredForm {
    InItsPlace(ObjectForm),
    Odd(ObjectForm),
    Member(Member),
}

#[derive(Serialize, Deserialize)]
struct ObjectForm {
    size: u64,
    md5: [u8; 16],
    tag: Tag,
    nonce: Option<[u8; 24]>,
}

impl From<StoredForm> for Stored {
    fn from(form: StoredForm) -> Self {
        let object = |odd, ObjectForm { size, md5, tag, nonce }| {
            Stored::Object(StoredObject { odd, size, md5, tag, nonce })
        };
        match form {
            StoredForm::InItsPlace(form) => object(false, form),
            StoredForm::Odd(form) => object(true, form),
            StoredForm::Member(member) => Stored::Member(member),
        }
    }
}

impl From<Stored> for StoredForm {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Object(StoredObject { odd, size, md5, tag, nonce }) => {
                let form = ObjectForm { size, md5, tag, nonce };
                if odd { StoredForm::Odd(form) } else { StoredForm::InItsPlace(form) }
            }
            Stored::Member(member) => StoredForm::Member(member),
        }
    }
}

impl Stored {
    /// How many bytes it takes, as stored.
    pub fn size(&self) -> u64 {
        match self {
            Stored::Object(object) => object.size,
            Stored::Member(member) => member.size,
        }
    }
}

/// What a listing says of an object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tag {
    /// The server's MD5, equal to [`StoredObject::md5`].
    Md5,
    /// Something else that the server computed: the ETag of a multipart object
    /// (`…-33`), another type of hash (`sha1:…`), an opaque ETag.
    Text(String),
    /// The listing has no hash; this is the object's time of modification.
    Time(Time),
}

/// The identity of a file on this machine. If all of it and size and mtime are
/// what they were, the content is taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    pub dev: u64,
    pub ino: u64,
    pub ctime: Time,
}

impl Entry {
    pub fn as_path(&self) -> &Path {
        as_path(&self.path)
    }

    pub fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    pub fn file(&self) -> Option<&FileData> {
        match &self.kind {
            EntryKind::File(data) => Some(data),
            _ => None,
        }
    }

    /// How many bytes its content has: that of a file, or the target of a link.
    pub fn content_size(&self) -> u64 {
        match &self.kind {
            EntryKind::File(data) => data.size,
            EntryKind::Symlink { target } => target.len() as u64,
            _ => 0,
        }
    }

    /// The object that is its own, if the remote holds one.
    pub fn object(&self) -> Option<&StoredObject> {
        match &self.stored {
            Some(Stored::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// Where it is in a bundle, if it is in one.
    pub fn member(&self) -> Option<&Member> {
        match &self.stored {
            Some(Stored::Member(member)) => Some(member),
            _ => None,
        }
    }

    /// Whether its object is among poof's records.
    pub fn is_odd(&self) -> bool {
        self.object().is_some_and(|object| object.odd)
    }

    /// Whether the remote holds an object for it, besides its line in the manifest.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, EntryKind::File(_) | EntryKind::Symlink { .. })
    }
}

/// The path of an entry as the system has it.
pub fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Whether `path` is in the directory `dir`.
pub fn is_below(path: &[u8], dir: &[u8]) -> bool {
    if dir.is_empty() {
        return !path.is_empty();
    }
    path.strip_prefix(dir).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// Whether `path` is `place` or is below it.
pub fn is_within(path: &[u8], place: &[u8]) -> bool {
    path == place || is_below(path, place)
}

/// The order of entries everywhere: name by name, so that what is in a directory
/// follows it directly (`a`, `a/b`, `a.b`), as a walk in sorted order finds it.
pub fn order(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |&byte: &u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    a.iter().map(rank).cmp(b.iter().map(rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_followed_by_what_is_in_it() {
        let mut paths = ["a.b", "a/b", "b", "", "a", "a/b/c", "a/b.c", "a\u{1}"].map(str::as_bytes);
        paths.sort_by(|a, b| order(a, b));
        let expected = ["", "a", "a/b", "a/b/c", "a/b.c", "a\u{1}", "a.b", "b"];
        assert_eq!(paths, expected.map(str::as_bytes));
    }
}
