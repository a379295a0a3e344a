//! Which paths are meant: as the remote has them, `NAME/PATH`, or as they are on disk.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::base::shown::name_of;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::operations::own_files::real;
use crate::tree::model::path_set::{Kept, above};

/// Some paths of one directory.
#[derive(Clone, Debug)]
pub struct Selection {
    pub directory: Directory,
    /// Relative to the directory; the empty one is all of it.
    pub paths: Vec<Vec<u8>>,
}

impl Selection {
    /// What was typed, by directory, in the order of poof.conf; nothing: all directories.
    ///
    /// # Errors
    /// A path is in none of them.
    pub fn of(ready: &Ready, typed: &[impl AsRef<OsStr>]) -> Result<Vec<Self>> {
        let directories = ready.directories();
        let mut all: Vec<Self> = directories
            .iter()
            .map(|directory| Selection { directory: directory.clone(), paths: Vec::new() })
            .collect();
        if typed.is_empty() {
            for selection in &mut all {
                selection.paths.push(Vec::new());
            }
            return Ok(all);
        }
        for text in typed {
            let (index, path) = resolve(directories, text.as_ref())?;
            all[index].paths.push(path);
        }
        all.retain(|selection| !selection.paths.is_empty());
        Ok(all)
    }

    pub fn path_set(&self) -> Kept {
        self.paths.iter().map(Vec::as_slice).collect()
    }

    /// None if all of the directory is meant.
    pub fn only(&self) -> Option<Kept> {
        let set = self.path_set();
        (!set.holds(b"")).then_some(set)
    }
}

/// The directory, by its number, and the path below it.
fn resolve(directories: &[Directory], text: &OsStr) -> Result<(usize, Vec<u8>)> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err(Error::new(Kind::Usage, "a path is empty").hint("Write NAME/PATH."));
    }
    let on_disk = [&b"/"[..], b"./", b"../"].iter().any(|start| bytes.starts_with(start))
        || matches!(bytes, b"." | b"..");
    if !on_disk {
        let named = directories.iter().enumerate().filter_map(|(index, directory)| {
            let rest = bytes.strip_prefix(directory.name.as_bytes())?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix(b"/")? };
            Some((directory.name.len(), index, rest))
        });
        if let Some((_, index, rest)) = named.max_by_key(|(len, ..)| *len) {
            let start = rest.iter().take_while(|byte| **byte == b'/').count();
            let rest = &rest[start..];
            return Ok((index, below(Path::new(OsStr::from_bytes(rest)), text)?));
        }
    }
    let path = std::path::absolute(text).unwrap_or_else(|_| text.into());
    let path = without_dots(&path);
    // As it is written; else, where links lead: a link in a directory is what it holds.
    for follows in [false, true] {
        let inside = directories.iter().enumerate().filter_map(|(index, directory)| {
            let rest = if follows {
                real_below(&path, &real(&directory.local))
            } else {
                path.strip_prefix(&directory.local).ok().map(Path::to_path_buf)
            };
            Some((directory.local.as_os_str().len(), index, rest?))
        });
        if let Some((_, index, rest)) = inside.max_by_key(|(len, ..)| *len) {
            return Ok((index, below(&rest, text)?));
        }
    }
    let names: Vec<_> = directories.iter().map(|d| d.name.as_str()).collect();
    let what = format!("{} is in no directory of poof.conf", name_of(bytes));
    let hint =
        format!("Write NAME/PATH, or the path on disk. poof.conf has: {}.", names.join(", "));
    Err(Error::new(Kind::Usage, what).hint(hint))
}

/// The same where links lead to the directory. What was deleted has no real path of its own,
/// but the directories above it may.
fn real_below(path: &Path, root: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        let above = above.canonicalize().ok()?;
        above.join(rest).strip_prefix(root).ok().map(Path::to_path_buf)
    })
}

/// `a/../b` is `b`, as a person means it.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

fn below(path: &Path, text: &OsStr) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.as_bytes()),
            Component::CurDir => {}
            _ => {
                let what = format!("{} is no path in a directory", name_of(text.as_bytes()));
                return Err(Error::new(Kind::Usage, what).hint("Write NAME/PATH without `..`."));
            }
        }
    }
    Ok(names.join(&b'/'))
}

/// The directories above some paths that are not there below `target`, where it is to go.
pub fn missing_above(paths: &Kept, target: &Path) -> Vec<Vec<u8>> {
    let mut ways: Vec<Vec<u8>> = Vec::new();
    for dir in paths.paths().flat_map(above) {
        let there = target.join(OsStr::from_bytes(dir)).is_dir();
        if !there && !ways.iter().any(|way| way == dir) {
            ways.push(dir.to_vec());
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn directory(local: &Path, name: &str) -> Directory {
        Directory { local: local.to_path_buf(), name: name.to_owned() }
    }

    #[test]
    fn a_path_is_found_by_its_name_on_the_remote_and_by_its_place_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let docs = home.join("docs");
        std::fs::create_dir_all(docs.join("a")).unwrap();
        symlink(&docs, home.join("link")).unwrap();
        let all = [directory(&docs, "documents"), directory(&home.join("p"), "documents/photos")];
        for (text, index, path) in [
            ("documents", 0, ""),
            ("documents/", 0, ""),
            ("documents/a//b/", 0, "a/b"),
            ("documents//a", 0, "a"),
            ("documents/photos/x", 1, "x"),
            ("documents/photosx", 0, "photosx"),
            (&format!("{}/gone/x", docs.display()), 0, "gone/x"),
            (&format!("{}/link/a/x", home.display()), 0, "a/x"),
            (&format!("{}/a/../x", docs.display()), 0, "x"),
            (&format!("{}/p/x", home.display()), 1, "x"),
        ] {
            let found = resolve(&all, OsStr::new(text)).unwrap();
            assert_eq!(found, (index, path.as_bytes().to_vec()), "{text}");
        }
        for text in ["other/x", "/etc/passwd", "documents/../x", ""] {
            assert!(resolve(&all, OsStr::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn only_directories_that_are_missing_have_to_be_made() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        let paths: Kept = [&b"a/b/c/d"[..], b"a/b/e"].into_iter().collect();
        let mut missing = missing_above(&paths, dir.path());
        missing.sort();
        assert_eq!(missing, [b"a/b".to_vec(), b"a/b/c".to_vec()]);
        assert!(missing_above(&paths, &dir.path().join("none")).contains(&Vec::new()));
    }
}
