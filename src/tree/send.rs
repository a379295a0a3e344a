//! Sends the paths of a plan, exactly them and nothing else.

use std::collections::HashSet;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use super::plan::{self, Failed, Item, Plan};
use crate::storage::failure::Failure;
use crate::storage::job::{self, Watch};
use crate::storage::rclone::requests::{Filter, RemoveEmptyDirectories, Settings};
use crate::storage::remote::Spec;

/// Files up to this size go many at a time, since their cost is the request.
const SMALL: u64 = 4 << 20;
/// How many small files travel at once. 64 instead of rclone's 4 makes a first
/// backup of small files about eight times faster; more gains nothing.
const WIDE: u32 = 64;
/// How many large files travel at once; each holds buffers of its own.
const NARROW: u32 = 4;

/// Makes `destination` what `plan` says. Returns the files that failed.
///
/// Deletions come last, and only if nothing failed before them; but for what is
/// in the way: a file where a directory is to be, or the other way round.
///
/// # Errors
/// What keeps the whole from working.
pub fn send(
    source: &Spec,
    destination: &Spec,
    plan: &Plan,
    watch: &mut dyn Watch,
) -> Result<Vec<Failed>, Failure> {
    let (blocking, others) = in_the_way(plan);
    let mut failed = part(source, destination, &blocking, WIDE, watch)?;
    if !blocking.is_empty() {
        remove_emptied(destination, plan, &blocking);
    }
    let (small, large): (Vec<_>, Vec<_>) =
        plan.add.iter().chain(&plan.update).partition(|item| item.size <= SMALL);
    failed.extend(part(source, destination, &small, WIDE, watch)?);
    failed.extend(part(source, destination, &large, NARROW, watch)?);
    if failed.is_empty() {
        failed = part(source, destination, &others, WIDE, watch)?;
    }
    Ok(failed)
}

/// Splits the deletions into those that are in the way of what is to be added,
/// and the others.
fn in_the_way(plan: &Plan) -> (Vec<&Item>, Vec<&Item>) {
    let added: HashSet<&Path> = plan.add.iter().map(|item| item.path.as_path()).collect();
    let parents: HashSet<&Path> =
        plan.add.iter().flat_map(|item| item.path.ancestors().skip(1)).collect();
    plan.delete.iter().partition(|item| {
        let below_a_file = item.path.ancestors().skip(1).any(|parent| added.contains(parent));
        below_a_file || parents.contains(item.path.as_path())
    })
}

/// Removes the directories that are empty now and where a file is to be. Where
/// there are no directories, as on S3, there is nothing to do, and where it
/// fails, so does the file.
fn remove_emptied(destination: &Spec, plan: &Plan, deleted: &[&Item]) {
    let parents: HashSet<&Path> =
        deleted.iter().flat_map(|item| item.path.ancestors().skip(1)).collect();
    for item in plan.add.iter().filter(|item| parents.contains(item.path.as_path())) {
        let remote = item.path.to_string_lossy().into_owned();
        let fs = destination.clone().into_string();
        let _ = job::probe(&RemoveEmptyDirectories { fs, remote, leave_root: false });
    }
}

/// Mirrors the paths of `items`.
fn part(
    source: &Spec,
    destination: &Spec,
    items: &[&Item],
    width: u32,
    watch: &mut dyn Watch,
) -> Result<Vec<Failed>, Failure> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let pipe = |error: io::Error| Failure::other(&format!("cannot make a pipe: {error}"));
    let (reader, mut writer) = io::pipe().map_err(pipe)?;
    let mut list = Vec::new();
    for item in items {
        list.extend_from_slice(item.path.as_os_str().as_bytes());
        list.push(0);
    }
    // A pipe and not a file: names never touch the disk. rclone opens it by
    // this path, which Linux and macOS both have.
    let writing = thread::spawn(move || writer.write_all(&list));
    let filter = Filter { files_from0: vec![format!("/dev/fd/{}", reader.as_raw_fd())] };
    let outcome = plan::mirror(source, destination, &Settings::work(width), &filter, watch);
    // If rclone never read the list, the writer ends when its reader is gone.
    drop(reader);
    let _ = writing.join();
    let plan = outcome?;
    match plan.trouble {
        Some(trouble) if plan.failed.is_empty() => Err(trouble),
        _ => Ok(plan.failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_between_file_and_directory_is_in_the_way() {
        let items = |paths: &[&str]| -> Vec<Item> {
            paths.iter().map(|path| Item { path: path.into(), size: 0 }).collect()
        };
        let plan = Plan {
            add: items(&["was-dir", "was-file/x"]),
            delete: items(&["was-dir/deep/x", "was-file", "gone", "was-dir2"]),
            ..Plan::default()
        };
        let (blocking, others) = in_the_way(&plan);
        let paths = |items: Vec<&Item>| -> Vec<String> {
            items.iter().map(|item| item.path.display().to_string()).collect()
        };
        assert_eq!(paths(blocking), ["was-dir/deep/x", "was-file"]);
        assert_eq!(paths(others), ["gone", "was-dir2"]);
    }
}
