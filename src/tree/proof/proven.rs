//! What may be wiped: the entries of a snapshot of which the remote shows, at this
//! moment, that it holds them.

use std::collections::BTreeMap;

use itertools::Itertools;

use crate::base::error::Result;
use crate::storage::job::Watch;
use crate::storage::store::Store;
use crate::tree::model::entry::{Entry, EntryKind, Stored, Tag};
use crate::tree::model::inventory::State;
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::Listing;
use crate::tree::remote::read_back::{Fault, in_its_place, read_back};
use crate::tree::snapshot::Snapshot;

/// An entry that the remote holds. Only a [`Proof`] makes one, and nothing else can
/// be wiped.
#[derive(Clone, Debug)]
pub struct Proven(Entry);

impl Proven {
    pub fn entry(&self) -> &Entry {
        &self.0
    }
}

/// Where proof comes from.
pub struct Evidence<'a> {
    pub store: &'a Store,
    pub names: &'a Names,
    /// Of the remote, after everything was sent.
    pub listing: Listing,
    /// Read every object back, whatever the server shows.
    pub read_back: bool,
}

/// How far a snapshot is proven.
pub struct Proof {
    snapshot: Snapshot,
    unproven: BTreeMap<Vec<u8>, String>,
    /// Of these, what was read back and is not what the snapshot says.
    pub damaged: Vec<Vec<u8>>,
    /// Objects that were read back, and their bytes as stored.
    pub read: (u64, u64),
    /// How many of them are proven by that.
    pub read_back: u64,
}

impl Proof {
    /// Compares every object of `snapshot`, which the caller has read back, with what
    /// the server shows. Where that is no hash that the server computed over what it
    /// stores (a disk, the `ETag` of an object under KMS), the object is read.
    ///
    /// # Errors
    /// The remote fails, or the snapshot cannot be read, or an interrupt.
    pub fn of(snapshot: Snapshot, mut evidence: Evidence, watch: &mut dyn Watch) -> Result<Self> {
        let mut proof = Proof::by_listing(snapshot, &mut evidence)?;
        let Evidence { store, names, listing, read_back: all } = evidence;
        if proof.read.0 == 0 {
            return Ok(proof);
        }
        let listed = |entry: &Entry| {
            is_read(entry, &listing, all) && matches!(listing.state(entry), Ok(State::Intact))
        };
        let entries = proof.snapshot.entries()?.filter_ok(listed);
        let (unproven, damaged) = (&mut proof.unproven, &mut proof.damaged);
        read_back(
            store,
            names.tree(),
            in_its_place(names),
            entries,
            watch,
            |_| {},
            |entry, fault| {
                let why = match fault {
                    Fault::Wrong(_) => "read back, its object is something else".to_owned(),
                    Fault::Unreadable(why) => format!("its object cannot be read back: {why}"),
                };
                if unproven.insert(entry.path.clone(), why).is_none() {
                    damaged.push(entry.path.clone());
                }
            },
        )?;
        proof.read_back = proof.read.0 - proof.damaged.len() as u64;
        Ok(proof)
    }

    /// The same without reading; `read` then says what would have to be. Claims the
    /// objects of the snapshot.
    ///
    /// # Errors
    /// The snapshot cannot be read.
    pub fn by_listing(snapshot: Snapshot, evidence: &mut Evidence) -> Result<Self> {
        let Evidence { listing, read_back: all, .. } = evidence;
        listing.bundles.expect(snapshot.bundles());
        let mut unproven = BTreeMap::new();
        let mut note = |entry: &Entry, why: &str| {
            unproven.insert(entry.path.clone(), why.to_owned());
        };
        let mut read = (0, 0);
        for entry in snapshot.entries()?.filter_ok(Entry::is_object) {
            let entry = entry?;
            listing.disown_odd(&entry.path);
            match listing.claim(&entry)? {
                _ if entry.stored.is_none() => note(&entry, "the snapshot knows no object of it"),
                State::Intact if is_read(&entry, listing, *all) => {
                    read.0 += 1;
                    read.1 += entry.stored.as_ref().map_or(0, Stored::size);
                }
                State::Intact => {}
                State::Missing => note(&entry, "the server does not show its object"),
                State::Changed => note(&entry, "the server shows another object"),
            }
        }
        Ok(Proof { snapshot, unproven, damaged: Vec::new(), read, read_back: 0 })
    }

    /// What is not proven, and why.
    pub fn unproven(&self) -> impl Iterator<Item = (&[u8], &str)> {
        self.unproven.iter().map(|(path, why)| (path.as_slice(), why.as_str()))
    }

    /// All that is proven, in the order of entries, with its number among all
    /// entries of the snapshot. What is no object is proven by the manifest.
    ///
    /// # Errors
    /// As [`Snapshot::entries`].
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<(u64, Proven)>>> {
        let numbered = (0..).zip(self.snapshot.entries()?);
        Ok(numbered.filter_map(|(number, entry)| match entry {
            Ok(entry) if self.unproven.contains_key(&entry.path) => None,
            entry => Some(entry.map(|entry| (number, Proven(entry)))),
        }))
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// Whether an object has to be read. A link's target is in the manifest itself.
fn is_read(entry: &Entry, listing: &Listing, all: bool) -> bool {
    let hashed = listing.tag(entry).is_some_and(is_a_hash);
    matches!(entry.kind, EntryKind::File(_)) && (all || !hashed)
}

/// Whether a tag that was equal to what was computed here can have come from
/// nothing but the content: an MD5, the `ETag` of a multipart object, another type
/// of hash.
fn is_a_hash(tag: &Tag) -> bool {
    match tag {
        Tag::Md5 => true,
        Tag::Text(text) => text.contains(':') || is_multipart(text),
        Tag::Time(_) => false,
    }
}

/// `HEX-PARTS`: the MD5 of the MD5s of the parts.
fn is_multipart(tag: &str) -> bool {
    tag.split_once('-').is_some_and(|(sum, parts)| {
        sum.len() == 32
            && sum.bytes().all(|byte| byte.is_ascii_hexdigit())
            && parts.parse::<u32>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::Time;

    #[test]
    fn only_what_a_server_computes_over_the_content_is_a_hash() {
        let text = |text: &str| Tag::Text(text.to_owned());
        let sum = "d41d8cd98f00b204e9800998ecf8427e";
        assert!(is_a_hash(&Tag::Md5) && is_a_hash(&text(&format!("{sum}-12"))));
        assert!(is_a_hash(&text("sha1:da39a3ee")));
        // As KMS shows it: looks like an MD5, and is none.
        assert!(!is_a_hash(&text(sum)) && !is_a_hash(&text("0x8D4BCC2E4835CD0")));
        assert!(!is_a_hash(&text(&format!("{sum}-x"))) && !is_a_hash(&text("")));
        assert!(!is_a_hash(&Tag::Time(Time::default())));
    }
}
