//! Writes over what a file system still holds of files that are gone: their names in its
//! journal, their content where it is free. All of it goes into files that have no name
//! (`O_TMPFILE`), so that nothing is left of it however this process ends.

mod churn;
mod fill;
mod geometry;
pub mod journal;
mod noise;
mod reserve;

use std::io;
use std::path::Path;

pub use fill::{Filled, free_now};
pub use journal::{Journal, journal};

use churn::Churn;

/// Hears how many bytes are written; `false` ends it.
pub type GoesOn<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Whether a file without a name can be made in a directory.
pub fn takes_files(dir: &Path) -> bool {
    tempfile::tempfile_in(dir).is_ok()
}

/// Sends so many bytes through the journal. Whether it was not stopped before.
///
/// # Errors
/// The file system refuses, or the disk fails.
pub fn names(dir: &Path, kind: &str, bytes: u64, goes_on: GoesOn<'_>) -> io::Result<bool> {
    let mut churn = Churn::new(dir, kind)?;
    if !churn.run(bytes, false, goes_on)? {
        return Ok(false);
    }
    if kind == "ext4" { churn.run_fast(&mut || goes_on(bytes)) } else { Ok(true) }
}

/// Writes once over what is free, and over the small files that a file system has among its
/// metadata.
///
/// # Errors
/// As [`names`].
pub fn free(dir: &Path, kind: &str, goes_on: GoesOn<'_>) -> io::Result<Filled> {
    let mut filled = fill::run(dir, kind, goes_on)?;
    if filled.whole && kind == "btrfs" {
        // Metadata is written to another place each time, with all that is in its blocks.
        let metadata = geometry::free_metadata(dir).unwrap_or(METADATA);
        filled.whole = Churn::new(dir, kind)?.run(METADATA_TIMES * metadata, true, goes_on)?;
    }
    Ok(filled)
}

/// Bytes of free metadata of btrfs, where that is not known.
const METADATA: u64 = 256 << 20;
/// How often as much as is free of it is written.
const METADATA_TIMES: u64 = 3;

/// A second, at most: what a disk takes of files.
const SPINNING: u64 = 80 << 20;
const OTHER: u64 = 200 << 20;

/// About so many seconds it takes to fill so many bytes.
pub fn seconds_to_fill(bytes: u64, rotates: Option<bool>) -> u64 {
    bytes.div_ceil(if rotates == Some(true) { SPINNING } else { OTHER })
}
