//! Reads a generation from the remote into the cache.

use super::{Snapshot, Snapshots};
use crate::base::error::{Error, Result};
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::tree::manifest::{Head, IndexHeader, open_shard};
use crate::tree::objects::Names;
use crate::tree::records;

impl Snapshots<'_> {
    /// Fetches a generation into the cache. The inner error says why it cannot be
    /// used; the cache is then what it was.
    pub(super) fn fetch(
        &self,
        generation: u64,
        tag: &str,
        watch: &mut dyn Watch,
    ) -> Result<std::result::Result<Snapshot, String>> {
        let bytes = match self.read(&[Names::head(generation)], watch)?.pop() {
            Some(Ok(bytes)) => bytes,
            Some(Err(failure)) => {
                return Ok(Err(format!("its manifest cannot be read: {}", failure.text)));
            }
            None => return Ok(Err("its manifest cannot be read".to_owned())),
        };
        let head = match Head::open(self.key, self.names.tree(), generation, &bytes) {
            Ok(head) => head,
            Err(damaged) => return Ok(Err(format!("its manifest is not usable: {damaged}"))),
        };
        let shards: Vec<_> = head.shards.iter().map(|shard| Names::shard(&shard.id)).collect();
        let contents = self.read(&shards, watch)?;
        let head_id = *blake3::hash(&bytes).as_bytes();
        let next = self.next();
        let header = IndexHeader {
            tree: self.names.tree().to_owned(),
            generation,
            head_id,
            tag: tag.to_owned(),
        };
        let mut writer = Self::writer(&next, &header)?;
        for (shard, content) in head.shards.iter().zip(contents) {
            let entries = content.map_err(|failure| failure.text).and_then(|bytes| {
                open_shard(self.key, &shard.id, &bytes).map_err(|d| d.to_string())
            });
            match entries {
                Ok(entries) => {
                    for entry in entries {
                        writer.push(&entry).map_err(|e| Error::io("write", &next, &e))?;
                    }
                }
                Err(why) => return Ok(Err(format!("a part of its manifest is not usable: {why}"))),
            }
        }
        self.install(writer, &next, &bytes)?;
        Ok(Ok(Snapshot { index: self.index(), head, head_id }))
    }

    /// Reads records of this tree.
    pub(super) fn read(
        &self,
        names: &[String],
        watch: &mut dyn Watch,
    ) -> Result<Vec<std::result::Result<Vec<u8>, Failure>>> {
        let full: Vec<_> = names.iter().map(|name| self.full(name)).collect();
        records::read(self.store, &full, &self.cache, watch)
    }
}
