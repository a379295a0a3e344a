//! The snapshots of one tree: generations of its manifest on the remote, and the
//! last of them as it is cached on this machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use itertools::{EitherOrBoth, Itertools};

use super::entry::{Entry, order};
use super::inventory::Inventory;
use super::manifest::{
    Counts, Head, IndexHeader, IndexReader, IndexWriter, Key, Owners, ShardBuilder, open_shard,
};
use super::objects::Names;
use super::survey::Change;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch, Send, Store};

/// Generations that stay on the remote.
const KEPT: u64 = 3;

/// Where the snapshots of a tree are.
pub struct Snapshots<'a> {
    pub store: &'a Store,
    pub names: &'a Names,
    pub key: &'a Key,
    /// The records of this tree on the remote: `head/…`, `shard/…`.
    pub records: Inventory,
    /// The cache of this tree on this machine.
    pub cache: PathBuf,
}

/// A snapshot whose entries can be read on this machine.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub generation: u64,
    index: PathBuf,
    head: Head,
    /// BLAKE3 of the head's bytes.
    head_id: [u8; 32],
}

/// What was found when the last snapshot was looked for.
#[derive(Debug)]
pub enum Standing {
    /// There never was one.
    None,
    /// The remote has it, and it is the last that this machine knows of.
    Current(Snapshot),
    /// The remote has an older one, or another of the same number, than this
    /// machine has seen, or one that is damaged: `why`. `known` is what this
    /// machine has, `found` what can be read there.
    Behind { why: String, known: Option<Snapshot>, found: Option<Snapshot> },
}

impl Snapshots<'_> {
    /// Finds the last snapshot, and fetches what the cache does not have.
    ///
    /// # Errors
    /// The remote fails, or the cache cannot be written.
    pub fn last(&self, watch: &mut dyn Watch) -> Result<Standing> {
        let known = self.cached();
        let generations: Vec<u64> = self.generations();
        let Some(&newest) = generations.iter().max() else {
            return Ok(match known {
                None => Standing::None,
                Some(known) => Standing::Behind {
                    why: "its manifest is not on the remote".to_owned(),
                    known: Some(known),
                    found: None,
                },
            });
        };
        let shown = self.records.look(&record_of_head(newest)).map(|(size, tag)| shown(size, &tag));
        if let Some((known, tag)) = &self.cached_with_tag()
            && known.generation == newest
            && shown.as_ref() == Some(tag)
        {
            return Ok(Standing::Current(known.clone()));
        }
        let found = self.fetch(newest, &shown.unwrap_or_default(), watch)?;
        Ok(match (known, found) {
            (None, Ok(found)) => Standing::Current(found),
            (None, Err(why)) => Standing::Behind { why, known: None, found: None },
            (Some(known), Ok(found))
                if found.generation > known.generation || found.head_id == known.head_id =>
            {
                Standing::Current(found)
            }
            (Some(known), Ok(found)) => {
                let why = format!(
                    "the remote has generation {}, and this machine has seen {}",
                    found.generation, known.generation
                );
                Standing::Behind { why, known: Some(known), found: Some(found) }
            }
            (Some(known), Err(why)) => Standing::Behind { why, known: Some(known), found: None },
        })
    }

    fn generations(&self) -> Vec<u64> {
        let heads = self.records.all().filter_map(|(name, _, _)| {
            let number = name.strip_prefix(b"head/")?;
            std::str::from_utf8(number).ok()?.parse().ok()
        });
        heads.collect()
    }

    fn index(&self) -> PathBuf {
        self.cache.join("index")
    }

    fn cached(&self) -> Option<Snapshot> {
        self.cached_with_tag().map(|(snapshot, _)| snapshot)
    }

    /// The cached snapshot and how the remote showed its head. A cache that
    /// cannot be read is none.
    fn cached_with_tag(&self) -> Option<(Snapshot, String)> {
        let index = self.index();
        let reader = IndexReader::new(BufReader::new(File::open(&index).ok()?)).ok()?;
        let IndexHeader { tree, generation, head_id, tag } = reader.header().clone();
        let bytes = fs::read(self.cache.join("head")).ok()?;
        let head = Head::open(self.key, self.names.tree(), generation, &bytes).ok()?;
        let same = tree == self.names.tree() && *blake3::hash(&bytes).as_bytes() == head_id;
        same.then_some((Snapshot { generation, index, head, head_id }, tag))
    }

    /// Fetches a generation into the cache. The inner error says why it cannot be
    /// used; the cache is then what it was.
    fn fetch(
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
        let mut writer = self.writer(&next, header)?;
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

    fn writer(&self, path: &Path, header: IndexHeader) -> Result<IndexWriter<BufWriter<File>>> {
        let fail = |error| Error::io("write", path, &error);
        let file = File::create(path).map_err(fail)?;
        IndexWriter::new(BufWriter::new(file), &header).map_err(fail)
    }

    /// Makes what was written the cache. The index goes last: it names the head.
    fn install(
        &self,
        writer: IndexWriter<BufWriter<File>>,
        path: &Path,
        head: &[u8],
    ) -> Result<()> {
        let fail = |error| Error::io("write", path, &error);
        let mut file = writer.finish().map_err(fail)?;
        file.flush().map_err(fail)?;
        crate::base::files::write_private(&self.cache.join("head"), head)?;
        fs::rename(path, self.index()).map_err(fail)
    }

    /// Reads small objects, through files in `stage`.
    fn read(
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
        let known: HashMap<[u8; 32], ()> =
            last.iter().flat_map(|l| &l.head.shards).map(|shard| (shard.id, ())).collect();
        let mut keep = |shard: Option<super::manifest::Shard>| {
            if let Some(shard) = shard {
                shards.push(shard.reference());
                let name = format!("shard/{}", HEXLOWER.encode(&shard.id[..16]));
                if !known.contains_key(&shard.id) || self.records.look(name.as_bytes()).is_none() {
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
        let mut writer = self.writer(&next, header)?;
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
        crate::base::files::write_private(&kept, (lines.join("\n") + "\n").as_bytes())?;
        if complete {
            let records = self.names.records();
            let shards = self.records.all().filter(|(name, _, _)| name.starts_with(b"shard/"));
            let shards =
                shards.map(|(name, _, _)| format!("{records}/{}", String::from_utf8_lossy(name)));
            let needed: std::collections::HashSet<_> = needed.into_iter().collect();
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

impl Snapshot {
    /// All entries, in order. Ends with an error where the cache is damaged.
    ///
    /// # Errors
    /// The cache cannot be opened.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
        let path = self.index.clone();
        let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
        let damaged = move |why: &dyn std::fmt::Display| {
            Error::unexpected(format!("the cache {} is damaged: {why}", path.display()))
                .hint("Remove that file; the next run fetches it again.")
        };
        let reader = IndexReader::new(BufReader::new(file)).map_err(|why| damaged(&why))?;
        Ok(reader.map(move |entry| entry.map_err(|why| damaged(&why))))
    }

    pub fn head(&self) -> &Head {
        &self.head
    }
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

fn record_of_head(generation: u64) -> Vec<u8> {
    format!("head/{generation:010}").into_bytes()
}

fn shown(size: u64, tag: &str) -> String {
    format!("{size} {tag}")
}
