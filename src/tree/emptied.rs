//! Directories of a destination that were in the way of a file.

use std::collections::HashSet;
use std::path::Path;

use super::plan::{Item, Plan};

/// Has the directories removed that are empty now and where a file is to be: `remove`
/// is told each, below the destination. Where there are no directories, as on S3, there is
/// nothing to do, and where it fails, so does the file.
pub fn remove(plan: &Plan, remove: impl Fn(&str)) {
    let (deleted, _) = plan.in_the_way();
    let parents: HashSet<&Path> =
        deleted.iter().flat_map(|item| item.path.ancestors().skip(1)).collect();
    for place in plan.add.iter().map(Item::place).filter(|p| parents.contains(p.as_path())) {
        remove(&place.to_string_lossy());
    }
}
