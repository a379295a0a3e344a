//! Directories of a destination that were in the way of a file.

use std::collections::HashSet;
use std::path::Path;

use super::plan::{Item, Plan};
use crate::storage::job;
use crate::storage::rclone::requests::RemoveEmptyDirectories;
use crate::storage::remote::Spec;

/// Removes the directories that are empty now and where a file is to be. Where
/// there are no directories, as on S3, there is nothing to do, and where it
/// fails, so does the file.
pub fn remove(destination: &Spec, plan: &Plan) {
    let (deleted, _) = plan.in_the_way();
    let parents: HashSet<&Path> =
        deleted.iter().flat_map(|item| item.path.ancestors().skip(1)).collect();
    for place in plan.add.iter().map(Item::place).filter(|p| parents.contains(p.as_path())) {
        let remote = place.to_string_lossy().into_owned();
        let fs = destination.clone().into_string();
        let _ = job::probe(&RemoveEmptyDirectories { fs, remote, leave_root: false });
    }
}
