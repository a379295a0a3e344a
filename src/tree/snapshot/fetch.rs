//! Reads a generation from the remote into the cache.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::{Snapshot, Snapshots};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch};
use crate::tree::manifest::{Head, IndexHeader, open_shard};

impl Snapshots<'_> {
    /// Fetches a generation into the cache. The inner error says why it cannot be
    /// used; the cache is then what it was.
    pub(super) fn fetch(
        &self,
        generation: u64,
        tag: &str,
        watch: &mut dyn Watch,
    ) -> Result<std::result::Result<Snapshot, String>> {
        create_private_dir(&self.cache)?;
        let stage = tempfile::Builder::new()
            .prefix("fetch-")
            .tempdir_in(&self.cache)
            .map_err(|error| Error::io("write below", &self.cache, &error))?;
        let name = self.names.head(generation);
        let bytes = match self.read(&[name], stage.path(), watch)?.pop() {
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
        let shards: Vec<_> = head.shards.iter().map(|shard| self.names.shard(&shard.id)).collect();
        let contents = self.read(&shards, stage.path(), watch)?;
        let head_id = *blake3::hash(&bytes).as_bytes();
        let next = stage.path().join("index");
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
        Ok(Ok(Snapshot { generation, index: self.index(), head, head_id }))
    }

    /// Reads small objects, through files in `stage`.
    pub(super) fn read(
        &self,
        names: &[String],
        stage: &Path,
        watch: &mut dyn Watch,
    ) -> Result<Vec<std::result::Result<Vec<u8>, Failure>>> {
        let at = |id: usize| stage.join(format!("{id}"));
        let jobs = names.iter().enumerate().map(|(id, name)| Fetch {
            id: id as u64,
            remote: Bytes(name.as_bytes().to_vec()),
            to: Bytes(at(id).to_string_lossy().into_owned().into_bytes()),
            sparse: false,
        });
        let mut failures = HashMap::new();
        let jobs: Vec<_> = jobs.collect();
        self.store
            .fetch(&self.names.records(), jobs.into_iter(), watch, |record| {
                if let Some(failure) = record.failure {
                    failures.insert(record.id, failure);
                }
            })
            .map_err(|failure| failure.into_error("read the manifest", Kind::Remote))?;
        let read = |id: usize| match failures.remove(&(id as u64)) {
            Some(failure) => Err(failure),
            None => fs::read(at(id)).map_err(|error| Failure::other(&error.to_string())),
        };
        Ok((0..names.len()).map(read).collect())
    }
}
