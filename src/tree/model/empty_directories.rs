//! Directories of a destination that were in the way of a file.

use std::collections::HashSet;
use std::path::Path;

use super::plan::{Places, Plan};

/// Has the directories removed that are empty now and where a file is to be: `remove`
/// is told each, below the destination. Where there are no directories, as on S3, there is
/// nothing to do, and where it fails, so does the file.
pub fn remove(plan: &Plan, arriving: &Places, remove: impl Fn(&str)) {
    let (deleted, _) = plan.in_the_way(arriving);
    let parents: HashSet<&Path> =
        deleted.iter().flat_map(|item| item.path.ancestors().skip(1)).collect();
    for place in arriving.iter().filter(|place| parents.contains(place)) {
        remove(&place.to_string_lossy());
    }
}
