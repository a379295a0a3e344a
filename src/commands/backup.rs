//! `poof backup`: makes the remote copy of every directory equal to it.

use std::fs;
use std::thread::{self, ScopedJoinHandle};

use super::carry;
use super::vault::Vault;
use super::watch::Monitor;
use super::{Context, Outcome, setup, show};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::is_absent;
use crate::base::interrupt;
use crate::cli::{Backup, Mirror};
use crate::config::trees::Directory;
use crate::tree::change::Why;
use crate::tree::guard::{self, Allowed};
use crate::tree::journal::Journal;
use crate::tree::snapshot::{Facts, Standing};
use crate::tree::upload::{Preparation, Upload};

pub fn run(context: &Context, args: &Backup) -> Result<Outcome> {
    let terminal = &context.terminal;
    let Mirror { only, dry_run, allow, .. } = &args.mirror;
    let allowed = setup::allowed(allow);
    let _lock = if *dry_run { None } else { Some(context.lock()?) };
    let ready = setup::load(context)?;
    let directories = setup::select(&ready, only)?;
    let vault = Vault::open(context, &ready, &directories, allowed)?;

    let mut outcome = Outcome::default();
    let mut uploads = Vec::new();
    for directory in directories {
        interrupt::check()?;
        match prepare(context, &vault, directory, args.rehash, allowed) {
            Ok(upload) => {
                tell(context, &upload, &mut outcome);
                uploads.push(upload);
            }
            Err(error) => carry::note_failure(terminal, &mut outcome, error)?,
        }
    }
    if *dry_run {
        for upload in &uploads {
            show::listing(terminal, upload.name(), &upload.plan);
        }
        return Ok(carry::would(terminal, &uploads, outcome));
    }
    if !vault.sight.here.exists && !uploads.is_empty() {
        let doing = format!("make {}", ready.remote().name());
        ready.remote().make_bucket().map_err(|f| f.into_error(&doing, Kind::Remote))?;
    }
    thread::scope(|scope| {
        let marking = (!uploads.is_empty()).then(|| scope.spawn(|| vault.mark()));
        let outcome = carry::all(terminal, uploads, outcome, "sent")?;
        match marking.map(ScopedJoinHandle::join) {
            Some(Ok(marked)) => marked.map(|()| outcome),
            Some(Err(_)) => Err(Error::unexpected("a thread ended")),
            None => Ok(outcome),
        }
    })
}

/// Surveys a directory and asks the guards.
fn prepare<'a>(
    context: &Context,
    vault: &'a Vault,
    directory: &Directory,
    rehash: bool,
    allowed: Allowed,
) -> Result<Upload<'a>> {
    let Directory { local, name } = directory;
    let journal = Journal::in_state(&context.state);
    guard::unfinished_download(name, journal.unfinished()?.get(name), allowed)?;
    let root = match fs::canonicalize(local) {
        Ok(root) => root,
        Err(error) if is_absent(&error) => {
            guard::local_source(local, None, allowed)?;
            return Err(Error::io("open", local, &error));
        }
        Err(error) => return Err(Error::io("open", local, &error).with_kind(Kind::Incomplete)),
    };
    let place = vault.remote.place(name);
    let mut monitor = Monitor::comparison(&context.terminal, name);
    let snapshots = vault.snapshots(name);
    let (last, renew) = match snapshots.last(&mut monitor)? {
        Standing::None => (None, false),
        Standing::Current(last) => (Some(last), false),
        Standing::Behind { why, known, found } => {
            guard::older_snapshot(&place, &why, allowed)?;
            (known.or(found), true)
        }
    };
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let destination = vault.remote.tree(name);
    let facts = Facts { host, renew };
    let listing = vault.listing(name)?;
    let preparation =
        Preparation { snapshots, destination, root, last, listing, facts, rehash, journal };
    let upload = preparation.survey()?;
    drop(monitor);
    guard::local_source(local, Some(upload.entries), allowed)?;
    guard::deletions(&place, &upload.plan, allowed)?;
    Ok(upload)
}

/// What a person should hear before the work begins.
fn tell(context: &Context, upload: &Upload, outcome: &mut Outcome) {
    let tree = upload.name();
    for out in &upload.left_out {
        let path = String::from_utf8_lossy(&out.path);
        context.terminal.warn(&format!("{tree}/{path}: not backed up: {}", out.why));
        if out.loss {
            outcome.worsen(Kind::Incomplete);
        }
    }
    for (path, why) in &upload.drift {
        let what = match why {
            Why::ObjectMissing => "missing on the remote",
            _ => "changed on the remote",
        };
        context.terminal.warn(&format!("{tree}/{path}: {what}; it is sent again"));
    }
}
