//! What the remote holds of a tree, made of listings.

use super::bundles::Bundles;
use super::own_objects::{Foreign, Ours};
use crate::base::error::Result as Outcome;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Shown, Store};
use crate::tree::model::bundle::Bundle;
use crate::tree::model::entry::{Entry, Stored, Tag};
use crate::tree::model::inventory::{Inventory, State};
use crate::tree::model::layout::{KEPT, Names, ODD, RECORDS};
use crate::tree::model::path::{Below, ObjectName};

/// The objects of a tree.
#[derive(Debug)]
pub struct Listing {
    /// Below its name.
    pub own: Inventory,
    /// Among its records: those whose names the remote cannot hold.
    pub odd: Inventory,
    pub bundles: Bundles,
}

impl Listing {
    /// Of what was listed below the name of a tree, its records, and its bundles.
    pub fn new(own: Inventory, records: &Inventory, bundles: Inventory) -> Self {
        let odd = records.below(&format!("{ODD}/"));
        Listing { own, odd, bundles: Bundles::new(bundles) }
    }

    /// Takes note of the bundles that a snapshot has: their members are there if they are.
    #[must_use]
    pub fn with(mut self, bundles: &[Bundle]) -> Self {
        self.bundles.expect(bundles);
        self
    }

    /// Whether the object of an entry is there as it was stored.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn state(&self, entry: &Entry) -> Outcome<State> {
        Ok(match &entry.stored {
            None => State::Intact,
            Some(Stored::Member(member)) => self.bundles.state(member),
            Some(Stored::Object(object)) if object.odd => {
                self.odd.state(Names::odd(&entry.path).as_bytes(), object)
            }
            Some(Stored::Object(object)) => {
                self.own.state(Names::object(entry)?.as_bytes(), object)
            }
        })
    }

    /// Size and tag of what is where the object of an entry is, or is to be.
    pub fn look(&self, entry: &Entry, odd: bool) -> Option<(u64, String)> {
        if odd {
            return self.odd.look(Names::odd(&entry.path).as_bytes());
        }
        self.own.look(Names::object(entry).ok()?.as_bytes())
    }

    /// Whether the server's listings have hashes; None if that is not known.
    pub fn has_hashes(&self) -> Option<bool> {
        let others = || self.odd.has_hashes().or_else(|| self.bundles.has_hashes());
        self.own.has_hashes().or_else(others)
    }

    /// How a listing shows the object of an entry, or the bundle that it is in, if that is
    /// as it was stored.
    pub fn tag<'a>(&'a self, entry: &'a Entry) -> Option<&'a Tag> {
        match entry.stored.as_ref()? {
            Stored::Object(object) => Some(&object.tag),
            Stored::Member(member) => self.bundles.tag(member),
        }
    }

    /// Marks the object of an entry as one that belongs to the tree. Returns whether
    /// it is there as it was stored, if it was.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn claim(&mut self, entry: &Entry) -> Outcome<State> {
        if !entry.is_object() {
            return Ok(State::Intact);
        }
        if let Some(member) = entry.member() {
            self.bundles.claim(member);
            return Ok(self.bundles.state(member));
        }
        let (inventory, name) = if entry.is_odd() {
            (&mut self.odd, Names::odd(&entry.path).into_bytes())
        } else {
            (&mut self.own, Names::object(entry)?.as_bytes().to_vec())
        };
        inventory.claim(&name);
        Ok(entry.object().map_or(State::Intact, |object| inventory.state(&name, object)))
    }
}

impl Listing {
    /// Marks the object of an entry as one that the last snapshot has, and that may go
    /// unless something claims it.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn disown(&mut self, entry: &Entry) -> Outcome<()> {
        if entry.is_odd() {
            self.odd.disown(Names::odd(&entry.path).as_bytes());
        } else if entry.is_object() && entry.member().is_none() {
            self.own.disown(Names::object(entry)?.as_bytes());
        }
        Ok(())
    }

    /// The same for a substitute name of a path: whoever made it, it is this path's.
    pub fn disown_odd(&mut self, path: &[u8]) {
        if !self.odd.is_empty() {
            self.odd.disown(Names::odd(path).as_bytes());
        }
    }

    /// What belongs to no entry: what is poof's own, below the name of the tree with
    /// its size and among the odd ones, and what is not.
    pub fn settle(&self, names: &Names, ours: &Ours) -> Unclaimed {
        let mut unclaimed = Unclaimed::default();
        for (name, size, disowned) in self.own.unclaimed() {
            if disowned || ours.has(&name) {
                unclaimed.gone.push((ObjectName::told(name), size));
            } else {
                unclaimed.foreign.push(Foreign { name, size, odd: false });
            }
        }
        for (name, size, disowned) in self.odd.unclaimed() {
            if disowned || ours.has_odd(&name) || Names::is_probe(&name) {
                unclaimed.odd_gone.push(name);
            } else {
                let name = [names.odd_dir().as_bytes(), b"/", &name].concat();
                unclaimed.foreign.push(Foreign { name, size, odd: true });
            }
        }
        unclaimed
    }
}

/// Objects that belong to no entry.
#[derive(Debug, Default)]
pub struct Unclaimed {
    pub gone: Vec<(ObjectName, u64)>,
    /// In the directory of those with substitute names.
    pub odd_gone: Vec<Vec<u8>>,
    pub foreign: Vec<Foreign>,
}

/// Lists the objects below `dir`, of which `marks` are some.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn list(
    store: &Store,
    dir: &str,
    marks: &[Vec<u8>],
    watch: &mut dyn Watch,
) -> Result<Inventory, Failure> {
    list_some(store, dir, marks, |_| true, watch)
}

/// The same, of the names alone that are wanted.
///
/// # Errors
/// As [`list`].
pub fn list_some(
    store: &Store,
    dir: &str,
    marks: &[Vec<u8>],
    is_wanted: impl Fn(&[u8]) -> bool + Sync,
    watch: &mut dyn Watch,
) -> Result<Inventory, Failure> {
    let mut inventory = Inventory::default();
    let each = |shown: Shown| {
        if is_wanted(&shown.remote.0) {
            inventory.add(shown);
        }
    };
    match store.list(dir, None, marks, watch, each) {
        Err(failure) if failure.kind != FailureKind::Missing => return Err(failure),
        // A directory that does not exist holds nothing.
        _ => {}
    }
    inventory.sort();
    Ok(inventory)
}

/// Lists poof's own records, and bundles. What is kept for earlier snapshots is not among
/// them; whether there is, or may be, something of it is told beside them.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn list_records(store: &Store, watch: &mut dyn Watch) -> Result<(Inventory, bool), Failure> {
    let mut inventory = Inventory::default();
    let listed = store.list(RECORDS, Some(KEPT), &[], watch, |shown| inventory.add(shown));
    let passed = match listed {
        Err(failure) if failure.kind == FailureKind::Missing => false,
        listed => listed?.passed,
    };
    inventory.sort();
    // Bundles are kept where they are.
    let record = format!("/{}", Names::KEEPS);
    let keeps = |name: &[u8]| name.starts_with(b"trees/") && name.ends_with(record.as_bytes());
    let past = passed || inventory.names().any(|name| keeps(&name));
    Ok((inventory, past))
}

/// So many objects are asked for one by one after they were removed.
pub(in crate::tree) const FEW: usize = 16;

/// Which of the objects the server still shows, by single requests or by a
/// listing, whichever costs less.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn still_there(
    store: &Store,
    names: &Names,
    gone: &[ObjectName],
    watch: &mut dyn Watch,
) -> Result<Vec<ObjectName>, Failure> {
    if gone.len() <= FEW {
        let full: Vec<_> = gone.iter().map(|name| Bytes(names.full(name.as_bytes()))).collect();
        let there = store.look(&full, watch)?.into_iter().filter(|shown| shown.failure.is_none());
        let name = |shown: Shown| gone.get(usize::try_from(shown.id).ok()?).cloned();
        return Ok(there.filter_map(name).collect());
    }
    let inventory = list(store, names.tree(), &[], watch)?;
    let is_there = |name: &&ObjectName| inventory.look(name.as_bytes()).is_some();
    Ok(gone.iter().filter(is_there).cloned().collect())
}
