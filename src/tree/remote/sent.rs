//! What the server shows of what was sent.

use std::collections::BTreeMap;

use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch, Sent, Shown, Store};

/// What the server says of something that was sent.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // few are anything but proven
pub enum Verdict {
    /// It holds exactly that; the record is as a listing will show it.
    Proven(Sent),
    /// It does not show it.
    Absent,
    /// It cannot be asked.
    Unseen(Failure),
    /// It holds something else.
    Other,
}

/// Asks for each of `names`; in their order.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn look(
    store: &Store,
    names: &[Bytes],
    watch: &mut dyn Watch,
) -> Result<Vec<Option<Shown>>, Failure> {
    let mut shown = vec![None; names.len()];
    for record in store.look(names, watch)? {
        if let Some(slot) = usize::try_from(record.id).ok().and_then(|id| shown.get_mut(id)) {
            *slot = Some(record);
        }
    }
    Ok(shown)
}

/// Judges each object of `names` by what was sent and what is `shown`, all in the
/// same order. Where what a server shows is no hash (the `ETag` of an object that it
/// encrypts with KMS), or none at all (s3s-fs, some `WebDAV`), the object is read back;
/// from then on it is recognised by what is shown of it now.
///
/// # Errors
/// What keeps the whole from working.
pub fn judge(
    store: &Store,
    names: &[Bytes],
    sent: Vec<Sent>,
    shown: Vec<Option<Shown>>,
    watch: &mut dyn Watch,
) -> Result<Vec<Verdict>, Failure> {
    let mut doubtful = BTreeMap::new();
    let mut verdicts = Vec::new();
    for (index, (sent, shown)) in sent.into_iter().zip(shown).enumerate() {
        let failure = shown.as_ref().and_then(|shown| shown.failure.clone());
        let verdict = match (shown, failure) {
            (None, _) => Verdict::Absent,
            (_, Some(failure)) if failure.kind == FailureKind::Missing => Verdict::Absent,
            (_, Some(failure)) => Verdict::Unseen(failure),
            (Some(shown), None) if shown.confirms(&sent) => Verdict::Proven(sent),
            // Read back by the one who stored it.
            (Some(shown), None) if sent.proven && shown.size == sent.size => Verdict::Proven(sent),
            (Some(shown), None) => {
                if shown.size == sent.size {
                    let Shown { tag, time, .. } = shown;
                    doubtful.insert(index as u64, Sent { tag, time, ..sent });
                }
                Verdict::Other
            }
        };
        verdicts.push(verdict);
    }
    if doubtful.is_empty() {
        return Ok(verdicts);
    }
    let jobs: Vec<Fetch> = doubtful
        .iter()
        .filter_map(|(&id, sent)| {
            let remote = names.get(usize::try_from(id).ok()?)?.clone();
            Some(Fetch { id, remote, size: sent.size, ..Fetch::default() })
        })
        .collect();
    store.fetch(None, jobs.into_iter(), watch, |record| {
        let slot = usize::try_from(record.id).ok().and_then(|id| verdicts.get_mut(id));
        if let (Some(slot), Some(sent)) = (slot, doubtful.remove(&record.id)) {
            *slot = match record.failure {
                Some(failure) => Verdict::Unseen(failure),
                None if record.content == sent.content => Verdict::Proven(sent),
                None => Verdict::Other,
            };
        }
    })?;
    Ok(verdicts)
}
