//! The manifest of a tree: what a snapshot holds, in a form that can be proven
//! whole.
//!
//! # Format
//!
//! A generation is one *head* and the *shards* that it lists; both are immutable
//! objects on the remote. Values are encoded by postcard 1 (postcard.jamesmunns.com:
//! integers as LEB128 varints, signed ones zigzag; sequences and strings with
//! their length before them; an Option is 0, or 1 and the value; the variant of
//! an enum is its number in the order of declaration; structs are their fields in
//! a row). The types are those of [`super::model::entry`] and [`Head`].
//!
//! ```text
//! head   "poof head" 0x00 0x03   magic and version; 0x02 without encryption
//!        Head                    postcard
//!        machine[16]             which machine made it; version 1 ends before this
//!        store[16]               the beginning of the BLAKE3 of the `id` in the record
//!                                `identity`; version 2 ends before this
//!        mac[32]                 BLAKE3, keyed, of everything before
//!
//! shard  zstd of: Entry …        in the order of entries, without `local`
//!        Its id is the BLAKE3, keyed, of the compressed bytes; the object's name
//!        is the first 16 bytes of the id in hexadecimal.
//!
//! index  "poof index" 0x00 0x01  the cached copy on this machine
//!        size[4] IndexHeader     sizes are little-endian, in bytes
//!        size[4] hash[32] zstd of: Entry …    a block; `local` is there
//!        0[4] count[8] hash[32]  the number of entries and the BLAKE3 of the
//!                                header and of the hashes of all blocks
//! ```
//!
//! Among the extended attributes of an entry, in the order of names, may be three that
//! no disk has: `poof.flags`, the flags of a file on macOS that its owner can set, by
//! the names of chflags(1), and `poof.linux-flags`, those of a file or directory on Linux
//! (`immutable`, `append-only`, `nodump`), with commas between them; and `poof.created`,
//! when a Mac says that it was made: seconds since 1970, a point, nine digits of nanoseconds
//! on top of them (`-2.500000000` is a second and a half before). Who does not know
//! one, or reads a name in it that is unknown, leaves it alone. An entry has 16 MiB of
//! attributes at most, and 32,768 of them; a shard 4096 entries; a head is 16 MiB at most
//! and a shard, as it is stored, 32 MiB. The object of a file is of the size that its file has,
//! or that crypt makes of it.
//!
//! The key is made of the keys that crypt stretches the passwords of the remote into, so
//! that without those nobody can write a head that is accepted, and who has a head and
//! guesses at a password has to stretch each guess. The head names its store besides: one of
//! another store with the same passwords does not open. Heads of version 1 and 2 of an
//! encrypted remote, and their shards, have a key made of the passwords directly. They are
//! read, and not written any more: the next generation has all shards anew. Without
//! encryption the key is a constant, and protects from damage only.

mod block;
mod head;
mod index;
mod key;
mod shard;

use std::fmt;

pub use head::{Counts, Head, LARGEST_HEAD, LAST, LAST_BUNDLE, Owners, ShardRef};
pub use index::{IndexBlocks, IndexHeader, IndexReader, IndexWriter};
pub use key::Key;
pub use shard::{LARGEST_SHARD, Shard, ShardBuilder, open_shard};

/// Why a part of a manifest is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// It does not begin as a part of a manifest does.
    NotOurs,
    /// It was written by a newer poof.
    NewerFormat(u8),
    /// It ends too early, or goes on after its end.
    Cut,
    /// It was changed, or made with other passwords.
    WrongSeal,
    /// It belongs to another tree or generation.
    Misplaced,
    /// It belongs to another store with the same passwords.
    OtherStore,
    /// It says something that cannot be.
    Invalid(&'static str),
    /// It cannot be read.
    Unreadable(String),
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damaged::NotOurs => f.write_str("it is no part of a manifest"),
            Damaged::NewerFormat(version) => {
                write!(f, "its format {version} is newer than this poof")
            }
            Damaged::Cut => f.write_str("it is cut"),
            Damaged::WrongSeal => f.write_str("it was changed, or made with other passwords"),
            Damaged::Misplaced => f.write_str("it belongs to another tree or generation"),
            Damaged::OtherStore => {
                f.write_str("it belongs to another store (`--allow other-remote` opens it)")
            }
            Damaged::Invalid(what) => write!(f, "it is damaged: {what}"),
            Damaged::Unreadable(why) => write!(f, "it cannot be read: {why}"),
        }
    }
}

/// Takes magic and version off the beginning; `newest` is the newest version that this
/// poof knows. Returns the version and the rest.
fn opened<'a>(bytes: &'a [u8], magic: &[u8], newest: u8) -> Result<(u8, &'a [u8]), Damaged> {
    let rest = bytes.strip_prefix(magic).and_then(|rest| rest.strip_prefix(b"\0"));
    match rest.ok_or(Damaged::NotOurs)?.split_first() {
        Some((&version, rest)) if (1..=newest).contains(&version) => Ok((version, rest)),
        Some((&version, _)) if version > newest => Err(Damaged::NewerFormat(version)),
        _ => Err(Damaged::NotOurs),
    }
}

#[cfg(test)]
mod limits;
#[cfg(test)]
mod seals;
#[cfg(test)]
mod tests;
