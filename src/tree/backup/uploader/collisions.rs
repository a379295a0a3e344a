//! Names that some remotes take for one: those that differ in upper and lower
//! case, in Unicode's normal form, or in dots and spaces at the end. Which of them
//! a remote folds, no feature of rclone's tells, so it is tried, with names that
//! are there.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use super::Outgoing;
use crate::base::error::{Kind, Result};
use crate::storage::job::Watch;
use crate::storage::store::Bytes;
use crate::tree::model::change::Change;
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::model::path::Below;
use crate::tree::remote::sent::look;

/// A name that the remote may take for another.
#[derive(Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its number among the names that were asked for.
    pub index: usize,
    /// Nobody has stored this. If the remote has it, it is the other: it folds.
    pub probe: Vec<u8>,
}

impl Outgoing<'_> {
    /// The changes whose names the remote may take for others.
    pub(in crate::tree) fn rivals(&self) -> Vec<Rival> {
        let unsent = self.changes.iter().enumerate();
        let unsent =
            unsent.filter(|(_, change)| change.send.is_some() && !change.odd && !change.bundled);
        let name = |(index, change): (usize, &Change)| {
            Some((index, Names::object(change.entry.as_ref()?).ok()?.as_bytes().to_vec()))
        };
        let (indexes, names): (Vec<_>, Vec<_>) = unsent.filter_map(name).unzip();
        let mut rivals = rivals(&names, &self.listing.own);
        for rival in &mut rivals {
            rival.index = indexes[rival.index];
        }
        rivals
    }

    /// Makes odd what the remote takes for something else.
    pub(in crate::tree) fn try_folding(
        &mut self,
        rivals: Vec<Rival>,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let probes: Vec<_> = rivals.iter().map(|r| Bytes(self.names.full(&r.probe))).collect();
        let shown = look(self.store, &probes, watch)
            .map_err(|f| f.into_error("look at what was sent", Kind::Incomplete))?;
        for (Rival { index, .. }, shown) in rivals.into_iter().zip(shown) {
            let is_there = shown.is_some_and(|shown| shown.failure.is_none());
            self.changes[index].odd |= is_there;
        }
        Ok(())
    }
}

/// How the start of a name is spelt, and a name that begins so.
struct Spelling<'a> {
    start: &'a [u8],
    name: &'a [u8],
}

/// Which of `names`, which are to be stored, may be taken for one that is
/// `listed`, or for another of `names` before it, or are in a directory of
/// which this holds.
fn rivals(names: &[Vec<u8>], listed: &Inventory) -> Vec<Rival> {
    let folded: HashSet<Vec<u8>> = names.iter().flat_map(|name| starts(name)).map(fold).collect();
    // By what they fold to.
    let mut spellings: HashMap<Vec<u8>, Vec<Spelling>> = HashMap::new();
    for name in listed.names() {
        for start in starts(name) {
            let key = fold(start);
            if !folded.contains(&key) {
                // Nor is anything below it.
                break;
            }
            let known = spellings.entry(key).or_default();
            if known.iter().all(|spelling| spelling.start != start) {
                known.push(Spelling { start, name });
            }
        }
    }
    let mut rivals = Vec::new();
    for (index, name) in names.iter().enumerate() {
        for start in starts(name) {
            let known = spellings.entry(fold(start)).or_default();
            match known.first() {
                _ if known.iter().any(|spelling| spelling.start == start) => {}
                None => known.push(Spelling { start, name }),
                Some(Spelling { start: other, name }) => {
                    let probe = [start, &name[other.len()..]].concat();
                    rivals.push(Rival { index, probe });
                    break;
                }
            }
        }
    }
    rivals
}

/// The directories that a name is in, the topmost first, and the name.
fn starts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| &name[..at]).chain([name])
}

/// The same for all names that some remote or disk takes for one.
pub(in crate::tree) fn fold(name: &[u8]) -> Vec<u8> {
    let name = if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        // Upper case first: ß and ſ are then what they are equal to.
        let text = String::from_utf8_lossy(name);
        text.nfd()
            .collect::<String>()
            .to_uppercase()
            .to_lowercase()
            .nfc()
            .collect::<String>()
            .into()
    };
    let parts = name.split(|byte| *byte == b'/').map(|part| {
        let end = part.iter().rposition(|byte| !b" .".contains(byte)).map_or(0, |last| last + 1);
        &part[..end]
    });
    parts.collect::<Vec<_>>().join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::store::Shown;

    fn found(names: &[&str], listed: &[&str]) -> Vec<(usize, String)> {
        let mut inventory = Inventory::default();
        for name in listed {
            let remote = Bytes(name.as_bytes().to_vec());
            let tag = String::new();
            inventory.add(Shown { id: 0, remote, size: 0, tag, time: (0, 0), failure: None });
        }
        inventory.sort();
        let names: Vec<_> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        let rivals = rivals(&names, &inventory).into_iter();
        rivals.map(|r| (r.index, String::from_utf8(r.probe).unwrap())).collect()
    }

    #[test]
    fn a_name_that_differs_in_what_remotes_fold_is_a_rival_of_the_one_before_it() {
        for (first, second) in [
            ("A", "a"),
            ("\u{e9}", "e\u{301}"),
            ("STRASSE", "stra\u{df}e"),
            ("\u{212b}", "\u{e5}"),
            ("a", "a. ."),
        ] {
            assert_eq!(found(&[first, second], &[]), [(1, second.to_owned())], "{second}");
            assert_eq!(found(&[second], &[first]), [(0, second.to_owned())], "{second}");
            assert_eq!(found(&[first, second], &[first, second]), [], "{second}: told apart");
        }
        assert_eq!(found(&["a", "b", "a.b", "c/a", "a/b"], &["ab", "b/a"]), []);
    }

    #[test]
    fn in_a_directory_that_is_a_rival_all_are() {
        let expected = [(0, "dir/x/old".to_owned()), (1, "dir/x/old".to_owned())];
        assert_eq!(found(&["dir/a", "dir/b"], &["Dir/x/old"]), expected);
        let expected = [(1, "Dir/SUB/a".to_owned()), (2, "dir/sub/a".to_owned())];
        assert_eq!(found(&["Dir/sub/a", "Dir/SUB/b", "dir/sub/c"], &[]), expected);
    }
}
