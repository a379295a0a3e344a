//! The bundles of a tree: which of them the remote has, and how much of each is needed.

use std::collections::HashMap;

use crate::tree::manifest::LAST_BUNDLE;
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{Member, StoredObject, Tag};
use crate::tree::model::inventory::{Inventory, State};
use crate::tree::model::layout::Names;

/// The bundles of a tree.
#[derive(Debug, Default)]
pub struct Bundles {
    /// Below the directory of the bundles of the tree.
    shown: Inventory,
    /// Those that snapshots tell of, by number.
    known: HashMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    state: State,
    object: StoredObject,
    used: Used,
}

/// How much of a bundle is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub members: u64,
    /// Bytes of these in the archive.
    pub bytes: u64,
    /// Some of it is not here, and can be in no other bundle.
    pub elsewhere: bool,
}

impl Bundles {
    pub fn new(shown: Inventory) -> Self {
        Bundles { shown, known: HashMap::new() }
    }

    /// Compares those that a snapshot tells of with what is there. Numbers are given once, so
    /// that several snapshots may tell: of a number that is known already the first counts.
    pub fn expect(&mut self, bundles: &[Bundle]) {
        for Bundle { number, object, .. } in bundles {
            let name = Names::bundle(*number);
            let state = self.shown.state(name.as_bytes(), object);
            let (object, used) = (object.clone(), Used::default());
            self.known.entry(*number).or_insert(Known { state, object, used });
        }
    }

    /// Whether this very bundle is there as it was stored.
    pub fn is_there(&self, bundle: &Bundle) -> bool {
        let known = self.known.get(&bundle.number);
        known.is_some_and(|known| known.object == bundle.object && known.state == State::Intact)
    }

    /// Whether the bundle of a member is there as it was stored, and the member is in it.
    pub fn state(&self, member: &Member) -> State {
        let Some(Known { state, object, .. }) = self.known.get(&member.bundle) else {
            return State::Missing;
        };
        let end = member.offset.saturating_add(member.size);
        if *state == State::Intact && end > object.size { State::Changed } else { *state }
    }

    /// How a listing shows the bundle of a member.
    pub fn tag(&self, member: &Member) -> Option<&Tag> {
        self.known.get(&member.bundle).map(|known| &known.object.tag)
    }

    /// Takes note of a member that the tree has.
    pub fn claim(&mut self, member: &Member) {
        if let Some(Known { used, .. }) = self.known.get_mut(&member.bundle) {
            used.members += 1;
            used.bytes = used.bytes.saturating_add(member.size);
        }
    }

    /// Takes note that a member is not here.
    pub fn is_elsewhere(&mut self, member: &Member) {
        if let Some(Known { used, .. }) = self.known.get_mut(&member.bundle) {
            used.elsewhere = true;
        }
    }

    /// The known ones that are there: number, size as stored, and how much of it is needed.
    pub fn intact(&self) -> impl Iterator<Item = (u64, u64, Used)> {
        let intact = self.known.iter().filter(|(_, known)| known.state == State::Intact);
        intact.map(|(number, known)| (*number, known.object.size, known.used))
    }

    /// The highest number that any has.
    pub fn last_number(&self) -> u64 {
        let shown = self.shown.names().filter_map(|name| Names::bundle_number(&name));
        let shown = shown.filter(|number| *number <= LAST_BUNDLE);
        shown.chain(self.known.keys().copied()).max().unwrap_or(0)
    }

    /// Names that poof has given to none, which it leaves where they are.
    pub fn foreign(&self) -> impl Iterator<Item = Vec<u8>> {
        let is_ours =
            |name: &Vec<u8>| Names::bundle_number(name).is_some_and(|number| number <= LAST_BUNDLE);
        self.shown.names().filter(move |name| !is_ours(name))
    }

    /// Whether the server's listings have hashes; None if that is not known.
    pub fn has_hashes(&self) -> Option<bool> {
        self.shown.has_hashes()
    }
}
