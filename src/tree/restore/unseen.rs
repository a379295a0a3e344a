//! Objects that no listing shows, and that are there: some servers show a name otherwise
//! than it was sent, or keep to themselves what they cannot show.

use std::collections::HashSet;

use super::steps::{Act, Steps};
use crate::base::error::{Kind, Result};
use crate::storage::job::Unwatched;
use crate::storage::store::Bytes;
use crate::tree::model::entry::Entry;
use crate::tree::remote::sent::look;
use crate::tree::remote::unusual_names::kinds;
use crate::tree::snapshot::Snapshots;

/// Up to so many are asked for one by one, whatever their names are. If more are not
/// in the listing, it is not for their names.
const MOST: usize = 1000;

/// Asks for those of `missing` that are to be fetched, and returns the paths of all that
/// are not there. The hash proves what is fetched, in any case.
pub fn without_found(
    missing: Vec<Entry>,
    steps: &Steps,
    snapshots: &Snapshots,
) -> Result<Vec<Vec<u8>>> {
    let fetched: HashSet<&[u8]> = {
        let steps = steps.paths.iter().filter(|step| step.act == Act::Fetch);
        steps.map(|step| step.entry.path.as_slice()).collect()
    };
    let (mut asked, mut lost): (Vec<Entry>, Vec<Entry>) =
        missing.into_iter().partition(|entry| fetched.contains(entry.path.as_slice()));
    if asked.len() > MOST {
        let (unusual, usual) = asked.into_iter().partition(|entry| !kinds(&entry.path).is_empty());
        asked = unusual;
        lost.extend::<Vec<_>>(usual);
    }
    let Snapshots { store, names, .. } = snapshots;
    let places: Vec<_> = asked
        .iter()
        .map(|entry| Ok(Bytes(names.place(entry, entry.is_odd())?)))
        .collect::<Result<_>>()?;
    let shown = if places.is_empty() {
        Vec::new()
    } else {
        look(store, &places, &mut Unwatched).map_err(|failure| {
            failure.into_error(&format!("look for files of {}", names.tree()), Kind::Remote)
        })?
    };
    let is_there = shown.iter().map(|s| s.as_ref().is_some_and(|shown| shown.failure.is_none()));
    let gone = asked.into_iter().zip(is_there).filter(|(_, there)| !there);
    lost.extend(gone.map(|(entry, _)| entry));
    Ok(lost.into_iter().map(|entry| entry.path).collect())
}
