//! Names that a disk takes for one (upper and lower case, Unicode's normal forms: APFS
//! and HFS+ as a rule) although a snapshot spells them otherwise. HFS+ even gives a
//! name back in another form than it was given. What is there under such a name is what
//! the snapshot holds, and no other file that would have to go.
//!
//! Whether a disk does so is not asked of its type: the name of the snapshot leads to
//! the very file that the walk has found under another.

use std::collections::HashMap;

use super::steps::{Dir, Steps};
use crate::host::stat::id;
use crate::tree::backup::uploader::collisions::fold;
use crate::tree::model::entry::order;
use crate::tree::scan::excluded::Excluded;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, LeftOut};

/// Of a path that was found, the one that the snapshot has for it.
pub type Aliases = HashMap<Vec<u8>, Vec<u8>>;

/// What was found in the place of something that was not.
pub fn aliases(steps: &Steps, root: &Root) -> Aliases {
    paired(steps, |a, b| is_one(root, a, b))
}

fn paired(steps: &Steps, is_one: impl Fn(&[u8], &[u8]) -> bool) -> Aliases {
    if steps.extra.is_empty() {
        return Aliases::new();
    }
    let mut extra: HashMap<Vec<u8>, Vec<&Vec<u8>>> = HashMap::new();
    for path in &steps.extra {
        extra.entry(fold(path)).or_default().push(path);
    }
    let new = steps.paths.iter().filter(|step| step.is_new()).map(|step| &step.entry.path);
    let dirs = steps.directories.iter().filter(|dir| dir.new).map(|Dir { entry, .. }| &entry.path);
    let mut aliases = Aliases::new();
    for wanted in new.chain(dirs) {
        let candidates = extra.get(&fold(wanted)).into_iter().flatten();
        if let Some(found) = candidates.into_iter().find(|found| is_one(found, wanted)) {
            // Of two names of the snapshot that lead there the first is it.
            aliases.entry((*found).clone()).or_insert_with(|| wanted.clone());
        }
    }
    aliases
}

/// Whether two paths lead to one file, or to one directory.
fn is_one(root: &Root, a: &[u8], b: &[u8]) -> bool {
    let (Ok(a), Ok(b)) = (root.stat(a), root.stat(b)) else { return false };
    id(&a) == id(&b)
}

/// A walk by the names of the snapshot, in the order of entries.
pub fn renamed(walk: impl Iterator<Item = Found>, aliases: &Aliases) -> Vec<Found> {
    let mut all: Vec<Found> = walk
        .map(|mut found| {
            let path = path_of(&mut found);
            if let Some(wanted) = aliases.get(path) {
                path.clone_from(wanted);
            }
            found
        })
        .collect();
    // What stays behind of a path comes after its entry, as before.
    all.sort_by(|a, b| order(path(a), path(b)));
    all
}

fn path(found: &Found) -> &[u8] {
    match found {
        Found::Entry(entry) => &entry.path,
        Found::LeftOut(LeftOut { path, .. }) => path,
        Found::Excluded(excluded) => excluded.path(),
    }
}

fn path_of(found: &mut Found) -> &mut Vec<u8> {
    match found {
        Found::Entry(entry) | Found::Excluded(Excluded { what: Ok(entry), .. }) => &mut entry.path,
        Found::LeftOut(out) | Found::Excluded(Excluded { what: Err(out), .. }) => &mut out.path,
    }
}

/// What else of the snapshot has a name that a disk may take for that of `path`.
pub fn twin<'a>(steps: &'a Steps, path: &[u8]) -> Option<&'a [u8]> {
    let folded = fold(path);
    let paths = steps.paths.iter().map(|step| &step.entry.path);
    let all = paths.chain(steps.directories.iter().map(|dir| &dir.entry.path));
    all.map(Vec::as_slice).find(|other| *other != path && fold(other) == folded)
}

#[cfg(test)]
mod tests {
    use super::super::steps::{Act, Instead, Step};
    use super::*;
    use crate::tree::model::entry::{Attributes, Entry, EntryKind};

    fn entry(path: &str, kind: EntryKind) -> Entry {
        let (hard_link, stored, local) = (None, None, None);
        let attributes = Attributes::default();
        Entry { path: path.into(), kind, attributes, hard_link, stored, local }
    }

    /// A comparison in which `wanted` was not found, and `found` is not in the snapshot.
    fn steps(wanted: &[&str], found: &[&str]) -> Steps {
        let new = |path: &&str| Step {
            entry: entry(path, EntryKind::Fifo),
            act: Act::Make,
            instead_of: Instead::Nothing,
            found: None,
            same: false,
        };
        let extra = found.iter().map(|path| path.as_bytes().to_vec()).collect();
        Steps { paths: wanted.iter().map(new).collect(), extra, ..Steps::default() }
    }

    fn pairs(wanted: &[&str], found: &[&str], folds: bool) -> Vec<(String, String)> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        let aliases = paired(&steps(wanted, found), |_, _| folds);
        let mut pairs: Vec<_> = aliases.iter().map(|(a, b)| (text(a), text(b))).collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn what_a_disk_gives_back_in_another_form_is_what_the_snapshot_holds() {
        // As HFS+ has it, and as Linux wrote it.
        let (nfd, nfc) = ("cafe\u{301}", "caf\u{e9}");
        assert_eq!(pairs(&[nfc], &[nfd], true), [(nfd.to_owned(), nfc.to_owned())]);
        assert_eq!(pairs(&[nfc], &[nfd], false), [], "two files on a disk that tells them apart");
        let found = pairs(&["docs/a", "docs"], &["Docs", "Docs/a", "Docs/new"], true);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found, [pair("Docs", "docs"), pair("Docs/a", "docs/a")]);
        assert_eq!(pairs(&["other"], &["Docs"], true), []);
    }

    #[test]
    fn of_two_entries_that_lead_to_one_file_the_first_is_it() {
        let pair = ("README".to_owned(), "ReadMe".to_owned());
        assert_eq!(pairs(&["ReadMe", "readme"], &["README"], true), [pair]);
        let steps = steps(&["ReadMe", "readme"], &[]);
        assert_eq!(twin(&steps, b"readme"), Some(&b"ReadMe"[..]));
        assert_eq!(twin(&steps, b"other"), None);
    }

    #[test]
    fn a_walk_by_other_names_is_in_their_order() {
        let aliases = Aliases::from([(b"Z".to_vec(), b"a".to_vec())]);
        let walk = ["", "Z", "b"].map(|path| Found::Entry(entry(path, EntryKind::Directory)));
        let renamed = renamed(walk.into_iter(), &aliases);
        assert_eq!(renamed.iter().map(path).collect::<Vec<_>>(), [&b""[..], b"a", b"b"]);
    }

    #[test]
    fn on_this_disk_one_inode_is_one_file_and_two_are_two() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        std::fs::write(dir.path().join("b"), "").unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert!(is_one(&root, b"a", b"a") && !is_one(&root, b"a", b"b"));
        assert!(!is_one(&root, b"a", b"missing"));
    }
}
