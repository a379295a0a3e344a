//! rclone's own comparison of two places, and its copies: for what has no manifest.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::failure::Failure;
use super::job::Watch;
pub use super::messages::Operation;
use super::rclone::job;
use super::rclone::requests::{Filter, Mirror, RemoveEmptyDirectories, Settings};
use super::spec::Spec;

/// What a mirror does.
pub enum Mode {
    /// Nothing but report what it would do; `size_only`: of what is there on both sides
    /// only the sizes are compared.
    DryRun { size_only: bool },
    /// What `operation` says with the paths of the file `list`, each ended by a NUL;
    /// so many at once.
    Only { operation: Operation, list: String, width: u32 },
}

/// Mirrors `source` to `destination`, and reports what is decided for each file to
/// `report`. See go/calls/mirror.go.
///
/// # Errors
/// What rclone says.
pub fn mirror(
    source: &Spec,
    destination: &Spec,
    mode: Mode,
    report: BorrowedFd<'_>,
    watch: &mut dyn Watch,
) -> Result<(), Failure> {
    let (operation, settings, filter) = match mode {
        Mode::DryRun { size_only } => {
            // At NOTICE a dry run says for each file that it was skipped.
            let log_level = "ERROR";
            let settings = Settings { dry_run: true, size_only, log_level, ..Settings::work(64) };
            (Operation::Sync, settings, Filter::default())
        }
        Mode::Only { operation, list, width } => {
            (operation, Settings::work(width), Filter { files_from0: vec![list] })
        }
    };
    let request = Mirror {
        src_fs: source.clone().into_string(),
        dst_fs: destination.clone().into_string(),
        operation,
        report: report.as_raw_fd(),
        create_empty_src_dirs: false,
    };
    job::run(&request, &settings, &filter, watch).map(|_| ())
}

/// Removes the directories at and below `remote` that are empty.
///
/// # Errors
/// The place cannot be reached, or refuses.
pub fn remove_empty_directories(place: &Spec, remote: &str) -> Result<(), Failure> {
    let (fs, remote) = (place.clone().into_string(), remote.to_owned());
    job::probe(&RemoveEmptyDirectories { fs, remote, leave_root: false }).map(|_| ())
}
