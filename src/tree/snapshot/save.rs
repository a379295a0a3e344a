//! Writes a generation: new shards first, the head last and read back.

use std::collections::HashSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use itertools::{EitherOrBoth, Itertools};

use super::{Snapshot, Snapshots, shown};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Send};
use crate::tree::entry::{Entry, order};
use crate::tree::manifest::{Counts, Head, IndexHeader, Owners, Shard, ShardBuilder};
use crate::tree::survey::Change;

/// Generations that stay on the remote.
const KEPT: u64 = 3;

impl Snapshots<'_> {
    /// Writes the next generation: the last one with `changes` in it. Returns
    /// its number, or that of the last if nothing on the remote had to change.
    ///
    /// # Errors
    /// The remote fails; the last snapshot is then still the last.
    pub fn save(
        &self,
        last: Option<&Snapshot>,
        changes: &[Change],
        facts: &Facts,
        watch: &mut dyn Watch,
    ) -> Result<u64> {
        create_private_dir(&self.cache)?;
        let next = self.cache.join("index.next");
        // First only the shards: the index names the head, which names them.
        let mut builder = ShardBuilder::new(self.key);
        let (mut shards, mut new, mut counts) = (Vec::new(), Vec::new(), Counts::default());
        let mut owners = Owners::default();
        let known: HashSet<[u8; 32]> =
            last.iter().flat_map(|l| &l.head.shards).map(|shard| shard.id).collect();
        let mut keep = |shard: Option<Shard>| {
            if let Some(shard) = shard {
                shards.push(shard.reference());
                let name = format!("shard/{}", HEXLOWER.encode(&shard.id[..16]));
                if !known.contains(&shard.id) || self.records.look(name.as_bytes()).is_none() {
                    new.push(shard);
                }
            }
        };
        for entry in merged(last, changes)? {
            let entry = entry?;
            counts.add(&entry);
            (facts.owners)(&entry, &mut owners);
            keep(builder.push(&entry));
        }
        keep(builder.finish());
        let generation =
            self.generations().into_iter().chain(last.map(|l| l.generation)).max().unwrap_or(0);
        let unchanged = last.is_some_and(|l| l.head.shards == shards) && new.is_empty();
        let (head, bytes, tag) = match last {
            Some(last) if unchanged && generation == last.generation && !facts.renew => {
                let bytes = fs::read(self.cache.join("head")).unwrap_or_default();
                let tag = self.cached_with_tag().map(|(_, tag)| tag).unwrap_or_default();
                (last.head.clone(), bytes, tag)
            }
            _ => {
                let head = Head {
                    tree: self.names.tree().to_owned(),
                    generation: generation + 1,
                    parent: last.map(|l| (l.generation, l.head_id)),
                    created: SystemTime::now()
                        .duration_since(UNIX_EPOCH)
                        .map_or(0, |d| d.as_secs()),
                    host: facts.host.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    counts,
                    owners,
                    shards,
                };
                let bytes = head.seal(self.key);
                let jobs: Vec<_> =
                    new.into_iter().map(|s| (self.names.shard(&s.id), s.bytes)).collect();
                self.put(jobs, watch)?;
                let tag =
                    self.put(vec![(self.names.head(head.generation), bytes.clone())], watch)?;
                self.read_back(&head, &bytes, watch)?;
                (head, bytes, tag)
            }
        };
        let header = IndexHeader {
            tree: self.names.tree().to_owned(),
            generation: head.generation,
            head_id: *blake3::hash(&bytes).as_bytes(),
            tag,
        };
        let mut writer = Self::writer(&next, &header)?;
        for entry in merged(last, changes)? {
            writer.push(&entry?).map_err(|error| Error::io("write", &next, &error))?;
        }
        self.install(writer, &next, &bytes)?;
        self.clean(&head, watch)?;
        Ok(head.generation)
    }

    /// Stores records and proves them. Returns how the last is shown.
    fn put(&self, records: Vec<(String, Vec<u8>)>, watch: &mut dyn Watch) -> Result<String> {
        let fail = |why: &str| {
            Error::new(
                Kind::Incomplete,
                format!("the manifest of {} did not arrive: {why}", self.names.tree()),
            )
            .hint("The files that arrived are there; run it again.")
        };
        let names: Vec<_> =
            records.iter().map(|(name, _)| Bytes(name.clone().into_bytes())).collect();
        let jobs = records.into_iter().enumerate().map(|(id, (name, bytes))| Send {
            id: id as u64,
            remote: Bytes(name.into_bytes()),
            size: bytes.len() as u64,
            data: Some(Bytes(bytes)),
            ..Send::default()
        });
        let jobs: Vec<_> = jobs.collect();
        let mut sent = Vec::new();
        self.store
            .send("/", jobs.into_iter(), watch, |record| sent.push(record))
            .map_err(|failure| fail(&failure.text))?;
        if let Some(failure) = sent.iter().find_map(|record| record.failure.as_ref()) {
            return Err(fail(&failure.text));
        }
        let mut last = String::new();
        if sent.iter().any(|record| !record.proven) {
            let looks = self.store.look(&names, watch).map_err(|failure| fail(&failure.text))?;
            for record in &sent {
                let look = looks.iter().find(|look| look.id == record.id);
                match look {
                    Some(look) if look.failure.is_none() && look.size == record.size => {
                        last = shown(look.size, &look.tag);
                    }
                    _ => return Err(fail("the server does not show it")),
                }
            }
        }
        Ok(last)
    }

    fn read_back(&self, head: &Head, bytes: &[u8], watch: &mut dyn Watch) -> Result<()> {
        let stage = tempfile::tempdir_in(&self.cache)
            .map_err(|error| Error::io("write below", &self.cache, &error))?;
        match self.read(&[self.names.head(head.generation)], stage.path(), watch)?.pop() {
            Some(Ok(back)) if back == bytes => Ok(()),
            _ => Err(Error::new(
                Kind::Incomplete,
                format!(
                    "the manifest of {} does not read back as it was written",
                    self.names.tree()
                ),
            )
            .hint("Run it again; if that does not help, the remote is not to be trusted.")),
        }
    }

    /// Removes old generations, and shards that no generation needs.
    fn clean(&self, head: &Head, watch: &mut dyn Watch) -> Result<()> {
        let oldest = head.generation.saturating_sub(KEPT - 1);
        let old = self.generations().into_iter().filter(|g| *g < oldest);
        let mut gone: Vec<_> = old.map(|g| Bytes(self.names.head(g).into_bytes())).collect();
        let mut needed: Vec<String> = head.shards.iter().map(|s| self.names.shard(&s.id)).collect();
        // What the generations between need is kept beside the cache.
        let kept = self.cache.join("shards");
        let lines = fs::read_to_string(&kept).unwrap_or_default();
        let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        lines.push(format!("{} {}", head.generation, needed.join(" ")));
        let recent = |line: &String| {
            line.split(' ').next().and_then(|g| g.parse::<u64>().ok()).is_some_and(|g| g >= oldest)
        };
        lines.retain(recent);
        let complete = self.generations().iter().filter(|g| **g >= oldest).all(|g| {
            lines.iter().any(|line| line.split(' ').next() == Some(g.to_string().as_str()))
        });
        for line in &lines {
            needed.extend(line.split(' ').skip(1).map(str::to_owned));
        }
        write_private(&kept, (lines.join("\n") + "\n").as_bytes())?;
        if complete {
            let records = self.names.records();
            let shards = self.records.all().filter(|(name, _, _)| name.starts_with(b"shard/"));
            let shards =
                shards.map(|(name, _, _)| format!("{records}/{}", String::from_utf8_lossy(name)));
            let needed: HashSet<_> = needed.into_iter().collect();
            gone.extend(shards.filter(|s| !needed.contains(s)).map(|s| Bytes(s.into_bytes())));
        }
        if !gone.is_empty() {
            // What stays costs space and nothing else; the next run tries again.
            let _ = self.store.remove(&gone, watch);
        }
        Ok(())
    }
}

/// What a snapshot says besides its entries.
pub struct Facts<'a> {
    pub host: String,
    pub owners: &'a dyn Fn(&Entry, &mut Owners),
    /// Write a new generation even if nothing has changed.
    pub renew: bool,
}

/// The entries of `last` with `changes` in them.
fn merged<'a>(
    last: Option<&Snapshot>,
    changes: &'a [Change],
) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
    let old = last.map(Snapshot::entries).transpose()?.into_iter().flatten();
    let pairs = old.merge_join_by(changes, |old, change| match old {
        Ok(old) => order(&old.path, &change.path),
        Err(_) => std::cmp::Ordering::Less,
    });
    Ok(pairs.filter_map(|pair| match pair {
        EitherOrBoth::Left(old) => Some(old),
        EitherOrBoth::Both(_, change) | EitherOrBoth::Right(change) => change.entry.clone().map(Ok),
    }))
}
