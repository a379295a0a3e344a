//! Which contents go into bundles, which of them together, and which bundles are made anew.
//!
//! A bundle is never changed. What is not needed of it any more takes space, so that a bundle
//! of which less than half is needed is made anew, from the files that are here; and small
//! ones, of which each run with a few changes makes one, are put together.

use crate::tree::model::change::Change;
use crate::tree::model::entry::{Entry, EntryKind, LARGEST_MEMBER};
use crate::tree::remote::bundles::Used;

/// The contents of a bundle are of so many bytes together, in clear and not compressed: it is
/// made in memory.
const LARGEST: u64 = LARGEST_MEMBER;

/// So many members a bundle has at most.
const MOST: usize = 4096;

/// The smallest bundles are of up to so many bytes as stored, the next larger ones of eight
/// times as many, and so on up to [`LARGEST`].
const SMALLEST: u64 = 64 << 10;

/// So many bundles of about one size are put together.
const TOGETHER: usize = 8;

/// Which contents go into bundles.
#[derive(Clone, Copy, Debug)]
pub struct Bundling {
    /// Files of up to so many bytes do.
    pub limit: u64,
}

/// Whether a content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Always,
    /// It does if compressing makes it smaller.
    IfSmaller,
    Never,
}

/// A longer path, in bytes, is none that an archive has: most programs could not unpack it.
const LONGEST: usize = 4096;

impl Bundling {
    pub fn takes(self, entry: &Entry) -> Takes {
        match &entry.kind {
            _ if entry.path.len() > LONGEST => Takes::Never,
            EntryKind::File(data) if data.size <= self.limit => Takes::Always,
            EntryKind::File(data) if data.size <= LARGEST_MEMBER => Takes::IfSmaller,
            EntryKind::Symlink { .. } => Takes::Always,
            _ => Takes::Never,
        }
    }
}

/// Whether what the remote holds of an entry is to be stored in another way.
pub fn is_to_be_repacked(bundling: Option<Bundling>, entry: &Entry) -> bool {
    let takes = bundling.map_or(Takes::Never, |bundling| bundling.takes(entry));
    match takes {
        Takes::Always => entry.object().is_some(),
        Takes::IfSmaller => false,
        Takes::Never => entry.member().is_some(),
    }
}

/// Whether something that is sent may have an object of its own in the end: a file that is to be
/// in a bundle if it becomes smaller there may have one.
pub fn may_have_its_own(bundling: Option<Bundling>, change: &Change) -> bool {
    let takes = |entry: Entry| bundling.map(|bundling| bundling.takes(&entry));
    !change.bundled || change.entry().and_then(takes) == Some(Takes::IfSmaller)
}

/// Which of `changes` go together, by their numbers. `pending` are those to be bundled, in
/// their order.
pub fn groups(changes: &[Change], pending: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for &index in pending {
        let size = changes[index].entry().map_or(0, |entry| entry.content_size());
        match groups.last_mut() {
            Some(group) if size <= room && group.len() < MOST => group.push(index),
            _ => {
                groups.push(vec![index]);
                room = LARGEST;
            }
        }
        room = room.saturating_sub(size);
    }
    groups
}

/// Which bundles are to be made anew, of which it is known how large they are and how much of
/// each is needed. One that nothing needs any more is none of them.
pub fn worn(bundles: impl Iterator<Item = (u64, u64, Used)>) -> Vec<u64> {
    let mut worn = Vec::new();
    let mut classes: Vec<Vec<u64>> = Vec::new();
    for (number, size, used) in bundles {
        if used.members == 0 || used.elsewhere {
            continue;
        }
        // The names in an archive take space, too: one of empty files is not worn.
        let names = used.members.saturating_mul(NAMES);
        if (used.bytes + names).saturating_mul(2) < size {
            worn.push(number);
            continue;
        }
        let Some(class) = class(size) else { continue };
        if classes.len() <= class {
            classes.resize_with(class + 1, Vec::new);
        }
        classes[class].push(number);
    }
    worn.extend(classes.into_iter().filter(|class| class.len() >= TOGETHER).flatten());
    worn.sort_unstable();
    worn
}

/// What a member takes at least beside its content, in bytes: its headers.
const NAMES: u64 = 30 + 46;

/// Which of the sizes a bundle has; None: it is large enough.
fn class(size: u64) -> Option<usize> {
    let classes = (0..).zip(std::iter::successors(Some(SMALLEST), |size| size.checked_mul(8)));
    let mut small = classes.take_while(|(_, limit)| *limit < LARGEST / 2);
    small.find(|(_, limit)| size <= *limit).map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::change::{News, Why};
    use crate::tree::model::entry::{Attributes, FileData};

    fn file(size: u64) -> Change {
        let kind = EntryKind::File(FileData { size, content: None, sparse: false });
        let (path, attributes) = (b"x".to_vec(), Attributes::default());
        let (hard_link, stored, local) = (None, None, None);
        let entry = Entry { path, kind, attributes, hard_link, stored, local };
        let mut change = Change::of(&entry, Some(Why::New), News::New);
        change.bundled = true;
        change
    }

    #[test]
    fn a_bundle_is_no_larger_than_it_may_be() {
        let mib = 1 << 20;
        let sizes = [10, 6, 1, 16, 16, 0, 15, 2];
        let changes = sizes.map(|size| file(size * mib));
        let all: Vec<usize> = (0..changes.len()).collect();
        let groups = groups(&changes, &all);
        assert_eq!(groups, [vec![0, 1], vec![2], vec![3], vec![4, 5], vec![6], vec![7]]);
        let changes: Vec<_> = (0..=MOST).map(|_| file(0)).collect();
        let all: Vec<usize> = (0..changes.len()).collect();
        let lens: Vec<_> = super::groups(&changes, &all).iter().map(Vec::len).collect();
        assert_eq!(lens, [MOST, 1]);
    }

    #[test]
    fn a_bundle_is_made_anew_if_less_than_half_of_it_is_needed() {
        let used = |bytes, members| Used { bytes, members, elsewhere: false };
        let bundles = |all: &[(u64, u64, Used)]| worn(all.iter().copied());
        let mib = 1 << 20;
        assert_eq!(
            bundles(&[(1, 10 * mib, used(4 * mib, 3)), (2, 10 * mib, used(6 * mib, 3))]),
            [1]
        );
        assert!(bundles(&[(1, 10 * mib, used(0, 0))]).is_empty(), "nothing needs it");
        assert!(bundles(&[(1, 400_000, used(0, 4000))]).is_empty(), "of empty files");
        let elsewhere = Used { elsewhere: true, ..used(1, 1) };
        assert!(bundles(&[(1, 10 * mib, elsewhere)]).is_empty());
    }

    #[test]
    fn small_bundles_are_put_together() {
        let of = |count: u64, size: u64| {
            let used = Used { bytes: size, members: 1, elsewhere: false };
            worn((0..count).map(move |number| (number, size, used))).len()
        };
        assert_eq!((of(7, 1000), of(8, 1000)), (0, 8));
        assert_eq!((of(7, 400 << 10), of(8, 400 << 10)), (0, 8));
        assert_eq!((of(7, 3 << 20), of(8, 3 << 20)), (0, 8));
        assert_eq!((of(100, 5 << 20), of(100, 16 << 20)), (0, 0), "large enough");
    }
}
