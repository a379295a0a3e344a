//! Pieces of a manifest, named by their content. Where one ends depends on the
//! paths alone, so that a change in one place leaves the others as they were.

use super::head::ShardRef;
use super::key::Key;
use super::{Damaged, block};
use crate::tree::model::entry::{Entry, LARGEST_MEMBER, Stored};

/// One in so many paths ends a shard.
const MEAN: u16 = 512;
const LEVEL: i32 = 6;
/// A shard that is larger as it is stored, in bytes, was not made by us: one entry may
/// have attributes that nothing makes smaller.
pub const LARGEST_SHARD: u64 = 32 << 20;

/// A piece, ready to be stored.
#[derive(Clone, Debug)]
pub struct Shard {
    pub id: [u8; 32],
    pub bytes: Vec<u8>,
    pub entries: u32,
}

impl Shard {
    pub fn reference(&self) -> ShardRef {
        ShardRef { id: self.id, entries: self.entries }
    }
}

/// Cuts entries, given in order, into shards.
pub struct ShardBuilder<'a> {
    key: &'a Key,
    raw: Vec<u8>,
    entries: u32,
}

impl<'a> ShardBuilder<'a> {
    pub fn new(key: &'a Key) -> Self {
        ShardBuilder { key, raw: Vec::new(), entries: 0 }
    }

    /// Takes one more entry. Returns the shard that it completes.
    pub fn push(&mut self, entry: &Entry) -> Option<Shard> {
        let remote = Entry { local: None, ..entry.clone() };
        block::encode(&remote, &mut self.raw);
        self.entries += 1;
        let hash = blake3::hash(&entry.path);
        let ends =
            u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]).is_multiple_of(MEAN);
        (ends || self.entries >= block::MOST || self.raw.len() >= block::SIZE).then(|| self.cut())
    }

    /// The last shard, if there is one.
    pub fn finish(mut self) -> Option<Shard> {
        (self.entries > 0).then(|| self.cut())
    }

    fn cut(&mut self) -> Shard {
        let bytes = block::pack(&self.raw, LEVEL);
        let shard = Shard { id: self.key.seal(&bytes), bytes, entries: self.entries };
        self.raw.clear();
        self.entries = 0;
        shard
    }
}

/// The entries of a shard that is what its id says.
///
/// # Errors
/// It is not.
pub fn open_shard(key: &Key, id: &[u8; 32], bytes: &[u8]) -> Result<Vec<Entry>, Damaged> {
    if !key.fits_shard(bytes, id) {
        return Err(Damaged::WrongSeal);
    }
    let entries = block::unpack(bytes)?;
    let encrypted = key.store().is_some();
    if entries.iter().all(|entry| is_of_its_size(entry, encrypted)) {
        return Ok(entries);
    }
    Err(Damaged::Invalid("an object whose size is not that of its file"))
}

/// Whether the object of a file has the size that it has to have: who fetches it would
/// otherwise write what was never in the file, or call restored what is not there. Under
/// crypt it may also be as large as the file: contents may be stored as they are. What is
/// compressed may be of any size, and its file is a small one.
fn is_of_its_size(entry: &Entry, encrypted: bool) -> bool {
    let Some(data) = entry.file() else { return true };
    match &entry.stored {
        None => true,
        Some(Stored::Object(object)) => {
            object.size == data.size || encrypted && object.size == crypted(data.size)
        }
        Some(Stored::Member(member)) if member.deflated => data.size <= LARGEST_MEMBER,
        Some(Stored::Member(member)) => member.size == data.size && data.size <= LARGEST_MEMBER,
    }
}

/// How many bytes crypt makes of so many: a header of 32, and in front of each block of
/// 64 KiB one of 16.
fn crypted(size: u64) -> u64 {
    size.saturating_add(size.div_ceil(64 << 10).saturating_mul(16)).saturating_add(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    // As rclone's backend/crypt has it: `EncryptedSize`.
    #[test]
    fn crypt_makes_a_file_larger_by_its_headers() {
        for (size, stored) in [
            (0, 32),
            (1, 32 + 16 + 1),
            (65_536, 32 + 16 + 65_536),
            (65_537, 32 + 16 + 65_536 + 16 + 1),
            (1 << 20, 32 + 16 * (16 + 65_536)),
        ] {
            assert_eq!(crypted(size), stored, "{size}");
        }
    }
}
