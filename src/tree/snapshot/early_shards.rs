//! The shards of a generation, sent while its objects are proven.
//!
//! The proof asks the server what it has, and the shards go to the same server: one
//! after the other these are round trips, side by side they are half as many. A
//! shard is nothing without a head that names it, and the head comes when all is
//! proven: shards that were foreseen wrongly are orphans, which the next run removes.

use std::collections::HashSet;

use super::packing::Next;
use super::{Snapshot, Snapshots};
use crate::base::error::Result;
use crate::storage::job::Watch;
use crate::tree::manifest::Shard;

/// Shards of which the server has shown that it has them, since it was listed.
pub type Arrived = HashSet<[u8; 32]>;

impl Snapshots<'_> {
    /// The shards that the remote lacks of a generation with these entries.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn foresee<'a>(
        &self,
        last: Option<&Snapshot>,
        next: impl Iterator<Item = Result<Next<'a>>>,
    ) -> Result<Vec<Shard>> {
        let mut new = Vec::new();
        self.pack(last, next, |mut shards| {
            new.append(&mut shards);
            Ok(())
        })?;
        Ok(new)
    }

    /// Sends them. What fails here is sent again when the generation is written,
    /// and told there.
    pub fn send_ahead(&self, shards: Vec<Shard>, watch: &mut dyn Watch) -> Arrived {
        let ids = shards.iter().map(|shard| shard.id).collect();
        self.put_shards(shards, watch).map_or_else(|_| Arrived::new(), |()| ids)
    }
}
