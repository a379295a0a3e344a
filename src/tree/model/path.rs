//! The two kinds of names that what is in a tree has: its path on this machine, and that of
//! its object. They differ as soon as a name has a character that rclone encodes (a line feed
//! is U+240A in the name of an object), or is that of a link. Each is a type, so that one is
//! not compared with the other; [`Names`](super::layout::Names) alone makes one of the other.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::hash::Hash;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A name below that of a tree.
pub trait Below: Clone + Debug + Default + Eq + Hash + Ord {
    /// As [`Below::as_bytes`] has it.
    fn of(bytes: &[u8]) -> Self;

    fn as_path(&self) -> &Path;

    fn as_bytes(&self) -> &[u8] {
        self.as_path().as_os_str().as_bytes()
    }

    /// Whether it is `place` or is in it.
    fn is_within(&self, place: &Self) -> bool {
        self.as_path().starts_with(place.as_path())
    }
}

/// Where something is on this machine, relative to the root of its tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPath(PathBuf);

/// The name of an object below that of its tree, in rclone's standard encoding. Bytes that
/// are no UTF-8 stay as they are. A mirror by rclone has these names for both of its sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName(PathBuf);

impl LocalPath {
    pub fn new(path: impl AsRef<[u8]>) -> Self {
        LocalPath(PathBuf::from(OsStr::from_bytes(path.as_ref())))
    }
}

impl ObjectName {
    /// What rclone appends to the name of a symbolic link's object.
    pub const LINK: &'static [u8] = b".rclonelink";

    /// A name that is encoded already: rclone has told it.
    pub fn told(name: impl AsRef<[u8]>) -> Self {
        ObjectName(PathBuf::from(OsStr::from_bytes(name.as_ref())))
    }

    /// The place that it takes where a disk is below: a symbolic link travels with a suffix
    /// that it does not have there.
    #[must_use]
    pub fn place(&self) -> Self {
        let name = self.as_bytes();
        ObjectName::told(name.strip_suffix(ObjectName::LINK).unwrap_or(name))
    }

    /// The directories that it is in, the innermost first, and the tree itself.
    pub fn above(&self) -> impl Iterator<Item = ObjectName> + '_ {
        self.0.ancestors().skip(1).map(|dir| ObjectName(dir.to_path_buf()))
    }
}

impl Below for LocalPath {
    fn of(bytes: &[u8]) -> Self {
        LocalPath::new(bytes)
    }

    fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Below for ObjectName {
    fn of(bytes: &[u8]) -> Self {
        ObjectName::told(bytes)
    }

    fn as_path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
impl From<&str> for LocalPath {
    fn from(path: &str) -> Self {
        LocalPath::new(path)
    }
}

#[cfg(test)]
impl From<&str> for ObjectName {
    fn from(name: &str) -> Self {
        ObjectName::told(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_link_is_that_without_the_suffix_of_its_object() {
        assert_eq!(ObjectName::from("a/b.rclonelink").place(), "a/b".into());
        assert_eq!(ObjectName::from("a/b").place(), "a/b".into());
        let above: Vec<_> = ObjectName::from("a/b/c").above().collect();
        assert_eq!(above, ["a/b".into(), "a".into(), "".into()] as [ObjectName; 3]);
        assert!(LocalPath::from("a/b").is_within(&"a".into()));
        assert!(!LocalPath::from("ab").is_within(&"a".into()));
    }
}
