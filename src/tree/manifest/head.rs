//! The head of a generation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::key::{CLEAR_WITH_BUNDLES, Key, STRETCHED, STRETCHED_WITH_BUNDLES};
use super::{Damaged, block, opened};
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{Entry, EntryKind};

const MAGIC: &[u8] = b"poof head";
/// Version 1 does not name the machine. Version 2 is that of remotes without encryption,
/// and was that of all: its seal is not made of a stretched key. Version 3 is that of
/// encrypted ones. 4 and 5 are the same with bundles: who does not know these reads nothing.
const VERSION: u8 = STRETCHED_WITH_BUNDLES;
const SEAL: usize = 32;
/// A head that is larger, in bytes, was not made by us: this is one of 200 million entries.
pub const LARGEST_HEAD: u64 = 16 << 20;

/// The last number that a generation may have: what the ten digits of its name hold. No
/// poof makes so many; what has a higher number is none of poof's.
pub const LAST: u64 = 9_999_999_999;

/// The last number of a bundle that poof believes: with a higher one somebody would leave it no
/// number to give.
pub const LAST_BUNDLE: u64 = LAST / 2;

/// What a generation is, and of which shards it consists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub tree: String,
    pub generation: u64,
    /// The generation before, and the BLAKE3 of its head.
    pub parent: Option<(u64, [u8; 32])>,
    /// Seconds since 1970.
    pub created: u64,
    pub host: String,
    /// Of the poof that wrote it.
    pub version: String,
    pub counts: Counts,
    pub owners: Owners,
    pub shards: Vec<ShardRef>,
    /// The random number of the machine that made it. A head of version 1 has none.
    #[serde(skip)]
    pub machine: Option<[u8; 16]>,
    /// The store that it is of, as [`Key::store`] names it. One of before
    /// version 3 has none.
    #[serde(skip)]
    pub store: Option<[u8; 16]>,
    /// In the order of their numbers. One of before version 4 has none.
    #[serde(skip)]
    pub bundles: Vec<Bundle>,
    /// The highest number that was given to a bundle. It is none that is given again.
    #[serde(skip)]
    pub last_bundle: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Of the regular files.
    pub bytes: u64,
}

impl Counts {
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        if let EntryKind::File(data) = &entry.kind {
            self.files += 1;
            self.bytes = self.bytes.saturating_add(data.size);
        }
    }
}

/// The names of the owners, as this machine knew them; empty where it knew none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owners {
    pub users: BTreeMap<u32, String>,
    pub groups: BTreeMap<u32, String>,
}

/// A shard of this generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRef {
    pub id: [u8; 32],
    pub entries: u32,
}

impl Head {
    /// The head as it is stored.
    pub fn seal(&self, key: &Key) -> Vec<u8> {
        let version = match (self.machine, self.store, self.bundles.is_empty()) {
            (Some(_), Some(_), true) => STRETCHED,
            (Some(_), Some(_), false) => STRETCHED_WITH_BUNDLES,
            (Some(_), None, true) => 2,
            (Some(_), None, false) => CLEAR_WITH_BUNDLES,
            (None, ..) => 1,
        };
        let mut bytes = [MAGIC, &[0, version]].concat();
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes.extend(self.machine.iter().flatten());
        bytes.extend(self.store.filter(|_| version != 1).iter().flatten());
        if !self.bundles.is_empty() && version != 1 {
            bytes.extend(
                postcard::to_stdvec(&(self.last_bundle, &self.bundles)).unwrap_or_default(),
            );
        }
        let seal = key.seal_head(version, &bytes);
        bytes.extend_from_slice(&seal);
        bytes
    }

    /// A head that is what it should be.
    ///
    /// # Errors
    /// It is not.
    pub fn open(key: &Key, tree: &str, generation: u64, bytes: &[u8]) -> Result<Head, Damaged> {
        let (version, _) = opened(bytes, MAGIC, VERSION)?;
        let (sealed, seal) = bytes
            .len()
            .checked_sub(SEAL)
            .and_then(|at| bytes.split_at_checked(at))
            .ok_or(Damaged::Cut)?;
        // None is made with bundles for an encrypted remote that does not name its store.
        let other = version == CLEAR_WITH_BUNDLES && key.store().is_some();
        if other || key.seal_head(version, sealed) != *seal {
            return Err(Damaged::WrongSeal);
        }
        let (_, body) = opened(sealed, MAGIC, VERSION)?;
        let (mut head, rest): (Head, _) =
            postcard::take_from_bytes(body).map_err(|_| Damaged::Cut)?;
        let mut rest = Rest(rest);
        if version > 1 {
            head.machine = Some(rest.number()?);
        }
        if matches!(version, STRETCHED | STRETCHED_WITH_BUNDLES) {
            head.store = Some(rest.number()?);
        }
        if matches!(version, CLEAR_WITH_BUNDLES | STRETCHED_WITH_BUNDLES) {
            (head.last_bundle, head.bundles) = rest.bundles()?;
        }
        if !rest.0.is_empty() {
            return Err(Damaged::Cut);
        }
        if head.store.is_some_and(|store| !key.takes(store)) {
            return Err(Damaged::OtherStore);
        }
        if head.tree != tree || head.generation != generation {
            return Err(Damaged::Misplaced);
        }
        if generation > LAST {
            return Err(Damaged::Invalid("its number is too high"));
        }
        let entries: u64 = head.shards.iter().map(|shard| u64::from(shard.entries)).sum();
        let odd = |shard: &ShardRef| shard.entries == 0 || shard.entries > block::MOST;
        if entries != head.counts.entries || head.shards.iter().any(odd) {
            return Err(Damaged::Invalid("its shards do not hold what it counts"));
        }
        Ok(head)
    }
}

/// What follows the [`Head`] in the bytes of one.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number(&mut self) -> Result<[u8; 16], Damaged> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Damaged::Cut)?;
        self.0 = rest;
        Ok(*number)
    }

    fn bundles(&mut self) -> Result<(u64, Vec<Bundle>), Damaged> {
        let ((last, bundles), rest): ((u64, Vec<Bundle>), _) =
            postcard::take_from_bytes(self.0).map_err(|_| Damaged::Cut)?;
        self.0 = rest;
        let in_order = bundles.is_sorted_by(|a, b| a.number < b.number);
        if !in_order || last > LAST_BUNDLE || bundles.iter().any(|bundle| bundle.number > last) {
            return Err(Damaged::Invalid("bundles that cannot be"));
        }
        Ok((last, bundles))
    }
}
