//! `poof diff`: what differs between here and a snapshot, or between two snapshots.

use std::ffi::OsString;

use super::{Contents, Selection, Which, or_named};
use crate::base::error::{Error, Kind, Result};
use crate::config::Ready;
use crate::operations::{Outcome, Session, loading};
use crate::report::{Bytes, Event, TreeNote};
use crate::tree::guard::Allowed;
use crate::tree::model::entry::Entry;
use crate::tree::restore::differences::{By, Difference, Look, between, from_here};
use crate::tree::scan::root::Roots;

/// What is to be compared.
#[derive(Default)]
pub struct Request {
    /// NAME, NAME/PATH, or a path on disk; None: every directory.
    pub path: Option<OsString>,
    pub at: Option<String>,
    /// Another snapshot in the place of what is here.
    pub and: Option<String>,
    pub allowed: Allowed,
}

/// Compares.
///
/// # Errors
/// What keeps the whole from working.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let ready = loading::load_to_restore(session)?;
    compare(session, request, &ready)
}

pub(in crate::operations) fn compare(
    session: &Session,
    request: &Request,
    ready: &Ready,
) -> Result<Outcome> {
    let which = Which::of(request.at.as_deref())?;
    let other = request.and.as_deref().map(|text| Which::of(Some(text))).transpose()?;
    if other.is_some() && request.at.is_none() {
        return Err(Error::new(Kind::Usage, "`--and` needs `--at`")
            .hint("`--at A --and B` compares the snapshot of A with that of B."));
    }
    let contents = Contents::open(session, ready, request.allowed)?;
    let roots = Roots::default();
    let typed: Vec<_> = request.path.iter().collect();
    let (mut count, mut outcome) = (0, Outcome::default());
    let mut compared = true;
    for selection in Selection::of(ready, &typed)? {
        let held = contents.tree(&selection.directory)?;
        let tree = &held.directory.name;
        if !held.snapshots.exist() && typed.is_empty() {
            session.report.say_of(tree, TreeNote::NothingBackedUp);
            compared = false;
            continue;
        }
        let (paths, only) = (selection.path_set(), selection.only());
        let snapshots = contents.part(&held, which, &paths, None).and_then(|snapshot| {
            let other = other.map(|other| contents.part(&held, other, &paths, None)).transpose()?;
            Ok((snapshot, other))
        });
        let snapshots = or_named(session, &mut outcome, snapshots)?;
        let Some((snapshot, later)) = snapshots else { continue };
        let mut told = |difference: Difference, entry: &Entry, _: Option<&Entry>| {
            count += 1;
            session.report.tell(&Event::Difference {
                tree: tree.clone(),
                what: word(difference),
                bytes: entry.file().map(|data| data.size),
                directory: entry.is_directory(),
                path: Bytes::path(&entry.path),
            });
        };
        if let Some(later) = later {
            between(&snapshot, &later, only.as_ref(), &mut told)?;
        } else {
            let root = roots.get(&selection.directory.local)?;
            let (root, filter, only) = (root.as_ref(), ready.filter(), only.as_ref());
            let look = Look { root, filter, only, by: By::Time };
            let lost = from_here(look, &snapshot, &mut told)?;
            for out in &lost {
                session.report.tell(&Event::LeftOut {
                    tree: tree.clone(),
                    why: out.why.clone(),
                    loss: true,
                    path: Bytes::path(&out.path),
                });
                outcome.worsen(Kind::Incomplete);
            }
        }
    }
    if count == 0 && compared && outcome.kind.is_none() {
        session.report.done("Nothing differs.");
    }
    Ok(outcome.with("entries", count))
}

fn word(difference: Difference) -> &'static str {
    match difference {
        Difference::Gone => "gone",
        Difference::New => "new",
        Difference::Content => "content",
        Difference::Attributes => "attributes",
    }
}
