//! What a listing of the remote shows, kept small: an object takes 40 bytes, and a part of its
//! name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::entry::{StoredObject, Tag, Time};
use super::name_list::NameList;
use crate::storage::store::Shown;

/// The objects below a directory of the remote.
#[derive(Debug, Default)]
pub struct Inventory {
    objects: Vec<Object>,
    /// Of the objects, in the same order, which is that of their bytes.
    names: NameList,
    /// Before all is sorted: names in runs, each of which is. The objects are in the order of
    /// these.
    runs: Vec<NameList>,
    /// What is in no run yet.
    added: Vec<(Vec<u8>, Object)>,
    /// Tags that are no MD5.
    texts: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Object {
    /// In bytes.
    size: u64,
    /// When it was written, in seconds since 1970.
    seconds: i64,
    tag: Seen,
    used: bool,
    disowned: bool,
}

// So many there are of them.
const _: () = assert!(size_of::<Object>() == 40);

/// So many objects are sorted at a time: their names are whole until then.
const RUN: usize = if cfg!(test) { 7 } else { 1 << 14 };

/// Numbers are bytes, for an object to be small.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// No tag: its time counts, of which these are the nanoseconds.
    Nanos([u8; 4]),
    Md5([u8; 16]),
    /// The number of a text.
    Text([u8; 8]),
}

/// How an object compares with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Intact,
    Missing,
    Changed,
}

impl Inventory {
    /// How many objects there are.
    pub fn count(&self) -> u64 {
        self.objects.len() as u64
    }

    pub fn add(&mut self, shown: Shown) {
        let (seconds, nanos) = shown.time;
        let tag = match md5(&shown.tag) {
            Some(md5) => Seen::Md5(md5),
            None if shown.tag.is_empty() => Seen::Nanos(nanos.to_le_bytes()),
            None => {
                self.texts.push(shown.tag);
                Seen::Text((self.texts.len() - 1).to_le_bytes())
            }
        };
        let object = Object { size: shown.size, seconds, tag, used: false, disowned: false };
        self.put(shown.remote.0, object);
    }

    fn put(&mut self, name: Vec<u8>, object: Object) {
        self.added.push((name, object));
        if self.added.len() == RUN {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        self.added.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut names = NameList::default();
        for (name, object) in self.added.drain(..) {
            names.push(&name);
            self.objects.push(object);
        }
        names.shrink_to_fit();
        self.runs.push(names);
    }

    /// Makes it ready to be asked, when all are added.
    pub fn sort(&mut self) {
        self.end_run();
        self.added = Vec::new();
        let runs = std::mem::take(&mut self.runs);
        self.names = NameList::default();
        let mut order = Vec::with_capacity(self.objects.len());
        let mut rest: Vec<_> = runs.iter().map(NameList::iter).collect();
        let begins = runs.iter().scan(0, |begin, run| {
            let this = *begin;
            *begin += run.len();
            Some(this)
        });
        let next = rest.iter_mut().map(Iterator::next).zip(begins).enumerate();
        let next = next.filter_map(|(run, (name, number))| Some(Reverse((name?, number, run))));
        let mut next: BinaryHeap<_> = next.collect();
        while let Some(Reverse((name, number, run))) = next.pop() {
            self.names.push(&name);
            order.push(number);
            next.extend(rest[run].next().map(|name| Reverse((name, number + 1, run))));
        }
        arrange(&mut self.objects, order);
        self.names.shrink_to_fit();
        self.objects.shrink_to_fit();
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        let all = self.find_all(name);
        (!all.is_empty()).then_some(all.start)
    }

    /// A server may show a name twice.
    fn find_all(&self, name: &[u8]) -> Range<usize> {
        debug_assert!(self.added.is_empty() && self.runs.is_empty());
        self.names.find(name)
    }

    /// Whether the object is there as it was `stored`.
    pub fn state(&self, name: &[u8], stored: &StoredObject) -> State {
        let shown = &self.objects[self.find_all(name)];
        let is_it = |object: &Object| {
            object.size == stored.size
                && match (&stored.tag, &object.tag) {
                    (Tag::Md5, Seen::Md5(md5)) => *md5 == stored.md5,
                    (Tag::Text(text), Seen::Text(_)) => self.text(object) == *text,
                    (Tag::Text(text), Seen::Md5(seen)) => md5(text) == Some(*seen),
                    (Tag::Time(time), Seen::Nanos(_)) => *time == object.time(),
                    _ => false,
                }
        };
        match shown {
            [] => State::Missing,
            shown if shown.iter().all(is_it) => State::Intact,
            _ => State::Changed,
        }
    }

    /// Size and tag of an object.
    pub fn look(&self, name: &[u8]) -> Option<(u64, String)> {
        let object = &self.objects[self.find(name)?];
        Some((object.size, self.text(object)))
    }

    /// An object as the listing shows it; of the time of one that has a tag the seconds.
    pub fn shown(&self, name: &[u8]) -> Option<Shown> {
        let object = &self.objects[self.find(name)?];
        let Time { seconds, nanos } = object.time();
        let (size, tag, time) = (object.size, self.text(object), (seconds, nanos));
        Some(Shown { size, tag, time, ..Shown::default() })
    }

    /// Whether there are hashes in the listing; None if there is nothing to tell that by.
    pub fn has_hashes(&self) -> Option<bool> {
        let hashed = |object: &Object| !matches!(object.tag, Seen::Nanos(_));
        (!self.objects.is_empty()).then(|| self.objects.iter().any(hashed))
    }

    /// The part below a prefix, which is taken off.
    pub fn below(&self, prefix: &str) -> Inventory {
        let mut part = Inventory { texts: self.texts.clone(), ..Self::default() };
        self.names.each(|number, name| {
            if let Some(rest) = name.strip_prefix(prefix.as_bytes()) {
                let (used, disowned) = (false, false);
                part.put(rest.to_vec(), Object { used, disowned, ..self.objects[number] });
            }
        });
        part.sort();
        part
    }

    /// The same with a directory before each name.
    #[must_use]
    pub fn named_below(&self, dir: &str) -> Inventory {
        let mut part = Inventory { texts: self.texts.clone(), ..Self::default() };
        self.names.each(|number, name| {
            part.put([dir.as_bytes(), b"/", name].concat(), self.objects[number]);
        });
        part.sort();
        part
    }

    fn text(&self, object: &Object) -> String {
        match object.tag {
            Seen::Nanos(_) => String::new(),
            Seen::Md5(md5) => data_encoding::HEXLOWER.encode(&md5),
            Seen::Text(index) => self.texts[usize::from_le_bytes(index)].clone(),
        }
    }

    /// Marks an object as one that belongs to the tree.
    pub fn claim(&mut self, name: &[u8]) {
        let all = self.find_all(name);
        self.objects[all].iter_mut().for_each(|object| object.used = true);
    }

    /// Marks an object as one that belonged to the tree: if nothing claims it, it may
    /// go.
    pub fn disown(&mut self, name: &[u8]) {
        let all = self.find_all(name);
        self.objects[all].iter_mut().for_each(|object| object.disowned = true);
    }

    pub fn has(&self, name: &[u8]) -> bool {
        self.find(name).is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects that nobody has claimed: name, size, and whether it is disowned.
    pub fn unclaimed(&self) -> impl Iterator<Item = (Vec<u8>, u64, bool)> {
        let unused = self.names().zip(&self.objects).filter(|(_, object)| !object.used);
        unused.map(|(name, object)| (name, object.size, object.disowned))
    }

    /// The objects that nobody has claimed, with their sizes.
    pub fn foreign(&self) -> impl Iterator<Item = (Vec<u8>, u64)> {
        self.unclaimed().map(|(name, size, _)| (name, size))
    }

    /// All names, in the order of their bytes.
    pub fn names(&self) -> impl Iterator<Item = Vec<u8>> {
        debug_assert!(self.added.is_empty() && self.runs.is_empty());
        self.names.iter()
    }
}

impl Object {
    fn time(&self) -> Time {
        let nanos = match self.tag {
            Seen::Nanos(nanos) => u32::from_le_bytes(nanos),
            _ => 0,
        };
        Time { seconds: self.seconds, nanos }
    }
}

/// Brings values into an order, given as the places where they are, without a copy of all.
fn arrange<T>(values: &mut [T], mut order: Vec<usize>) {
    for first in 0..order.len() {
        let mut at = first;
        while order[at] != first {
            let from = std::mem::replace(&mut order[at], at);
            values.swap(at, from);
            at = from;
        }
        order[at] = at;
    }
}

/// An MD5 in hexadecimal.
pub fn md5(tag: &str) -> Option<[u8; 16]> {
    let bytes = data_encoding::HEXLOWER.decode(tag.as_bytes()).ok()?;
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::store::Bytes;

    fn shown(name: &str, size: u64, tag: &str) -> Shown {
        let remote = Bytes(name.as_bytes().to_vec());
        Shown { id: 0, remote, size, tag: tag.to_owned(), time: (5, 6), failure: None }
    }

    fn stored(size: u64, md5: [u8; 16], tag: Tag) -> StoredObject {
        StoredObject { odd: false, size, md5, tag, nonce: None }
    }

    #[test]
    fn an_object_is_intact_only_if_size_and_tag_are_what_was_proven() {
        let mut inventory = Inventory::default();
        let hex = "000102030405060708090a0b0c0d0e0f";
        let sum: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        for object in [shown("b", 7, "abc-2"), shown("a", 3, hex), shown("c", 1, "")] {
            inventory.add(object);
        }
        inventory.sort();
        let time = Tag::Time(Time { seconds: 5, nanos: 6 });
        for (name, of, state) in [
            ("a", stored(3, sum, Tag::Md5), State::Intact),
            ("a", stored(4, sum, Tag::Md5), State::Changed),
            ("a", stored(3, [0; 16], Tag::Md5), State::Changed),
            ("a", stored(3, sum, Tag::Text(hex.to_owned())), State::Intact),
            ("b", stored(7, sum, Tag::Text("abc-2".to_owned())), State::Intact),
            ("b", stored(7, sum, Tag::Text("abc-3".to_owned())), State::Changed),
            ("b", stored(7, sum, Tag::Md5), State::Changed),
            ("c", stored(1, sum, time), State::Intact),
            ("c", stored(1, sum, Tag::Time(Time::default())), State::Changed),
            ("d", stored(1, sum, Tag::Md5), State::Missing),
        ] {
            assert_eq!(inventory.state(name.as_bytes(), &of), state, "{name} {of:?}");
        }
        inventory.claim(b"a");
        let foreign: Vec<_> = inventory.foreign().collect();
        assert_eq!(foreign, [(b"b".to_vec(), 7), (b"c".to_vec(), 1)]);
    }

    #[test]
    fn whatever_their_order_objects_are_found_under_their_names() {
        for count in [0, 1, RUN, RUN + 1, 40 * RUN + 3] {
            let mut inventory = Inventory::default();
            let numbers: Vec<_> = (0..count).map(|i| i * 5 % count).collect();
            for number in &numbers {
                inventory.add(shown(&format!("{number:04}"), *number as u64, ""));
            }
            inventory.sort();
            let wanted = (0..count).map(|n| (format!("{n:04}").into_bytes(), n as u64));
            assert_eq!(inventory.foreign().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
            for number in numbers {
                let found = inventory.look(format!("{number:04}").as_bytes());
                assert_eq!(found, Some((number as u64, String::new())));
            }
        }
    }

    // The server of rclone's, after a rename that it had to refuse; Google Drive.
    #[test]
    fn an_object_that_is_shown_twice_belongs_to_the_tree_as_a_whole() {
        let hex = "000102030405060708090a0b0c0d0e0f";
        let sum: [u8; 16] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        for (second, state) in [(3, State::Intact), (4, State::Changed)] {
            let mut inventory = Inventory::default();
            for object in [shown("a", 3, hex), shown("b", 1, ""), shown("a", second, hex)] {
                inventory.add(object);
            }
            inventory.sort();
            assert_eq!(inventory.state(b"a", &stored(3, sum, Tag::Md5)), state);
            inventory.disown(b"a");
            assert_eq!(inventory.unclaimed().filter(|(_, _, disowned)| *disowned).count(), 2);
            inventory.claim(b"a");
            assert_eq!(inventory.foreign().collect::<Vec<_>>(), [(b"b".to_vec(), 1)]);
        }
    }
}
