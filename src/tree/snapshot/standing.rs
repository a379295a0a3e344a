//! How the last snapshot that this machine has taken compares with the newest one on the
//! remote.

use std::fs;

use super::{FOUND, SENT, Seen, Snapshot, Snapshots, UNNAMED, has_hash, shown};
use crate::base::error::Result;
use crate::storage::job::Watch;
use crate::tree::manifest::{Counts, LARGEST_HEAD};
use crate::tree::model::layout::Names;

/// What was found when the last snapshot was looked for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a tree
pub enum Standing {
    /// There never was one.
    None,
    /// The remote has it, and this machine has taken it: made it, downloaded it, or
    /// found its directory equal to it. What is saved next builds on it.
    Current(Snapshot),
    /// The remote has one that this machine has not taken: `found`. The last that it
    /// has taken is `known`.
    Newer { known: Option<Snapshot>, found: Snapshot },
    /// The remote has an older one, or another of the same number, than this
    /// machine has seen, or one that is damaged: `why`. `known` is what this
    /// machine has, `found` what can be read there.
    Behind { why: String, known: Option<Snapshot>, found: Option<Snapshot> },
}

/// The newest snapshot on the remote, whatever this machine knows.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // one a tree
pub enum Newest {
    None,
    Found(Snapshot),
    /// It is there and cannot be used: why.
    Unusable(String),
}

impl Snapshots<'_> {
    /// Finds the last snapshot, and fetches what the cache does not have. That this
    /// machine has looked changes nothing of what it has taken.
    ///
    /// # Errors
    /// The remote fails, or the cache cannot be written.
    pub fn last(&self, watch: &mut dyn Watch) -> Result<Standing> {
        let known = self.cached();
        if let Some(known) = self.current(watch)? {
            return Ok(Standing::Current(known));
        }
        Ok(match (known, self.newest(watch)?) {
            (None, Newest::None) => Standing::None,
            (Some(known), Newest::None) => {
                let why = "its manifest is not on the remote".to_owned();
                Standing::Behind { why, known: Some(known), found: None }
            }
            (known, Newest::Unusable(why)) => Standing::Behind { why, known, found: None },
            (known, Newest::Found(found))
                if self.is_sent(&found)
                    && known.as_ref().is_none_or(|k| found.is_newer_than(k)) =>
            {
                Standing::Current(self.take(found)?)
            }
            (None, Newest::Found(found)) => Standing::Newer { known: None, found },
            // It was only stored anew.
            (Some(known), Newest::Found(found)) if found.head_id == known.head_id => {
                Standing::Current(self.take(found)?)
            }
            (Some(known), Newest::Found(found)) => match known.outdates(&found) {
                Some(why) => Standing::Behind { why, known: Some(known), found: Some(found) },
                None => Standing::Newer { known: Some(known), found },
            },
        })
    }

    /// The last snapshot that this machine has taken, if it is the newest on the remote.
    ///
    /// # Errors
    /// The remote fails.
    pub fn current(&self, watch: &mut dyn Watch) -> Result<Option<Snapshot>> {
        let Some(known) = self.cached() else { return Ok(None) };
        let newest = self.generations().max() == Some(known.head.generation);
        Ok(if newest && self.stands(&known, watch)? { Some(known) } else { None })
    }

    /// The newest snapshot on the remote. It is beside the one that this machine has
    /// taken, and fetched only once.
    ///
    /// # Errors
    /// The remote fails, or the cache cannot be written.
    pub fn newest(&self, watch: &mut dyn Watch) -> Result<Newest> {
        let Some(generation) = self.generations().max() else { return Ok(Newest::None) };
        let tag = self.shown(generation).unwrap_or_default();
        let seen = self.open(&self.cache.join(FOUND));
        if let Some(seen) = seen
            && seen.head.generation == generation
            && self.stands(&seen, watch)?
        {
            return Ok(Newest::Found(seen));
        }
        Ok(match self.fetch(generation, &tag, watch)? {
            Ok(found) => Newest::Found(found),
            Err(why) => Newest::Unusable(why),
        })
    }

    /// Whether the remote still has the head of a snapshot. A hash in the listing says so;
    /// where there is none it is read, since another head may be as large.
    fn stands(&self, snapshot: &Snapshot, watch: &mut dyn Watch) -> Result<bool> {
        let generation = snapshot.head.generation;
        if self.shown(generation).as_ref() != Some(&snapshot.tag) {
            return Ok(false);
        }
        if has_hash(&snapshot.tag) {
            return Ok(true);
        }
        let read = self.read(&[Names::head(generation)], LARGEST_HEAD, watch)?.pop();
        let is_it = |bytes: Vec<u8>| *blake3::hash(&bytes).as_bytes() == snapshot.head_id;
        Ok(read.is_some_and(|read| read.is_ok_and(is_it)))
    }

    /// The head of the newest snapshot on the remote, and what it counts. The inner error says
    /// why it cannot be used.
    ///
    /// # Errors
    /// The remote fails.
    pub fn newest_head(
        &self,
        watch: &mut dyn Watch,
    ) -> Result<Option<std::result::Result<(Seen, Counts), String>>> {
        let Some(generation) = self.generations().max() else { return Ok(None) };
        let read = self.read_head(generation, watch)?;
        Ok(Some(read.map(|(head, bytes)| {
            let (id, names_store) = (*blake3::hash(&bytes).as_bytes(), head.store.is_some());
            (Seen { generation, head: id, names_store }, head.counts)
        })))
    }

    /// How a listing shows the head of a generation.
    fn shown(&self, generation: u64) -> Option<String> {
        self.records.look(Names::head(generation).as_bytes()).map(shown)
    }

    /// Whether a snapshot is the one that this machine has made last: the run that sent
    /// it may have ended before it could take it.
    fn is_sent(&self, snapshot: &Snapshot) -> bool {
        fs::read(self.cache.join(SENT)).is_ok_and(|sent| sent == snapshot.head_id)
    }
}

impl Snapshot {
    /// Why another that was found does not follow on this one, which is known.
    pub fn outdates(&self, found: &Snapshot) -> Option<String> {
        if found.head_id == self.head_id {
            return None;
        }
        if !found.may_follow(self) {
            return Some(UNNAMED.to_owned());
        }
        (!found.is_newer_than(self)).then(|| {
            format!(
                "the remote has generation {}, and this machine has seen {}",
                found.head.generation, self.head.generation
            )
        })
    }

    /// Whether its head says of which store it is, if that of the known one does.
    fn may_follow(&self, known: &Snapshot) -> bool {
        self.head.store.is_some() || known.head.store.is_none()
    }

    /// Whether it is of a later generation, or one that another machine made at the
    /// same time.
    fn is_newer_than(&self, known: &Snapshot) -> bool {
        let (found, known) = (&self.head, &known.head);
        let beside = found.generation == known.generation && found.machine != known.machine;
        found.generation > known.generation || beside
    }
}
