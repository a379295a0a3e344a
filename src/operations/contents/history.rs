//! `poof history`: the snapshots of a directory, or the versions of a path.

use std::ffi::OsString;

use super::{Contents, Held, Selection};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::config::Ready;
use crate::operations::{Outcome, Session, loading};
use crate::report::event::{Generation, Revision};
use crate::report::{Bytes, Event, TreeNote};
use crate::tree::guard::Allowed;
use crate::tree::model::entry::Entry;
use crate::tree::snapshot::Told;

/// What is wanted of the history.
#[derive(Default)]
pub struct Request {
    /// NAME, NAME/PATH, or a path on disk; None: every directory.
    pub path: Option<OsString>,
    pub allowed: Allowed,
}

/// Tells it.
///
/// # Errors
/// What keeps the whole from working.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let ready = loading::load_to_restore(session)?;
    tell(session, request, &ready)
}

pub(in crate::operations) fn tell(
    session: &Session,
    request: &Request,
    ready: &Ready,
) -> Result<Outcome> {
    let contents = Contents::open(session, ready, request.allowed)?;
    let typed: Vec<_> = request.path.iter().collect();
    let mut count = 0;
    for selection in Selection::of(ready, &typed)? {
        let held = contents.tree(&selection.directory)?;
        if !held.snapshots.exist() && request.path.is_none() {
            session.report.say_of(&held.directory.name, TreeNote::NothingBackedUp);
            continue;
        }
        let all = contents.all(&held)?;
        match selection.paths.first().filter(|path| !path.is_empty()) {
            Some(path) => count += revisions(&contents, &held, &all, path)?,
            None => count += generations(session, &held, &all),
        }
    }
    Ok(Outcome::default().with("entries", count))
}

fn generations(session: &Session, held: &Held, all: &[Told]) -> u64 {
    for (index, told) in all.iter().enumerate() {
        let generation = Generation::of(&held.directory.name, told, index == 0);
        session.report.tell(&Event::Generation(generation));
    }
    all.len() as u64
}

/// The versions of a path, the newest first; each since the first snapshot that has it.
fn revisions(contents: &Contents, held: &Held, all: &[Told], path: &[u8]) -> Result<u64> {
    let mut versions: Vec<(&Told, Option<Entry>)> = Vec::new();
    for told in all {
        interrupt::check()?;
        let set = [path].into_iter().collect();
        let part = contents.part_of(held, told, &set, None)?;
        let entries = part.entries()?.collect::<Result<Vec<_>>>()?;
        let entry = entries.into_iter().find(|entry| entry.path == path);
        match versions.last_mut() {
            // The same in an older snapshot.
            Some((since, last)) if is_same(last.as_ref(), entry.as_ref()) => *since = told,
            _ => versions.push((told, entry)),
        }
    }
    if versions.iter().all(|(_, entry)| entry.is_none()) {
        return Err(super::ls::not_held(&held.directory.name, path));
    }
    let newest = versions.first().and_then(|(_, entry)| entry.clone());
    for (told, entry) in &versions {
        let (made, host) = told.made();
        let stored = |entry: &Entry| entry.stored.clone();
        // A mirror has one object for each path, which is that of the newest snapshot.
        let here = entry.as_ref().is_some_and(|entry| {
            !entry.is_object() || newest.as_ref().and_then(stored) == stored(entry)
        });
        contents.session.report.tell(&Event::Revision(Revision {
            tree: held.directory.name.clone(),
            generation: told.generation(),
            made,
            host: host.into_owned(),
            deleted: entry.is_none(),
            restorable: here,
            bytes: entry.as_ref().and_then(|entry| Some(entry.file()?.size)),
            modified: entry.as_ref().map(|entry| {
                let mtime = entry.attributes.mtime;
                (mtime.seconds, mtime.nanos)
            }),
            path: Bytes::path(path),
        }));
    }
    Ok(versions.len() as u64)
}

fn is_same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.kind == b.kind && a.attributes.mtime == b.attributes.mtime && a.stored == b.stored
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}
