//! Whether the remote still holds what was wiped here.

use std::sync::PoisonError;

use super::Repository;
use crate::base::error::{Kind, Result};
use crate::base::units::files;
use crate::config::trees::Directory;
use crate::operations::monitor::Monitor;
use crate::operations::outcome::Outcome;
use crate::operations::runner;
use crate::operations::session::Session;
use crate::report::{Bytes, Event};
use crate::storage::job::Watch;
use crate::tree::guard;
use crate::tree::model::layout::ODD;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::snapshot::{Newest, Snapshot, Snapshots};
use crate::tree::wipe::{GONE, Presence, Record, Records, Wipes};

impl Repository<'_> {
    /// Whether something is below the name of a tree that it was opened for.
    pub fn has_objects(&self, tree: &str) -> bool {
        let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = listings.get(tree).and_then(|listed| listed.as_ref().ok());
        listed.is_some_and(|listed| !listed.is_empty()) || !self.bundles(tree).is_empty()
    }

    /// How many objects there are of a tree, if its listing is at hand: no fewer than
    /// it has files.
    fn objects(&self, tree: &str) -> Option<u64> {
        if !self.bundles(tree).is_empty() {
            // How many files are in them, their names do not say.
            return None;
        }
        let listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let own = listings.get(tree)?.as_ref().ok()?.count();
        let odd = self.below(tree).below(&format!("{ODD}/")).count();
        Some(own + odd)
    }
}

/// Why the remote does not hold what was wiped any more, as far as its head and the number
/// of its objects tell; None if it does, or if that is on another remote.
///
/// # Errors
/// The remote fails.
pub fn lost(
    repository: &Repository,
    wipes: &Wipes,
    record: &Record,
    watch: &mut dyn Watch,
) -> Result<Option<String>> {
    if !record.is_on(&repository.remote.name()) {
        return Ok(None);
    }
    // A later snapshot, by another machine, may hold fewer files than were wiped here.
    let held = match wipes.held(record, watch)? {
        Ok(counts) => counts.files,
        Err(why) => return Ok(Some(why)),
    };
    let objects = repository.objects(&record.tree).filter(|objects| *objects < held);
    Ok(objects.map(|objects| format!("of {} there are {objects}", files(held))))
}

/// The same, of the newest snapshot that was found.
pub fn missed(
    repository: &Repository,
    presence: &Presence,
    newest: Option<&Snapshot>,
) -> Option<String> {
    let (Presence::Wiped(record) | Presence::Wiping(record)) = presence else { return None };
    let remote = repository.remote.name();
    if !record.is_on(&remote) {
        return None;
    }
    match newest {
        Some(newest) => record.outdates(&remote, newest.seen()),
        None => Some(GONE.to_owned()),
    }
}

/// Looks whether all of what was wiped before is still on the remote, by its listing:
/// without it poof must not take its keys away.
///
/// # Errors
/// An interrupt.
pub fn prove(
    session: &Session,
    repository: &Repository,
    wiped: &[&Directory],
    outcome: &mut Outcome,
) -> Result<()> {
    for Directory { name, .. } in wiped {
        let (snapshots, listing) = match repository.look_again(name) {
            Ok(looked) => looked,
            Err(error) => {
                runner::note_failure(&*session.report, outcome, error)?;
                continue;
            }
        };
        let mut monitor = Monitor::comparison(&*session.report, name);
        let held = snapshot(session, repository, &snapshots, &mut monitor).and_then(|snapshot| {
            let (store, names) = (snapshots.store, &snapshots.names);
            let mut evidence = Evidence { store, names, listing, read_back: false };
            snapshot.map(|snapshot| Proof::by_listing(snapshot, &mut evidence)).transpose()
        });
        drop(monitor);
        let proven = held.map(|proof| {
            for (path, why) in proof.iter().flat_map(Proof::unproven) {
                session.report.tell(&Event::Unproven {
                    tree: name.clone(),
                    why: why.to_owned(),
                    stays: false,
                    path: Bytes::path(path),
                });
                outcome.worsen(Kind::Unproven);
            }
        });
        // What was fetched names files that were wiped.
        let forgotten = repository.wipes(&snapshots).erase_names();
        if let Err(error) = proven.and(forgotten) {
            runner::note_failure(&*session.report, outcome, error)?;
        }
    }
    Ok(())
}

/// The newest snapshot of a tree that was wiped; None if it is of another remote.
fn snapshot(
    session: &Session,
    repository: &Repository,
    snapshots: &Snapshots,
    watch: &mut dyn Watch,
) -> Result<Option<Snapshot>> {
    let tree = snapshots.names.tree();
    let remote = repository.remote.name();
    let record = Records::in_state(&session.state).get(tree)?;
    if record.as_ref().is_some_and(|record| !record.is_on(&remote)) {
        return Ok(None);
    }
    let why = match snapshots.newest(watch)? {
        Newest::Found(found) => {
            match record.and_then(|record| record.outdates(&remote, found.seen())) {
                None => return Ok(Some(found)),
                Some(why) => why,
            }
        }
        Newest::Unusable(why) => why,
        Newest::None => GONE.to_owned(),
    };
    Err(guard::wiped_and_lost(tree, &why))
}
