//! Directories of a destination that were in the way of a file.

use std::collections::HashSet;

use super::path::{Below, ObjectName};
use super::plan::{Places, Plan};

/// Has the directories removed that are empty now and where a file is to be: `remove`
/// is told each, below the destination. Where there are no directories, as on S3, there is
/// nothing to do, and where it fails, so does the file.
pub fn remove<N: Below>(plan: &Plan<N, ObjectName>, arriving: &Places, remove: impl Fn(&str)) {
    let (deleted, _) = plan.in_the_way(arriving);
    let parents: HashSet<ObjectName> = deleted.iter().flat_map(|item| item.path.above()).collect();
    for place in arriving.iter().filter(|place| parents.contains(place)) {
        remove(&place.as_path().to_string_lossy());
    }
}
