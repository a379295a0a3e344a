//! `poof upload`: a backup, then the proof of every byte, then the wipe of what is
//! proven.

mod consent;
mod preview;
mod steps;
mod survey;

use std::path::PathBuf;

use super::caution::Caution;
use super::hurry::Hurry;
use super::outcome::Outcome;
use super::recovery::readiness;
use super::scrub::{self, Scrubbing};
use super::session::Session;
use super::wipe_receipt::WipeReceipt;
use super::{figures, hooks, loading, shared, uninstall};
use crate::base::error::Result;
use crate::base::units::now;
use crate::config::trees::Directory;
use crate::config::{Ready, Scrub};

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
        ready.remote().is_encrypted() && !self.keep_poof && !self.keeps()
    }

    /// Whether nothing is wiped at all.
    fn keeps(&self) -> bool {
        self.hurry.as_ref().is_some_and(|hurry| hurry.keeps)
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
    let run = || steps::make_safe(session, request, ready, directories, (leaves, depart));
    hooks::around(session, ready.hooks(), dry_run, "upload", run)
}
