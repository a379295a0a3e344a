//! Writes a generation: new shards first, the head last and read back.

use std::collections::HashSet;
use std::fs;

use super::ahead::Arrived;
use super::packed::{Next, Packed, merged};
use super::{Snapshot, Snapshots, shown};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::base::units::now;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::store::Bytes;
use crate::tree::change::Change;
use crate::tree::manifest::{Head, Shard};
use crate::tree::objects::Names;
use crate::tree::records;

/// Generations that stay on the remote.
const KEPT: u64 = 3;

const UNSEEN: &str = "the server does not show it";

impl Snapshots<'_> {
    /// Writes the next generation, the last one with `changes` in it, unless nothing
    /// on the remote has to change. Shards that have `arrived` are not sent again.
    ///
    /// # Errors
    /// The remote fails; the last snapshot is then still the last.
    pub fn save(
        &self,
        last: Option<&Snapshot>,
        changes: &[Change],
        arrived: &Arrived,
        facts: &Facts,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        if changes.is_empty() && !facts.renew && last.is_some_and(|last| self.is_whole(last)) {
            return Ok(());
        }
        create_private_dir(&self.cache)?;
        // First only the shards: the index names the head, which names them.
        let next = || changes.iter().map(Next::of);
        let Packed { shards, mut new, counts, owners } = self.pack(last, next())?;
        let generation =
            self.generations().chain(last.map(|l| l.head.generation)).max().unwrap_or(0);
        let unchanged = last.is_some_and(|l| l.head.shards == shards) && new.is_empty();
        let (head, bytes, tag) = match last {
            Some(last) if unchanged && generation == last.head.generation && !facts.renew => {
                (last.head.clone(), last.head_bytes()?, last.tag.clone())
            }
            _ => {
                let head = Head {
                    tree: self.names.tree().to_owned(),
                    generation: generation + 1,
                    parent: last.map(|l| (l.head.generation, l.head_id)),
                    created: now(),
                    host: facts.host.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    counts,
                    owners,
                    shards,
                };
                let bytes = head.seal(self.key);
                new.retain(|shard| !arrived.contains(&shard.id));
                self.put_shards(new, watch)?;
                let tag = self.put_head(&head, &bytes, watch)?;
                (head, bytes, tag)
            }
        };
        let head_id = *blake3::hash(&bytes).as_bytes();
        let saved = Snapshot { dir: self.cache.clone(), head, head_id, tag };
        Self::install(&saved, &bytes, merged(last, next())?)?;
        self.clean(&saved.head, watch)
    }

    /// Stores another record of this tree.
    ///
    /// # Errors
    /// The remote fails, or does not show it.
    pub fn put_record(&self, name: &str, bytes: Vec<u8>, watch: &mut dyn Watch) -> Result<()> {
        let record = vec![(self.full(name), bytes)];
        let doing = format!("note the state of {}", self.names.tree());
        let looks = records::put(self.store, record, watch)
            .map_err(|failure| failure.into_error(&doing, Kind::Incomplete))?;
        if looks.iter().all(Option::is_some) {
            return Ok(());
        }
        Err(Error::new(Kind::Incomplete, format!("cannot {doing}: the server does not show it")))
    }

    /// Removes another record of this tree.
    ///
    /// # Errors
    /// The remote fails.
    pub fn remove_record(&self, name: &str, watch: &mut dyn Watch) -> Result<()> {
        let doing = format!("note the state of {}", self.names.tree());
        let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
        let done = self.store.remove(&[Bytes(self.full(name).into_bytes())], watch);
        match done.map_err(fail)?.into_iter().find_map(|record| record.failure) {
            Some(failure) => Err(fail(failure)),
            None => Ok(()),
        }
    }

    /// Whether the remote has all shards of a snapshot.
    fn is_whole(&self, snapshot: &Snapshot) -> bool {
        snapshot.head.shards.iter().all(|shard| self.has_shard(&shard.id))
    }

    pub(super) fn has_shard(&self, id: &[u8; 32]) -> bool {
        self.records.look(Names::shard(id).as_bytes()).is_some()
    }

    /// Stores shards.
    pub(super) fn put_shards(&self, shards: Vec<Shard>, watch: &mut dyn Watch) -> Result<()> {
        let records = shards.into_iter().map(|s| (self.full(&Names::shard(&s.id)), s.bytes));
        let looks = records::put(self.store, records.collect(), watch);
        let looks = looks.map_err(|failure| self.not_arrived(&failure.text))?;
        if looks.iter().all(Option::is_some) { Ok(()) } else { Err(self.not_arrived(UNSEEN)) }
    }

    /// Stores the head of a generation and reads it back. Returns how it is shown.
    fn put_head(&self, head: &Head, bytes: &[u8], watch: &mut dyn Watch) -> Result<String> {
        let record = (self.full(&Names::head(head.generation)), bytes.to_vec());
        let stored = records::put_and_read(self.store, record, &self.cache, watch);
        let (look, same) = stored.map_err(|failure| self.not_arrived(&failure.text))?;
        if same {
            return look.map(shown).ok_or_else(|| self.not_arrived(UNSEEN));
        }
        let tree = self.names.tree();
        let what = format!("the manifest of {tree} does not read back as it was written");
        Err(Error::new(Kind::Incomplete, what)
            .hint("Run it again; if that does not help, the remote is not to be trusted."))
    }

    fn not_arrived(&self, why: &str) -> Error {
        let what = format!("the manifest of {} did not arrive: {why}", self.names.tree());
        let hint = "The files that arrived are there; run it again.";
        Error::new(Kind::Incomplete, what).hint(hint)
    }

    /// Removes old generations, and shards that no generation needs.
    fn clean(&self, head: &Head, watch: &mut dyn Watch) -> Result<()> {
        let oldest = head.generation.saturating_sub(KEPT - 1);
        let old = self.generations().filter(|g| *g < oldest).map(Names::head);
        let mut gone: Vec<String> = old.collect();
        let needed: Vec<String> = head.shards.iter().map(|s| Names::shard(&s.id)).collect();
        // What the generations between need is kept beside the cache.
        let kept = self.cache.join("shards");
        let text = fs::read_to_string(&kept).unwrap_or_default();
        let own = format!("{} {}", head.generation, needed.join(" "));
        let mut lines: Vec<&str> = text.lines().chain([own.as_str()]).collect();
        let generation = |line: &str| line.split(' ').next().and_then(|g| g.parse::<u64>().ok());
        lines.retain(|line| generation(line).is_some_and(|g| g >= oldest));
        let known: HashSet<u64> = lines.iter().filter_map(|line| generation(line)).collect();
        write_private(&kept, (lines.join("\n") + "\n").as_bytes())?;
        if self.generations().filter(|g| *g >= oldest).all(|g| known.contains(&g)) {
            let needed: HashSet<&[u8]> =
                lines.iter().flat_map(|line| line.split(' ').skip(1)).map(str::as_bytes).collect();
            let shards = self.records.names().filter(|name| name.starts_with(b"shard/"));
            let orphans = shards.filter(|name| !needed.contains(name));
            gone.extend(orphans.map(|name| String::from_utf8_lossy(name).into_owned()));
        }
        if !gone.is_empty() {
            // What stays costs space and nothing else; the next run tries again.
            let gone: Vec<_> = gone.iter().map(|n| Bytes(self.full(n).into_bytes())).collect();
            let _ = self.store.remove(&gone, watch);
        }
        Ok(())
    }
}

/// What a snapshot says besides its entries.
pub struct Facts {
    pub host: String,
    /// Write a new generation even if nothing has changed.
    pub renew: bool,
}
