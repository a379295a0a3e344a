//! The bundles of a tree: which of them the remote has, and how much of each is needed.

use std::collections::HashMap;

use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{Member, Tag};
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
    /// How a listing shows it.
    tag: Tag,
    /// Of the archive, in bytes as stored.
    size: u64,
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
    /// that several snapshots may tell.
    pub fn expect(&mut self, bundles: &[Bundle]) {
        for Bundle { number, object, .. } in bundles {
            let name = Names::bundle(*number);
            let state = self.shown.state(name.as_bytes(), object);
            let (tag, size, used) = (object.tag.clone(), object.size, Used::default());
            self.known.entry(*number).or_insert(Known { state, tag, size, used });
        }
    }

    /// Whether the bundle of a member is there as it was stored.
    pub fn state(&self, member: &Member) -> State {
        self.known.get(&member.bundle).map_or(State::Missing, |known| known.state)
    }

    /// How a listing shows the bundle of a member.
    pub fn tag(&self, member: &Member) -> Option<&Tag> {
        self.known.get(&member.bundle).map(|known| &known.tag)
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
        intact.map(|(number, known)| (*number, known.size, known.used))
    }

    /// The highest number that any has.
    pub fn last_number(&self) -> u64 {
        let shown = self.shown.names().filter_map(Names::bundle_number);
        shown.chain(self.known.keys().copied()).max().unwrap_or(0)
    }

    /// Whether the server's listings have hashes; None if that is not known.
    pub fn has_hashes(&self) -> Option<bool> {
        self.shown.has_hashes()
    }
}
