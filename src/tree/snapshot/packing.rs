//! The entries of the next generation, packed into shards.

use std::cmp::Ordering;
use std::collections::HashSet;

use itertools::{EitherOrBoth, Itertools};

use super::{Snapshot, Snapshots};
use crate::base::error::Result;
use crate::host::owners;
use crate::tree::manifest::{Counts, Owners, Shard, ShardBuilder, ShardRef};
use crate::tree::model::change::Change;
use crate::tree::model::entry::{Attributes, Entry, order};

/// What the next generation has at a path: an entry, or none any more.
pub struct Next<'a> {
    pub path: &'a [u8],
    pub entry: Option<Entry>,
}

impl<'a> Next<'a> {
    pub fn of(change: &'a Change) -> Self {
        Next { path: &change.path, entry: change.entry.clone() }
    }
}

/// All shards of a generation, and what its head says besides.
pub struct Packed {
    pub shards: Vec<ShardRef>,
    /// Those that the remote does not have yet.
    pub new: Vec<Shard>,
    pub counts: Counts,
    pub owners: Owners,
    /// The numbers of the bundles that its entries are in.
    pub used: HashSet<u64>,
}

impl Snapshots<'_> {
    /// Packs the entries of `last` with those of `next`, which are in their order.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub(super) fn pack<'a>(
        &self,
        last: Option<&Snapshot>,
        next: impl Iterator<Item = Next<'a>>,
    ) -> Result<Packed> {
        let mut builder = ShardBuilder::new(self.key);
        let (mut shards, mut new, mut counts) = (Vec::new(), Vec::new(), Counts::default());
        let (mut owners, mut used) = (Owners::default(), HashSet::new());
        let known: HashSet<[u8; 32]> =
            last.iter().flat_map(|l| &l.head.shards).map(|shard| shard.id).collect();
        let mut keep = |shard: Option<Shard>| {
            if let Some(shard) = shard {
                shards.push(shard.reference());
                if !known.contains(&shard.id) || !self.has_shard(&shard.id) {
                    new.push(shard);
                }
            }
        };
        for entry in merged(last, next)? {
            let entry = entry?;
            counts.add(&entry);
            note_owners(&entry, &mut owners);
            used.extend(entry.member().map(|member| member.bundle));
            keep(builder.push(&entry));
        }
        keep(builder.finish());
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
    next: impl Iterator<Item = Next<'a>>,
) -> Result<impl Iterator<Item = Result<Entry>>> {
    let old = last.map(Snapshot::entries).transpose()?.into_iter().flatten();
    let pairs = old.merge_join_by(next, |old, next| match old {
        Ok(old) => order(&old.path, next.path),
        Err(_) => Ordering::Less,
    });
    Ok(pairs.filter_map(|pair| match pair {
        EitherOrBoth::Left(old) => Some(old),
        EitherOrBoth::Both(_, next) | EitherOrBoth::Right(next) => next.entry.map(Ok),
    }))
}
