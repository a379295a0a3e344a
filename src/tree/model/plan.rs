//! The plan: what a mirror would do, as a value. `--dry-run` prints it, the
//! guards judge it, the transfer carries it out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::storage::failure::{Failure, FailureKind};

/// A file in a plan. The path is relative to the tree, as rclone has it: in its
/// standard encoding (newline is U+240A …), though bytes that are not UTF-8 stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
}

/// A path and why it could not be compared or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub path: PathBuf,
    pub kind: FailureKind,
    pub why: String,
    /// It was to be removed, and is still there.
    pub deletion: bool,
}

impl Failed {
    pub fn at(path: &[u8], kind: FailureKind, why: &str) -> Self {
        let path = OsStr::from_bytes(path).into();
        Failed { path, kind, why: why.to_owned(), deletion: false }
    }

    /// Something that was to be removed.
    pub fn deletion(path: PathBuf, kind: FailureKind, why: String) -> Self {
        Failed { path, kind, why, deletion: true }
    }
}

/// What makes the destination equal to the source.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub add: Vec<Item>,
    pub update: Vec<Item>,
    /// Under another name they are there already, and gone there.
    pub moved: Vec<Item>,
    /// Only their attributes, or where they are not files.
    pub attributes: Vec<Item>,
    pub delete: Vec<Item>,
    pub failed: Vec<Failed>,
    /// Files that are equal already.
    pub equal: Vec<PathBuf>,
    /// More of them, which nobody needs by name.
    pub unchanged: u64,
    /// What else went wrong while comparing: a directory that cannot be listed,
    /// say. The plan then misses what lies there.
    pub trouble: Option<Failure>,
}

impl Plan {
    /// Files in the source.
    pub fn source_files(&self) -> u64 {
        len(&self.add) + len(&self.update) + len(&self.moved) + self.same()
    }

    /// Files in the destination before the plan is carried out.
    pub fn destination_files(&self) -> u64 {
        len(&self.update) + len(&self.delete) + self.same()
    }

    /// Files that are equal already.
    pub fn same(&self) -> u64 {
        len(&self.equal) + self.unchanged
    }

    /// Bytes to send or fetch.
    pub fn bytes(&self) -> u64 {
        self.add.iter().chain(&self.update).map(|item| item.size).fold(0, u64::saturating_add)
    }

    /// Files to send or fetch.
    pub fn transfers(&self) -> u64 {
        len(&self.add) + len(&self.update)
    }

    pub fn is_empty(&self) -> bool {
        self.transfers() == 0
            && self.moved.is_empty()
            && self.delete.is_empty()
            && self.attributes.is_empty()
    }

    /// What of it was done if all of this `failed`.
    #[must_use]
    pub fn done(&self, failed: &[Failed]) -> Plan {
        let mut done = self.clone();
        let of = |deletion: bool| {
            let failed = failed.iter().filter(move |failed| failed.deletion == deletion);
            failed.map(|failed| failed.path.as_path()).collect::<HashSet<_>>()
        };
        let (not_sent, not_removed) = (of(false), of(true));
        let sent = [&mut done.add, &mut done.update, &mut done.moved, &mut done.attributes];
        for items in sent {
            items.retain(|item| !not_sent.contains(item.path.as_path()));
        }
        done.delete.retain(|item| !not_removed.contains(item.path.as_path()));
        done
    }

    /// Files that were to be sent, and of which an equal one was there.
    pub fn turned_out_equal(&mut self, kept: &HashSet<PathBuf>) {
        let before = self.transfers();
        self.add.retain(|item| !kept.contains(&item.path));
        self.update.retain(|item| !kept.contains(&item.path));
        self.unchanged += before - self.transfers();
    }

    /// The deletions that are in the way of what arrives: a file where a directory
    /// is to be or the other way round, and the other deletions.
    pub(in crate::tree) fn in_the_way(&self, Places(added): &Places) -> (Vec<&Item>, Vec<&Item>) {
        let above: HashSet<&Path> = added.iter().flat_map(|p| p.ancestors().skip(1)).collect();
        self.delete.iter().partition(|item| {
            let place = item.place();
            above.contains(place.as_path()) || place.ancestors().skip(1).any(|p| added.contains(p))
        })
    }

    /// Where a mirror makes something: rclone has the same names for both sides.
    pub(in crate::tree) fn mirrored(&self) -> Places {
        Places(self.add.iter().map(Item::place).collect())
    }

    /// Deletions of what a killed download left behind of files that the source
    /// has: rclone receives `NAME` as `NAME.xxxxxxxx.partial`.
    pub fn leftovers(&self) -> usize {
        let mut source = paths(self.add.iter().chain(&self.update));
        source.extend(self.equal.iter().map(PathBuf::as_path));
        let known = |of: PathBuf| source.contains(of.as_path());
        self.delete.iter().filter(|item| partial_of(&item.path).is_some_and(known)).count()
    }
}

impl Item {
    /// Where it is in the tree: a symbolic link travels with a suffix that it
    /// does not have on disk.
    pub(in crate::tree) fn place(&self) -> PathBuf {
        place_of(self.path.as_os_str().as_bytes())
    }
}

fn place_of(name: &[u8]) -> PathBuf {
    let name = name.strip_suffix(b".rclonelink").unwrap_or(name);
    PathBuf::from(OsStr::from_bytes(name))
}

/// Where something arrives, in the names that the deletions of a plan have. Those of a
/// backup are names of objects: the name of a file is another one, as soon as it has a
/// character that rclone encodes.
#[derive(Debug, Default)]
pub struct Places(HashSet<PathBuf>);

impl Places {
    /// Those of objects, by their names below that of the tree.
    pub(in crate::tree) fn of_objects(names: impl Iterator<Item = Vec<u8>>) -> Self {
        Places(names.map(|name| place_of(&name)).collect())
    }

    pub(in crate::tree) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(PathBuf::as_path)
    }
}

/// The file that `path` is an incomplete copy of, if it has such a name.
fn partial_of(path: &Path) -> Option<PathBuf> {
    let bytes = path.as_os_str().as_bytes().strip_suffix(b".partial")?;
    let (name, id) = bytes.split_at_checked(bytes.len().checked_sub(9)?)?;
    let is_id = id[0] == b'.' && id[1..].iter().all(u8::is_ascii_hexdigit);
    is_id.then(|| PathBuf::from(OsStr::from_bytes(name)))
}

pub(in crate::tree) fn paths<'a>(items: impl IntoIterator<Item = &'a Item>) -> HashSet<&'a Path> {
    items.into_iter().map(|item| item.path.as_path()).collect()
}

/// The length of a list, as numbers of files are counted.
pub fn len<T>(list: &[T]) -> u64 {
    list.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(paths: &[&str]) -> Vec<Item> {
        paths.iter().map(|path| Item { path: path.into(), size: 0 }).collect()
    }

    fn shown(items: &[&Item]) -> Vec<String> {
        items.iter().map(|item| item.path.display().to_string()).collect()
    }

    #[test]
    fn what_changes_between_file_link_and_directory_is_in_the_way() {
        let plan = Plan {
            add: items(&["was-dir", "was-file/x", "was-link/x", "link.rclonelink"]),
            delete: items(&[
                "was-dir/deep/x",
                "was-file",
                "gone",
                "was-dir2",
                "was-link.rclonelink",
                "link/x",
            ]),
            ..Plan::default()
        };
        let (blocking, others) = plan.in_the_way(&plan.mirrored());
        let expected = ["was-dir/deep/x", "was-file", "was-link.rclonelink", "link/x"];
        assert_eq!(shown(&blocking), expected);
        assert_eq!(shown(&others), ["gone", "was-dir2"]);
    }

    #[test]
    fn what_a_killed_download_left_is_recognised() {
        let plan = Plan {
            add: items(&["a/big"]),
            delete: items(&["a/big.c6c393dc.partial", "mine.partial", "b.c6c393dc.partial"]),
            ..Plan::default()
        };
        assert_eq!(plan.leftovers(), 1);
    }
}
