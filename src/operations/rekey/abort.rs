//! `poof rekey --abort`: gives a change of passwords up that is not in force yet. What was sent
//! under the new passwords goes, then these.

use std::collections::BTreeSet;

use super::passwords::Change;
use super::{finish, section};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::{bytes, files};
use crate::config::trees::Directory;
use crate::config::{PoofConf, Problem, Ready};
use crate::host::erase::{self, FillPattern};
use crate::operations::caution::Caution;
use crate::operations::monitor::Monitor;
use crate::operations::removal::{Gone, remove_directory, still_there, tell_versions};
use crate::operations::repository::Repository;
use crate::operations::session::Session;
use crate::operations::{Outcome, loading, own_files};
use crate::report::{Event, Note, lists};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::remote::Remote;
use crate::storage::store::Bytes;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::model::layout::{Names, RECORDS};
use crate::tree::proof::{Evidence, Proof};
use crate::tree::remote::identity;
use crate::tree::remote::listing::{Listing, list};
use crate::tree::remote::own_objects::Ours;
use crate::tree::snapshot::{Newest, Snapshots, UPLOADS};

/// What is there of a tree under the new passwords.
struct Sent {
    tree: String,
    files: u64,
    bytes: u64,
}

/// Gives the change up.
///
/// # Errors
/// The new passwords are in use already, or what keeps the whole from working, or an interrupt.
pub fn run(session: &Session, caution: Caution) -> Result<Outcome> {
    let (report, Caution { dry_run, yes, allowed }) = (&*session.report, caution);
    let _lock = session.lock_unless(dry_run)?;
    let outcome = Outcome::default().with("changed", false);
    if !own_files::is_rekeying(session) {
        report.done("No change of passwords was begun. There is nothing to give up.");
        return Ok(outcome);
    }
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let section = section(&loading::load_to_change(session)?)?;
    let Some(mut change) = Change::begun(session, &poof, &section)? else { return Ok(outcome) };
    if change.is_switched(session, &poof)? {
        let what = "the new passwords are in use: it is too late to give the change up";
        return Err(Error::guard(what).hint("Nothing was changed. `poof rekey` completes it."));
    }
    let ready = load(session, &change)?;
    let directories = loading::select(&ready, &[])?;
    let repository = Repository::open(session, &ready, &directories, allowed)?;
    let found = found(session, &repository, &directories, &change, allowed)?;
    let (count, size) = found
        .iter()
        .fold((0, 0), |(count, size), Sent { files, bytes, .. }| (count + files, size + bytes));
    if dry_run {
        for Sent { tree, files, bytes } in found {
            report.tell(&Event::WouldPurge { tree, files, bytes });
        }
        report.done("Dry run: nothing was changed.");
        return Ok(outcome.with("dry_run", true));
    }
    let (count, size) = (files(count), bytes(size));
    let question = format!(
        "{count}, {size}, which were sent under the new passwords, will be removed from the \
         remote, and then these passwords. Go on?"
    );
    if !report.confirm(&question, yes)? {
        return Err(Error::guard("nothing was changed").hint("`--yes` goes ahead."));
    }
    change.note_given_up()?;
    complete(session, change, allowed)?;
    report.done("The change is given up. The passwords are as they were.");
    Ok(outcome)
}

/// Completes one that was given up, and all of which is known to be poof's own.
///
/// # Errors
/// The remote or this machine's disk fails, or an interrupt. The next run goes on.
pub fn complete(session: &Session, change: Change, allowed: Allowed) -> Result<()> {
    let ready = load(session, &change)?;
    let directories = loading::select(&ready, &[])?;
    let repository = Repository::open(session, &ready, &directories, allowed)?;
    let found = found(session, &repository, &directories, &change, allowed)?;
    let lock = repository.lock(found.iter().map(|sent| sent.tree.clone()).collect());
    if !found.is_empty() {
        lock.hold()?;
    }
    for Sent { tree, files, bytes } in found {
        interrupt::check()?;
        let names = Names::new(&tree);
        let cache = repository.snapshots(&tree).cache;
        let uploads = cache.join(UPLOADS);
        if uploads.is_dir() {
            let fail = |failure: Failure| failure.into_error("abort uploads", Kind::Incomplete);
            repository.store.abandon(&[uploads]).map_err(fail)?;
        }
        let mut gone = Gone::Wholly;
        // What tells of the tree goes last.
        let kept = repository.past.then(|| names.kept());
        for dir in [names.tree().to_owned()].into_iter().chain(kept).chain([names.records()]) {
            gone = gone.min(remove_readable(session, repository.remote, &dir)?);
        }
        if cache.exists() {
            FillPattern::new()
                .and_then(|noise| erase::directory(&cache, &noise))
                .map_err(|error| Error::io("wipe", &cache, &error))?;
        }
        let refused = gone == Gone::ButForVersions;
        tell_versions(session, repository.remote, &tree, refused)?;
        session.report.tell(&Event::Purged { tree, files, bytes });
    }
    drop(lock);
    // Without its record the store would be one that this machine knows and that was emptied.
    let [_, new] = change.names();
    identity::forget(&session.state, &new)?;
    remove_readable(session, repository.remote, RECORDS)?;
    finish(session, change)
}

fn load(session: &Session, change: &Change) -> Result<Ready> {
    let [_, new] = change.names();
    loading::load_beside(session, &change.sections(), &new)
}

/// What is there of each tree. All of it is poof's own, or may go.
fn found(
    session: &Session,
    repository: &Repository,
    directories: &[&Directory],
    change: &Change,
    allowed: Allowed,
) -> Result<Vec<Sent>> {
    let known = repository.trees();
    let mut found = Vec::new();
    for tree in trees(session, repository, directories, allowed.foreign || change.is_given_up())? {
        interrupt::check()?;
        let (snapshots, listing) = repository.look_again(&tree)?;
        let files = listing.own.names().count() as u64;
        let bytes = listing.own.foreign().map(|(_, size)| size).sum();
        if files == 0 && !known.contains(&tree) && !snapshots.cache.exists() {
            continue;
        }
        if !change.is_given_up() {
            is_poofs(session, &snapshots, listing, allowed)?;
        }
        found.push(Sent { tree, files, bytes });
    }
    Ok(found)
}

/// The trees that are or were to be under the new passwords. What others have put there stays.
fn trees(
    session: &Session,
    repository: &Repository,
    directories: &[&Directory],
    may_stay: bool,
) -> Result<BTreeSet<String>> {
    let mut trees = repository.trees();
    trees.extend(repository.places(session, directories).into_iter().map(|place| place.name));
    let is_around = |top: &str, tree: &String| {
        tree.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut others = Vec::new();
    for top in repository.sight.here.names.iter().filter(|name| *name != RECORDS) {
        if trees.iter().any(|tree| is_around(top, tree)) {
            continue;
        }
        if repository.snapshots(top).cache.exists() {
            // poof.conf had it when it was sent.
            trees.insert(top.clone());
            continue;
        }
        // By accident an old name may decrypt to something.
        let listed = list(&repository.store, top, &[], &mut Unwatched);
        let fail = |failure: Failure| failure.into_error("list the remote", Kind::Remote);
        if !listed.map_err(fail)?.is_empty() {
            others.push(top.as_str());
        }
    }
    if others.is_empty() || may_stay { Ok(trees) } else { Err(made_by_others(&others.join(", "))) }
}

/// Refuses a tree that has objects which poof did not make.
fn is_poofs(
    session: &Session,
    snapshots: &Snapshots,
    listing: Listing,
    allowed: Allowed,
) -> Result<()> {
    let (report, tree) = (&*session.report, snapshots.names.tree());
    let (store, names) = (snapshots.store, &snapshots.names);
    let mut evidence = Evidence { store, names, listing, read_back: false };
    let newest = snapshots.newest(&mut Monitor::comparison(report, tree))?;
    if let Newest::Found(last) = newest {
        // Claims its objects.
        Proof::by_listing(last, &mut evidence)?;
    }
    let foreign = evidence.listing.settle(names, &Ours::read(&snapshots.cache)).foreign;
    lists::foreign(report, tree, &foreign, allowed.foreign);
    if foreign.is_empty() || allowed.foreign { Ok(()) } else { Err(made_by_others(tree)) }
}

/// Removes what the new passwords open in a directory, and leaves what they do not open.
fn remove_readable(session: &Session, remote: &Remote, dir: &str) -> Result<Gone> {
    let doing = format!("remove {}", remote.place(dir));
    let fail = |failure: Failure| failure.into_error(&doing, Kind::Incomplete);
    let (store, names) = (remote.store(), Names::new(dir));
    let mut readable = Vec::new();
    let listed = store.list(dir, None, &[], &mut Unwatched, |shown| {
        readable.push(Bytes(names.full(&shown.remote.0)));
    });
    let strange = match listed {
        Err(failure) if failure.kind == FailureKind::Missing => return Ok(Gone::Wholly),
        listed => listed.map_err(fail)?.strange,
    };
    if strange == 0 {
        return remove_directory(remote, dir);
    }
    let removed = store.remove(&readable, &mut Unwatched).map_err(fail)?;
    if let Some(failure) = removed.into_iter().find_map(|record| record.failure) {
        return Err(fail(failure));
    }
    let left = list(&store, dir, &[], &mut Unwatched).map_err(fail)?.names().count() as u64;
    if left > 0 {
        return Err(still_there(remote, dir, left));
    }
    // It fails for the one that holds the others.
    let _ = store.remove_empty_directories(dir);
    session.report.say(Note::Unreadable { place: remote.place(dir), files: strange });
    Ok(Gone::Wholly)
}

fn made_by_others(what: &str) -> Error {
    let what = format!("{what} under the new passwords: poof did not make all that is there");
    refuse(what, "The new passwords stay until it is gone.", "foreign")
}
