//! Has the remote keep what a backup replaces and removes, before it does so.

use std::collections::HashMap;

use itertools::Itertools;

use super::{id, is_of};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Copy, Done, Store};
use crate::tree::model::entry::StoredObject;
use crate::tree::model::inventory::md5;
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::list;

/// An object of the last snapshot that is to be replaced or removed.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Of its entry.
    pub path: Vec<u8>,
    /// From the top of the bucket.
    pub place: Vec<u8>,
    pub stored: StoredObject,
    /// Nothing comes to its place.
    pub goes: bool,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What could not be kept, and why: it has to stay.
    pub failed: Vec<(Leaving, Failure)>,
    /// Where what comes to a place has to move what is there: the remote does not copy. By
    /// that place.
    pub aside: HashMap<Vec<u8>, Vec<u8>>,
    /// What was moved and may come back, by the path of its entry.
    pub moved: HashMap<Vec<u8>, Copy>,
}

/// Has the remote keep all that is `leaving`, for a backup that makes this `generation`. What
/// goes is then kept; what is replaced is, or it is said where it has to go.
///
/// # Errors
/// What keeps the whole from working.
pub fn keep(
    store: &Store,
    names: &Names,
    generation: u64,
    leaving: Vec<Leaving>,
    watch: &mut dyn Watch,
) -> Result<Outcome, Failure> {
    let dir = names.kept_by(generation);
    let job = |(index, leaving): (usize, &Leaving)| Copy {
        id: index as u64,
        from: Bytes(leaving.place.clone()),
        remote: Bytes(format!("{dir}/{}", id(&leaving.stored)).into_bytes()),
        size: leaving.stored.size,
    };
    let mut failures: HashMap<usize, Failure> = HashMap::new();
    let note = |done: Vec<Done>, failures: &mut HashMap<usize, Failure>| {
        for Done { id, failure } in done {
            let Ok(index) = usize::try_from(id) else { continue };
            match failure {
                Some(failure) => drop(failures.insert(index, failure)),
                None => drop(failures.remove(&index)),
            }
        }
    };
    let jobs = leaving.iter().enumerate().map(job).collect();
    note(store.copy(jobs, watch)?, &mut failures);
    let mut outcome = Outcome::default();
    let unable = |failures: &HashMap<usize, Failure>, index: &usize| {
        failures.get(index).is_some_and(|failure| failure.kind == FailureKind::Unable)
    };
    let moves: Vec<_> = leaving.iter().enumerate().filter(|(i, _)| unable(&failures, i)).collect();
    let (gone, replaced): (Vec<_>, Vec<_>) = moves.into_iter().partition(|(_, l)| l.goes);
    for (index, leaving) in replaced {
        let Copy { from, remote, .. } = job((index, leaving));
        outcome.aside.insert(from.0, remote.0);
    }
    let jobs: Vec<_> = gone.iter().copied().map(job).collect();
    // What is one object's alone, and no other of the same content is kept there.
    let kept = jobs.iter().map(|job| &job.remote.0).chain(outcome.aside.values()).counts();
    let paths = gone.iter().map(|(_, leaving)| leaving.path.clone());
    let alone = |(_, job): &(_, Copy)| kept.get(&job.remote.0) == Some(&1);
    outcome.moved = paths.zip(jobs.iter().cloned()).filter(alone).collect();
    if !jobs.is_empty() {
        note(store.rename(jobs, watch)?, &mut failures);
    }
    // A reply proves nothing: the server has to show the copy in a listing.
    let kept = list(store, &dir, &[], watch)?;
    for (index, leaving) in leaving.into_iter().enumerate() {
        if !leaving.goes && outcome.aside.contains_key(&leaving.place) {
            continue;
        }
        if !is_it(&leaving.stored, kept.look(id(&leaving.stored).as_bytes())) {
            let unshown = || Failure::other("the server does not show the copy of it");
            outcome.failed.push((leaving, failures.remove(&index).unwrap_or_else(unshown)));
        }
    }
    Ok(outcome)
}

/// Whether a copy that is shown so is one of these bytes.
fn is_it(stored: &StoredObject, shown: Option<(u64, String)>) -> bool {
    shown.is_some_and(|(size, tag)| size == stored.size && is_of(stored, md5(&tag)))
}
