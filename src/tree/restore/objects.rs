//! What is known of the objects of a snapshot before they are fetched: whether they are in
//! their places, and where those are that something else has replaced.

use std::collections::{HashMap, HashSet};

use super::Target;
use crate::base::error::Result;
use crate::storage::job::Unwatched;
use crate::storage::store::Store;
use crate::tree::history::Past;
use crate::tree::model::entry::{Attributes, Entry, StoredObject, Tag};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::Listing;

pub(super) struct Objects<'a> {
    store: &'a Store,
    names: &'a Names,
    /// None: nobody has listed them.
    listing: Option<Listing>,
    /// What is kept for earlier snapshots; None: the remote is not asked yet.
    past: Option<Past>,
    /// It is not the newest snapshot.
    earlier: bool,
    /// Places of objects that are kept, by path, from the top of the bucket.
    pub elsewhere: HashMap<Vec<u8>, String>,
    /// Files without an object.
    pub missing: Vec<Entry>,
    /// Paths of files whose objects are not what the snapshot says of them.
    pub unsound: HashSet<Vec<u8>>,
}

impl<'a> Objects<'a> {
    pub fn of(target: &'a Target, listing: Option<Listing>) -> Self {
        let (store, names) = (target.snapshots.store, &target.snapshots.names);
        let listing = listing.map(|listing| listing.with(target.snapshot.bundles()));
        Objects {
            store,
            names,
            listing,
            past: (!target.past).then(Past::default),
            earlier: !target.newest,
            elsewhere: HashMap::new(),
            missing: Vec::new(),
            unsound: HashSet::new(),
        }
    }

    /// Takes note of the object of an entry.
    ///
    /// # Errors
    /// The remote cannot be reached, or refuses.
    pub fn see(&mut self, entry: &Entry) -> Result<()> {
        let state = match &mut self.listing {
            Some(listing) => Some(listing.claim(entry)?),
            None => None,
        };
        if entry.file().is_none() || entry.stored.is_none() {
            return Ok(());
        }
        // A size and a time say little of another content: the kept one is the right one.
        let is_vague = |object: &StoredObject| self.earlier && matches!(object.tag, Tag::Time(_));
        let vague = entry.object().is_some_and(is_vague);
        if state == Some(State::Intact) && !vague {
            return Ok(());
        }
        // Bundles stay where they are.
        if let Some(object) = entry.object()
            && let Some(place) = self.kept(object)?
        {
            self.elsewhere.insert(entry.path.clone(), place);
            return Ok(());
        }
        match state {
            Some(State::Missing) => {
                let attributes = Attributes::default();
                self.missing.push(Entry { attributes, ..entry.clone() });
            }
            Some(State::Changed) => drop(self.unsound.insert(entry.path.clone())),
            _ => {}
        }
        Ok(())
    }

    /// Where an object is kept. The remote is asked once, and only if something is looked for.
    fn kept(&mut self, stored: &StoredObject) -> Result<Option<String>> {
        if self.past.is_none() {
            self.past = Some(Past::list(self.store, self.names, &mut Unwatched)?);
        }
        Ok(self.past.as_ref().and_then(|past| past.place(stored)))
    }

    /// Objects that no snapshot knows.
    pub fn foreign(&self) -> usize {
        self.listing.as_ref().map_or(0, |listing| listing.own.foreign().count())
    }
}
