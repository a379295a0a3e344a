//! The plan: what would be done, as a value. `--dry-run` prints it, the guards judge it, and
//! the transfer carries it out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use super::items::{Item, Items};
use super::path::{Below, ObjectName};
use crate::storage::failure::{Failure, FailureKind};

/// A path and why it could not be compared or sent. It is shown, and compared with those of
/// the plan that it is of: of a backup, what was sent has its path here, and what was to be
/// removed the name of its object.
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
    pub fn deletion(path: &impl Below, kind: FailureKind, why: String) -> Self {
        Failed { path: path.as_path().to_path_buf(), kind, why, deletion: true }
    }
}

/// What a plan does with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Add,
    Update,
    Move,
    Attributes,
    Delete,
}

/// What makes the destination equal to the source. `N` is how it names what comes, and `D`
/// what goes: a backup has paths of files and names of objects, a restore has paths alone,
/// and a mirror by rclone has names alone.
#[derive(Clone, Debug, Default)]
pub struct Plan<N, D = N> {
    pub add: Items<N>,
    pub update: Items<N>,
    /// Under another name they are there already, and gone there.
    pub moved: Items<N>,
    /// So many of `update` replace what holds the same, for it to share another file.
    pub relinked: usize,
    /// Only their attributes, or where they are not files.
    pub attributes: Items<N>,
    pub delete: Items<D>,
    /// What goes as well, and has no object that would have to: it is in a bundle.
    pub dropped: Items<D>,
    pub failed: Vec<Failed>,
    /// Files that are equal already.
    pub equal: Vec<N>,
    /// More of them, which nobody needs by name.
    pub unchanged: u64,
    /// What else went wrong while comparing: a directory that cannot be listed,
    /// say. The plan then misses what is there.
    pub trouble: Option<Failure>,
}

/// How much a plan does, whatever its names are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub add: usize,
    pub update: usize,
    /// Those of `update` whose content is another.
    pub replaced: usize,
    pub moved: usize,
    pub attributes: usize,
    pub delete: usize,
    /// Files that are equal already.
    pub unchanged: u64,
    /// Files to send or fetch.
    pub files: u64,
    /// Bytes to send or fetch.
    pub bytes: u64,
}

/// What can be told of every plan.
pub trait Planned {
    fn totals(&self) -> Totals;

    /// Of what was done if all of this `failed`.
    fn done(&self, failed: &[Failed]) -> Totals;

    /// What could not be planned.
    fn failed(&self) -> &[Failed];

    /// Tells each path, and its bytes.
    fn each(&self, tell: &mut dyn FnMut(Action, &[u8], u64));
}

impl<N: Below, D: Below> Planned for Plan<N, D> {
    fn totals(&self) -> Totals {
        Totals {
            add: self.add.len(),
            update: self.update.len(),
            replaced: self.update.len().saturating_sub(self.relinked),
            moved: self.moved.len(),
            attributes: self.attributes.len(),
            delete: self.delete.len() + self.dropped.len(),
            unchanged: self.same(),
            files: self.transfers(),
            bytes: self.bytes(),
        }
    }

    fn done(&self, failed: &[Failed]) -> Totals {
        let of = |deletion: bool| {
            let failed = failed.iter().filter(move |failed| failed.deletion == deletion);
            failed.map(|failed| failed.path.as_path()).collect::<HashSet<_>>()
        };
        let (not_sent, not_removed) = (of(false), of(true));
        let sent = |items: &Items<N>| count(items, |path| !not_sent.contains(path));
        let ((add, new), (update, others)) = (sent(&self.add), sent(&self.update));
        Totals {
            add,
            update,
            replaced: update.saturating_sub(self.relinked),
            moved: sent(&self.moved).0,
            attributes: sent(&self.attributes).0,
            delete: count(&self.delete, |path| !not_removed.contains(path)).0 + self.dropped.len(),
            unchanged: self.same(),
            files: (add + update) as u64,
            bytes: new.saturating_add(others),
        }
    }

    fn failed(&self) -> &[Failed] {
        &self.failed
    }

    fn each(&self, tell: &mut dyn FnMut(Action, &[u8], u64)) {
        for (action, items) in [
            (Action::Add, &self.add),
            (Action::Update, &self.update),
            (Action::Move, &self.moved),
            (Action::Attributes, &self.attributes),
        ] {
            items.each(|path, size| tell(action, path, size));
        }
        for items in [&self.delete, &self.dropped] {
            items.each(|path, size| tell(Action::Delete, path, size));
        }
    }
}

/// How many of `items` are such, by their paths, and how many bytes these have.
fn count<N: Below>(items: &Items<N>, is_such: impl Fn(&Path) -> bool) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0_u64);
    items.each(|path, size| {
        if is_such(Path::new(OsStr::from_bytes(path))) {
            files += 1;
            bytes = bytes.saturating_add(size);
        }
    });
    (files, bytes)
}

impl<N: Below, D: Below> Plan<N, D> {
    /// All that goes.
    pub fn deleted(&self) -> impl Iterator<Item = Item<D>> {
        self.delete.iter().chain(self.dropped.iter())
    }

    /// Files in the source.
    pub fn source_files(&self) -> u64 {
        self.transfers() + self.moved.len() as u64 + self.same()
    }

    /// Files that are equal already.
    fn same(&self) -> u64 {
        self.equal.len() as u64 + self.unchanged
    }

    /// Bytes to send or fetch.
    fn bytes(&self) -> u64 {
        self.add.bytes().saturating_add(self.update.bytes())
    }

    /// Files to send or fetch.
    pub fn transfers(&self) -> u64 {
        (self.add.len() + self.update.len()) as u64
    }

    pub fn is_empty(&self) -> bool {
        self.transfers() == 0
            && self.moved.is_empty()
            && self.delete.is_empty()
            && self.dropped.is_empty()
            && self.attributes.is_empty()
    }

    /// Files that were to be sent, and of which an equal one was there.
    pub fn turned_out_equal(&mut self, kept: &HashSet<N>) {
        if kept.is_empty() {
            return;
        }
        let before = self.transfers();
        self.add.retain(|item| !kept.contains(&item.path));
        self.update.retain(|item| !kept.contains(&item.path));
        self.unchanged += before - self.transfers();
    }
}

impl<N: Below> Plan<N, ObjectName> {
    /// The deletions that are in the way of what arrives: a file where a directory
    /// is to be or the other way round, and the other deletions.
    #[allow(clippy::type_complexity)]
    pub(in crate::tree) fn in_the_way(
        &self,
        Places(added): &Places,
    ) -> (Vec<Item<ObjectName>>, Vec<Item<ObjectName>>) {
        let above: HashSet<ObjectName> = added.iter().flat_map(ObjectName::above).collect();
        self.delete.iter().partition(|item| {
            let is_above = above.contains(&item.path) || above.contains(&item.path.place());
            is_above || item.path.above().any(|dir| added.contains(&dir))
        })
    }
}

impl Plan<ObjectName> {
    /// Where a mirror makes something.
    pub(in crate::tree) fn mirrored(&self) -> Places {
        self.add.iter().map(|item| item.path).collect()
    }
}

impl<N: Below> Plan<N> {
    /// Deletions of what a killed download left behind of files that the source
    /// has: rclone receives `NAME` as `NAME.xxxxxxxx.partial`.
    pub fn leftovers(&self) -> usize {
        let partial: Vec<_> =
            self.delete.iter().filter_map(|item| partial_of(item.path.as_path())).collect();
        if partial.is_empty() {
            return 0;
        }
        let items = self.add.iter().chain(self.update.iter());
        let source: HashSet<N> =
            items.map(|item| item.path).chain(self.equal.iter().cloned()).collect();
        let is_known = |of: &&PathBuf| source.contains(&N::of(of.as_os_str().as_bytes()));
        partial.iter().filter(is_known).count()
    }
}

/// Where objects arrive. A link has two places: on a disk, and as an object.
#[derive(Debug, Default)]
pub struct Places(HashSet<ObjectName>);

impl Places {
    pub(in crate::tree) fn iter(&self) -> impl Iterator<Item = &ObjectName> {
        self.0.iter()
    }
}

impl FromIterator<ObjectName> for Places {
    fn from_iter<I: IntoIterator<Item = ObjectName>>(names: I) -> Self {
        Places(names.into_iter().flat_map(|name| [name.place(), name]).collect())
    }
}

/// The file that `path` is an incomplete copy of, if it has such a name.
fn partial_of(path: &Path) -> Option<PathBuf> {
    let bytes = path.as_os_str().as_bytes().strip_suffix(b".partial")?;
    let (name, id) = bytes.split_at_checked(bytes.len().checked_sub(9)?)?;
    let is_id = id[0] == b'.' && id[1..].iter().all(u8::is_ascii_hexdigit);
    is_id.then(|| PathBuf::from(OsStr::from_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(paths: &[&str]) -> Items<ObjectName> {
        paths.iter().map(|path| Item { path: (*path).into(), size: 0 }).collect()
    }

    fn shown(items: &[Item<ObjectName>]) -> Vec<String> {
        items.iter().map(|item| item.path.as_path().display().to_string()).collect()
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

    // `x.rclonelink` is the object of a link `x`, and can be the name of a directory.
    #[test]
    fn what_is_in_the_way_of_the_object_of_a_link_is_in_the_way() {
        let plan = Plan {
            add: items(&["x.rclonelink", "y.rclonelink/in"]),
            delete: items(&["x.rclonelink/in", "y.rclonelink", "z.rclonelink"]),
            ..Plan::default()
        };
        let (blocking, others) = plan.in_the_way(&plan.mirrored());
        assert_eq!(shown(&blocking), ["x.rclonelink/in", "y.rclonelink"]);
        assert_eq!(shown(&others), ["z.rclonelink"]);
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
