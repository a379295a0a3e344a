//! `poof rekey`: new passwords for the encrypted remote. poof sends everything again under the
//! new ones, beside what is there, and proves it. Then rclone-poof.conf gets them, and the old
//! ciphertext goes. A run may end anywhere: the next one goes on.

mod abort;
mod comparison;
mod old;
mod passwords;

use std::path::Path;

use super::backup;
use super::caution::Caution;
use super::monitor::Monitor;
use super::repository::Repository;
use super::session::Session;
use super::{Outcome, hooks, loading, runner};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::shown::typed;
use crate::config::trees::Directory;
use crate::config::{PoofConf, Problem, Ready};
use crate::report::Note;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::remote::identity;
use crate::tree::wipe::Presence;
use comparison::Comparison;
use passwords::Change;

/// What is wanted of it.
#[derive(Clone, Copy, Default)]
pub struct Request {
    pub caution: Caution,
    /// Earlier snapshots, which are under the old passwords, may go.
    pub purge_history: bool,
    /// The change is given up.
    pub abort: bool,
}

/// The bucket, seen with the old passwords and with the new ones.
struct Sides {
    old: Ready,
    new: Ready,
}

/// Changes the passwords.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: Request) -> Result<Outcome> {
    if request.abort {
        return abort::run(session, request.caution);
    }
    let Caution { dry_run, yes, .. } = request.caution;
    let _lock = session.lock_unless(dry_run)?;
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let ready = loading::load_to_change(session)?;
    let section = section(&ready)?;
    let begun = Change::begun(session, &poof, &section)?;
    let is_switched = match &begun {
        Some(change) => change.is_switched(session, &poof)?,
        None => false,
    };
    tell(session, &ready, request.caution.allowed, is_switched)?;
    if dry_run {
        session.report.done("Dry run: nothing was changed.");
        return Ok(Outcome::default().with("dry_run", true).with("changed", false));
    }
    if !session.report.confirm("Go on?", yes)? {
        return Err(Error::guard("nothing was changed").hint("`--yes` goes ahead."));
    }
    hooks::around(session, ready.hooks(), false, "rekey", || {
        let mut change = match begun {
            Some(change) if is_switched || !change.is_given_up() => change,
            Some(change) => {
                session.report.note("First goes what is left of the change that was given up.");
                abort::complete(session, change, request.caution.allowed)?;
                Change::begin(session, &poof, &section)?
            }
            None => Change::begin(session, &poof, &section)?,
        };
        if !is_switched {
            let [old, _] = change.names();
            identity::also_known(&session.state, &section, &old)?;
            let sides = Sides::of(session, &change)?;
            let outcome = send(session, request.caution, &ready, &sides)?;
            if outcome.kind.is_some() {
                session.report.note("The passwords are as they were. `poof rekey` goes on.");
                return Ok(outcome.with("changed", false));
            }
            change.switch(session, &poof)?;
            session.report.done("rclone-poof.conf has the new passwords.");
        }
        identity::succeed(&session.state, &section)?;
        let used = in_use(session, request.caution.allowed)?;
        let sides = Sides::of(session, &change)?;
        let outcome = old::remove(session, request, &sides, &mut change, &used)?;
        if outcome.kind.is_none() {
            finish(session, change)?;
            session.report.done("Nothing is left under the old passwords.");
        }
        Ok(outcome.with("changed", true))
    })
}

impl Sides {
    fn of(session: &Session, change: &Change) -> Result<Self> {
        let (sections, [old, new]) = (change.sections(), change.names());
        Ok(Sides {
            old: loading::load_beside(session, &sections, &old)?,
            new: loading::load_beside(session, &sections, &new)?,
        })
    }
}

/// The identity of the store that both files as they are now lead to.
fn in_use(session: &Session, allowed: Allowed) -> Result<String> {
    let ready = loading::load_to_change(session)?;
    Ok(Repository::open(session, &ready, &[], allowed)?.id().to_owned())
}

/// The section of the encrypted remote in use.
fn section(ready: &Ready) -> Result<String> {
    let remote = ready.remote();
    if !remote.is_encrypted() {
        return Err(Error::guard(format!(
            "{} is not encrypted: it has no passwords",
            remote.name()
        ))
        .hint("`poof econfig` and `poof cryptoggle` encrypt it."));
    }
    if remote.store().clear {
        let what = "names are not encrypted: old and new objects would share places";
        return Err(Error::guard(what).hint("Nothing was changed. Back up to another bucket."));
    }
    Ok(remote.name())
}

/// Says what comes, before the question.
fn tell(session: &Session, ready: &Ready, allowed: Allowed, is_switched: bool) -> Result<()> {
    let directories = loading::select(ready, &[])?;
    let repository = Repository::open(session, ready, &directories, allowed)?;
    if is_switched {
        session.report.note("The new passwords are in use. What is left under the old ones goes.");
        return Ok(());
    }
    is_all_here(session, &repository, &directories, allowed)?;
    let snapshots = repository.places(session, &directories);
    let counts = snapshots
        .iter()
        .filter_map(|directory| Some(repository.snapshots(&directory.name).cached()?.counts()));
    let (mut files, mut bytes) = (0, 0);
    for count in counts {
        files += count.files;
        bytes += count.bytes;
    }
    session.report.say(Note::SendsAgain { directories: directories.len(), files, bytes });
    Ok(())
}

/// Everything is sent from here: nothing on the remote may be missing on this machine.
fn is_all_here(
    session: &Session,
    repository: &Repository,
    directories: &[&Directory],
    allowed: Allowed,
) -> Result<()> {
    let places = repository.places(session, directories);
    let is_ours = |tree: &String| places.iter().any(|place| place.name == *tree);
    if let Some(other) = repository.trees().into_iter().find(|tree| !is_ours(tree)) {
        let remote = repository.remote.name();
        if directories.iter().any(|directory| directory.name == other) {
            let what = format!("{remote} holds the configuration of another machine, {other}");
            return Err(Error::guard(what)
                .hint("Nothing was changed. Run `poof rekey` on the machine that saved it."));
        }
        let name = typed(Path::new(&other));
        return Err(Error::guard(format!("{remote} holds {other}, which poof.conf does not have"))
            .hint(format!(
                "Nothing was changed. poof sends everything again from here: bring it here (`poof \
                 add DIR {name}`, then `poof download --only {name}`), or remove it (`poof remove \
                 {name} --purge`, with `--allow newer-snapshot` if another machine saved it)."
            )));
    }
    for place in &places {
        let mut monitor = Monitor::comparison(&*session.report, &place.name);
        let snapshots = repository.snapshots(&place.name);
        let wipes = repository.wipes(&snapshots);
        if let Some(host) = wipes.wiped_by_another(&mut monitor)?
            && !allowed.newer_snapshot
        {
            let what = format!("{host} has uploaded {}, and has no copy of its own", place.name);
            let hint = "`poof download` there brings it back while the old passwords open it.";
            return Err(refuse(what, hint, "newer-snapshot"));
        }
        let presence = wipes.presence(&mut monitor)?;
        if !matches!(presence, Presence::Here) {
            let what = format!("{} is only on the remote: it was uploaded", place.name);
            return Err(Error::guard(what).hint(format!(
                "Nothing was changed. `poof download --only {}` brings it back; then run it again.",
                typed(Path::new(&place.name))
            )));
        }
    }
    Ok(())
}

/// Sends everything: what has changed under the old passwords, so that the guards compare it
/// with the last snapshot, then all of it under the new; and compares both.
fn send(session: &Session, caution: Caution, ready: &Ready, sides: &Sides) -> Result<Outcome> {
    let directories = loading::select(ready, &[])?;
    let request = backup::Request { caution, ..backup::Request::default() };
    let outcome = backup::send(session, &request, ready, &directories)?;
    if outcome.kind.is_some() {
        return Ok(outcome);
    }
    interrupt::check()?;
    let directories = loading::select(&sides.new, &[])?;
    let mut outcome = backup::send(session, &request, &sides.new, &directories)?;
    if outcome.kind.is_some() {
        return Ok(outcome);
    }
    let comparison = Comparison::open(session, sides, caution.allowed)?;
    for (old, new) in comparison.pairs(session, sides)? {
        interrupt::check()?;
        if let Err(error) = comparison.judge(session, &old, &new) {
            runner::note_failure(&*session.report, &mut outcome, error.of_tree(&old))?;
        }
    }
    Ok(outcome)
}

/// Nothing is left under the passwords that are not in use: these go, and what was noted of
/// them, which the next change would take for its own.
fn finish(session: &Session, change: Change) -> Result<()> {
    for name in change.names() {
        identity::forget(&session.state, &name)?;
    }
    change.forget()
}
