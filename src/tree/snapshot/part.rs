//! A part of a generation: of its shards only those that some paths need. The entries are
//! in order, so that bisection finds them: a shard at each step.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::{Seen, Snapshot, Snapshots};
use crate::base::error::{Error, Result};
use crate::base::shown::one_line;
use crate::storage::job::Watch;
use crate::tree::manifest::{Counts, Head, LARGEST_HEAD, LARGEST_SHARD, ShardRef};
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{Entry, is_below, order};
use crate::tree::model::layout::Names;
use crate::tree::model::path_set::Kept;

/// Of generations that are missing in a row, so many are told.
const MOST_MISSING: usize = 100;

/// One of the generations on the remote, as its head tells.
#[derive(Clone, Debug)]
pub struct Told {
    head: Head,
    bytes: Vec<u8>,
}

/// The generations on the remote.
#[derive(Clone, Debug)]
pub struct Heads {
    /// Those whose heads can be used, the newest first.
    pub all: Vec<Told>,
    /// Why the newest of all cannot be used.
    pub damaged: Option<String>,
    /// The others that cannot be used, by number, and why; those that are missing between two
    /// that are there, too.
    pub unusable: Vec<(u64, String)>,
}

impl Told {
    pub fn generation(&self) -> u64 {
        self.head.generation
    }

    /// When it was made, in seconds since 1970, and on which machine: what that calls itself,
    /// on one line.
    pub fn made(&self) -> (u64, Cow<'_, str>) {
        (self.head.created, one_line(&self.head.host))
    }

    pub fn counts(&self) -> Counts {
        self.head.counts
    }

    /// The bundles that it tells of.
    pub fn bundles(&self) -> &[Bundle] {
        &self.head.bundles
    }

    /// The ids of its shards.
    pub fn shards(&self) -> impl Iterator<Item = [u8; 32]> {
        self.head.shards.iter().map(|shard| shard.id)
    }

    pub fn seen(&self) -> Seen {
        self.snapshot(Path::new("")).seen()
    }

    /// Why it is not what follows on a snapshot that this machine knows.
    pub fn is_behind(&self, known: &Snapshot) -> Option<String> {
        known.outdates(&self.snapshot(Path::new("")))
    }

    /// As a snapshot whose entries are, or will be, in a directory.
    fn snapshot(&self, dir: &Path) -> Snapshot {
        let head_id = *blake3::hash(&self.bytes).as_bytes();
        let (dir, head) = (dir.to_path_buf(), self.head.clone());
        Snapshot { dir, head, head_id, tag: String::new() }
    }
}

/// Shards that were read, by their ids: generations share most of theirs.
#[derive(Default)]
pub struct ReadShards(HashMap<[u8; 32], Vec<Entry>>);

impl Snapshots<'_> {
    /// The generations on the remote.
    ///
    /// # Errors
    /// The remote fails.
    pub fn told(&self, watch: &mut dyn Watch) -> Result<Heads> {
        let mut numbers: Vec<_> = self.generations().collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let names: Vec<_> = numbers.iter().map(|number| Names::head(*number)).collect();
        let read = self.read(&names, LARGEST_HEAD, watch)?;
        let (mut all, mut damaged, mut unusable) = (Vec::new(), None, Vec::new());
        for (index, (&number, read)) in numbers.iter().zip(read).enumerate() {
            match self.open_head(number, read) {
                Ok((head, bytes)) => all.push(Told { head, bytes }),
                Err(why) if index == 0 => damaged = Some(why),
                Err(why) => unusable.push((number, why)),
            }
        }
        for pair in numbers.windows(2) {
            let missing = pair[1] + 1..pair[0];
            // However many somebody may say there were.
            let missing = missing.take(MOST_MISSING);
            unusable.extend(missing.map(|number| (number, "its head is missing".to_owned())));
        }
        Ok(Heads { all, damaged, unusable })
    }

    /// How many generations come back whole, and when the oldest of them was made, in seconds
    /// since 1970, if its head can be read.
    ///
    /// # Errors
    /// The remote fails.
    pub fn extent(&self, watch: &mut dyn Watch) -> Result<(u64, Option<u64>)> {
        let since = self.kept_since(watch)?.unwrap_or(u64::MAX);
        let count = self.generations().filter(|number| *number >= since).count() as u64;
        let Some(oldest) = self.generations().filter(|number| *number >= since).min() else {
            return Ok((count, None));
        };
        let head = self.read_head(oldest, watch)?;
        Ok((count, head.ok().map(|(head, _)| head.created)))
    }

    /// Hands over the entries of a generation, in their order, but for those in shards that
    /// were `read` before: generations share most of theirs.
    ///
    /// # Errors
    /// The remote fails, or has damaged a shard.
    pub fn unread(
        &self,
        told: &Told,
        read: &mut HashSet<[u8; 32]>,
        watch: &mut dyn Watch,
        mut each: impl FnMut(Entry),
    ) -> Result<()> {
        let new: Vec<_> = told.head.shards.iter().filter(|shard| read.insert(shard.id)).collect();
        let names: Vec<_> = new.iter().map(|shard| Names::shard(&shard.id)).collect();
        for (shard, content) in new.into_iter().zip(self.read(&names, LARGEST_SHARD, watch)?) {
            let content = content.map_err(|failure| failure.text);
            let entries = content.and_then(|bytes| self.open_shard(shard, &bytes));
            entries.map_err(|why| self.unusable(&why))?.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    fn unusable(&self, why: &str) -> Error {
        let tree = self.names.tree();
        Error::guard(format!("{tree}: a part of its manifest is not usable: {why}"))
            .hint("`poof check` finds what can be restored.")
    }

    /// What a snapshot holds at `paths` and below them, and the directories above, as one of
    /// its own in the directory `dir` of this machine.
    ///
    /// # Errors
    /// It cannot be read, or `dir` not be written.
    pub fn narrowed(whole: &Snapshot, paths: &Kept, dir: &Path) -> Result<Snapshot> {
        let entries = whole.entries()?.filter(|entry| {
            entry.as_ref().map_or(true, |e| paths.holds(&e.path) || paths.is_below(&e.path))
        });
        let part = Snapshot { dir: dir.to_path_buf(), ..whole.clone() };
        Self::install(&part, &whole.head_bytes()?, entries)?;
        Ok(part)
    }

    /// The same of a generation on the remote, with the directories `ways` and no others of
    /// those above. Only the shards that this needs are read.
    ///
    /// # Errors
    /// The remote fails, or has damaged a shard, or `dir` cannot be written.
    pub fn part(
        &self,
        told: &Told,
        (paths, ways): (&Kept, &[Vec<u8>]),
        read: &mut ReadShards,
        dir: &Path,
        watch: &mut dyn Watch,
    ) -> Result<Snapshot> {
        let mut shards = Shards { of: self, all: &told.head.shards, read };
        let mut needed = BTreeSet::new();
        for path in paths.paths() {
            let at = shards.holding(path, watch)?;
            let before = |first: &[u8]| order(first, path).is_le() || is_below(first, path);
            needed.extend(at..shards.first(before, watch)?.max(at + 1));
        }
        for way in ways {
            needed.insert(shards.holding(way, watch)?);
        }
        needed.retain(|index| *index < told.head.shards.len());
        shards.fetch(&needed.iter().copied().collect::<Vec<_>>(), watch)?;
        let entries = needed.iter().filter_map(|index| shards.entries(*index)).flatten();
        let entries = entries.filter(|e| paths.holds(&e.path) || ways.contains(&e.path));
        let part = told.snapshot(dir);
        Self::install(&part, &told.bytes, entries.cloned().map(Ok))?;
        Ok(part)
    }
}

/// The shards of a generation, read as they are needed.
struct Shards<'a> {
    of: &'a Snapshots<'a>,
    all: &'a [ShardRef],
    read: &'a mut ReadShards,
}

impl Shards<'_> {
    /// The shard that holds a path, if one does.
    fn holding(&mut self, path: &[u8], watch: &mut dyn Watch) -> Result<usize> {
        let after = self.first(|first| order(first, path).is_le(), watch)?;
        Ok(after.saturating_sub(1))
    }

    /// The first shard whose first path is not `before`.
    fn first(&mut self, before: impl Fn(&[u8]) -> bool, watch: &mut dyn Watch) -> Result<usize> {
        let (mut from, mut to) = (0, self.all.len());
        while from < to {
            let middle = from.midpoint(to);
            self.fetch(&[middle], watch)?;
            let first = self.entries(middle).and_then(|entries| entries.first());
            if first.is_some_and(|first| before(&first.path)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    fn entries(&self, index: usize) -> Option<&Vec<Entry>> {
        self.read.0.get(&self.all.get(index)?.id)
    }

    /// Reads those that are not read yet.
    fn fetch(&mut self, indices: &[usize], watch: &mut dyn Watch) -> Result<()> {
        let shards = indices.iter().filter_map(|index| self.all.get(*index));
        let absent: Vec<_> = shards.filter(|shard| !self.read.0.contains_key(&shard.id)).collect();
        let names: Vec<_> = absent.iter().map(|shard| Names::shard(&shard.id)).collect();
        let contents = self.of.read(&names, LARGEST_SHARD, watch)?;
        for (shard, content) in absent.into_iter().zip(contents) {
            let content = content.map_err(|failure| failure.text);
            let entries = content.and_then(|bytes| self.of.open_shard(shard, &bytes));
            let entries = entries.map_err(|why| self.of.unusable(&why))?;
            self.read.0.insert(shard.id, entries);
        }
        Ok(())
    }
}
