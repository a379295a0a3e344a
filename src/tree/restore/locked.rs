//! Files and directories of the directory that somebody has locked (`chattr +i`, `+a`).

use crate::base::shown::{path_of, quoted};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::host::flags;
use crate::tree::model::entry::as_path;
use crate::tree::model::plan::Failed;

/// What keeps `path` below `root` from being changed, and what to do: a lock of its own,
/// or of the directory that it is in.
pub fn why(root: &Path, path: &[u8]) -> Option<String> {
    let full = root.join(as_path(path));
    let places = [Some(full.as_path()), full.parent().filter(|dir| dir.starts_with(root))];
    let locked = places.into_iter().flatten().find(|place| flags::is_locked(place))?;
    Some(words(locked))
}

/// Which directories below `root` stay locked: those in which something `failed` for that.
pub fn respected(root: &Path, failed: &[Failed]) -> impl Fn(&[u8]) -> bool + use<> {
    let dirs = failed.iter().filter_map(|failed| failed.path.parent().map(PathBuf::from));
    let (dirs, root): (HashSet<_>, _) = (dirs.collect(), root.to_path_buf());
    move |path| {
        let path = as_path(path);
        dirs.contains(path) && flags::is_locked(&root.join(path))
    }
}

/// What is said of a place that is locked.
pub fn words(place: &Path) -> String {
    let command = if flags::ON_MACOS { "chflags nouchg,nouappnd" } else { "chattr -ia" };
    format!(
        "{} is immutable or append-only; `{command} {}` lets it be changed",
        path_of(place),
        quoted(place)
    )
}
