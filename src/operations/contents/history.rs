//! `poof history`: the snapshots of a directory, or the versions of a path.

use std::ffi::OsString;

use super::{Contents, Held, Selection};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::config::Ready;
use crate::operations::{Outcome, Session, loading, runner};
use crate::report::event::{Generation, Revision};
use crate::report::{Bytes, Event, TreeNote};
use crate::tree::guard::Allowed;
use crate::tree::history::Past;
use crate::tree::model::bundle;
use crate::tree::model::entry::{Entry, Stored};
use crate::tree::snapshot::{Snapshot, Told};

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
    let (mut count, mut outcome) = (0, Outcome::default());
    for selection in Selection::of(ready, &typed)? {
        let held = contents.tree(&selection.directory)?;
        if !held.snapshots.exist() && request.path.is_none() {
            session.report.say_of(&held.directory.name, TreeNote::NothingBackedUp);
            continue;
        }
        let all = contents.all(&held)?;
        match selection.paths.first().filter(|path| !path.is_empty()) {
            Some(path) => count += revisions(&contents, &held, &all, path, &mut outcome)?,
            None => count += generations(&contents, &held, &all)?,
        }
    }
    Ok(outcome.with("entries", count))
}

fn generations(contents: &Contents, held: &Held, all: &[Told]) -> Result<u64> {
    let since = contents.kept_since(held)?;
    for (index, told) in all.iter().enumerate() {
        let until = contents.kept_until(all, index, since);
        let generation = Generation::of(&held.directory.name, told, index == 0, until);
        contents.session.report.tell(&Event::Generation(generation));
    }
    Ok(all.len() as u64)
}

/// A path from one snapshot on.
struct Version {
    /// The first snapshot that has it so, by its index: the newest is the first of all.
    since: usize,
    /// The last one.
    last: usize,
    /// None: it is deleted.
    entry: Option<Entry>,
}

/// The versions of a path, the newest first; each since the first snapshot that has it.
fn revisions(
    contents: &Contents,
    held: &Held,
    all: &[Told],
    path: &[u8],
    outcome: &mut Outcome,
) -> Result<u64> {
    let mut versions: Vec<Version> = Vec::new();
    for (index, told) in all.iter().enumerate() {
        interrupt::check()?;
        let set = [path].into_iter().collect();
        let part = match contents.part_of(held, told, &set, None) {
            Ok(part) => part,
            // The others may be whole.
            Err(error) if error.kind() == Kind::Guard => {
                let error = error.of_tree(&held.directory.name);
                runner::note_failure(&*contents.session.report, outcome, error)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let entries = part.entries()?.collect::<Result<Vec<_>>>()?;
        let entry = entries.into_iter().find(|entry| entry.path == path);
        match versions.last_mut() {
            // The same in an older snapshot.
            Some(version) if is_same(version.entry.as_ref(), entry.as_ref()) => {
                version.since = index;
            }
            _ => versions.push(Version { since: index, last: index, entry }),
        }
    }
    if versions.iter().all(|version| version.entry.is_none()) {
        return Err(super::ls::not_held(&held.directory.name, path));
    }
    let newest = versions.first().and_then(|version| version.entry.clone());
    let (mut past, since) = (Lookup::new(contents, held), contents.kept_since(held)?);
    for Version { since: first, last, entry } in &versions {
        let restorable = match entry {
            Some(entry) => is_in_place(newest.as_ref(), entry) || past.holds(entry)?,
            None => false,
        };
        let until = contents.kept_until(all, *last, since).filter(|_| restorable);
        let told = (&all[*first], until);
        let revision = revision(held, told, entry.as_ref(), path, restorable);
        contents.session.report.tell(&Event::Revision(revision));
    }
    Ok(versions.len() as u64)
}

/// Whether the object of an entry is the one of the newest snapshot, or it needs none.
pub(super) fn is_in_place(newest: Option<&Entry>, entry: &Entry) -> bool {
    entry.file().is_none() || newest.is_some_and(|newest| newest.stored == entry.stored)
}

/// What is told of a path, since a snapshot and until a time.
pub(super) fn revision(
    held: &Held,
    (told, until): (&Told, Option<u64>),
    entry: Option<&Entry>,
    path: &[u8],
    restorable: bool,
) -> Revision {
    let (made, host) = told.made();
    Revision {
        tree: held.directory.name.clone(),
        generation: told.generation(),
        made,
        host: host.into_owned(),
        deleted: entry.is_none(),
        restorable,
        until,
        bytes: entry.and_then(|entry| Some(entry.file()?.size)),
        modified: entry.map(|entry| {
            let mtime = entry.attributes.mtime;
            (mtime.seconds, mtime.nanos)
        }),
        path: Bytes::path(path),
    }
}

/// Whether objects are kept. The remote is asked once, and only if that is of interest.
pub(super) struct Lookup<'a> {
    contents: &'a Contents<'a>,
    held: &'a Held<'a>,
    past: Option<Past>,
}

impl<'a> Lookup<'a> {
    pub fn new(contents: &'a Contents<'a>, held: &'a Held<'a>) -> Self {
        Lookup { contents, held, past: None }
    }

    /// # Errors
    /// The remote fails.
    pub fn holds(&mut self, entry: &Entry) -> Result<bool> {
        let stored = match &entry.stored {
            None => return Ok(false),
            Some(Stored::Member(member)) => {
                let bundles = self.held.current.as_ref().map_or(&[][..], Snapshot::bundles);
                return Ok(bundle::find(bundles, member.bundle).is_some());
            }
            Some(Stored::Object(object)) => object,
        };
        if self.past.is_none() {
            self.past = Some(self.contents.past(self.held)?);
        }
        Ok(self.past.as_ref().is_some_and(|past| past.place(stored).is_some()))
    }
}

pub(super) fn is_same(a: Option<&Entry>, b: Option<&Entry>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.kind == b.kind && a.attributes.mtime == b.attributes.mtime && a.stored == b.stored
        }
        (a, b) => a.is_none() && b.is_none(),
    }
}
