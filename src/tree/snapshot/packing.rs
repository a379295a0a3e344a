//! The entries of the next generation, packed into shards.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;

use itertools::{EitherOrBoth, Itertools};

use super::{Snapshot, Snapshots};
use crate::base::error::{Error, Kind, Result};
use crate::host::owners;
use crate::tree::manifest::{Counts, Owners, Shard, ShardBuilder, ShardRef};
use crate::tree::model::change::Change;
use crate::tree::model::entry::{Attributes, Entry, order};

/// What the next generation has at a path: an entry, or none any more.
pub struct Next<'a> {
    path: Cow<'a, [u8]>,
    pub entry: Option<Entry>,
}

impl<'a> Next<'a> {
    /// # Errors
    /// It was put on the disk, and cannot be read there.
    pub fn of(change: &'a Change) -> Result<Self> {
        let entry = change.read().map_err(|error| {
            Error::new(Kind::Incomplete, format!("cannot read what was put on the disk: {error}"))
                .hint("Nothing is lost; run it again.")
        })?;
        let path = match &entry {
            Some(entry) => entry.path.clone().into(),
            None => change.path().into(),
        };
        Ok(Next { path, entry })
    }
}

/// All shards of a generation, and what its head says besides.
pub struct Packed {
    pub shards: Vec<ShardRef>,
    /// Some of them are such as the remote did not have.
    pub new: bool,
    pub counts: Counts,
    pub owners: Owners,
    /// The numbers of the bundles that its entries are in.
    pub used: HashSet<u64>,
}

/// So many bytes of shards are stored together, at least.
const TOGETHER: usize = 16 << 20;

impl Snapshots<'_> {
    /// Packs the entries of `last` with those of `next`, which are in their order. Hands over
    /// the shards that the remote does not have yet, some at a time.
    ///
    /// # Errors
    /// The cache cannot be read, or `store` fails.
    pub(super) fn pack<'a>(
        &self,
        last: Option<&Snapshot>,
        next: impl Iterator<Item = Result<Next<'a>>>,
        mut store: impl FnMut(Vec<Shard>) -> Result<()>,
    ) -> Result<Packed> {
        let mut builder = ShardBuilder::new(self.key);
        let (mut shards, mut counts) = (Vec::new(), Counts::default());
        let (mut some, mut bytes, mut new) = (Vec::new(), 0, false);
        let (mut owners, mut used) = (Owners::default(), HashSet::new());
        let known: HashSet<[u8; 32]> =
            last.iter().flat_map(|l| &l.head.shards).map(|shard| shard.id).collect();
        let mut keep = |shard: Option<Shard>| {
            let Some(shard) = shard else { return Ok(()) };
            shards.push(shard.reference());
            if known.contains(&shard.id) && self.has_shard(&shard.id) {
                return Ok(());
            }
            (new, bytes) = (true, bytes + shard.bytes.len());
            some.push(shard);
            if bytes < TOGETHER {
                return Ok(());
            }
            bytes = 0;
            store(std::mem::take(&mut some))
        };
        for entry in merged(last, next)? {
            let entry = entry?;
            counts.add(&entry);
            note_owners(&entry, &mut owners);
            used.extend(entry.member().map(|member| member.bundle));
            keep(builder.push(&entry))?;
        }
        keep(builder.finish())?;
        if !some.is_empty() {
            store(some)?;
        }
        Ok(Packed { shards, new, counts, owners, used })
    }
}

/// Notes the names of those to whom an entry belongs.
fn note_owners(entry: &Entry, names: &mut Owners) {
    let Attributes { uid, gid, .. } = entry.attributes;
    names.users.entry(uid).or_insert_with(|| owners::user(uid));
    names.groups.entry(gid).or_insert_with(|| owners::group(gid));
}

/// The entries of `last` with `next` in them.
pub(super) fn merged<'a>(
    last: Option<&Snapshot>,
    next: impl Iterator<Item = Result<Next<'a>>>,
) -> Result<impl Iterator<Item = Result<Entry>>> {
    let old = last.map(Snapshot::entries).transpose()?.into_iter().flatten();
    let pairs = old.merge_join_by(next, |old, next| match (old, next) {
        (Ok(old), Ok(next)) => order(&old.path, &next.path),
        (Err(_), _) => Ordering::Less,
        (_, Err(_)) => Ordering::Greater,
    });
    Ok(pairs.filter_map(|pair| match pair {
        EitherOrBoth::Left(old) => Some(old),
        EitherOrBoth::Both(_, next) | EitherOrBoth::Right(next) => {
            next.map(|next| next.entry).transpose()
        }
    }))
}
