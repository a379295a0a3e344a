//! What is cut off a plan that rclone has made.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::storage::failure::FailureKind;
use crate::tree::plan::{Failed, Item, Plan};

impl Plan {
    /// Nothing was found on either side.
    pub(super) fn says_nothing(&self) -> bool {
        self.is_empty() && self.failed.is_empty() && self.equal.is_empty()
    }

    /// Without what lies at or below `path`.
    #[must_use]
    pub fn sparing(mut self, path: &Path) -> Self {
        for items in [&mut self.add, &mut self.update, &mut self.delete] {
            items.retain(|item| !item.path.starts_with(path));
        }
        self
    }

    /// Without its deletions, and without what they would make way for.
    #[must_use]
    pub fn keeping_extra(mut self) -> Self {
        let kept: HashSet<PathBuf> = self.delete.iter().map(Item::place).collect();
        let above: HashSet<&Path> = kept.iter().flat_map(|p| p.ancestors().skip(1)).collect();
        let (blocked, free): (Vec<_>, Vec<_>) = self.add.into_iter().partition(|item| {
            let place = item.place();
            above.contains(place.as_path()) || place.ancestors().skip(1).any(|p| kept.contains(p))
        });
        self.add = free;
        self.failed.extend(blocked.into_iter().map(|item| Failed {
            path: item.path,
            kind: FailureKind::Forbidden,
            why: "what is to stay is in its way".to_owned(),
        }));
        self.delete.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_can_be_spared() {
        let item = |path: &str| Item { path: path.into(), size: 1 };
        let plan = Plan { update: vec![item("poof/x"), item("poof2/x")], ..Plan::default() };
        assert_eq!(plan.sparing(Path::new("poof")).update, [item("poof2/x")]);
    }

    #[test]
    fn what_is_to_stay_is_not_made_way_for() {
        let items =
            |paths: &[&str]| paths.iter().map(|path| Item { path: path.into(), size: 0 }).collect();
        let plan = Plan {
            add: items(&["was-dir", "was-file/x", "was-link/x", "link.rclonelink", "new"]),
            delete: items(&["was-dir/deep/x", "was-file", "was-link.rclonelink", "link/x"]),
            ..Plan::default()
        };
        let kept = plan.keeping_extra();
        assert_eq!((kept.add, kept.delete), (items(&["new"]), Vec::new()));
        assert_eq!(kept.failed.len(), 4);
    }
}
