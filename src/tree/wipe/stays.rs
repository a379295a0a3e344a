//! What stays of what was to go, and why.

use std::io::{self, ErrorKind};

use rustix::io::Errno;

pub const REPLACED: &str = "something else is in its place since it was proven";

/// Why something stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not, or not any more, what was proven.
    Unproven,
    /// It is proven, and cannot be wiped.
    Residue,
    /// A directory that is empty, and cannot be removed.
    Emptied,
    /// Another directory has come to its place, and nobody sees what is below.
    Covered,
    /// It is excluded, was to be wiped nevertheless, and is not.
    Excluded,
}

/// Something that stays.
#[derive(Debug, PartialEq, Eq)]
pub struct Stays {
    pub reason: Reason,
    pub why: String,
    /// It, or a part of its content, may be gone.
    pub taken: bool,
}

impl Stays {
    pub fn unproven(why: &str) -> Self {
        Stays { reason: Reason::Unproven, why: why.to_owned(), taken: false }
    }

    /// `place`, for people: what is there now.
    pub fn covered(place: &str) -> Self {
        let why = format!(
            "another directory has come to {place} while poof worked there (a file system was \
             mounted over it, or it was moved), and stays as it is; once it is away, `poof \
             upload` goes on"
        );
        Stays { reason: Reason::Covered, why, taken: false }
    }

    pub fn emptied(why: &str) -> Self {
        Stays { reason: Reason::Emptied, why: why.to_owned(), taken: false }
    }

    pub fn excluded(why: &str) -> Self {
        Stays { reason: Reason::Excluded, why: why.to_owned(), taken: false }
    }

    pub fn residue(why: &str) -> Self {
        Stays { reason: Reason::Residue, why: why.to_owned(), taken: false }
    }

    /// The same of what may be gone in part.
    #[must_use]
    pub fn taken(self) -> Self {
        Stays { taken: true, ..self }
    }
}

impl From<io::Error> for Stays {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::CrossesDevices | ErrorKind::ResourceBusy => {
                Stays::residue("a file system is mounted there")
            }
            _ => Stays::residue(&format!("it cannot be wiped: {error}")),
        }
    }
}

impl From<Errno> for Stays {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}
