//! What is cut off a plan that rclone has made.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::storage::failure::FailureKind;
use crate::storage::filter::Filter;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath, ObjectName};
use crate::tree::model::path_set::Kept;
use crate::tree::model::plan::{Failed, Item, Items, Plan};
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, Walk, closed};

impl Plan<ObjectName> {
    /// Nothing was found on either side.
    pub(super) fn says_nothing(&self) -> bool {
        self.is_empty() && self.failed.is_empty() && self.equal.is_empty()
    }

    /// Without what is at or below `path`.
    #[must_use]
    pub fn sparing(mut self, place: &ObjectName) -> Self {
        for items in [&mut self.add, &mut self.update, &mut self.delete] {
            items.retain(|item| !item.path.is_within(place));
        }
        self
    }

    /// Only what lies at or below one of `places`.
    #[must_use]
    pub fn reaching(mut self, places: &[ObjectName]) -> Self {
        let is_one = |name: &ObjectName| {
            let place = name.place();
            places.iter().any(|wanted| name.is_within(wanted) || place.is_within(wanted))
        };
        for items in [&mut self.add, &mut self.update, &mut self.delete] {
            items.retain(|item| is_one(&item.path));
        }
        self.failed.retain(|failed| is_one(&ObjectName::told(failed.path.as_os_str().as_bytes())));
        self.equal.retain(is_one);
        (self.trouble, self.unchanged) = (None, 0);
        self
    }

    /// Without what would touch something that is here and excluded.
    #[must_use]
    pub fn leaving(mut self, here: &ExcludedHere) -> Self {
        self.delete.retain(|item| !here.concerns(item));
        for items in [&mut self.add, &mut self.update] {
            items.retain(|item| {
                let is_blocked = here.blocks(item);
                if is_blocked {
                    self.failed.push(in_the_way(&item.path));
                }
                !is_blocked && !here.concerns(item)
            });
        }
        self
    }

    /// Without its deletions, and without what they would make way for.
    #[must_use]
    pub fn keeping_extra(mut self) -> Self {
        let kept: HashSet<_> = self.delete.iter().map(|item| item.path.place()).collect();
        let above: HashSet<_> = kept.iter().flat_map(ObjectName::above).collect();
        self.add.retain(|item| {
            let place = item.path.place();
            let is_blocked = above.contains(&place) || place.above().any(|dir| kept.contains(&dir));
            if is_blocked {
                self.failed.push(in_the_way(&item.path));
            }
            !is_blocked
        });
        self.delete = Items::default();
        self
    }
}

fn in_the_way(name: &ObjectName) -> Failed {
    Failed::at(name.as_bytes(), FailureKind::Forbidden, "what is to stay is in its way")
}

/// What is in a directory and is excluded, under the names that rclone has for it.
#[derive(Debug, Default)]
pub struct ExcludedHere {
    pub count: u64,
    files: Kept,
    directories: Kept,
}

impl ExcludedHere {
    /// Whether an item is where something is excluded.
    fn concerns(&self, item: &Item<ObjectName>) -> bool {
        let place = item.path.place();
        self.files.holds(place.as_bytes()) || self.directories.holds(place.as_bytes())
    }

    /// Whether a file can only come to its place if something goes that is excluded.
    fn blocks(&self, item: &Item<ObjectName>) -> bool {
        let place = item.path.place();
        let above = place.above().next().unwrap_or_default();
        let (place, above) = (place.as_bytes(), above.as_bytes());
        let is_directory = self.directories.holds(place) && !self.directories.holds(above);
        let holds_one = self.files.is_below(place) || self.directories.is_below(place);
        is_directory || holds_one || self.files.holds(above)
    }

    /// # Errors
    /// The directory cannot be read.
    pub fn of(root: Option<&Root>, filter: &Filter) -> Result<Self> {
        let mut here = ExcludedHere::default();
        let Some(root) = root.filter(|_| !filter.is_empty()) else { return Ok(here) };
        let walk = Walk::new(root, filter).map_err(|error| closed(root.path(), &error))?;
        for found in walk {
            interrupt::check()?;
            let Found::Excluded(excluded) = found else { continue };
            here.count += 1;
            let name = Names::encoded(&LocalPath::new(excluded.path()))?;
            let kept =
                if excluded.is_directory() { &mut here.directories } else { &mut here.files };
            kept.add(name.as_bytes());
        }
        Ok(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(paths: &[&str]) -> Items<ObjectName> {
        paths.iter().map(|path| Item { path: (*path).into(), size: 0 }).collect()
    }

    #[test]
    fn a_directory_can_be_spared() {
        let plan = Plan { update: items(&["poof/x", "poof2/x"]), ..Plan::default() };
        assert_eq!(plan.sparing(&"poof".into()).update, items(&["poof2/x"]));
    }

    #[test]
    fn what_is_to_stay_is_not_made_way_for() {
        let plan = Plan {
            add: items(&["was-dir", "was-file/x", "was-link/x", "link.rclonelink", "new"]),
            delete: items(&["was-dir/deep/x", "was-file", "was-link.rclonelink", "link/x"]),
            ..Plan::default()
        };
        let kept = plan.keeping_extra();
        assert_eq!((kept.add, kept.delete), (items(&["new"]), items(&[])));
        assert_eq!(kept.failed.len(), 4);
    }

    #[test]
    fn what_is_excluded_here_stays_and_what_it_is_in_the_way_of_is_said() {
        let plan = Plan {
            add: items(&["cache/new", "cache2", "tmp", "a.o/x", "d", "new"]),
            update: items(&["cache/x", "b.o", "x"]),
            delete: items(&["cache/y", "c.o", "d/x", "y"]),
            ..Plan::default()
        };
        let kept = |paths: &[&'static str]| paths.iter().map(|path| path.as_bytes()).collect();
        let (files, directories) = (kept(&["a.o", "b.o", "c.o", "d/e.o"]), kept(&["cache", "tmp"]));
        let left = plan.leaving(&ExcludedHere { count: 6, files, directories });
        assert_eq!(left.add, items(&["cache2", "new"]));
        assert_eq!((left.update, left.delete), (items(&["x"]), items(&["d/x", "y"])));
        let failed: Vec<_> = left.failed.iter().map(|f| f.path.to_str().unwrap()).collect();
        assert_eq!(failed, ["tmp", "a.o/x", "d"]);
    }
}
