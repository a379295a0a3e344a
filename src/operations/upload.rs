//! `poof upload`: a backup, then the proof of every byte, then the wipe of what is
//! proven.

use std::path::PathBuf;

use super::caution::Caution;
use super::hurry::Hurry;
use super::outcome::Outcome;
use super::preflight::{self, Found, Preflight};
use super::recovery::readiness;
use super::rehearse::last;
use super::repository::{Repository, held};
use super::runner::{self, Saving};
use super::scrub::{self, Scrubbing};
use super::session::Session;
use super::traces::{self, Brief};
use super::wipe::excluded::Excluding;
use super::wipe::{Wiping, preview};
use super::wipe_receipt::WipeReceipt;
use super::{figures, hooks, last_backup, loading, own_files, shared, unattended, uninstall};
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::units::{bytes, files, now};
use crate::config::trees::Directory;
use crate::config::{Ready, Scrub};
use crate::report::{Event, Report, TreeNote, lists};
use crate::tree::backup::Backup;
use crate::tree::guard::Allowed;
use crate::tree::remote::lock::Lock;
use crate::tree::scan::root::Roots;
use crate::tree::snapshot::Keep;

/// What is wanted of an upload.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools)] // each is a wish of its own
pub struct Request {
    pub caution: Caution,
    /// On an encrypted remote poof does not remove itself at the end.
    pub keep_poof: bool,
    /// Every object is read back: no hash of the server counts as proof.
    pub read_back: bool,
    /// What the filters exclude is wiped, too, though no snapshot holds it.
    pub wipe_excluded: bool,
    /// What is overwritten once all is wiped; None: what poof.conf says.
    pub scrub: Option<Scrub>,
    /// There is so much time, and no more: what cannot be made safe by then stays here.
    pub hurry: Option<Hurry>,
    /// Where a wipe receipt goes, if one is wanted.
    pub receipt: Option<PathBuf>,
}

impl Request {
    /// Whether poof removes itself at the end: level 4.
    fn leaves(&self, ready: &Ready) -> bool {
        let keeps = self.hurry.as_ref().is_some_and(|hurry| hurry.keeps);
        ready.remote().is_encrypted() && !self.keep_poof && !keeps
    }

    /// What is to be overwritten once all is wiped.
    fn scrubbing<'a>(
        &self,
        session: &'a Session,
        ready: &Ready,
        directories: &[&Directory],
    ) -> Scrubbing<'a> {
        Scrubbing::of(session, (self.scrub, ready.scrub()), directories)
    }

    /// Notes that there will be something to scrub. Whoever is in a hurry leaves that to the next
    /// upload.
    fn note_scrub(&self, session: &Session, ready: &Ready) -> Result<()> {
        let never = self.hurry.is_none() && self.scrub.or(ready.scrub()) == Some(Scrub::No);
        if never { Ok(()) } else { scrub::is_due(session) }
    }
}

/// Backs up, proves, and wipes what is proven.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let (dry_run, begun) = (request.caution.dry_run, now());
    let _lock = match &request.hurry {
        Some(hurry) if !dry_run => Some(hurry.lock(session)?),
        _ => session.lock_unless(dry_run)?,
    };
    let (mut scrubbing, mut receipt) = (None, None);
    let mut outcome = figures::noted(session, &[], dry_run, || {
        let ready = loading::load_to_change(session)?;
        let directories = loading::select(&ready, &[])?;
        if let Some(path) = &request.receipt {
            receipt = Some(WipeReceipt::to(session, path, &ready, begun)?);
        }
        let _shared = if dry_run { Vec::new() } else { shared::lock(session, &directories)? };
        scrubbing = (!dry_run).then(|| request.scrubbing(session, &ready, &directories));
        guarded(session, request, &ready, &directories, uninstall::depart)
    })?;
    // The last of all: what poof does before is in the journal as well.
    let scrubbed = scrubbing.map_or(Ok(()), |scrubbing| scrubbing.run(&mut outcome));
    match receipt {
        Some(receipt) if dry_run => receipt.preview(session),
        // Also if the scrub was interrupted: all is wiped.
        Some(receipt) => receipt.write(session, &mut outcome, scrubbed.as_ref().err()),
        None => {}
    }
    scrubbed.map(|()| outcome)
}

/// The same with a configuration that is ready. `depart` removes poof, as the last step of
/// level 4.
///
/// # Errors
/// As [`run`].
pub(super) fn guarded(
    session: &Session,
    request: &Request,
    ready: &Ready,
    directories: &[&Directory],
    depart: impl FnOnce(&Session, Outcome) -> Result<Outcome>,
) -> Result<Outcome> {
    let dry_run = request.caution.dry_run;
    if !dry_run {
        readiness::is_settled(session, request.caution.allowed)?;
    }
    let mut leaves = request.leaves(ready);
    if leaves
        && !dry_run
        && let Err(refusal) = readiness::guard(session, request.caution.allowed, directories)
    {
        if request.hurry.is_none() {
            return Err(refusal);
        }
        // There is no time for a kit; the files matter more.
        session.report.warn(&format!("poof stays, with its keys: {refusal}."));
        leaves = false;
    }
    let run = || make_safe(session, request, ready, directories, (leaves, depart));
    hooks::around(session, ready.hooks(), dry_run, "upload", run)
}

/// Says what stays, and what else tells of the `directories` that are `going`.
fn preview_all(
    session: &Session,
    request: &Request,
    ready: &Ready,
    (repository, directories, going): (&Repository, &[&Directory], &[&Directory]),
    (leaves, outcome): (bool, &mut Outcome),
) -> Result<()> {
    shared::tell(session, going);
    if leaves {
        preview_leaving(session, request.caution.allowed, directories, going, outcome)?;
    }
    traces::preview(session, ready, &repository.roots, going)?;
    let is_own = |dir: &Directory| own_files::in_use(session, dir).iter().any(Vec::is_empty);
    let goes = going.iter().filter(|dir| !is_own(dir)).count();
    request.scrubbing(session, ready, going).preview(goes);
    Ok(())
}

/// Says what level 4 would take along, and why it would refuse.
fn preview_leaving(
    session: &Session,
    allowed: Allowed,
    directories: &[&Directory],
    going: &[&Directory],
    outcome: &mut Outcome,
) -> Result<()> {
    uninstall::preview(session, going)?;
    let guard = readiness::guard(session, allowed, directories);
    guard.or_else(|error| runner::note_failure(&*session.report, outcome, error))
}

/// Nobody has seen yet that anything comes back.
fn propose_rehearsal(session: &Session, request: &Request, ready: &Ready) {
    if request.hurry.is_none() && last::of(session, ready).and_then(|last| last.whole).is_none() {
        session.report.note("Nobody has seen yet that all comes back: `poof rehearse` shows it.");
    }
}

/// The upload itself.
fn make_safe(
    session: &Session,
    request: &Request,
    ready: &Ready,
    directories: &[&Directory],
    (leaves, depart): (bool, impl FnOnce(&Session, Outcome) -> Result<Outcome>),
) -> Result<Outcome> {
    let report = &*session.report;
    let Caution { allowed, dry_run, .. } = request.caution;
    let repository = Repository::open_to_change(session, ready, directories, allowed)?;
    let mut sending = Preflight::new(session, &repository, ready, request.caution, false)?;
    sending.sends_rest = true;
    let (filter, keep) = (sending.filter, sending.keep);
    let mut excluding = Excluding::new(session, filter, request.wipe_excluded, leaves);

    let Surveyed { mut outcome, backups, going, wiped, refused, elsewhere } =
        survey(&sending, directories)?;
    for directory in going.iter().chain(&wiped) {
        excluding.look(&repository, directory)?;
    }
    let (going, wiped): (Vec<&Directory>, Vec<&Directory>) =
        (going.iter().collect(), wiped.iter().collect());
    let lock = repository.lock(going.iter().map(|directory| directory.name.clone()).collect());
    let backups: Vec<_> =
        backups.into_iter().map(|backup| Saving { backup, lock: &lock }).collect();
    propose_rehearsal(session, request, ready);
    if dry_run {
        runner::list(report, &backups);
        preview::wipe(session, &repository.roots, &going, filter)?;
        excluding.preview(&[&going[..], &wiped].concat());
        let seen = (&repository, directories, &going[..]);
        preview_all(session, request, ready, seen, (leaves, &mut outcome))?;
        return Ok(runner::would(report, &backups, outcome));
    }
    // Who is in a hurry has said it by the command.
    let yes = request.caution.yes || request.hurry.is_some();
    consent(&excluding, &repository.roots, &going, &wiped, yes)?;
    let sent: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
    let sending = Sending { preflight: &sending, ready, lock: &lock };
    let mut outcome = sending.carry_out(request, backups, outcome)?;
    lists::refused(report, &refused, &sent);
    if !is_to_be_wiped(report, request, &outcome) {
        return Ok(outcome.closed());
    }
    let going = with_snapshots(&repository, &sent, request, going);
    // What is still to be deleted there costs space and is reported; it keeps nobody from
    // wiping here what is proven, but poof stays with it.
    let goes = leaves && outcome.undeleted == 0;
    if goes {
        held::prove(session, &repository, &wiped, &mut outcome)?;
    }
    let brief = request.hurry.is_none();
    let brief = brief.then(|| Brief::of(session, ready, &repository.roots, &going)).transpose()?;
    request.note_scrub(session, ready)?;
    let wiping = Wiping {
        session,
        repository: &repository,
        lock: &lock,
        read_back: request.read_back,
        leaves: goes,
        counts: request.receipt.is_some(),
        excluding: &excluding,
        told_unsent: request.hurry.is_some(),
    };
    let outcome = wiping.all(&going, &wiped, outcome)?;
    let is_wiped = outcome.kind.is_none();
    let outcome = outcome.closed();
    unattended::forget_log(session);
    shared::tell(session, &going);
    tell_of_kept(report, keep);
    let stays = !leaves || stays(session, &outcome, is_wiped && outcome.undeleted > 0, elsewhere);
    if let Some(brief) = brief {
        brief.tell(session, !stays)?;
    }
    if stays { Ok(outcome) } else { depart(session, outcome) }
}

/// Of what stays on the remote.
fn tell_of_kept(report: &dyn Report, keep: Keep) {
    if keep.is_wanted() || keep.past {
        report.note(
            "What \"keep\" keeps of earlier snapshots stays on the remote. The next backup removes what \
             is out of time; \"keep\": \"0s\" removes all of it then.",
        );
    }
}

/// How that is sent which was surveyed.
struct Sending<'a> {
    preflight: &'a Preflight<'a>,
    ready: &'a Ready,
    lock: &'a Lock<'a>,
}

impl Sending<'_> {
    /// In waves, if somebody is in a hurry.
    fn carry_out(
        &self,
        request: &Request,
        backups: Vec<Saving>,
        outcome: Outcome,
    ) -> Result<Outcome> {
        let &Sending { preflight, ready, lock } = self;
        let outcome = match &request.hurry {
            Some(hurry) => hurry.carry_out(preflight, ready, backups, lock, outcome),
            None => preflight.carry_out(ready, backups, lock, outcome),
        };
        let outcome = outcome.map_err(nothing_gone)?;
        if outcome.kind.is_none() {
            last_backup::note(preflight.session);
        }
        Ok(outcome)
    }
}

/// For some of those that were to be `sent` there was no time to make a first snapshot.
fn with_snapshots<'a>(
    repository: &Repository,
    sent: &[String],
    request: &Request,
    mut going: Vec<&'a Directory>,
) -> Vec<&'a Directory> {
    if request.hurry.is_some() {
        going.retain(|one| {
            !sent.contains(&one.name) || repository.snapshots(&one.name).cached().is_some()
        });
    }
    going
}

/// What was found of all directories.
#[derive(Default)]
struct Surveyed<'a> {
    outcome: Outcome,
    backups: Vec<Backup<'a>>,
    /// Is to be wiped, or is half wiped.
    going: Vec<Directory>,
    wiped: Vec<Directory>,
    /// Names of those that stay out of this run.
    refused: Vec<String>,
    /// The snapshot of one that is wiped is on another remote.
    elsewhere: bool,
}

/// Surveys one directory after the other; one that is refused keeps no other from going on.
fn survey<'a>(sending: &Preflight<'a>, directories: &[&Directory]) -> Result<Surveyed<'a>> {
    let Preflight { session, repository, .. } = sending;
    let report = &*session.report;
    let here = repository.remote.name();
    let mut all = Surveyed::default();
    for directory in repository.places(session, directories) {
        interrupt::check()?;
        match sending.survey(&directory) {
            Ok(Found::Here(backup)) => {
                preflight::tell(session, &backup, &mut all.outcome);
                all.going.push(Directory { name: backup.name().to_owned(), ..directory });
                all.backups.push(backup);
            }
            Ok(Found::Wiping) => {
                report.say_of(&directory.name, TreeNote::WipeGoesOn);
                all.going.push(directory);
            }
            Ok(Found::Part { snapshot, .. }) => {
                report.say_of(&directory.name, TreeNote::PartGoes);
                if !sending.dry_run {
                    sending.meet(&directory, &snapshot)?;
                }
                all.going.push(directory);
            }
            Ok(Found::Wiped(record)) => {
                all.elsewhere |= !record.is_on(&here);
                all.outcome.wipe.before += 1;
                report.tell(&Event::wiped_before(&record, &here));
                all.wiped.push(directory);
            }
            Err(error) => {
                all.refused.push(directory.name.clone());
                runner::note_refused(report, &mut all.outcome, &directory.name, error)?;
            }
        }
    }
    Ok(all)
}

/// Whether poof has to stay, and says why. `undeleted`: all is wiped here, but not all was
/// deleted on the remote; `elsewhere`: the snapshot of a tree is on another remote.
fn stays(session: &Session, outcome: &Outcome, undeleted: bool, elsewhere: bool) -> bool {
    let report = &*session.report;
    if undeleted {
        report.warn(
            "poof stays, since not all was deleted on the remote; another `poof upload` removes \
             poof.",
        );
        return true;
    }
    let open = outcome.kind.is_some() || elsewhere;
    if open {
        report.warn("poof stays, since not everything is proven and wiped.");
    }
    open
}

/// Whether what is proven goes.
fn is_to_be_wiped(report: &dyn Report, request: &Request, outcome: &Outcome) -> bool {
    if let Some(hurry) = &request.hurry {
        return !hurry.keeps;
    }
    let is_safe = outcome.kind.is_none_or(|kind| kind == Kind::Unproven);
    if !is_safe {
        report.warn("Nothing was wiped: not everything is safe on the remote, see above.");
    }
    is_safe
}

/// What an interrupt leaves, before the wipe.
fn nothing_gone(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => Error::new(Kind::Interrupted, "interrupted: nothing was wiped")
            .hint("Nothing is broken; run it again."),
        _ => error,
    }
}

/// Asks a person on a report. Elsewhere `upload` runs without asking, because the remote
/// holds what it wipes. No snapshot holds what is excluded: that needs `--yes`.
fn consent(
    excluding: &Excluding,
    roots: &Roots,
    going: &[&Directory],
    wiped: &[&Directory],
    yes: bool,
) -> Result<()> {
    let Excluding { session, filter, goes, leaves, .. } = *excluding;
    let report = &*session.report;
    let excluded = excluding.extent(&[going, wiped].concat());
    let given_up = goes && excluded.files > 0;
    if yes || !report.interactive() && !given_up {
        return Ok(());
    }
    let volume = lists::extent(excluded);
    if !report.interactive() {
        let what = format!("{volume}, that are excluded would be wiped: no snapshot holds them");
        return Err(Error::guard(what).hint(
            "Nothing was changed. `--dry-run` counts them, `--yes` goes ahead; without \
             `--wipe-excluded` they stay.",
        ));
    }
    let (count, size) = preview::extent(session, roots, going, filter)?;
    if count == 0 && !given_up && !leaves {
        return Ok(());
    }
    let more = match excluded.files {
        0 => String::new(),
        _ if goes => format!(", and then {volume}, that are excluded and that no snapshot holds"),
        _ => format!("; {volume}, are excluded and stay"),
    };
    let (count, size) = (files(count), bytes(size));
    let goes_on = format!(
        "{count}, {size}, will be wiped here once the remote is proven to hold them{more}."
    );
    let agreed = if leaves {
        uninstall::question::ask(session, going, &goes_on)?
    } else {
        report.confirm(&format!("{goes_on} Go on?"), yes)?
    };
    if agreed {
        return Ok(());
    }
    Err(Error::guard("nothing was sent and nothing was wiped")
        .hint("`--dry-run` shows what would."))
}
