//! Reads a generation from the remote into the cache.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::iter;

use super::{FOUND, Snapshot, Snapshots};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::tree::manifest::{Counts, Head, LARGEST_HEAD, LARGEST_SHARD, ShardRef, open_shard};
use crate::tree::model::entry::Entry;
use crate::tree::model::layout::Names;
use crate::tree::remote::metadata_store::{self, Records, SMALL};

impl Snapshots<'_> {
    /// The generations on the remote before `snapshot`, the newest first.
    pub fn before(&self, snapshot: &Snapshot) -> Vec<u64> {
        let mut earlier: Vec<_> =
            self.generations().filter(|number| *number < snapshot.head.generation).collect();
        earlier.sort_unstable_by(|a, b| b.cmp(a));
        earlier
    }

    /// Fetches one of the generations on the remote; None if it cannot be used.
    /// It is in the cache until the next one is fetched.
    ///
    /// # Errors
    /// The remote fails, or the cache cannot be written.
    pub fn generation(&self, number: u64, watch: &mut dyn Watch) -> Result<Option<Snapshot>> {
        Ok(self.fetch(number, "", watch)?.ok())
    }

    /// Fetches a generation beside the one that is known. The inner error says why
    /// it cannot be used.
    pub(super) fn fetch(
        &self,
        generation: u64,
        tag: &str,
        watch: &mut dyn Watch,
    ) -> Result<std::result::Result<Snapshot, String>> {
        let (head, bytes) = match self.read_head(generation, watch)? {
            Ok(read) => read,
            Err(why) => return Ok(Err(why)),
        };
        let shards: Vec<_> = head.shards.iter().map(|shard| Names::shard(&shard.id)).collect();
        if shards.iter().collect::<HashSet<_>>().len() < shards.len() {
            return Ok(Err(
                "its manifest is not usable: it lists one of its parts twice".to_owned()
            ));
        }
        let full: Vec<_> = shards.iter().map(|name| self.full(name)).collect();
        let contents = Records::fetch(self.store, &full, LARGEST_SHARD, &self.cache, watch)?;
        let (damage, counted) = (RefCell::new(None), Cell::new(Counts::default()));
        let parts = head.shards.clone().into_iter().zip(contents);
        let entries = parts.flat_map(|(shard, content)| {
            let content = content.map(|content| content.map_err(|failure| failure.text));
            let content = content.unwrap_or_else(|error| Err(error.to_string()));
            let opened = content.and_then(|bytes| self.open_shard(&shard, &bytes));
            let (entries, failed) = match opened {
                Ok(entries) => (entries, None),
                Err(why) => {
                    let why = format!("a part of its manifest is not usable: {why}");
                    *damage.borrow_mut() = Some(why.clone());
                    (Vec::new(), Some(Err(Error::unexpected(why))))
                }
            };
            entries.into_iter().map(Ok).chain(failed)
        });
        let entries = entries.map(|entry| {
            interrupt::check()?;
            let (entry, mut counts) = (entry?, counted.get());
            counts.add(&entry);
            counted.set(counts);
            Ok(entry)
        });
        let counts = head.counts;
        let entries = entries.chain(
            iter::once_with(|| {
                let why = "its manifest is not usable: it does not hold what it counts".to_owned();
                let other = damage.borrow().is_none() && counted.get() != counts;
                other.then(|| Err(Error::unexpected(damage.borrow_mut().insert(why).clone())))
            })
            .flatten(),
        );
        let dir = self.cache.join(FOUND);
        let head_id = *blake3::hash(&bytes).as_bytes();
        let found = Snapshot { dir, head, head_id, tag: tag.to_owned() };
        let installed = Self::install(&found, &bytes, entries);
        match damage.into_inner() {
            Some(why) => Ok(Err(why)),
            None => installed.map(|()| Ok(found)),
        }
    }

    /// Reads the head of a generation, and its bytes. The inner error says why it cannot be
    /// used.
    pub(super) fn read_head(
        &self,
        generation: u64,
        watch: &mut dyn Watch,
    ) -> Result<std::result::Result<(Head, Vec<u8>), String>> {
        let read = self.read(&[Names::head(generation)], LARGEST_HEAD, watch)?.pop();
        let Some(read) = read else { return Ok(Err("its manifest cannot be read".to_owned())) };
        Ok(self.open_head(generation, read))
    }

    /// The head of a generation that was read, and its bytes; or why it cannot be used.
    pub(super) fn open_head(
        &self,
        generation: u64,
        read: std::result::Result<Vec<u8>, Failure>,
    ) -> std::result::Result<(Head, Vec<u8>), String> {
        let bytes =
            read.map_err(|failure| format!("its manifest cannot be read: {}", failure.text))?;
        let head = Head::open(self.key, self.names.tree(), generation, &bytes)
            .map_err(|damaged| format!("its manifest is not usable: {damaged}"))?;
        Ok((head, bytes))
    }

    /// The entries of a shard that was read; or why it cannot be used.
    pub(super) fn open_shard(
        &self,
        shard: &ShardRef,
        bytes: &[u8],
    ) -> std::result::Result<Vec<Entry>, String> {
        let entries = open_shard(self.key, &shard.id, bytes).map_err(|d| d.to_string())?;
        let whole = entries.len() == shard.entries as usize;
        whole.then_some(entries).ok_or_else(|| "it has other entries".to_owned())
    }

    /// Reads another record of this tree; None if it cannot be read.
    ///
    /// # Errors
    /// The remote fails.
    pub fn read_record(&self, name: &str, watch: &mut dyn Watch) -> Result<Option<Vec<u8>>> {
        Ok(self.read(&[name.to_owned()], SMALL, watch)?.pop().and_then(std::result::Result::ok))
    }

    /// Reads records of this tree, of `most` bytes each.
    pub(super) fn read(
        &self,
        names: &[String],
        most: u64,
        watch: &mut dyn Watch,
    ) -> Result<Vec<std::result::Result<Vec<u8>, Failure>>> {
        let full: Vec<_> = names.iter().map(|name| self.full(name)).collect();
        metadata_store::read(self.store, &full, most, &self.cache, watch)
    }
}
