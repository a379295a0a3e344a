//! `poof status`: what the configuration says, and what really holds.

mod beside;
mod last_known;
mod level;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::monitor::Monitor;
use super::outcome::Outcome;
use super::own_files;
use super::recovery::readiness::{self, KitNote, KitStanding};
use super::rehearse::last;
use super::repository::{Repository, held};
use super::session::Session;
use super::wipe::forget_names;
use super::{bandwidth, figures, loading, profiles, runner, schedule, unattended};
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::base::shown::typed;
use crate::base::units::{date, files};
use crate::config::trees::Directory;
use crate::report::event::{self, Seen};
use crate::report::{Bytes, Event, Note, Tone, lists};
use crate::storage::filter::Filter;
use crate::storage::job::Unwatched;
use crate::tree::guard::Allowed;
use crate::tree::history::Past;
use crate::tree::manifest::Counts;
use crate::tree::model::bundle::Bundle;
use crate::tree::model::path_set::Kept;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::remote::own_objects::Ours;
use crate::tree::restore::apart::Apart;
use crate::tree::scan::root::Root;
use crate::tree::scan::walk::{Found, Walk};
use crate::tree::snapshot::{Snapshot, Snapshots, Standing};
use crate::tree::wipe::{Asked, Presence, Records};
use level::{Doubt, Findings, Place};

/// Tells what holds.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session) -> Result<Outcome> {
    let outcome = if profiles::are_all(session) {
        session.report.note("There is no usual configuration.");
        Ok(Outcome::default())
    } else {
        own(session)
    };
    beside::tell(session);
    outcome
}

/// The same of the configuration in use.
fn own(session: &Session) -> Result<Outcome> {
    let report = &*session.report;
    let ready = loading::load(session)?;
    let directories = loading::select(&ready, &[])?;
    let repository = match Repository::open(session, &ready, &directories, Allowed::default()) {
        Ok(repository) => repository,
        Err(error) if error.kind() == Kind::Interrupted => return Err(error),
        // Status is asked for most when nothing else can be.
        Err(error) => {
            last_known::show(session, &ready, error)?;
            return Ok(Outcome::default());
        }
    };
    repository.warn_of_nested(session, &ready, &directories);
    let mut outcome = Outcome::default();
    let mut findings = Findings::default();
    for directory in &repository.places(session, &directories) {
        interrupt::check()?;
        match tree(session, &repository, directory, ready.filter(), &mut findings) {
            Ok(place) => findings.count(&place),
            Err(error) => {
                runner::note_failure(report, &mut outcome, error)?;
                let name = &directory.name;
                findings.unsaved(format!("{name}: not known what is backed up (see above)"));
                findings.directories += 1;
            }
        }
        if let Ok(_lock) = session.lock() {
            forget_names(session, &repository, &directory.name)?;
        }
    }
    let records = Records::in_state(&session.state);
    for tree in others(session, &repository, &directories) {
        let wiped = records.get(&tree)?.is_some();
        report.tell(&Event::OtherTree { tree, wiped });
    }
    findings.in_clear(session, &repository, &ready)?;
    let encrypted = ready.remote().is_encrypted();
    let (declared, actual) = (findings.declared(encrypted), findings.actual(encrypted));
    let (lacking, nothing_saved) = (findings.lacking, findings.nothing_is_saved());
    report.say(Note::Level { declared, actual, lacking, nothing_saved });
    for doubt in &findings.doubts {
        report.tell(&doubt.event());
    }
    report.say(Note::Remote(ready.remote().name()));
    if own_files::is_rekeying(session) {
        report.note("The change of passwords is not done. Next: `poof rekey`");
    }
    bandwidth::tell(report, Tone::Result);
    let schedule = schedule::found(session);
    report.say(Note::Schedule(schedule.clone()));
    unattended::tell(session);
    figures::tell(session);
    let rehearsed = last::of(session, &ready).unwrap_or_default();
    let (files, bytes) = findings.held;
    let whole = rehearsed.whole.map(|whole| (whole.at, whole.time_of(files, bytes)));
    let failed = (rehearsed.exit_code != 0).then_some(rehearsed.tried);
    report.say(Note::Rehearsed { whole, failed });
    let every = schedule.as_ref().and_then(|found| found.every);
    report.tell(&Event::Status {
        level_declared: declared,
        level_actual: actual,
        remote: ready.remote().name(),
        encrypted,
        kit: kit(session),
        schedule: schedule.as_ref().map_or("none".to_owned(), |found| found.kind.to_string()),
        schedule_every: every.map(|every| every.to_string()),
        schedule_enabled: schedule.is_some_and(|found| found.enabled),
        rehearsed: whole.map(|(at, _)| at),
        rehearsal_failed: failed,
        home_seconds: whole.and_then(|(_, time)| time).map(|time| time.as_secs()),
    });
    Ok(outcome.with("level", actual))
}

/// The trees on the remote that are not those of poof.conf.
fn others(session: &Session, repository: &Repository, all: &[&Directory]) -> Vec<String> {
    let own = |name: &String| {
        all.iter().any(|directory| {
            let alone = repository.place_of_its_own(session, directory);
            directory.name == *name || alone.is_some_and(|alone| alone.name == *name)
        })
    };
    repository.trees().into_iter().filter(|name| !own(name)).collect()
}

/// The last recovery kit.
fn kit(session: &Session) -> Option<event::KitFound> {
    let known = |KitNote { made, path, weak, .. }: KitNote, fits| {
        Some(event::KitFound { made, fits, path: Bytes::path(path.as_os_str().as_bytes()), weak })
    };
    match readiness::kit(session) {
        KitStanding::None => None,
        KitStanding::Outdated(kit) => known(kit, false),
        KitStanding::Fits(kit) => known(kit, true),
    }
}

fn tree(
    session: &Session,
    repository: &Repository,
    directory: &Directory,
    filter: &Filter,
    findings: &mut Findings,
) -> Result<Place> {
    let name = &directory.name;
    let report = &*session.report;
    let mut monitor = Monitor::comparison(report, name);
    let (snapshots, listing) = repository.look_again(name)?;
    let presence = repository.wipes(&snapshots).presence(&mut monitor)?;
    let last = newest(name, &snapshots, findings, &mut monitor)?;
    if let Some(why) = held::missed(repository, &presence, last.as_ref()) {
        findings.unsaved(format!("{name}: what was wiped here is not on the remote: {why}"));
    }
    let (store, names) = (snapshots.store, &snapshots.names);
    let own = own_files::in_use(session, directory).iter().any(Vec::is_empty);
    let apart = match &last {
        // Its changes are poof's own, most of them.
        Some(last) if !own => {
            Apart::of(repository.roots.get(&directory.local)?.as_ref(), filter, last)?
        }
        _ => Apart::default(),
    };
    let mut evidence = Evidence { store, names, listing, read_back: false };
    let bundles = last.as_ref().map(|last| last.bundles().to_vec()).unwrap_or_default();
    let (snapshot, seen) = saved(name, last, &mut evidence, findings)?;
    drop(monitor);
    if snapshot.is_some() {
        let unclaimed = evidence.listing.settle(names, &Ours::read(&snapshots.cache));
        lists::foreign(report, name, &unclaimed.foreign, false);
    }
    let filtered = (filter, own);
    if let Some(event::Snapshot { files, bytes, .. }) = &snapshot {
        findings.held = (findings.held.0 + files, findings.held.1.saturating_add(*bytes));
    }
    let history = if repository.past { history(&snapshots, &bundles)? } else { None };
    let Stands { presence, place, since } =
        stands(session, directory, presence, filtered, apart, findings)?;
    report.tell(&Event::Directory {
        tree: name.clone(),
        presence,
        since,
        snapshot,
        history,
        seen,
        path: Bytes::path(directory.local.as_os_str().as_bytes()),
    });
    Ok(place)
}

/// What is kept for the earlier snapshots of a tree; None if nothing is.
fn history(snapshots: &Snapshots, bundles: &[Bundle]) -> Result<Option<event::History>> {
    let Snapshots { store, names, .. } = snapshots;
    let Past { mut objects, mut bytes, .. } = Past::list(store, names, &mut Unwatched)?;
    for bundle in bundles.iter().filter(|bundle| bundle.until.is_some()) {
        objects += 1;
        bytes = bytes.saturating_add(bundle.object.size);
    }
    if objects == 0 {
        return Ok(None);
    }
    let (count, oldest) = snapshots.extent(&mut Unwatched)?;
    let snapshots = count.saturating_sub(1);
    Ok(Some(event::History { snapshots, since: oldest, objects, bytes }))
}

/// What the remote holds of a tree, and how that is known; None if it holds nothing.
fn saved(
    name: &str,
    last: Option<Snapshot>,
    evidence: &mut Evidence,
    findings: &mut Findings,
) -> Result<(Option<event::Snapshot>, Seen)> {
    let Some(last) = last else {
        findings.never_saved(name);
        return Ok((None, Seen::Now));
    };
    let ((made, _), Counts { files: count, bytes, .. }) = (last.made(), last.counts());
    // Reading back is what check is for.
    let proof = Proof::by_listing(last, evidence)?;
    let unproven = proof.unproven().count() as u64;
    if unproven > 0 {
        let unproven = files(unproven);
        findings.unsaved(format!("{name}: not proven: {unproven} (`poof check` lists)"));
    }
    let seen = if proof.read.0 == 0 { Seen::Now } else { Seen::WhenSent };
    Ok((Some(event::Snapshot { files: count, bytes, made, unproven: Some(unproven) }), seen))
}

/// Where the data of a directory is.
struct Stands {
    /// In a word.
    presence: &'static str,
    place: Place,
    since: Option<u64>,
}

/// Whether a directory is here or was wiped; `own`: it is that of the configuration.
fn stands(
    session: &Session,
    directory: &Directory,
    presence: Presence,
    (filter, own): (&Filter, bool),
    apart: Apart,
    findings: &mut Findings,
) -> Result<Stands> {
    let name = &directory.name;
    let mut since = None;
    let (presence, place) = match presence {
        Presence::Elsewhere(_) if !is_empty(&directory.local) => {
            findings.differs(name, apart);
            ("here", if own { Place::Own } else { Place::Here })
        }
        Presence::Here => {
            findings.differs(name, apart);
            ("here", if own { Place::Own } else { Place::Here })
        }
        Presence::Wiped(record) | Presence::Elsewhere(record) => {
            findings.came_after(name, apart);
            let spared = own_files::spared(session, directory);
            let spared = spared.iter().map(Vec::as_slice).collect();
            let root = Root::open(&directory.local).ok();
            let part = root.as_ref().map_or(0, |root| files_in(root, filter, &spared));
            if part > 0 && !apart.is_unsaved() {
                let part = files(part);
                let what = format!(
                    "{name}: a part of it was brought back and is here: {part} (`poof upload` wipes \
                     it)"
                );
                findings.doubts.push(Doubt::residue(what));
            }
            let excluded = Asked::of(root.as_ref(), filter, &spared)?.extent;
            if excluded.found {
                let extent = lists::extent(excluded);
                let what = format!(
                    "{name}: excluded, and still here: {extent} (`poof upload --wipe-excluded`)"
                );
                findings.doubts.push(Doubt::residue(what));
            }
            since = Some(record.since);
            ("wiped", Place::Wiped)
        }
        Presence::Wiping(_) => {
            let settled = Records::in_state(&session.state).is_settled(name)?;
            // Otherwise what has changed may be what the wipe has overwritten.
            let changed = if settled { apart.changed } else { 0 };
            findings.left(name, Apart { changed, ..apart });
            let what = format!("{name}: its wipe is not completed (`poof upload` completes it)");
            findings.doubts.push(Doubt::residue(what));
            ("wiping", Place::Wiped)
        }
    };
    Ok(Stands { presence, place, since })
}

/// How many files are in a directory, as far as it can be read.
fn files_in(root: &Root, filter: &Filter, spared: &Kept) -> u64 {
    let walk = Walk::new(root, filter).into_iter().flatten();
    let files = walk.filter(|found| match found {
        Found::Entry(entry) => !entry.is_directory() && !spared.holds(&entry.path),
        _ => false,
    });
    files.count() as u64
}

/// The newest snapshot of a tree that can be read.
fn newest(
    name: &str,
    snapshots: &Snapshots,
    findings: &mut Findings,
    monitor: &mut Monitor,
) -> Result<Option<Snapshot>> {
    Ok(match snapshots.last(monitor)? {
        Standing::Current(last) => Some(last),
        Standing::Newer { known, found } => {
            let (made, host) = found.made();
            if known.is_some() {
                let what = format!(
                    "{name}: {host} saved a snapshot on {} that this machine has not taken \
                     (`poof download --only {}`)",
                    date(made),
                    typed(Path::new(name))
                );
                findings.doubts.push(Doubt::unsaved(what));
            }
            Some(found)
        }
        Standing::Behind { why, known, found } => {
            findings.unsaved(format!("{name}: its last snapshot is not there: {why}"));
            found.or(known)
        }
        Standing::None => None,
    })
}

/// Whether there is nothing in a directory, or none.
fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()) || !dir.exists()
}
