//! The upload itself, step by step.

use super::Request;
use super::survey::{Surveyed, survey};
use crate::base::error::{Error, Kind, Result};
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::operations::caution::Caution;
use crate::operations::outcome::Outcome;
use crate::operations::preflight::Preflight;
use crate::operations::rehearse::last;
use crate::operations::repository::{Repository, held};
use crate::operations::runner::Saving;
use crate::operations::session::Session;
use crate::operations::traces::Brief;
use crate::operations::wipe::Wiping;
use crate::operations::wipe::excluded::Excluding;
use crate::operations::{last_backup, shared, unattended};
use crate::report::{Report, lists};
use crate::tree::remote::lock::Lock;
use crate::tree::snapshot::Keep;

/// An upload at work: what its steps share.
pub struct Upload<'a> {
    pub request: &'a Request,
    pub ready: &'a Ready,
    pub preflight: &'a Preflight<'a>,
    pub excluding: &'a Excluding<'a>,
    /// Keeps other machines from changing what is sent, proven and wiped.
    pub lock: &'a Lock<'a>,
    /// poof then removes itself.
    pub leaves: bool,
}

/// Looks, sends, proves, wipes; `depart` removes poof, as the last step of level 4.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn make_safe(
    session: &Session,
    request: &Request,
    ready: &Ready,
    directories: &[&Directory],
    (leaves, depart): (bool, impl FnOnce(&Session, Outcome) -> Result<Outcome>),
) -> Result<Outcome> {
    let Caution { allowed, dry_run, .. } = request.caution;
    let repository = Repository::open_to_change(session, ready, directories, allowed)?;
    let mut preflight = Preflight::new(session, &repository, ready, request.caution, false)?;
    preflight.sends_rest = true;
    let Surveyed { outcome, backups, going, wiped, refused, elsewhere } =
        survey(&preflight, directories)?;
    let mut excluding = Excluding::new(session, preflight.filter, request.wipe_excluded, leaves);
    for directory in going.iter().chain(&wiped) {
        excluding.look(&repository, directory)?;
    }
    let (going, wiped): (Vec<&Directory>, Vec<&Directory>) =
        (going.iter().collect(), wiped.iter().collect());
    let lock = &repository.lock(going.iter().map(|directory| directory.name.clone()).collect());
    let backups: Vec<_> = backups.into_iter().map(|backup| Saving { backup, lock }).collect();
    let (preflight, excluding) = (&preflight, &excluding);
    let upload = Upload { request, ready, preflight, excluding, lock, leaves };

    upload.propose_rehearsal();
    if dry_run {
        return upload.preview(directories, (&going, &wiped), &backups, outcome);
    }
    upload.consent(&going, &wiped)?;
    let sent: Vec<_> = backups.iter().map(|saving| saving.backup.name().to_owned()).collect();
    let outcome = upload.send(backups, outcome)?;
    lists::refused(&*session.report, &refused, &sent);
    if !upload.wipes(&outcome) {
        return Ok(outcome.closed());
    }
    let going = upload.with_snapshots(&sent, going);
    let (outcome, goes) = upload.wipe(&going, &wiped, elsewhere, outcome)?;
    if goes { depart(session, outcome) } else { Ok(outcome) }
}

impl Upload<'_> {
    /// Nobody has seen yet that anything comes back.
    fn propose_rehearsal(&self) {
        let session = self.preflight.session;
        let last = || last::of(session, self.ready).and_then(|last| last.whole);
        if self.request.hurry.is_none() && last().is_none() {
            session
                .report
                .note("Nobody has seen yet that all comes back: `poof rehearse` shows it.");
        }
    }

    /// Sends what was surveyed: in waves, if somebody is in a hurry.
    fn send(&self, backups: Vec<Saving>, outcome: Outcome) -> Result<Outcome> {
        let &Upload { request, ready, preflight, lock, .. } = self;
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

    /// Whether what is proven goes.
    fn wipes(&self, outcome: &Outcome) -> bool {
        if self.request.hurry.is_some() {
            return !self.request.keeps();
        }
        let is_safe = outcome.kind.is_none_or(|kind| kind == Kind::Unproven);
        if !is_safe {
            self.preflight
                .session
                .report
                .warn("Nothing was wiped: not everything is safe on the remote, see above.");
        }
        is_safe
    }

    /// For some of those that were to be `sent` there was no time to make a first snapshot.
    fn with_snapshots<'d>(
        &self,
        sent: &[String],
        mut going: Vec<&'d Directory>,
    ) -> Vec<&'d Directory> {
        if self.request.hurry.is_some() {
            let repository = self.preflight.repository;
            going.retain(|one| {
                !sent.contains(&one.name) || repository.snapshots(&one.name).cached().is_some()
            });
        }
        going
    }

    /// Wipes what is proven. Returns whether poof is to go as well; `elsewhere`: the snapshot of
    /// something that is `wiped` is on another remote.
    fn wipe(
        &self,
        going: &[&Directory],
        wiped: &[&Directory],
        elsewhere: bool,
        mut outcome: Outcome,
    ) -> Result<(Outcome, bool)> {
        let &Upload { request, ready, preflight, excluding, lock, leaves } = self;
        let Preflight { session, repository, .. } = *preflight;
        // What is still to be deleted there costs space and is reported; it keeps nobody from
        // wiping here what is proven, but poof stays with it.
        let goes = leaves && outcome.undeleted == 0;
        if goes {
            held::prove(session, repository, wiped, &mut outcome)?;
        }
        let brief = request.hurry.is_none();
        let brief =
            brief.then(|| Brief::of(session, ready, &repository.roots, going)).transpose()?;
        request.note_scrub(session, ready)?;
        let wiping = Wiping {
            session,
            repository,
            lock,
            read_back: request.read_back,
            leaves: goes,
            counts: request.receipt.is_some(),
            excluding,
            told_unsent: request.hurry.is_some(),
        };
        let outcome = wiping.all(going, wiped, outcome)?;
        let undeleted = outcome.kind.is_none() && outcome.undeleted > 0;
        let outcome = outcome.closed();
        unattended::forget_log(session);
        shared::tell(session, going);
        tell_of_kept(&*session.report, preflight.keep);
        let goes = leaves && !stays(session, &outcome, undeleted, elsewhere);
        if let Some(brief) = brief {
            brief.tell(session, goes)?;
        }
        Ok((outcome, goes))
    }
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

/// What an interrupt leaves, before the wipe.
fn nothing_gone(error: Error) -> Error {
    match error.kind() {
        Kind::Interrupted => Error::new(Kind::Interrupted, "interrupted: nothing was wiped")
            .hint("Nothing is broken; run it again."),
        _ => error,
    }
}
