//! What earlier snapshots hold and the newest does not. With `"keep"` a backup has the remote
//! copy what it replaces and removes, or move it, before it does so:
//!
//! ```text
//! .poof/kept/NAME/GENERATION/OBJECT
//! ```
//!
//! GENERATION is the snapshot that the backup makes. An earlier one needs what is there, and
//! no later one does: once all earlier ones are out of time, the directory goes as a whole.
//! OBJECT tells the stored bytes, so that it is never needed to know where they were.

pub mod audit;
pub mod keeping;

use data_encoding::HEXLOWER;

use super::model::entry::{StoredObject, Tag};
use super::model::inventory::md5;
use super::model::layout::Names;
use super::remote::listing::list;
use crate::base::error::{Kind, Result};
use crate::storage::job::Watch;
use crate::storage::store::Store;

/// Of the hash in a name, as many bytes as those of all records have.
const ID: usize = 16;

/// How what is kept of an object is called.
pub fn id(stored: &StoredObject) -> String {
    HEXLOWER.encode(&number(stored))
}

fn number(stored: &StoredObject) -> [u8; ID] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&stored.size.to_le_bytes()).update(&stored.md5);
    // Under crypt the same content is stored as other bytes each time.
    hasher.update(&stored.nonce.unwrap_or_default());
    let mut id = [0; ID];
    hasher.finalize_xof().fill(&mut id);
    id
}

/// An object that is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// That has replaced or removed it.
    generation: u64,
    /// As it is shown.
    size: u64,
    md5: Option<[u8; 16]>,
}

/// What is kept for the earlier snapshots of a tree.
#[derive(Debug, Default)]
pub struct Past {
    /// From the top of the bucket.
    dir: String,
    /// By what it is; the same may be kept more than once.
    by_id: Vec<([u8; ID], Kept)>,
    pub objects: u64,
    /// As stored.
    pub bytes: u64,
    /// What is among them and is not called as poof calls what it keeps: from the top of the
    /// bucket.
    pub strangers: Vec<Vec<u8>>,
}

impl Past {
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn list(store: &Store, names: &Names, watch: &mut dyn Watch) -> Result<Self> {
        let dir = names.kept();
        let doing = format!("list what is kept of {}", names.tree());
        let listed = list(store, &dir, &[], watch)
            .map_err(|failure| failure.into_error(&doing, Kind::Remote))?;
        let mut past = Past { dir, ..Past::default() };
        for name in listed.names() {
            let Some((generation, id)) = parse(&name) else {
                past.strangers.push([past.dir.as_bytes(), b"/", &name].concat());
                continue;
            };
            let Some((size, tag)) = listed.look(&name) else { continue };
            past.by_id.push((id, Kept { generation, size, md5: md5(&tag) }));
            past.objects += 1;
            past.bytes = past.bytes.saturating_add(size);
        }
        past.by_id.sort_unstable_by_key(|(id, _)| *id);
        Ok(past)
    }

    /// Where an object is that an earlier snapshot holds, from the top of the bucket; None if
    /// it is not kept, or if what is there is something else.
    pub fn place(&self, stored: &StoredObject) -> Option<String> {
        let number = number(stored);
        let from = self.by_id.partition_point(|(id, _)| *id < number);
        let same = self.by_id[from..].iter().take_while(|(id, _)| *id == number);
        let mut whole = same
            .filter(|(_, kept)| kept.size == stored.size && is_of(stored, kept.md5))
            .map(|(_, kept)| kept.generation);
        let generation = whole.next()?;
        Some(format!("{}/{generation:010}/{}", self.dir, id(stored)))
    }
}

/// Whether a copy of an object may be shown with this hash. That of one that went up in parts
/// may change with the copying, and some servers show none.
fn is_of(stored: &StoredObject, shown: Option<[u8; 16]>) -> bool {
    stored.tag != Tag::Md5 || shown.is_none_or(|md5| md5 == stored.md5)
}

/// `GENERATION/OBJECT`
fn parse(name: &[u8]) -> Option<(u64, [u8; ID])> {
    let (generation, id) = name.split_at_checked(10)?;
    let id = HEXLOWER.decode(id.strip_prefix(b"/")?).ok()?;
    Some((Names::generation(generation)?, id.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(size: u64, md5: u8, nonce: Option<[u8; 24]>) -> StoredObject {
        StoredObject { odd: false, size, md5: [md5; 16], tag: Tag::Md5, nonce }
    }

    #[test]
    fn other_bytes_have_another_name() {
        let all = [
            stored(1, 2, None),
            stored(2, 2, None),
            stored(1, 3, None),
            stored(1, 2, Some([1; 24])),
        ];
        let mut names: Vec<_> = all.iter().map(id).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
        // Wherever it was, and however a listing shows it.
        let other = StoredObject { odd: true, tag: Tag::Text("x-2".into()), ..stored(1, 2, None) };
        assert_eq!(id(&other), id(&all[0]));
    }

    #[test]
    fn what_is_not_called_so_is_not_kept() {
        let name = format!("0000000007/{}", id(&stored(1, 2, None)));
        assert_eq!(parse(name.as_bytes()), Some((7, number(&stored(1, 2, None)))));
        for name in ["", "0000000007", "7/00", "0000000007/00", "0000000007/x/y", "a/0000000007/0"]
        {
            assert_eq!(parse(name.as_bytes()), None, "{name}");
        }
    }
}
