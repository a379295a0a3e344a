//! Bundles: zip archives with the contents of several files, each of which is one object.

use serde::{Deserialize, Serialize};

use super::entry::StoredObject;

/// A bundle, as the head of a generation lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Numbers grow, and none is given twice.
    pub number: u64,
    pub object: StoredObject,
    /// The last generation that has a member of it; None: this one has.
    pub until: Option<u64>,
}

/// The bundle of this number, in a list that is in the order of numbers.
pub fn find(bundles: &[Bundle], number: u64) -> Option<&Bundle> {
    let at = bundles.binary_search_by_key(&number, |bundle| bundle.number).ok()?;
    bundles.get(at)
}
