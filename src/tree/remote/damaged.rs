//! Objects of which somebody has read what they hold, and that is not what the snapshot says.
//! Where a server shows no hash, its listing looks as ever: without this note, no backup would
//! send them again.

use std::path::Path;

use crate::base::error::Result;
use crate::tree::model::path_set::Kept;
use crate::tree::path_note::PathNote;

fn note_of(cache: &Path) -> PathNote {
    PathNote::of(cache, "damaged")
}

/// Notes the `paths` of such objects, beside those that are noted already.
///
/// # Errors
/// The cache cannot be read or written.
pub fn note<'a>(cache: &Path, paths: impl Iterator<Item = &'a [u8]>) -> Result<()> {
    let mut paths = paths.peekable();
    if paths.peek().is_none() {
        return Ok(());
    }
    let mut all = read(cache)?;
    paths.for_each(|path| all.add(path));
    note_of(cache).write(all.paths())
}

/// The paths of the files whose objects are damaged.
///
/// # Errors
/// The note is there and cannot be read.
pub fn read(cache: &Path) -> Result<Kept> {
    note_of(cache).all()
}

/// All of them have been sent again.
///
/// # Errors
/// The note cannot be removed.
pub fn forget(cache: &Path) -> Result<()> {
    note_of(cache).forget()
}
