//! Writes a generation: new shards first, the head last and read back.

use std::collections::HashSet;
use std::thread;

use super::clean::Keep;
use super::early_shards::Arrived;
use super::packing::{Next, Packed, merged};
use super::{SENT, Snapshot, Snapshots, shown};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::base::units::now;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::{Unwatched, Watch};
use crate::storage::store::Bytes;
use crate::tree::guard;
use crate::tree::manifest::{Head, LARGEST_HEAD, LAST, Shard};
use crate::tree::model::bundle::{self, Bundle};
use crate::tree::model::change::Change;
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::list;
use crate::tree::remote::lock::Lock;
use crate::tree::remote::metadata_store;

const UNSEEN: &str = "the server does not show it";

impl Snapshots<'_> {
    /// Writes the next generation, the last one with `changes` in it, unless nothing
    /// on the remote has to change. Shards that have `arrived` are not sent again.
    /// Before anything is written, `lock` is taken.
    ///
    /// # Errors
    /// The remote fails, or another machine has saved at the same time; the last
    /// snapshot is then still the last.
    pub fn save(
        &self,
        last: Option<&Snapshot>,
        changes: &[Change],
        arrived: &Arrived,
        Facts { renew, lock, keep, made, last_bundle }: Facts,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        // One of another format, or of another store, is none that this machine would make.
        let renew = renew || last.is_some_and(|last| last.head.store != self.key.store());
        if let Some(last) = last.filter(|last| self.is_whole(last))
            && changes.is_empty()
            && !renew
        {
            return self.clean_if_due(last, keep, lock, watch);
        }
        create_private_dir(&self.cache)?;
        // First only the shards: the index names the head, which names them.
        let next = || changes.iter().map(Next::of);
        let generation = self.last_number(last);
        let store = |mut new: Vec<Shard>| {
            self.after(generation)?;
            lock.hold()?;
            new.retain(|shard| !arrived.contains(&shard.id));
            self.put_shards(new, watch)
        };
        let Packed { shards, new, counts, owners, used } = self.pack(last, next(), store)?;
        let bundles = self.bundles_of(last, made, &used, keep);
        let unchanged =
            last.is_some_and(|l| l.head.shards == shards && l.head.bundles == bundles) && !new;
        let (head, bytes, tag) = match last {
            Some(last) if unchanged && generation == last.head.generation && !renew => {
                (last.head.clone(), last.head_bytes()?, last.tag.clone())
            }
            _ => {
                let head = Head {
                    tree: self.names.tree().to_owned(),
                    generation: self.after(generation)?,
                    parent: last.map(|l| (l.head.generation, l.head_id)),
                    created: now(),
                    host: lock.machine().host.clone(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    counts,
                    owners,
                    shards,
                    machine: Some(lock.machine().id),
                    store: self.key.store(),
                    last_bundle: last_bundle.max(last.map_or(0, Snapshot::last_bundle)),
                    bundles,
                };
                let bytes = head.seal(self.key);
                lock.hold()?;
                write_private(&self.cache.join(SENT), blake3::hash(&bytes).as_bytes())?;
                let tag = self.put_head(&head, &bytes, lock, watch)?;
                (head, bytes, tag)
            }
        };
        let head_id = *blake3::hash(&bytes).as_bytes();
        let saved = Snapshot { dir: self.cache.clone(), head, head_id, tag };
        Self::install(&saved, &bytes, merged(last, next())?)?;
        self.forget_found();
        if lock.is_held() { self.clean(&saved.head, keep, watch) } else { Ok(()) }
    }

    /// The bundles of the next generation: those that its entries have `used`, and those that
    /// are kept for earlier ones.
    fn bundles_of(
        &self,
        last: Option<&Snapshot>,
        made: &[Bundle],
        used: &HashSet<u64>,
        keep: Keep,
    ) -> Vec<Bundle> {
        let before = last.map_or(&[][..], |last| &last.head.bundles);
        let (over, until) = (self.over(), last.map(|last| last.head.generation));
        // One that an earlier run has made may be in the head that it has saved.
        let is_new = |bundle: &&Bundle| bundle::find(before, bundle.number).is_none();
        let made = made.iter().filter(|bundle| used.contains(&bundle.number)).filter(is_new);
        // What is kept stays if nobody says for how long, as all else does.
        let stays = |number: u64, kept: bool, until: u64| {
            let is_shown = self.bundles.has(Names::bundle(number).as_bytes());
            is_shown && until > over && (keep.is_wanted() || kept && keep.time.is_none())
        };
        let all = before.iter().chain(made).cloned().filter_map(|bundle| {
            if used.contains(&bundle.number) {
                return Some(Bundle { until: None, ..bundle });
            }
            let until = bundle.until.or(until)?;
            let stays = stays(bundle.number, bundle.until.is_some(), until);
            stays.then_some(Bundle { until: Some(until), ..bundle })
        });
        let mut all: Vec<Bundle> = all.collect();
        all.sort_unstable_by_key(|bundle| bundle.number);
        all
    }

    /// The highest number that a generation has; 0 if there is none.
    fn last_number(&self, last: Option<&Snapshot>) -> u64 {
        let known = last.map(|l| l.head.generation).filter(|&number| number < LAST);
        self.generations().chain(known).max().unwrap_or(0)
    }

    /// The number of the generation that is saved next.
    pub fn next_number(&self, last: Option<&Snapshot>) -> u64 {
        self.last_number(last) + 1
    }

    /// Stores another record of this tree.
    ///
    /// # Errors
    /// The remote fails, or does not show it.
    pub fn put_record(&self, name: &str, bytes: Vec<u8>, watch: &mut dyn Watch) -> Result<()> {
        let record = vec![(self.full(name), bytes)];
        let doing = format!("note the state of {}", self.names.tree());
        let looks = metadata_store::put(self.store, record, watch)
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
        let there = self.records.names().filter(|name| name.starts_with(b"shard/")).count();
        let dir = self.full("shard");
        let looks = metadata_store::put_below(self.store, (&dir, there), records.collect(), watch);
        let looks = looks.map_err(|failure| self.refused(failure))?;
        if looks.iter().all(Option::is_some) { Ok(()) } else { Err(self.not_arrived(UNSEEN)) }
    }

    /// Stores the head of a generation, reads it back, and looks at all heads again.
    /// Returns how it is shown.
    fn put_head(
        &self,
        head: &Head,
        bytes: &[u8],
        lock: &Lock,
        watch: &mut dyn Watch,
    ) -> Result<String> {
        let tree = self.names.tree();
        let (name, fresh) = (Names::head(head.generation), lock.fresh(watch)?);
        let written =
            metadata_store::write(self.store, (self.full(&name), bytes.to_vec()), fresh, watch);
        let taken = match written {
            // It may be our own: a reply was lost, and the request made again.
            Err(failure) if failure.kind == FailureKind::Taken => true,
            Err(failure) => return Err(self.refused(failure)),
            Ok(()) => false,
        };
        let dir = format!("{}/{}", self.names.records(), Names::HEADS);
        let (back, heads) = thread::scope(|scope| {
            let heads = scope.spawn(|| list(self.store, &dir, &[], &mut Unwatched));
            let back = self.read(&[name], LARGEST_HEAD, watch);
            (back, heads.join().unwrap_or_else(|_| Err(Failure::other("a thread ended"))))
        });
        let heads = heads.map_err(|failure| self.refused(failure))?;
        let back = back?.pop().and_then(std::result::Result::ok);
        let is_ours = back.is_some_and(|back| back == bytes);
        let latest = Names::generations(&heads).max();
        if taken && !is_ours || latest.is_some_and(|latest| latest > head.generation) {
            return Err(guard::saved_at_once(tree));
        }
        if !is_ours {
            let what = format!("the manifest of {tree} does not read back as it was written");
            return Err(Error::new(Kind::Incomplete, what)
                .hint("Run it again; if that does not help, the remote is not to be trusted."));
        }
        let as_shown = heads.look(format!("{:010}", head.generation).as_bytes());
        as_shown.map(shown).ok_or_else(|| self.not_arrived(UNSEEN))
    }

    /// The number after that of a generation. Nobody has saved more often than [`LAST`] says:
    /// somebody has made that head, or put something there.
    fn after(&self, generation: u64) -> Result<u64> {
        if generation < LAST {
            return Ok(generation + 1);
        }
        let tree = self.names.tree();
        let what = format!("{tree}: no snapshot can come after number {LAST}, which is there");
        let name = self.full(&Names::head(LAST));
        Err(Error::guard(what).hint(format!(
            "No poof has made so many. Remove the object {name} from the bucket, and run it again \
             with `--allow older-snapshot`."
        )))
    }

    fn refused(&self, failure: Failure) -> Error {
        match failure.kind {
            // Another run does not help as long as that lasts.
            FailureKind::Full
            | FailureKind::Unreachable
            | FailureKind::Failing
            | FailureKind::Denied
            | FailureKind::Untrusted => {
                let doing = format!("store the manifest of {}", self.names.tree());
                failure.into_error(&doing, Kind::Incomplete)
            }
            _ => self.not_arrived(&failure.text),
        }
    }

    fn not_arrived(&self, why: &str) -> Error {
        let what = format!("the manifest of {} did not arrive: {why}", self.names.tree());
        let hint = "The files that arrived are there; run it again.";
        Error::new(Kind::Incomplete, what).hint(hint)
    }
}

/// What is needed to save a snapshot besides its entries.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Write a new generation even if nothing has changed.
    pub renew: bool,
    /// The right to change the tree on the remote.
    pub lock: &'a Lock<'a>,
    /// What becomes of the snapshots before.
    pub keep: Keep,
    /// Bundles that were made.
    pub made: &'a [Bundle],
    /// The highest number that any has been given.
    pub last_bundle: u64,
}
