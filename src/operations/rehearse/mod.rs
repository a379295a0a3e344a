//! `poof rehearse`: has everything come back into a scratch directory, from the remote alone, and
//! compares it with its snapshots and with what is here.

mod comparison;
pub mod last;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::caution::Caution;
use super::monitor::Monitor;
use super::outcome::Outcome;
use super::repository::{Repository, cache};
use super::session::Session;
use super::{download, loading, runner};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::create_private_dir;
use crate::base::interrupt;
use crate::base::shown::path_of;
use crate::base::units::bytes;
use crate::config::trees::Directory;
use crate::config::{Files, Ready};
use crate::host::machine::Machine;
use crate::host::scratch::Scratch;
use crate::host::space;
use crate::kit::Kit;
use crate::report::{Event, Note, TreeNote, event};
use crate::tree::guard::{Allowed, refuse};
use crate::tree::model::path_set::Kept;
use crate::tree::proof::check::Sample;
use crate::tree::remote::identity;
use crate::tree::snapshot::{Snapshot, Snapshots, Standing};
use crate::tree::wipe::Records;
use comparison::{Compared, Comparison};

/// What is to be rehearsed.
#[derive(Default)]
pub struct Request {
    /// Names of directories; none: all.
    pub only: Vec<String>,
    /// The share of the files that comes back, from 0 to 1; None: all.
    pub sample: Option<f64>,
}

impl Request {
    /// Whether everything is to come back.
    fn is_whole(&self) -> bool {
        self.only.is_empty() && self.sample.is_none()
    }
}

/// Writes the configuration of a kit to a directory, for a session that knows nothing.
type Unpack = fn(&Session, &Session, &Kit, &Path) -> Result<Files>;

/// Rehearses.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let _lock = session.lock()?;
    bring(session, request)
}

/// The same with the configuration of a kit, and not with the one that is here.
///
/// # Errors
/// As [`run`].
pub fn with_kit(
    session: &Session,
    request: &Request,
    kit: &Kit,
    unpack: Unpack,
) -> Result<Outcome> {
    let _lock = session.lock()?;
    // A kit that does not fit says nothing of the remote.
    scratched(session, request, Some((kit, unpack)))
}

/// The same for one who holds the lock.
///
/// # Errors
/// As [`run`].
pub fn bring(session: &Session, request: &Request) -> Result<Outcome> {
    let outcome = scratched(session, request, None);
    match outcome.as_ref().map_err(Error::kind) {
        // Of a remote that is away nothing is known.
        Err(kind @ (Kind::Incomplete | Kind::Guard)) if request.is_whole() => {
            let (exit_code, time) = (kind.exit_code(), Duration::ZERO);
            let ready = loading::load_to_restore(session)?;
            let store = identity::remembered_id(&session.state, &ready.remote().name());
            last::note(session, &ready, last::Run { store, exit_code, files: 0, bytes: 0, time })?;
        }
        _ => {}
    }
    outcome
}

/// The same in a scratch directory, which goes with all that came.
fn scratched(session: &Session, request: &Request, kit: Option<(&Kit, Unpack)>) -> Result<Outcome> {
    let scratch = Scratch::below(&session.state)
        .map_err(|error| Error::io("write below", &session.state, &error))?;
    let path = scratch.path().to_path_buf();
    let outcome = Rehearsal::begin(session, request, kit, &path).and_then(Rehearsal::go);
    drop(scratch);
    if path.exists() {
        let path = path_of(&path);
        session.report.warn(&format!("{path} is still there; the next command removes it"));
    }
    outcome
}

/// One at work.
struct Rehearsal<'a> {
    session: &'a Session,
    request: &'a Request,
    /// With a state of its own, which knows nothing.
    bare: Session,
    ready: Ready,
    kit: Option<&'a Kit>,
    /// Where everything goes.
    to: PathBuf,
}

/// A tree on its way.
struct Coming {
    directory: Directory,
    snapshot: Snapshot,
    /// What of it comes; None: all.
    part: Option<Kept>,
}

impl<'a> Rehearsal<'a> {
    fn begin(
        session: &'a Session,
        request: &'a Request,
        kit: Option<(&'a Kit, Unpack)>,
        scratch: &Path,
    ) -> Result<Self> {
        let (state, to) = (scratch.join("state"), scratch.join("data"));
        create_private_dir(&state)?;
        create_private_dir(&to)?;
        let bwlimit = session.bwlimit.clone();
        let mut bare = Session { state, bwlimit, ..session.beside(&session.files) };
        // The configuration may be below a name that has the number of this machine.
        let of = |state: &Path| state.join("machine");
        let _ = fs::copy(of(&session.state), of(&bare.state));
        let ready = match kit {
            None => loading::load_to_restore(session)?,
            Some((kit, unpack)) => {
                bare.files = unpack(session, &bare, kit, &scratch.join("config"))?;
                loading::load_to_restore(&bare)?
            }
        };
        let kit = kit.map(|(kit, _)| kit);
        Ok(Rehearsal { session, request, bare, ready, kit, to })
    }

    fn go(self) -> Result<Outcome> {
        let report = &*self.session.report;
        let start = Instant::now();
        let directories = loading::select(&self.ready, &self.request.only)?;
        let repository =
            Repository::open(&self.bare, &self.ready, &directories, Allowed::default())?;
        self.is_its_store(&repository)?;
        let mut outcome = Outcome::default();
        let sample = self.request.sample.map(Sample::new).transpose()?;
        let mut all = Vec::new();
        for directory in repository.places(self.session, &directories) {
            interrupt::check()?;
            match self.find(&repository, directory, sample, &mut outcome) {
                Ok(coming) => all.push(coming),
                Err(error) => runner::note_failure(report, &mut outcome, error)?,
            }
        }
        self.has_room(&all)?;
        let part = |one: &Coming| Some((one.directory.name.clone(), one.part.clone()?));
        let parts: HashMap<_, _> = all.iter().filter_map(part).collect();
        let places: Vec<_> = all.iter().map(|one| one.directory.clone()).collect();
        let (ready, bare) = (&self.ready, &self.bare);
        let wanted = download::Request {
            // What does not come whole is told, and nothing of this runs here.
            caution: Caution { dry_run: false, yes: true, allowed: lenient() },
            to: Some(self.to.clone()),
            ..download::Request::default()
        };
        let came = download::into_scratch(bare, &wanted, ready, &repository, &places, &parts)?;
        let time = start.elapsed();
        if let Some(kind) = came.kind {
            outcome.worsen(kind);
        }
        for coming in &all {
            interrupt::check()?;
            match self.compare(&repository, coming, &came) {
                Ok(0) => {}
                Ok(_) => outcome.worsen(Kind::Incomplete),
                Err(error) => runner::note_failure(report, &mut outcome, error)?,
            }
        }
        let (files, moved) = came
            .trees
            .iter()
            .fold((0, 0), |(files, moved), tree| (files + tree.files, moved + tree.bytes));
        if outcome.kind.is_some() {
            self.is_still_the_last(&all)?;
        }
        self.end(repository.id().to_owned(), outcome, (files, moved), time)
    }

    /// Says how it went, and notes it.
    fn end(
        &self,
        store: String,
        outcome: Outcome,
        (files, moved): (u64, u64),
        time: Duration,
    ) -> Result<Outcome> {
        let report = &*self.session.report;
        let is_whole = outcome.kind.is_none();
        report.say(Note::CameBack { files, bytes: moved, time, is_whole });
        if self.request.is_whole() {
            let exit_code = outcome.kind.map_or(0, Kind::exit_code);
            let run = last::Run { store: Some(store), exit_code, files, bytes: moved, time };
            last::note(self.session, &self.ready, run)?;
        }
        let outcome = outcome.with("files", files).with("bytes", moved);
        Ok(outcome.with("seconds", time.as_secs_f64()))
    }

    /// Whether nobody has saved what was to come anew meanwhile: of what was replaced while it
    /// was read nothing is known.
    ///
    /// # Errors
    /// Somebody has, or the remote fails.
    fn is_still_the_last(&self, all: &[Coming]) -> Result<()> {
        let directories: Vec<&Directory> = all.iter().map(|one| &one.directory).collect();
        let repository =
            Repository::open(&self.bare, &self.ready, &directories, Allowed::default())?;
        for Coming { directory, snapshot, .. } in all {
            let newest = repository.snapshots(&directory.name).next_number(None) - 1;
            if newest > snapshot.generation() {
                let what = format!(
                    "{}: another machine has saved it while it was rehearsed",
                    directory.name
                );
                return Err(Error::new(Kind::Busy, what).hint("Run it again."));
            }
        }
        Ok(())
    }

    /// Refuses what is not the store that this machine or the kit knows.
    fn is_its_store(&self, repository: &Repository) -> Result<()> {
        let name = self.ready.remote().name();
        let known = identity::remembered_id(&self.session.state, &name);
        let of_kit = self.kit.and_then(|kit| kit.store.clone());
        let is_other = |known: Option<String>| known.is_some_and(|id| id != repository.id());
        if is_other(known) {
            let what = format!("{name} is not the store that this machine knows");
            return Err(refuse(what, "Was the bucket emptied, or is it another?", "other-remote"));
        }
        if is_other(of_kit) {
            let what = format!("{name} is not the store of this kit");
            return Err(Error::guard(what)
                .hint("Is it the right kit? `poof kit FILE` writes one of this configuration."));
        }
        Ok(())
    }

    /// The newest snapshot of a directory, whatever this machine knows of it.
    fn find(
        &self,
        repository: &Repository,
        directory: Directory,
        sample: Option<Sample>,
        outcome: &mut Outcome,
    ) -> Result<Coming> {
        let name = &directory.name;
        let report = &*self.session.report;
        let mut monitor = Monitor::comparison(report, name);
        let snapshots = repository.snapshots(name);
        let (found, why) = match snapshots.last(&mut monitor)? {
            Standing::None => (None, Some("its manifest is not on the remote".to_owned())),
            Standing::Current(found) | Standing::Newer { found, .. } => (Some(found), None),
            Standing::Behind { why, known, found } => (found.or(known), Some(why)),
        };
        drop(monitor);
        let why = match (why, &found) {
            (None, Some(found)) => self.outdated(repository, name, found)?,
            (why, _) => why,
        };
        if let Some(why) = why {
            let place = self.ready.remote().place(name);
            report.warn(&format!("the last snapshot of {place} is not there: {why}"));
            report.tell(&Event::Finding(event::Finding::manifest(name, why)));
            outcome.worsen(Kind::Incomplete);
        }
        let Some(snapshot) = found else {
            let what = format!("{name} cannot come back: no manifest of it can be read");
            return Err(Error::new(Kind::Incomplete, what)
                .hint("`poof backup` writes it, and sends nothing again that is there."));
        };
        let part = sample.map(|sample| sample.paths(&snapshot)).transpose()?;
        Ok(Coming { directory, snapshot, part })
    }

    /// Why a snapshot is not the last that is known here, or after it.
    fn outdated(
        &self,
        repository: &Repository,
        name: &str,
        found: &Snapshot,
    ) -> Result<Option<String>> {
        let known = self.known(repository, name);
        if let Some(why) = known.and_then(|known| known.outdates(found)) {
            return Ok(Some(why));
        }
        let remote = self.ready.remote().name();
        let wiped = Records::in_state(&self.session.state).get(name)?;
        let wiped = wiped.filter(|wiped| wiped.is_on(&remote));
        if let Some(why) = wiped.and_then(|wiped| wiped.outdates(&remote, found.seen())) {
            return Ok(Some(why));
        }
        let of_kit = self.kit.and_then(|kit| kit.snapshots.get(name));
        Ok(of_kit.and_then(|known| known.outdates(found.id(), found.seen().names_store)))
    }

    /// The last snapshot of a tree that this machine has taken.
    fn known(&self, repository: &Repository, name: &str) -> Option<Snapshot> {
        let cache = cache(&self.session.state, repository.id(), name);
        Snapshots { cache, ..repository.snapshots(name) }.cached()
    }

    /// # Errors
    /// What is to come does not fit on the disk of the scratch.
    fn has_room(&self, all: &[Coming]) -> Result<()> {
        let mut needed = 0_u64;
        for Coming { snapshot, part, .. } in all {
            let mut seen = HashSet::new();
            for entry in snapshot.entries()? {
                let entry = entry?;
                let is_wanted = part.as_ref().is_none_or(|part| part.holds(&entry.path));
                let is_new = entry.hard_link.is_none_or(|link| seen.insert(link));
                // Holes take no room, and how many there are is not known.
                let data = entry.file().filter(|data| is_wanted && is_new && !data.sparse);
                needed = needed.saturating_add(data.map_or(0, |data| data.size));
            }
        }
        let Some(free) = space::free(&self.to).filter(|free| *free < needed) else {
            return Ok(());
        };
        let (place, needed, free) = (path_of(&self.session.state), bytes(needed), bytes(free));
        let what = format!("{place}: {needed} are to come, and {free} are free");
        Err(Error::new(Kind::Incomplete, what).hint(
            "Nothing was fetched. Free some space on that disk, or rehearse a part: `poof rehearse \
             --sample 5%`.",
        ))
    }

    /// Compares a tree that came with its snapshot and with what is here. Returns how much is
    /// not as it is to be.
    fn compare(&self, repository: &Repository, coming: &Coming, came: &Outcome) -> Result<u64> {
        let Coming { directory, snapshot, part } = coming;
        let name = &directory.name;
        let run = came.trees.iter().find(|run| run.name == *name);
        let is_told = run.is_none_or(|run| run.kind.is_some());
        let comparison =
            Comparison { report: &*self.session.report, tree: name, snapshot, part: part.as_ref() };
        let came = repository.roots.get(&self.to.join(name))?;
        let mut faults = comparison.with_snapshot(came.as_ref(), is_told)?;
        let known = self.known(repository, name);
        let here = repository.roots.get(&directory.local)?;
        let compared = match &here {
            Some(here) => {
                // What another machine has saved since is no fault.
                let own = Machine::of_state(&self.session.state)?;
                let is_by_another = snapshot.machine().is_some_and(|id| id != own.id);
                let is_unseen = |known: &Snapshot| known.id() != snapshot.id();
                let known = if is_by_another && known.as_ref().is_some_and(is_unseen) {
                    let host = snapshot.made().1;
                    let since =
                        format!("{host} has saved it since; this machine has not seen that");
                    self.session.report.say_of(name, TreeNote::Also(since));
                    None
                } else {
                    known
                };
                comparison.with_here(here, self.ready.filter(), known.as_ref())?
            }
            None => Compared::default(),
        };
        faults += compared.faults;
        let changed = here.is_some().then_some(compared.changed);
        let (files, bytes, seconds) =
            run.map_or((0, 0, 0.0), |run| (run.files, run.bytes, run.seconds));
        let tree = name.clone();
        let told = Event::Rehearsed { tree, files, bytes, seconds, lost: faults, changed };
        self.session.report.tell(&told);
        Ok(faults)
    }
}

/// What is told here, and what nobody uses, keeps nothing from coming back.
fn lenient() -> Allowed {
    Allowed { older_snapshot: true, privileged: true, empty_source: true, ..Allowed::default() }
}
