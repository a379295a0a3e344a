//! What the last download has not brought because it belongs into a directory that is excluded
//! and here, and such a directory is left alone as a whole. The snapshot has it, and nobody has
//! deleted it, whatever is excluded by the next backup.

use std::path::Path;

use super::model::path_set::Kept;
use super::path_note::PathNote;
use crate::base::error::Result;

fn withheld(cache: &Path) -> PathNote {
    PathNote::of(cache, "withheld")
}

/// The paths, relative to the tree.
///
/// # Errors
/// The list is there and cannot be read.
pub fn read(cache: &Path) -> Result<Kept> {
    withheld(cache).all()
}

/// Notes these paths in place of those of before.
///
/// # Errors
/// The cache cannot be written.
pub fn note<'a>(cache: &Path, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    withheld(cache).replace(paths)
}
