//! Which changes are suspected to be the work of a ransom program, and what has become of
//! the files of the last snapshot by them.
//!
//! A file is suspected if it has other content and is noise now. The remote still has what
//! it was: the beginnings of some are read, and tell whether it was noise before.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use super::Backup;
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Fetch, Fetched};
use crate::tree::guard::{Losses, are_many};
use crate::tree::model::change::{Change, News, Why};
use crate::tree::model::entry::{Entry, Member};
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, LocalPath};
use crate::tree::remote::object_metadata::part_of;
use crate::tree::scan::appearance::{Appearance, FIRST, ending, is_named_as_a_kind};
use crate::tree::scan::root::Root;

/// How many objects are looked into at most.
const LOOKS: usize = 32;

/// By so many bytes a file is larger at most once it is encrypted: a key, a nonce, an address
/// to pay at.
const HEADER: u64 = 64 << 10;

/// A file of the last snapshot that is not here any more, as far as its object is found.
#[derive(Clone, Debug)]
struct Former {
    path: Vec<u8>,
    /// In bytes.
    size: u64,
    stored: u64,
    odd: bool,
    member: Option<Member>,
}

impl Former {
    fn of(old: &Entry) -> Option<Self> {
        let (data, stored) = (old.file()?, old.stored.as_ref()?);
        data.content?;
        let (path, size) = (old.path.clone(), data.size);
        let (odd, member) = (old.is_odd(), old.member().copied());
        Some(Former { path, size, stored: stored.size(), odd, member })
    }

    /// The job that reads the beginning of its content.
    fn fetch(&self, names: &Names, id: u64) -> Result<Fetch> {
        let remote = Bytes(if let Some(member) = self.member {
            names.bundle_place(member.bundle).into_bytes()
        } else if self.odd {
            format!("{}/{}", names.odd_dir(), Names::odd(&self.path)).into_bytes()
        } else {
            names.full(Names::encoded(&LocalPath::new(&self.path))?.as_bytes())
        });
        let first = Some(FIRST as u64);
        let part = self.member.as_ref().map(part_of);
        Ok(Fetch { id, remote, size: self.stored, first, part, ..Fetch::default() })
    }
}

/// What the last snapshot has that is not here any more.
#[derive(Debug, Default)]
pub struct Past {
    /// Files in it, those among them that are here as they were.
    pub files: u64,
    /// Those with other content, and the numbers of their changes.
    rewritten: Vec<(usize, Former)>,
    gone: Vec<Former>,
}

impl Past {
    /// Gives the changes their numbers in another order of them.
    pub fn renumber(&mut self, number: impl Fn(usize) -> usize) {
        for (of, _) in &mut self.rewritten {
            *of = number(*of);
        }
    }

    /// Takes note of an entry that is gone.
    pub fn lost(&mut self, old: &Entry) {
        self.files += u64::from(old.file().is_some());
        self.gone.extend(Former::of(old));
    }

    /// Takes note of what was at the path of a change, if it was a file and another is there.
    pub fn replaced(&mut self, number: usize, now: &Entry, send: Option<Why>, old: &Entry) {
        if now.file().is_some() && send == Some(Why::Changed) {
            self.rewritten.extend(Former::of(old).map(|former| (number, former)));
        }
    }
}

/// A file of the last snapshot and what is here instead.
struct Successor<'a> {
    former: &'a Former,
    path: &'a [u8],
    appearance: Appearance,
}

/// Files with one ending.
#[derive(Default)]
struct Group<'a> {
    /// It is that of a kind.
    is_known: bool,
    noise: Vec<Successor<'a>>,
    others: Vec<Successor<'a>>,
    /// How many of each are looked into.
    looks: [usize; 2],
}

impl Group<'_> {
    /// How many have lost their kind, as far as those say that were looked into.
    fn lost(&self, [noise, others]: [Before; 2]) -> u64 {
        let lost = part(self.noise.len(), noise.recognisable, noise.told);
        if self.is_known {
            return lost.saturating_sub(part(self.others.len(), others.noise, others.told));
        }
        // There is more noise than anything else (see below): where it comes and goes, half of
        // the others would have been some.
        let comes_and_goes = others.noise * 8 > others.told;
        if comes_and_goes { 0 } else { lost }
    }

    /// Whether it can be told that anything has lost its kind. In the cache of a browser, say,
    /// what is under a name has nothing to do with what was: files become noise, and as many
    /// are no noise any more.
    fn tells(&self) -> bool {
        !self.noise.is_empty() && (self.is_known || self.noise.len() >= self.others.len())
    }
}

/// Of those that were looked into.
#[derive(Clone, Copy, Default)]
struct Before {
    recognisable: u64,
    noise: u64,
    told: u64,
}

impl Backup<'_> {
    /// What the directory has lost of the content of its last snapshot. Nothing is asked of
    /// the remote unless enough is suspected to be refused.
    ///
    /// # Errors
    /// The remote cannot be reached, or an interrupt.
    pub fn losses(&self, watch: &mut dyn Watch) -> Result<Losses> {
        let of = self.past.files;
        let mut losses = Losses { of, ..Losses::default() };
        let touched = (self.past.rewritten.len() + self.past.gone.len()) as u64;
        if !are_many(touched, of) {
            return Ok(losses);
        }
        let mut found = self.rewritten()?;
        found.extend(self.renamed()?);
        losses.rewritten = found.len() as u64;
        if losses.are_of_most() {
            return Ok(losses);
        }
        let mut groups = grouped(found);
        let suspected: usize = groups.iter().map(|group| group.noise.len()).sum();
        if !are_many(suspected as u64, of) {
            return Ok(losses);
        }
        share(&mut groups);
        let before = self.look_back(&groups, watch)?;
        let mut most = 0;
        for (group, before) in groups.iter().zip(before) {
            let lost = group.lost(before);
            losses.lost += lost;
            if lost > most {
                most = lost;
                losses.example = group.noise.first().map(|found| found.path.to_vec());
            }
        }
        Ok(losses)
    }

    /// The files that have other content under their names. What cannot be read is none.
    fn rewritten(&self) -> Result<Vec<Successor<'_>>> {
        let mut found = Vec::new();
        for (number, former) in &self.past.rewritten {
            interrupt::check()?;
            let path = self.changes.get(*number).map_or(&former.path[..], Change::path);
            if let Some(appearance) = look(&self.root, path) {
                found.push(Successor { former, path, appearance });
            }
        }
        Ok(found)
    }

    /// The files that are gone, and of which something that is new and noise has come.
    fn renamed(&self) -> Result<Vec<Successor<'_>>> {
        let moved: HashSet<&[u8]> = self
            .changes
            .iter()
            .filter_map(|change| Some(&change.from.as_ref()?.path[..]))
            .collect();
        let gone = self.past.gone.iter().filter(|former| !moved.contains(&former.path[..]));
        let mut gone: Vec<Option<&Former>> = gone.map(Some).collect();
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let mut by_name: HashMap<&[u8], usize> = HashMap::new();
        for (number, former) in gone.iter().enumerate() {
            let Some(former) = former else { continue };
            if let Some(stem) = shorter(&former.path).next() {
                by_name.entry(stem).or_insert(number);
            }
        }
        for (number, former) in gone.iter().enumerate() {
            by_name.extend(former.map(|former| (&former.path[..], number)));
        }
        let (mut found, mut strangers) = (Vec::new(), Vec::new());
        for new in self.changes.iter().filter_map(New::of) {
            interrupt::check()?;
            let known = shorter(new.path).find_map(|name| {
                by_name
                    .get(name)
                    .copied()
                    .filter(|number| gone.get(*number).is_some_and(Option::is_some))
            });
            let former = known.and_then(|number| gone.get_mut(number)?.take());
            let Some(former) = former else {
                strangers.push(new);
                continue;
            };
            if look(&self.root, new.path) == Some(Appearance::Noise) {
                found.push(Successor { former, path: new.path, appearance: Appearance::Noise });
            }
        }
        found.extend(self.under_other_names(gone.into_iter().flatten(), strangers)?);
        Ok(found)
    }

    /// The same where names tell nothing: a directory in which files are gone, and in which
    /// nearly all that has come is noise, about as large as what is gone.
    fn under_other_names<'a>(
        &'a self,
        gone: impl Iterator<Item = &'a Former>,
        new: Vec<New<'a>>,
    ) -> Result<Vec<Successor<'a>>> {
        let mut dirs: BTreeMap<&[u8], (Vec<&Former>, Vec<New>)> = BTreeMap::new();
        for former in gone {
            dirs.entry(above(&former.path)).or_default().0.push(former);
        }
        for file in new {
            if let Some((_, new)) = dirs.get_mut(above(file.path)) {
                new.push(file);
            }
        }
        let mut found = Vec::new();
        for (mut gone, new) in dirs.into_values() {
            interrupt::check()?;
            let seen = new.into_iter().filter_map(|new| Some((look(&self.root, new.path)?, new)));
            let seen: Vec<_> = seen.filter(|(seen, _)| *seen != Appearance::TooShort).collect();
            let all = seen.len();
            let noise = seen.into_iter().filter(|(seen, _)| *seen == Appearance::Noise);
            let mut noise: Vec<_> = noise.map(|(_, new)| new).collect();
            if noise.len() * 10 < all * 9 {
                continue;
            }
            noise.sort_by_key(|new| new.size);
            gone.sort_by_key(|former| former.size);
            let mut gone = gone.into_iter().peekable();
            for New { path, size: now } in noise {
                while gone.next_if(|former| former.size + HEADER < now).is_some() {}
                if let Some(former) = gone.next_if(|former| former.size <= now) {
                    found.push(Successor { former, path, appearance: Appearance::Noise });
                }
            }
        }
        Ok(found)
    }

    /// What the objects say of those that are to be looked into, in the order of groups.
    fn look_back(&self, groups: &[Group], watch: &mut dyn Watch) -> Result<Vec<[Before; 2]>> {
        let (store, names) = (self.snapshots.store, &self.snapshots.names);
        let (mut jobs, mut places) = (Vec::new(), Vec::new());
        let mut before = vec![[Before::default(); 2]; groups.len()];
        for (group, number) in groups.iter().zip(0..) {
            for (side, members) in [&group.noise, &group.others].into_iter().enumerate() {
                let looks = group.looks[side];
                for member in spread(members, looks) {
                    jobs.push(member.former.fetch(names, jobs.len() as u64)?);
                    places.push((number, side, member.former));
                }
            }
        }
        let mut stop = None;
        let heard = |record: Fetched| {
            let place = usize::try_from(record.id).ok().and_then(|id| places.get(id));
            let Some((number, side, former)) = place else { return };
            let Some(before) =
                before.get_mut(*number).map(|sides: &mut [Before; 2]| &mut sides[*side])
            else {
                return;
            };
            let (recognisable, noise) = match record.failure {
                // An archive gives nothing back before days have passed, and who may only
                // write gets nothing at all.
                Some(failure) if failure.concerns_files() || failure.is_of_the_object() => {
                    (is_named_as_a_kind(&former.path), false)
                }
                Some(failure) => {
                    stop.get_or_insert(failure);
                    return;
                }
                None => {
                    let appearance = Appearance::of(&record.data.0);
                    (appearance.is_recognisable(), appearance == Appearance::Noise)
                }
            };
            before.recognisable += u64::from(recognisable);
            before.noise += u64::from(noise);
            before.told += 1;
        };
        let fetched = store.fetch(None, jobs.into_iter(), watch, heard);
        let doing = format!("look into the last snapshot of {}", names.tree());
        match fetched.err().or(stop) {
            Some(failure) => Err(failure.into_error(&doing, Kind::Remote)),
            None => Ok(before),
        }
    }
}

/// By their endings; those that are no word are one. Those that cannot tell are left out.
fn grouped(found: Vec<Successor>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for found in found {
        let path = &found.former.path;
        let is_known = is_named_as_a_kind(path);
        let is_word = |ending: &&str| {
            let is_short = ending.len() <= 8 && ending.bytes().all(|c| c.is_ascii_alphanumeric());
            is_known || is_short && ending.bytes().any(|c| c.is_ascii_alphabetic())
        };
        let name = ending(path).filter(is_word).unwrap_or_default();
        let group = groups.entry(name.to_ascii_lowercase()).or_default();
        group.is_known = is_known;
        match found.appearance {
            Appearance::Noise => group.noise.push(found),
            // Nobody knows what it is.
            Appearance::TooShort => {}
            _ => group.others.push(found),
        }
    }
    let mut groups: Vec<_> = groups.into_values().filter(Group::tells).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.noise.len()));
    groups
}

/// Says how many of each group are looked into: one after the other has its turn, the largest
/// first, until it is enough.
fn share(groups: &mut [Group]) {
    let mut left = LOOKS;
    for _ in 0..LOOKS {
        for group in &mut *groups {
            let lengths = [group.noise.len(), group.others.len()];
            for (looks, length) in group.looks.iter_mut().zip(lengths) {
                if left > 0 && *looks < length {
                    *looks += 1;
                    left -= 1;
                }
            }
        }
    }
}

/// So many of all, at equal distances.
fn spread<T>(all: &[T], count: usize) -> impl Iterator<Item = &T> {
    (0..count).filter_map(move |at| all.get(at * all.len() / count))
}

/// How many of `all` it is if it is so many of those that told.
fn part(all: usize, of: u64, told: u64) -> u64 {
    (all as u64 * of).checked_div(told).unwrap_or_default()
}

/// What the beginning of a file here looks like. None if it cannot be read.
fn look(root: &Root, path: &[u8]) -> Option<Appearance> {
    let mut first = Vec::new();
    root.file(path).ok()?.take(FIRST as u64).read_to_end(&mut first).ok()?;
    Some(Appearance::of(&first))
}

/// The file that a change brings, if nothing was at its path and it was not only renamed.
/// A file that was not there, under any name.
struct New<'a> {
    path: &'a [u8],
    /// In bytes.
    size: u64,
}

impl<'a> New<'a> {
    fn of(change: &'a Change) -> Option<Self> {
        if change.news != News::New || change.from.is_some() {
            return None;
        }
        Some(New { path: change.path(), size: change.entry()?.file()?.size })
    }
}

fn above(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    slash.and_then(|slash| path.get(..slash)).unwrap_or_default()
}

/// A path without its last ending, without its last two, and so on: what a program has put
/// behind the name may have dots itself (`a.jpg.id-7.[mail@example.org].locked`).
fn shorter(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let name = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let dots = (name + 1..path.len()).rev().filter(|at| path[*at] == b'.');
    dots.filter_map(|dot| path.get(..dot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_shorter_by_an_ending_each_time() {
        let of = |path: &'static str| -> Vec<_> {
            shorter(path.as_bytes()).map(|name| std::str::from_utf8(name).unwrap()).collect()
        };
        assert_eq!(of("d.e/a.jpg.id.x"), ["d.e/a.jpg.id", "d.e/a.jpg", "d.e/a"]);
        assert!(of("d.e/.profile").is_empty() && of("d.e/a").is_empty() && of("").is_empty());
        assert_eq!(of(".a.b"), [".a"]);
    }

    #[test]
    fn as_many_are_looked_into_as_may_be_and_each_group_has_its_turn() {
        let (odd, member) = (false, None);
        let former = Former { path: Vec::new(), size: 0, stored: 0, odd, member };
        let group = |noise: usize, others: usize| {
            let members = |count: usize| {
                let one =
                    || Successor { former: &former, path: b"", appearance: Appearance::Noise };
                std::iter::repeat_with(one).take(count).collect()
            };
            let (noise, others) = (members(noise), members(others));
            Group { is_known: true, noise, others, looks: [0; 2] }
        };
        let looks = |groups: &[(usize, usize)]| -> Vec<[usize; 2]> {
            let mut groups: Vec<_> =
                groups.iter().map(|(noise, others)| group(*noise, *others)).collect();
            share(&mut groups);
            groups.iter().map(|group| group.looks).collect()
        };
        assert_eq!(looks(&[(1000, 0)]), [[32, 0]]);
        assert_eq!(looks(&[(12, 3)]), [[12, 3]]);
        assert_eq!(looks(&[(1000, 1000)]), [[16, 16]]);
        assert_eq!(looks(&[(1000, 0), (2, 9)]), [[21, 0], [2, 9]]);
        assert_eq!(looks(&[(9, 9); 40])[15..17], [[1, 1], [0, 0]]);
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5, 6, 7], 3).collect::<Vec<_>>(), [&0, &2, &5]);
    }
}
