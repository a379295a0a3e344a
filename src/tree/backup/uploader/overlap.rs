//! What goes to the server while it is asked what it has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Outgoing;
use super::confirmation::Receipt;
use crate::storage::job::{Until, Watch};
use crate::tree::manifest::Shard;
use crate::tree::retry::{Attempt, Failures};
use crate::tree::snapshot::{Next, Snapshot, Snapshots};

/// Up to so many entries a snapshot is packed twice, now and when all is proven: that
/// takes less than the round trips that it saves.
const SMALL: u64 = 20_000;

/// The snapshot that is being made.
#[derive(Clone, Copy)]
pub struct Coming<'a> {
    pub snapshots: &'a Snapshots<'a>,
    pub last: Option<&'a Snapshot>,
}

impl Outgoing<'_> {
    /// Has everything proven, and meanwhile sends the shards that will be needed if
    /// it is.
    pub(super) fn prove_and_pack(
        &mut self,
        unproven: Vec<Receipt>,
        failed: &mut Failures,
        watch: &mut dyn Watch,
    ) -> Attempt<()> {
        let Some(coming) = self.coming else { return self.prove_all(unproven, failed, watch) };
        let shards = self.foresee(coming, &unproven);
        if shards.is_empty() {
            return self.prove_all(unproven, failed, watch);
        }
        let over = AtomicBool::new(false);
        let (proof, arrived) = thread::scope(|scope| {
            let sending = scope.spawn(|| coming.snapshots.send_ahead(shards, &mut Until(&over)));
            let proof = self.prove_all(unproven, failed, watch);
            over.store(proof.is_err(), Ordering::Relaxed);
            (proof, sending.join().unwrap_or_default())
        });
        self.arrived.extend(arrived);
        proof
    }

    /// The shards of the snapshot if all of `unproven` is.
    fn foresee(&self, Coming { snapshots, last }: Coming, unproven: &[Receipt]) -> Vec<Shard> {
        let known = last.map_or(0, |last| last.counts().entries);
        let entries = known + self.changes.len() as u64;
        if unproven.is_empty() || entries > SMALL {
            return Vec::new();
        }
        let receipts: HashMap<usize, &Receipt> = unproven.iter().map(|r| (r.index, r)).collect();
        let next = self.changes.iter().enumerate().filter_map(|(index, change)| {
            let mut next = Next::of(change);
            match (receipts.get(&index), &mut next) {
                (Some(receipt), Ok(next)) => receipt.write_into(next.entry.as_mut()?),
                // What failed stays as it was.
                (None, _) if change.send.is_some() => return None,
                _ => {}
            }
            Some(next)
        });
        snapshots.foresee(last, next).unwrap_or_default()
    }
}
