//! Pieces of a manifest, named by their content. Where one ends depends on the
//! paths alone, so that a change in one place leaves the others as they were.

use super::head::ShardRef;
use super::key::Key;
use super::{Damaged, block};
use crate::tree::entry::Entry;

/// One in so many paths ends a shard.
const MEAN: u16 = 512;
/// A shard ends at this size before it is packed, in bytes, or at [`block::MOST`] entries.
const LARGEST: usize = 1 << 20;
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
        (ends || self.entries >= block::MOST || self.raw.len() >= LARGEST).then(|| self.cut())
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
    block::unpack(bytes)
}
