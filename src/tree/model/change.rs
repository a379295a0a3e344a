//! A change of a tree, as a backup finds it and carries it out.

use super::entry::Entry;

/// One path of the next snapshot that is not as it was in the last.
#[derive(Clone, Debug)]
pub struct Change {
    pub path: Vec<u8>,
    /// None: it is gone.
    pub entry: Option<Entry>,
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
