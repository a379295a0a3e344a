//! What a run will ask of the remote, and send there, as far as its plan tells.

use std::iter::Sum;
use std::ops::Add;

use super::uploader::confirmation::ONE_BY_ONE;
use crate::tree::remote::listing::FEW;

/// An object of more bytes than this is sent in parts on S3, and each part is of so many: see
/// `STORE_ON_S3`.
const WHOLE: u64 = 64 << 20;
const PART: u64 = 16 << 20;

/// So many objects a listing shows for a request.
const PAGE: u64 = 1_000;

/// An entry takes about so many bytes in a record: in clear, and encrypted.
const RECORD: [u64; 2] = [48, 80];

/// So many entries are in a record, on average.
const SHARD: u64 = 512;

/// The encryption adds so many bytes, and so many to each block.
const HEADER: u64 = 32;
const BLOCK: u64 = 64 << 10;
const TAG: u64 = 16;

/// What a member takes in a bundle beside its content and its name, which is there twice.
const MEMBER: u64 = 94;

/// What is asked of a bucket whatever is saved in it, and what the lock takes.
const OPENING: u64 = 2;
const LOCK: u64 = 4;

/// What a snapshot takes beside its records: its head is stored, read back, and listed.
const HEAD: u64 = 6;

/// Requests to S3, and bytes to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub requests: u64,
    pub bytes: u64,
}

impl Cost {
    /// Of a run that saves these.
    pub fn of_run(trees: impl Iterator<Item = Cost>) -> Cost {
        let Cost { requests, bytes } = trees.sum();
        let lock = if bytes > 0 { LOCK } else { 0 };
        Cost { requests: requests + OPENING + lock, bytes }
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost { requests: self.requests + other.requests, bytes: self.bytes + other.bytes }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), Cost::add)
    }
}

/// What a plan for a tree comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// The sizes of objects to send, in clear.
    pub objects: Vec<u64>,
    /// The same of bundles.
    pub bundles: Vec<u64>,
    /// Objects that the remote copies: what was renamed here, and what is kept.
    pub renamed: u64,
    pub kept: u64,
    pub removals: u64,
    /// Entries of the snapshot that are others.
    pub changes: u64,
    /// All of the snapshot.
    pub entries: u64,
    /// Objects of the tree that are there.
    pub present: u64,
    pub encrypted: bool,
}

/// Requests that list so many objects.
fn pages(objects: u64) -> u64 {
    objects / PAGE + 1
}

/// What a member of so many bytes takes in a bundle.
pub(super) fn member(path: &[u8], size: u64) -> u64 {
    size + MEMBER + 2 * path.len() as u64
}

impl Load {
    /// Without a change it is a listing.
    pub fn cost(&self) -> Cost {
        let listing = Cost { requests: pages(self.present), bytes: 0 };
        if self.changes == 0 {
            return listing;
        }
        let sent = self.objects.iter().chain(&self.bundles).map(|size| self.object(*size));
        let shards = self.changes.min(self.entries / SHARD + 1);
        let bytes =
            self.entries.min(shards * SHARD).saturating_mul(RECORD[usize::from(self.encrypted)]);
        let copies = self.renamed + self.kept;
        let requests = shards + HEAD + copies + self.removals + self.proofs();
        listing + sent.sum() + Cost { requests, bytes }
    }

    /// Requests that show what is there now: one for each object if these are few, or a listing.
    fn proofs(&self) -> u64 {
        let there = pages(self.present + self.objects.len() as u64);
        let either = |count: u64, few: usize| match count {
            0 => 0,
            count if count <= few as u64 && self.present > 0 => count,
            _ => there,
        };
        either(self.objects.len() as u64, ONE_BY_ONE)
            + either(self.renamed, ONE_BY_ONE)
            + either(self.removals, FEW)
            + u64::from(!self.bundles.is_empty())
            + u64::from(self.kept > 0)
    }

    fn object(&self, size: u64) -> Cost {
        let blocks = size.div_ceil(BLOCK);
        let bytes = if self.encrypted { size + HEADER + blocks * TAG } else { size };
        // Its upload is begun and completed.
        let requests = if bytes >= WHOLE { bytes.div_ceil(PART) + 2 } else { 1 };
        Cost { requests, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_objects_are_proven_one_by_one_and_many_by_a_listing() {
        let of = |objects: usize, renamed, removals| {
            let load = Load { present: 2_500, objects: vec![1; objects], ..Load::default() };
            Load { renamed, removals, ..load }.proofs()
        };
        assert_eq!((of(64, 0, 0), of(65, 0, 0), of(0, 64, 16)), (64, 3, 80));
        assert_eq!((of(0, 65, 17), of(0, 0, 0)), (6, 0));
        assert_eq!(Load { objects: vec![1], ..Load::default() }.proofs(), 1);
    }

    #[test]
    fn a_run_opens_the_bucket_and_takes_the_lock_if_it_saves() {
        let of = |bytes| Cost::of_run([Cost { requests: 5, bytes }; 2].into_iter()).requests;
        assert_eq!((of(0), of(1)), (12, 16));
    }

    #[test]
    fn without_a_change_it_is_a_listing() {
        let load = Load { entries: 5_000, present: 5_000, ..Load::default() };
        assert_eq!(load.cost(), Cost { requests: 6, bytes: 0 });
    }

    #[test]
    fn each_object_is_a_request_and_each_part_of_a_large_one() {
        let of = |objects: Vec<u64>, encrypted| {
            let none = Load { changes: 1, encrypted, ..Load::default() };
            // They are proven together.
            let (some, none) = (Load { bundles: objects, ..none.clone() }.cost(), none.cost());
            (some.requests - none.requests - 1, some.bytes - none.bytes)
        };
        assert_eq!(of(vec![10, 0, 200], false), (3, 210));
        assert_eq!(of(vec![10, 0, 65_537], true), (3, 10 + 48 + 32 + 65_537 + 64));
        assert_eq!(of(vec![80 << 20], false), (5 + 2, 80 << 20));
        assert_eq!(of(vec![(64 << 20) - 1], false).0, 1);
        assert_eq!(of(vec![(64 << 20) - 1], true).0, 5 + 2);
    }

    #[test]
    fn copies_and_removals_are_a_request_each() {
        let load = Load { changes: 20, entries: 20, present: 20, ..Load::default() };
        let more = Load { renamed: 70, kept: 30, removals: 40, ..load.clone() };
        assert_eq!(more.cost().requests - load.cost().requests, 140 + more.proofs());
        assert_eq!(more.cost().bytes, load.cost().bytes);
    }
}
