//! What a bucket without a manifest holds: of it only a listing tells.

use std::collections::BTreeSet;

use super::{Held, Which};
use crate::base::error::Result;
use crate::config::Ready;
use crate::operations::Session;
use crate::operations::repository::Repository;
use crate::tree::guard::Allowed;
use crate::tree::model::entry::{Attributes, Entry, EntryKind, FileData, Time, order};
use crate::tree::model::path::ObjectName;
use crate::tree::model::path_set::above;
use crate::tree::remote::known;
use crate::tree::wipe::Records;

/// The objects of a tree, as entries with the names that rclone gives them; none if nothing
/// is there.
///
/// # Errors
/// The remote fails, or poof has written to it, and the manifest is gone.
pub fn entries(
    session: &Session,
    ready: &Ready,
    held: &Held,
    (which, allowed): (Which, Allowed),
) -> Result<Vec<Entry>> {
    let directory = &held.directory;
    which.is_newest_of(&directory.name)?;
    let repository = Repository::open(session, ready, &[directory], allowed)?;
    let name = &directory.name;
    let wiped = Records::in_state(&session.state).get(name)?;
    if wiped.is_some() || repository.is_poofs(name) {
        let (place, there) = (repository.remote.place(name), repository.has_objects(name));
        known::no_manifest(&place, wiped.map(|wiped| wiped.since), there, allowed)?;
    }
    let own = repository.listing(name)?.own;
    let shown = own.names().filter_map(|object| {
        let shown = own.shown(&object)?;
        let (path, kind) = if let Some(path) = object.strip_suffix(ObjectName::LINK) {
            (path.to_vec(), EntryKind::Symlink { target: Vec::new() })
        } else {
            let data = FileData { size: shown.size, content: None, sparse: false };
            (object, EntryKind::File(data))
        };
        let mtime = Time { seconds: shown.time.0, nanos: shown.time.1 };
        let attributes = attributes(mtime);
        let (hard_link, stored, local) = (None, None, None);
        Some(Entry { path, kind, attributes, hard_link, stored, local })
    });
    let mut entries: Vec<Entry> = shown.collect();
    let directories: BTreeSet<Vec<u8>> =
        entries.iter().flat_map(|e| above(&e.path)).map(<[u8]>::to_vec).collect();
    entries.extend(directories.into_iter().map(|path| {
        let (kind, attributes) = (EntryKind::Directory, attributes(Time::default()));
        Entry { path, kind, attributes, hard_link: None, stored: None, local: None }
    }));
    entries.sort_by(|a, b| order(&a.path, &b.path));
    Ok(entries)
}

/// All that is known of the attributes of an object. No file belongs to this
/// owner: -1 means none to chown(2).
pub fn attributes(mtime: Time) -> Attributes {
    Attributes { uid: u32::MAX, gid: u32::MAX, mtime, ..Attributes::default() }
}
