//! A run of entries as compressed bytes: the inside of shards and of the blocks
//! of an index.

use std::cmp::Ordering;
use std::io::Read;

use super::Damaged;
use crate::tree::model::entry::{Entry, MOST_ATTRIBUTE_BYTES, Stored, is_reserved, order};

/// A block ends with the entry that brings it to this size before it is packed, in bytes.
pub const SIZE: usize = 1 << 20;
/// One that is larger when unpacked, in bytes, was not made by us.
const LARGEST: u64 = SIZE as u64 + MOST_ATTRIBUTE_BYTES as u64 + (1 << 20);
/// Nor was one of more entries.
pub const MOST: u32 = 4096;
/// What unpacking may look back on, as a power of two: more than what packs here does.
const WINDOW: u32 = 25;

/// No file is larger, in bytes, nor an object.
const LARGEST_FILE: u64 = 1 << 60;

pub fn encode(entry: &Entry, out: &mut Vec<u8>) {
    // Writing to memory cannot fail, and all of our types have a form.
    if let Ok(bytes) = postcard::to_stdvec(entry) {
        out.extend_from_slice(&bytes);
    }
}

pub fn pack(raw: &[u8], level: i32) -> Vec<u8> {
    zstd::encode_all(raw, level).unwrap_or_default()
}

/// The entries of a block whose integrity was checked before.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Entry>, Damaged> {
    decode(&unpack_raw(bytes)?)
}

/// What [`pack`] was given.
pub fn unpack_raw(bytes: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut raw = Vec::new();
    let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(|_| Damaged::Cut)?;
    decoder.window_log_max(WINDOW).map_err(|_| Damaged::Cut)?;
    decoder.take(LARGEST + 1).read_to_end(&mut raw).map_err(|_| Damaged::Cut)?;
    if raw.len() as u64 > LARGEST {
        return Err(Damaged::Invalid("it is too large"));
    }
    Ok(raw)
}

/// The entries of raw bytes; any bytes at all give entries or an error. An attribute of two
/// bytes takes fifty in memory: so no more of them are read than there may be.
pub fn decode(all: &[u8]) -> Result<Vec<Entry>, Damaged> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let (entry, next) = entry_at(all, at, entries.last())?;
        if entries.len() >= MOST as usize {
            return Err(Damaged::Invalid("too many entries"));
        }
        entries.push(entry);
        at = next;
    }
    Ok(entries)
}

/// The entry at a place in raw bytes, and the place of the next; `last` is the entry before it.
pub fn entry_at(all: &[u8], at: usize, last: Option<&Entry>) -> Result<(Entry, usize), Damaged> {
    if at >= SIZE {
        return Err(Damaged::Invalid("it goes on where it should have ended"));
    }
    let raw = all.get(at..).unwrap_or_default();
    let (entry, rest) = postcard::take_from_bytes::<Entry>(raw).map_err(|_| Damaged::Cut)?;
    check(&entry)?;
    if let Some(last) = last {
        follows(&last.path, &entry.path)?;
    }
    Ok((entry, all.len() - rest.len()))
}

/// The path `next` may come after `last`.
pub fn follows(last: &[u8], next: &[u8]) -> Result<(), Damaged> {
    match order(last, next) {
        Ordering::Less => Ok(()),
        _ => Err(Damaged::Invalid("its entries are out of order")),
    }
}

/// Nothing in an entry may lead out of the tree or be what no file has.
fn check(entry: &Entry) -> Result<(), Damaged> {
    let bad = |name: &[u8]| matches!(name, b"" | b"." | b"..") || name.contains(&0);
    if !entry.path.is_empty() && entry.path.split(|byte| *byte == b'/').any(bad) {
        return Err(Damaged::Invalid("a path that cannot be"));
    }
    let names = entry.path.split(|byte| *byte == b'/').enumerate();
    if names.into_iter().any(|(depth, name)| is_reserved(name, depth == 0)) {
        return Err(Damaged::Invalid("a path that cannot be"));
    }
    if entry.path.is_empty() && !entry.is_directory() {
        return Err(Damaged::Invalid("a root that is no directory"));
    }
    let times = [Some(entry.attributes.mtime), entry.local.map(|local| local.ctime)];
    if times.into_iter().flatten().any(|time| time.nanos >= 1_000_000_000) {
        return Err(Damaged::Invalid("a time that cannot be"));
    }
    let offset = entry.member().map(|member| member.offset);
    let sizes =
        [entry.file().map(|data| data.size), entry.stored.as_ref().map(Stored::size), offset];
    if sizes.into_iter().flatten().any(|size| size > LARGEST_FILE) {
        return Err(Damaged::Invalid("a size that cannot be"));
    }
    if entry.attributes.xattrs.iter().any(|(name, _)| name.is_empty()) {
        return Err(Damaged::Invalid("an attribute without a name"));
    }
    if entry.attributes.mode & !0o7777 != 0 {
        return Err(Damaged::Invalid("a mode that cannot be"));
    }
    Ok(())
}
