//! What may be wiped without being proven: what is excluded, if the user says so. And of
//! that only what was there, as it is, when the user was asked.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::storage::filter::Filter;
use crate::tree::model::entry::{Entry, Time};
use crate::tree::model::path_set::Kept;
use crate::tree::scan::excluded::Extent;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, Walk};

/// What was excluded in a directory when the user was asked.
#[derive(Debug, Default)]
pub struct Asked {
    pub extent: Extent,
    /// By device and inode: when it last changed in any way.
    seen: HashMap<(u64, u64), Time>,
}

/// An excluded entry that the user has given up. Only [`Asked`] makes one.
#[derive(Debug)]
pub struct GivenUp(Entry);

impl GivenUp {
    pub fn entry(&self) -> &Entry {
        &self.0
    }
}

impl Asked {
    /// Looks at what is excluded below `root`, but for what is `spared`.
    ///
    /// # Errors
    /// An interrupt.
    pub fn of(root: Option<&Root>, filter: &Filter, spared: &Kept) -> Result<Self> {
        let mut asked = Asked::default();
        if filter.is_empty() {
            return Ok(asked);
        }
        // What cannot be read is left, and reported where that matters.
        let walk = root.and_then(|root| Walk::new(root, filter).ok());
        for found in walk.into_iter().flat_map(Walk::deep) {
            interrupt::check()?;
            let Found::Excluded(excluded) = found else { continue };
            // A directory that holds nothing else stays for that.
            if spared.holds(excluded.path()) || spared.is_below(excluded.path()) {
                continue;
            }
            asked.extent.add(&excluded);
            let entry = excluded.what.ok().filter(|entry| !entry.is_directory());
            if let Some(local) = entry.and_then(|entry| entry.local) {
                asked.seen.insert((local.dev, local.ino), local.ctime);
            }
        }
        Ok(asked)
    }

    /// Gives an entry up that is what it was then. `ours` is when it last changed
    /// because another of its names was wiped.
    pub(super) fn give_up(&self, entry: Entry, ours: Option<Time>) -> Option<GivenUp> {
        let now = entry.local?;
        let then = self.seen.get(&(now.dev, now.ino))?;
        (*then == now.ctime || ours == Some(now.ctime)).then_some(GivenUp(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_what_was_excluded_and_has_not_changed_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("cache/deep")).unwrap();
        for (name, content) in
            [("a.o", "1"), ("cache/deep/b", "22"), ("cache/c", ""), ("d.o", "4"), ("e", "no")]
        {
            fs::write(root.join(name), content).unwrap();
        }
        let filter = Filter::new(&["*.o".to_owned(), "/cache/".to_owned()], &[]).unwrap();
        fs::create_dir_all(root.join("cache/state/poof")).unwrap();
        let spared: Kept = [&b"d.o"[..], b"cache/state/poof"].into_iter().collect();
        let opened = Root::open(root).unwrap();
        let asked = Asked::of(Some(&opened), &filter, &spared).unwrap();
        assert_eq!(asked.extent, Extent { files: 3, bytes: 3, found: true });
        fs::write(root.join("a.o"), "2").unwrap();
        fs::write(root.join("cache/new"), "").unwrap();
        let given_up =
            Walk::new(&opened, &filter).unwrap().deep().filter_map(|found| match found {
                Found::Excluded(excluded) => asked.give_up(excluded.what.ok()?, None),
                _ => None,
            });
        let paths: Vec<_> = given_up.map(|given| given.entry().path.clone()).collect();
        assert_eq!(paths, [&b"cache/c"[..], b"cache/deep/b"]);
    }
}
