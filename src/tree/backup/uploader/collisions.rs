//! Names that some remotes take for one: those that differ in upper and lower
//! case, in Unicode's normal form, or in dots and spaces at the end. Which of them
//! a remote folds, no feature of rclone's tells, so it is tried, with names that
//! are there.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use unicode_normalization::UnicodeNormalization;

use super::Outgoing;
use crate::base::error::{Kind, Result};
use crate::storage::job::Watch;
use crate::storage::store::Bytes;
use crate::tree::model::change::Change;
use crate::tree::model::entry::is_within;
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::model::path::Below;
use crate::tree::remote::sent::look;

/// A name that the remote may take for another.
#[derive(Debug, PartialEq, Eq)]
pub struct Rival {
    /// Of its change.
    pub index: usize,
    /// Nobody has stored this. If the remote has it, it is the other: it folds.
    pub probe: Vec<u8>,
}

impl Outgoing<'_> {
    /// The changes whose names the remote may take for others.
    pub(in crate::tree) fn rivals(&self) -> Vec<Rival> {
        let is_unsent = |change: &Change| change.send.is_some() && !change.odd && !change.bundled;
        let name = |(index, change): (usize, &Change)| {
            let entry = is_unsent(change).then(|| change.entry())??;
            Some((index, Names::object(&entry).ok()?.as_bytes().to_vec()))
        };
        rivals(|| self.changes.iter().enumerate().filter_map(name), &self.listing.own)
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
struct Spelling {
    start: Vec<u8>,
    name: Vec<u8>,
}

/// Which of `names`, which are to be stored and have numbers, may be taken for one that is
/// `listed`, or for another of `names` before it, or are in a directory of
/// which this holds.
fn rivals<I: Iterator<Item = (usize, Vec<u8>)>>(
    names: impl Fn() -> I,
    listed: &Inventory,
) -> Vec<Rival> {
    let random = RandomState::new();
    let doubtful = doubtful(names(), listed, &random);
    if doubtful.is_empty() {
        return Vec::new();
    }
    let starts = |name: &[u8]| {
        let starts = starts(name).map(|start| (fold(start), start.to_vec()));
        starts.filter(|(key, _)| doubtful.contains(&random.hash_one(key))).collect::<Vec<_>>()
    };
    // By what they fold to.
    let mut spellings: HashMap<Vec<u8>, Vec<Spelling>> = HashMap::new();
    for name in listed.names() {
        for (key, start) in starts(&name) {
            let known = spellings.entry(key).or_default();
            if known.iter().all(|spelling| spelling.start != start) {
                known.push(Spelling { start, name: name.clone() });
            }
        }
    }
    let mut rivals = Vec::new();
    for (index, name) in names() {
        for (key, start) in starts(&name) {
            let known = spellings.entry(key).or_default();
            match known.first() {
                _ if known.iter().any(|spelling| spelling.start == start) => {}
                None => known.push(Spelling { start, name: name.clone() }),
                Some(Spelling { start: other, name }) => {
                    let probe = [&start, &name[other.len()..]].concat();
                    rivals.push(Rival { index, probe });
                    break;
                }
            }
        }
    }
    rivals
}

/// The hashes of what starts of names fold to that are spelt in two ways. Of a first backup
/// there are as many names as files, so they are told apart by sixteen bytes each; who looks
/// at the names themselves needs those alone that have these hashes.
fn doubtful(
    names: impl Iterator<Item = (usize, Vec<u8>)>,
    listed: &Inventory,
    random: &RandomState,
) -> HashSet<u64> {
    let hashes = |start: &[u8]| (random.hash_one(fold(start)), random.hash_one(start));
    let mut seen = Vec::new();
    let mut last = Vec::new();
    for (_, name) in names {
        // What is directly behind another in one directory shares its starts.
        seen.extend(starts(&name).filter(|start| !is_within(&last, start)).map(hashes));
        last = name;
    }
    seen.sort_unstable();
    seen.dedup();
    let mut others = Vec::new();
    for name in listed.names() {
        for (folded, spelt) in starts(&name).map(hashes) {
            if seen.binary_search_by_key(&folded, |(folded, _)| *folded).is_err() {
                // Nor is anything below it.
                break;
            }
            others.push((folded, spelt));
        }
    }
    seen.append(&mut others);
    seen.sort_unstable();
    seen.dedup();
    let twice = seen.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    twice.map(|pair| pair[0].0).collect()
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
        let rivals = rivals(|| names.iter().cloned().enumerate(), &inventory).into_iter();
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
