//! Sends the paths of a plan, exactly them and nothing else.

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::thread;

use super::compare;
use crate::storage::failure::Failure;
use crate::storage::job::Watch;
use crate::storage::mirror::{Mode, Operation, remove_empty_directories};
use crate::storage::remote::Spec;
use crate::tree::model::empty_directories;
use crate::tree::model::path::{Below, ObjectName};
use crate::tree::model::plan::{Failed, Item, Plan};

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
    plan: &Plan<ObjectName>,
    watch: &mut dyn Watch,
) -> Result<Vec<Failed>, Failure> {
    let arriving = plan.mirrored();
    let (blocking, others) = plan.in_the_way(&arriving);
    let mut failed = part(source, destination, Operation::Sync, &blocking, WIDE, watch)?;
    if !blocking.is_empty() {
        empty_directories::remove(plan, &arriving, |place| {
            let _ = remove_empty_directories(destination, place);
        });
    }
    let (small, large): (Vec<_>, Vec<_>) =
        plan.add.iter().chain(plan.update.iter()).partition(|item| item.size <= SMALL);
    failed.extend(part(source, destination, Operation::Copy, &small, WIDE, watch)?);
    failed.extend(part(source, destination, Operation::Copy, &large, NARROW, watch)?);
    if failed.is_empty() {
        failed = part(source, destination, Operation::Sync, &others, WIDE, watch)?;
    }
    Ok(failed)
}

/// Mirrors the paths of `items`: copies them, or, with a sync of what the source
/// lacks, deletes them.
fn part(
    source: &Spec,
    destination: &Spec,
    operation: Operation,
    items: &[Item<ObjectName>],
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
        list.extend_from_slice(item.path.as_bytes());
        list.push(0);
    }
    // A pipe and not a file: names never touch the disk. rclone opens it by
    // this path, which Linux and macOS both have.
    let writing = thread::spawn(move || writer.write_all(&list));
    let list = format!("/dev/fd/{}", reader.as_raw_fd());
    let mode = Mode::Only { operation, list, width };
    let outcome = compare::report(source, destination, mode, watch);
    // If rclone never read the list, the writer ends when its reader is gone.
    drop(reader);
    let _ = writing.join();
    let plan = outcome?;
    match plan.trouble {
        Some(trouble) if plan.failed.is_empty() => Err(trouble),
        _ => Ok(plan.failed),
    }
}
