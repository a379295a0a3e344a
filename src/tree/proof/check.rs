//! Whether what the remote holds of a tree can be restored: the last snapshot
//! against a listing, and, if asked, against what is read back.

use std::collections::{HashMap, HashSet};

use data_encoding::HEXLOWER;
use itertools::Itertools;

use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::storage::job::Watch;
use crate::storage::store::Store;
use crate::tree::model::entry::{Entry, Tag};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::model::path_set::Kept;
use crate::tree::remote::listing::{Listing, Unclaimed};
use crate::tree::remote::object_metadata::is_content;
use crate::tree::remote::own_objects::Ours;
use crate::tree::remote::read_back::{self, Fault, in_its_place};
use crate::tree::snapshot::Snapshot;

/// Something that is not as the snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the tree.
    pub path: Vec<u8>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Missing,
    Changed,
    /// It is what an earlier snapshot had at this path.
    Stale,
    /// It holds what belongs at this path.
    Swapped(Vec<u8>),
    /// No snapshot knows it.
    Foreign {
        /// It is where the substitute names are: its path is from the top of the bucket.
        odd: bool,
    },
    /// Read back, it is something else: the BLAKE3 of that, in hexadecimal.
    Wrong(String),
    Unreadable(String),
}

impl What {
    /// Whether something cannot be restored because of it.
    pub fn is_loss(&self) -> bool {
        !matches!(self, What::Foreign { .. })
    }
}

/// What reading an object back says.
#[derive(Debug)]
pub struct ReadFinding {
    finding: Finding,
    /// The remote shows no hash of it.
    unhashed: bool,
}

/// What the listing says, and then what was read back.
#[derive(Debug, Default)]
pub struct Examined {
    /// Sorted by path; of each what the listing says comes first.
    pub findings: Vec<Finding>,
    /// Objects that are as they were proven: none of them is among the losses.
    pub intact: u64,
    /// Of those, the ones of which the remote shows no hash.
    pub unhashed: u64,
    /// What is to be read back.
    pub chosen: Option<Chosen>,
    /// How many objects that are, and their bytes as stored.
    pub readable: (u64, u64),
    /// Of how many.
    pub present: u64,
    /// Objects that a run has left which did not end.
    pub ours: u64,
}

impl Examined {
    /// Adds what was read back. What was intact by the listing is so no more.
    pub fn add(&mut self, read: Vec<ReadFinding>) {
        let losses = self.findings.iter().filter(|finding| finding.what.is_loss());
        let known: HashSet<_> = losses.map(|finding| finding.path.clone()).collect();
        for ReadFinding { finding, unhashed } in read {
            if !known.contains(&finding.path) {
                self.intact = self.intact.saturating_sub(1);
                self.unhashed = self.unhashed.saturating_sub(u64::from(unhashed));
            }
            self.findings.push(finding);
        }
        self.sort();
    }

    fn sort(&mut self) {
        let key = |finding: &Finding| !finding.what.is_loss();
        self.findings.sort_by(|a, b| a.path.cmp(&b.path).then(key(a).cmp(&key(b))));
    }
}

/// Leaves one loss of each path: what the listing says of it is more than that it reads back
/// wrong.
pub fn merge(findings: &mut Vec<Finding>) {
    findings.dedup_by(|later, first| {
        later.path == first.path && later.what.is_loss() && first.what.is_loss()
    });
}

/// Which objects are read back: a share of all, from 0 to 1, chosen by chance; one at
/// least, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    share: f64,
    seed: [u8; 32],
}

/// The objects of a snapshot that a sample has chosen.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    seed: [u8; 32],
    /// The largest number that is among them.
    limit: Option<u64>,
}

impl Sample {
    /// # Errors
    /// The system has no random numbers.
    pub fn new(share: f64) -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| Error::unexpected(error.to_string()))?;
        Ok(Sample { share, seed })
    }

    pub fn is_all(&self) -> bool {
        self.share >= 1.0
    }

    /// Chooses among objects, of which there are the numbers and sizes; and how many and
    /// how large they are.
    fn choose(&self, mut objects: Vec<(u64, u64)>) -> (Chosen, (u64, u64)) {
        objects.sort_unstable();
        // No more than there are objects, and no less than 0.
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let count = (objects.len() as f64 * self.share).ceil() as usize;
        let last = objects.get(count.max(1) - 1).or_else(|| objects.last());
        let limit = last.map(|(number, _)| *number);
        // What is in one bundle has one number.
        objects.retain(|(number, _)| limit.is_some_and(|limit| *number <= limit));
        let size = objects.iter().map(|(_, size)| *size).fold(0, u64::saturating_add);
        (Chosen { seed: self.seed, limit }, (objects.len() as u64, size))
    }

    fn number(&self, entry: &Entry) -> u64 {
        number(&self.seed, entry)
    }

    /// The share of the files of a snapshot, by their paths.
    ///
    /// # Errors
    /// The snapshot cannot be read, or an interrupt.
    pub fn paths(&self, snapshot: &Snapshot) -> Result<Kept> {
        let (mut files, mut paths) = (Vec::new(), Kept::default());
        for entry in snapshot.entries()? {
            interrupt::check()?;
            let entry = entry?;
            files.extend(entry.file().map(|data| (self.number(&entry), data.size)));
        }
        let (chosen, _) = self.choose(files);
        for entry in snapshot.entries()? {
            let entry = entry?;
            if entry.file().is_some() && chosen.has(&entry) {
                paths.add(&entry.path);
            }
        }
        Ok(paths)
    }

    /// The share of these.
    pub(in crate::tree) fn of(&self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let number = |entry: &Entry| (self.number(entry), 0);
        let (chosen, _) = self.choose(entries.iter().map(number).collect());
        entries.retain(|entry| chosen.has(entry));
        entries
    }
}

impl Chosen {
    fn has(&self, entry: &Entry) -> bool {
        self.limit.is_some_and(|limit| number(&self.seed, entry) <= limit)
    }
}

/// What chance makes of a path, or of a bundle: that is read as a whole.
fn number(seed: &[u8; 32], entry: &Entry) -> u64 {
    let hash = match entry.member() {
        Some(member) => blake3::keyed_hash(seed, &member.bundle.to_le_bytes()),
        None => blake3::keyed_hash(seed, &entry.path),
    };
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Compares a snapshot with a listing.
///
/// # Errors
/// The snapshot cannot be read.
pub fn examine(
    snapshot: &Snapshot,
    listing: &mut Listing,
    sample: Option<&Sample>,
    names: &Names,
    ours: &Ours,
) -> Result<Examined> {
    listing.bundles.expect(snapshot.bundles());
    let mut examined = Examined::default();
    let mut objects = Vec::new();
    // The objects that are where others should be, by how they are shown.
    let mut strangers: HashMap<(u64, String), Vec<usize>> = HashMap::new();
    for entry in snapshot.entries()?.filter_ok(Entry::is_object) {
        interrupt::check()?;
        let entry = entry?;
        let state = listing.claim(&entry)?;
        listing.disown_odd(&entry.path);
        let Some(stored) = &entry.stored else { continue };
        match state {
            State::Intact => {
                examined.intact += 1;
                examined.unhashed += u64::from(is_unhashed(&entry, listing));
            }
            State::Missing => {
                examined.findings.push(Finding { path: entry.path.clone(), what: What::Missing });
            }
            State::Changed => {
                let shown = entry.object().and_then(|object| listing.look(&entry, object.odd));
                if let Some(shown) = shown {
                    strangers.entry(shown).or_default().push(examined.findings.len());
                }
                examined.findings.push(Finding { path: entry.path.clone(), what: What::Changed });
            }
        }
        // Links are in the manifest itself.
        if let (Some(sample), Some(_)) = (sample, entry.file())
            && state != State::Missing
        {
            objects.push((sample.number(&entry), stored.size()));
        }
    }
    if let Some(sample) = sample {
        examined.present = objects.len() as u64;
        let (chosen, readable) = sample.choose(objects);
        (examined.chosen, examined.readable) = (Some(chosen), readable);
    }
    if !strangers.is_empty() {
        for entry in snapshot.entries()? {
            interrupt::check()?;
            let entry = entry?;
            let Some(stored) = entry.object() else { continue };
            let tag = match &stored.tag {
                Tag::Md5 => HEXLOWER.encode(&stored.md5),
                Tag::Text(text) => text.clone(),
                Tag::Time(_) => continue,
            };
            for index in strangers.remove(&(stored.size, tag)).into_iter().flatten() {
                examined.findings[index].what = What::Swapped(entry.path.clone());
            }
        }
    }
    let Unclaimed { gone, odd_gone, foreign } = listing.settle(names, ours);
    examined.ours = (gone.len() + odd_gone.len()) as u64;
    let foreign = foreign.into_iter();
    let foreign = foreign.map(|f| Finding { path: f.name, what: What::Foreign { odd: f.odd } });
    examined.findings.extend(foreign);
    let beside = listing.bundles.foreign().map(|name| Finding {
        path: [names.bundles().as_bytes(), b"/", &name].concat(),
        what: What::Foreign { odd: true },
    });
    examined.findings.extend(beside);
    examined.sort();
    Ok(examined)
}

impl ReadFinding {
    /// Of the file whose object was read.
    pub fn path(&self) -> &[u8] {
        &self.finding.path
    }
}

/// Whether an earlier snapshot may tell more of what was found.
pub fn may_be_stale(findings: &[Finding]) -> bool {
    findings.iter().any(is_open)
}

/// Whether why it is so is not known yet.
fn is_open(finding: &Finding) -> bool {
    matches!(finding.what, What::Changed | What::Wrong(_))
}

/// Names those of `findings`, which are sorted by their paths, that an earlier
/// snapshot explains: the object is what the `earlier` one had there.
///
/// # Errors
/// The earlier snapshot cannot be read.
pub fn name_stale(findings: &mut [Finding], listing: &Listing, earlier: &Snapshot) -> Result<()> {
    for entry in earlier.entries()? {
        interrupt::check()?;
        let entry = entry?;
        let start = findings.partition_point(|finding| finding.path < entry.path);
        let rest = &mut findings[start..];
        let end = rest.partition_point(|finding| finding.path == entry.path);
        // The listing and what was read may both have found something.
        let of_it = &mut rest[..end];
        let is_then = |what: &What| {
            Ok(match what {
                What::Changed => entry.stored.is_some() && listing.state(&entry)? == State::Intact,
                What::Wrong(content) => is_content(&entry, content),
                _ => false,
            })
        };
        let verdicts = of_it.iter().map(|finding| is_then(&finding.what));
        if verdicts.collect::<Result<Vec<bool>>>()?.contains(&true) {
            for finding in of_it.iter_mut().filter(|finding| is_open(finding)) {
                finding.what = What::Stale;
            }
        }
    }
    Ok(())
}

/// Reads back the objects of `chosen` and compares their content with the snapshot.
/// `told` hears the bytes of each batch, as stored.
///
/// # Errors
/// The remote fails, or the snapshot cannot be read, or an interrupt.
pub fn read_back(
    store: &Store,
    names: &Names,
    (snapshot, listing): (&Snapshot, &Listing),
    chosen: &Chosen,
    watch: &mut dyn Watch,
    told: impl FnMut(u64),
) -> Result<Vec<ReadFinding>> {
    let mut findings = Vec::new();
    let is_chosen = |entry: &Entry| entry.file().is_some() && chosen.has(entry);
    let chosen = snapshot.entries()?.filter_ok(is_chosen);
    let place = in_its_place(names);
    read_back::read_back(store, names.tree(), place, chosen, watch, told, |entry, fault| {
        let what = match fault {
            Fault::Wrong(content) => What::Wrong(content),
            Fault::Unreadable(why) => What::Unreadable(why),
        };
        let unhashed = is_unhashed(entry, listing);
        let finding = Finding { path: entry.path.clone(), what };
        findings.push(ReadFinding { finding, unhashed });
    })?;
    Ok(findings)
}

/// Whether the remote shows no hash of what it holds of an entry.
fn is_unhashed(entry: &Entry, listing: &Listing) -> bool {
    matches!(listing.tag(entry), Some(Tag::Time(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::{Attributes, EntryKind, Member, Stored};

    #[test]
    fn a_sample_has_its_share_and_one_at_least() {
        for (of, share, expected) in
            [(10_000, 0.05, 500), (10_000, 1.0, 10_000), (7, 0.05, 1), (7, 0.5, 4), (1, 0.0, 1)]
        {
            let sample = Sample { share, seed: [7; 32] };
            let all: Vec<_> = (0..of).map(|i: u32| file(&i.to_le_bytes(), None)).collect();
            let objects = all.iter().map(|entry| (sample.number(entry), 3)).collect();
            let (chosen, told) = sample.choose(objects);
            let count = all.iter().filter(|entry| chosen.has(entry)).count() as u64;
            assert_eq!((count, told), (expected, (expected, 3 * expected)), "{share} of {of}");
        }
        let sample = Sample { share: 0.5, seed: [7; 32] };
        let (none, told) = sample.choose(Vec::new());
        assert!(!none.has(&file(b"x", None)) && told == (0, 0));
    }

    fn file(path: &[u8], bundle: Option<u64>) -> Entry {
        let member = |bundle| Member { bundle, offset: 0, size: 3, deflated: false };
        Entry {
            path: path.to_vec(),
            kind: EntryKind::Fifo,
            attributes: Attributes::default(),
            hard_link: None,
            stored: bundle.map(member).map(Stored::Member),
            local: None,
        }
    }

    #[test]
    fn a_sample_has_whole_bundles() {
        let sample = Sample { share: 0.1, seed: [7; 32] };
        let all: Vec<_> =
            (0..1000_u32).map(|i| file(&i.to_le_bytes(), Some(u64::from(i / 100)))).collect();
        let objects = all.iter().map(|entry| (sample.number(entry), 3)).collect();
        let (chosen, told) = sample.choose(objects);
        assert_eq!(told, (100, 300));
        let bundles: HashSet<_> =
            all.iter().filter(|e| chosen.has(e)).map(|e| e.member().unwrap().bundle).collect();
        assert_eq!(bundles.len(), 1);
    }
}
