//! `poof traces`: what else on this machine tells of the files of the trees, by exact knowledge of
//! their paths and contents.

mod brief;
mod knowledge;

use std::path::PathBuf;

use super::loading;
use super::outcome::Outcome;
use super::own_files::real;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::path_of;
use crate::config::Ready;
use crate::host::erase::FillPattern;
use crate::host::paths::System;
use crate::host::traces::copies;
use crate::host::traces::known::Known;
use crate::host::traces::places::{Holds, Kind as Place};
use crate::host::traces::removal;
use crate::host::traces::search::{Find, Scope};
use crate::report::event::{FileTrace, TraceFate};
use crate::report::{Bytes, Event, Note, Report, lists};
use crate::storage::remote::Remote;
pub use brief::{Brief, preview};
use knowledge::Knowledge;

/// What is wanted.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // each is a wish of its own
pub struct Request {
    /// Names of directories; none: all.
    pub only: Vec<String>,
    /// Removes what is the user's own and can go alone.
    pub remove: bool,
    /// Copies of the content as well.
    pub copies: bool,
    pub dry_run: bool,
    pub yes: bool,
}

/// Looks, and removes.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let changes = request.remove && !request.dry_run;
    let _lock = session.lock_unless(!changes)?;
    let ready = loading::load_to_restore(session)?;
    find(session, request, &ready)
}

/// The same with a configuration that is ready.
///
/// # Errors
/// As [`run`].
pub(super) fn find(session: &Session, request: &Request, ready: &Ready) -> Result<Outcome> {
    let report = &*session.report;
    let directories = loading::select(ready, &request.only)?;
    let mut knowledge = Knowledge::of(session, ready, &directories)?;
    let known = knowledge.known();
    let spared = spared(session, ready);
    let scope = scope(session, &known, &spared);
    let (mut finds, closed) = scope.places()?;
    for (path, why) in closed {
        let path = path_of(&path);
        report.warn(&format!("{path}: {why}, and it may tell of your files"));
    }
    let copied = knowledge.copies(&scope)?;
    finds.extend(copies::but_for(copied, &finds));
    finds.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    let goes = |find: &Find| find.goes() && (find.kind != Place::Copy || request.copies);
    let count = finds.iter().map(|find| find.count).sum::<usize>();
    let fate = |find: &Find| {
        if request.remove && goes(find) { TraceFate::WouldGo } else { TraceFate::Found }
    };
    tell(report, &finds, fate);
    let going: Vec<&Find> = finds.iter().filter(|find| goes(find)).collect();
    let outcome = Outcome::default().with("entries", count);
    if !request.remove || request.dry_run || going.is_empty() {
        end(report, &finds, going.len(), request);
        return Ok(if request.dry_run { outcome.with("dry_run", true) } else { outcome });
    }
    consent(report, &going, request.yes)?;
    remove(report, &going, &known, outcome)
}

/// Says what was found, or that nothing was.
fn end(report: &dyn Report, finds: &[Find], goes: usize, request: &Request) {
    if finds.is_empty() {
        report.done("Nothing else on this machine tells of the files, as far as poof looks.");
        return;
    }
    let removes = goes > 0 && !request.remove;
    report.say(Note::TracesListed { counts: counts(finds), goes: removes.then_some(goes) });
    if request.dry_run {
        report.done("Dry run: nothing was changed.");
    }
}

/// How many there are of each kind.
fn counts(finds: &[Find]) -> Vec<(&'static str, usize)> {
    let mut counts: Vec<(Place, usize)> = Vec::new();
    for find in finds {
        match counts.iter_mut().find(|(kind, _)| *kind == find.kind) {
            Some((_, count)) => *count += find.count,
            None => counts.push((find.kind, find.count)),
        }
    }
    counts.sort();
    counts.into_iter().map(|(kind, count)| (kind.word(), count)).collect()
}

/// Where to look, and where not: the trees go or are backed up, and what is in poof's own
/// directories or in the bucket is no trace.
fn spared(session: &Session, ready: &Ready) -> Vec<PathBuf> {
    let mut spared: Vec<_> =
        ready.directories().iter().map(|directory| directory.local.clone()).collect();
    let layout = &session.layout;
    spared.extend(
        [&layout.config, &layout.state, &session.files.dir, &session.state].map(Clone::clone),
    );
    spared.extend(ready.remote().bucket_on_disk());
    spared.extend(ready.counterpart().and_then(Remote::bucket_on_disk));
    let real: Vec<_> = spared.iter().map(|path| real(path)).collect();
    spared.extend(real);
    spared.sort();
    spared.dedup();
    spared
}

fn scope<'a>(session: &'a Session, known: &'a Known, spared: &'a [PathBuf]) -> Scope<'a> {
    Scope { known, home: &session.layout.home, spared, system: System::current() }
}

/// Tells each find: programs all of them, people so many of a kind as fit a text.
fn tell(report: &dyn Report, finds: &[Find], fate: impl Fn(&Find) -> TraceFate) {
    let mut last = None;
    let (mut shown, mut more) = (0, 0);
    for find in finds {
        if last.replace(find.kind) != Some(find.kind) {
            shown = 0;
        }
        shown += 1;
        // What holds content goes only if it was listed.
        let listed = fate(find) == TraceFate::WouldGo && find.holds == Holds::Content;
        let aloud = listed || shown <= lists::bounded(report, finds.len());
        more += usize::from(!aloud);
        report.tell(&event(find, fate(find), aloud));
    }
    if more > 0 {
        report.say(Note::MoreTraces(more));
    }
}

fn event(find: &Find, fate: TraceFate, aloud: bool) -> Event {
    Event::FileTrace(FileTrace {
        what: find.what.to_owned(),
        command: find.command.clone(),
        kind: find.kind.word(),
        holds: find.holds.word(),
        entries: find.count,
        of: find.of.clone(),
        stays: find.stays,
        source: find.source,
        fate,
        aloud,
        path: Bytes::path(find.path.as_os_str().as_encoded_bytes()),
    })
}

/// Asks. What holds content is listed singly, as far as a text may leave anything out.
fn consent(report: &dyn Report, going: &[&Find], yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let content = going.iter().filter(|find| find.holds == Holds::Content);
    let content: Vec<_> =
        content.map(|find| format!("\n  {}: {}", find.what, path_of(&find.path))).collect();
    let count: usize = going.iter().map(|find| find.count).sum();
    let among = if content.is_empty() {
        String::new()
    } else {
        format!(" These hold content, perhaps another version of it:{}\n", content.concat())
    };
    let question = format!("{} will be removed, and overwritten.{among} Go on?", traces(count));
    if report.confirm(&question, false)? {
        return Ok(());
    }
    Err(Error::guard("nothing was removed")
        .hint("`--yes` goes ahead, `--dry-run` lists all of it."))
}

fn traces(count: usize) -> String {
    if count == 1 { "1 trace".to_owned() } else { format!("{count} traces") }
}

fn remove(
    report: &dyn Report,
    going: &[&Find],
    known: &Known,
    mut outcome: Outcome,
) -> Result<Outcome> {
    let noise =
        FillPattern::new().map_err(|e| Error::unexpected(format!("no random numbers: {e}")))?;
    let mut gone = 0;
    for find in going {
        interrupt::check()?;
        match removal::remove(find, known, &noise) {
            Ok(()) => {
                gone += find.count;
                report.tell(&event(find, TraceFate::Gone, false));
            }
            Err(error) => {
                let (what, path) = (find.what, path_of(&find.path));
                report.warn(&format!("{what}: {path}: {error}"));
                outcome.worsen(Kind::Residue);
            }
        }
    }
    report.say(Note::TracesGone { count: gone, is_whole: outcome.kind.is_none() });
    Ok(outcome.with("removed", gone))
}
