//! `poof ls`: what a snapshot holds, from its manifest.

use std::ffi::OsString;
use std::path::Path;

use super::{Contents, Selection, Which, entry_event, or_named, unlisted};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::{name_of, typed};
use crate::config::Ready;
use crate::operations::{Outcome, Session, loading};
use crate::report::event::{EntryShown, Generation};
use crate::report::{Event, TreeNote};
use crate::tree::guard::Allowed;
use crate::tree::model::entry::{Entry, is_within};

/// What is wanted of a listing.
#[derive(Default)]
pub struct Request {
    /// NAME, NAME/PATH, or a path on disk; None: the directories themselves.
    pub path: Option<OsString>,
    pub long: bool,
    pub recursive: bool,
    pub at: Option<String>,
    pub allowed: Allowed,
}

/// Lists.
///
/// # Errors
/// There is nothing there, or what keeps the whole from working.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let ready = loading::load_to_restore(session)?;
    list(session, request, &ready)
}

pub(in crate::operations) fn list(
    session: &Session,
    request: &Request,
    ready: &Ready,
) -> Result<Outcome> {
    let which = Which::of(request.at.as_deref())?;
    let contents = Contents::open(session, ready, request.allowed)?;
    let Some(path) = &request.path else { return trees(&contents, which) };
    let mut count = 0;
    for selection in Selection::of(ready, &[path])? {
        let held = contents.tree(&selection.directory)?;
        let tree = held.directory.name.clone();
        let base = selection.paths.first().map_or(&b""[..], Vec::as_slice);
        let mut lists = Lists { request, base, tree: &tree, found: false, count: 0 };
        if held.snapshots.exist() {
            let part = contents.part(&held, which, &selection.path_set(), None)?;
            for entry in part.entries()? {
                lists.see(session, &entry?);
            }
        } else {
            let entries = unlisted::entries(session, ready, &held, (which, request.allowed))?;
            if entries.is_empty() {
                return Err(held.none(&ready.remote().place(&tree)));
            }
            for entry in &entries {
                lists.see(session, entry);
            }
        }
        if !lists.found {
            return Err(not_held(&tree, base));
        }
        count += lists.count;
    }
    Ok(Outcome::default().with("entries", count))
}

/// That a snapshot does not have a path.
pub(super) fn not_held(tree: &str, path: &[u8]) -> Error {
    let path = name_of(path);
    Error::new(Kind::Incomplete, format!("{tree}/{path} is not in the snapshot")).hint(format!(
        "`poof find` looks for names; `poof history {}` lists the snapshots.",
        typed(Path::new(tree))
    ))
}

struct Lists<'a> {
    request: &'a Request,
    base: &'a [u8],
    tree: &'a str,
    /// The path itself is there, or something below it.
    found: bool,
    count: u64,
}

impl Lists<'_> {
    fn see(&mut self, session: &Session, entry: &Entry) {
        let base = self.base;
        if !is_within(&entry.path, base) {
            return;
        }
        self.found = true;
        let itself = entry.path == base;
        if itself && entry.is_directory() {
            return;
        }
        let start = if itself {
            base.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1)
        } else if base.is_empty() {
            0
        } else {
            base.len() + 1
        };
        if !itself && !self.request.recursive && entry.path[start..].contains(&b'/') {
            return;
        }
        self.count += 1;
        let shown = EntryShown { from: Some(start), long: self.request.long };
        session.report.tell(&entry_event(self.tree, entry, shown));
    }
}

/// Every directory, and what its snapshot is.
fn trees(contents: &Contents, which: Which) -> Result<Outcome> {
    let (mut count, mut outcome) = (0, Outcome::default());
    for directory in contents.ready.directories() {
        let held = contents.tree(directory)?;
        if !held.snapshots.exist() {
            let name = &held.directory.name;
            contents.session.report.say_of(name, TreeNote::NoManifest);
            continue;
        }
        let told = contents.told(&held, which);
        let Some(told) = or_named(contents.session, &mut outcome, told)? else { continue };
        count += 1;
        let newest = contents.told(&held, Which::Newest)?.generation() == told.generation();
        contents.session.report.tell(&Event::Generation(Generation::of(
            &held.directory.name,
            &told,
            newest,
            None,
        )));
    }
    Ok(outcome.with("trees", count))
}
