//! `poof return KIT`: on a bare machine, from the kit and its phrase to everything
//! that was there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::secrets::{Unpacked, unpack};
use super::source::{self, Source};
use super::{phrase, readiness};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::shown::{one_line, path_of};
use crate::base::units::date;
use crate::config::programs::{Program, of_poof, of_rclone};
use crate::config::{PoofConf, Problem, Profile, RcloneConf};
use crate::host::erase::{self, FillPattern};
use crate::host::keychain;
use crate::host::schedule::{Interval, Scheduler};
use crate::kit::{Closed, Kit, Last};
use crate::operations::caution::Caution;
use crate::operations::monitor::Monitor;
use crate::operations::outcome::Outcome;
use crate::operations::own_files;
use crate::operations::repository::Repository;
use crate::operations::session::Session;
use crate::operations::{download, loading, own_config, ownership};
use crate::report::{Event, Note, TreeNote};
use crate::tree::guard::Allowed;
use crate::tree::guard::{self, refuse};
use crate::tree::manifest::Counts;
use crate::tree::remote::known;
use crate::tree::snapshot::Standing;

/// What is wanted of a return.
pub struct Request {
    pub kit: Source,
    /// The phrase is the first line of this file; None: a person types it.
    pub phrase_file: Option<PathBuf>,
    /// Where another path is on this machine.
    pub map: Vec<(String, String)>,
    pub yes: bool,
    pub allowed: Allowed,
}

/// Brings everything back.
///
/// # Errors
/// What keeps the whole from working, or an interrupt.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let (kit, weak) = open(session, &request.kit, request.phrase_file.as_deref())?;
    match kit.profile.as_deref().filter(|_| session.id().is_none()) {
        None => bring(session, request, &kit, weak),
        Some(name) => {
            let profile = Profile::named(name).ok_or_else(|| {
                Error::config("the kit is of a profile with a name that none has")
            })?;
            let (layout, report) = (session.layout.clone(), Arc::clone(&session.report));
            let files = profile.files(&layout);
            let session = Session::on(layout, files, report);
            session.report.say(Note::KitOfProfile(name.to_owned()));
            ownership::check(&session)?;
            bring(&session, request, &kit, weak)
        }
    }
}

/// The same for the configuration that the kit is of, or that the user has named.
fn bring(session: &Session, request: &Request, kit: &Kit, weak: bool) -> Result<Outcome> {
    let report = &*session.report;
    report.say(Note::KitMade { made: kit.made });
    let moved = moved(session, kit, &request.map)?;
    let missing = missing_dirs(session);
    may_run(session, kit, &moved, request.yes)?;
    let lock = session.lock()?;
    let bare = Bare::note(session, missing);
    let mut entries = Vec::new();
    let settled = unpack(session, kit, moved, Some(&mut entries))
        .and_then(|unpacked| put_in_place(session, kit, &unpacked))
        .and_then(|()| look(session, kit, request))
        .and_then(|()| consent(session, request.yes));
    if let Err(error) = settled {
        bare.again(session);
        for entry in entries {
            // It stays where nobody looks for it.
            let _ = keychain::remove(&entry);
        }
        return Err(error);
    }
    let file = match &request.kit {
        Source::File(path) => std::path::absolute(path).ok(),
        Source::Input | Source::Typed => None,
    };
    readiness::note_return(session, file.as_deref(), kit.made, weak)?;
    drop(lock);
    let caution = Caution { dry_run: false, yes: request.yes, allowed: request.allowed };
    let wanted =
        download::Request { only: Vec::new(), caution, to: None, keep_extra: false, at: None };
    // What was beside the configuration comes back as well.
    let outcome = download::bring(session, &wanted, own_files::needed)?;
    own_config::came_with_a_kit(session)?;
    schedule(session, kit, request.yes, outcome)
}

/// Sets up the schedule of the machine of the kit here, too.
fn schedule(session: &Session, kit: &Kit, yes: bool, mut outcome: Outcome) -> Result<Outcome> {
    if !kit.scheduled {
        return Ok(outcome);
    }
    let report = &*session.report;
    let every = kit.every.as_ref().and_then(|every| every.parse().ok());
    let every = every.unwrap_or(Interval::DEFAULT);
    let question = format!("On the machine of the kit a backup ran every {every}. Here as well?");
    let is_whole = outcome.kind.is_none();
    if !is_whole || !report.confirm(&question, yes || !report.interactive())? {
        report.say(Note::NoScheduleYet { every, is_whole });
        return Ok(outcome);
    }
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    let installed = session.lock().and_then(|_lock| {
        let (kind, _) = scheduler.choose()?;
        crate::operations::schedule::install(session, kind, every, true)
    });
    if let Err(error) = installed {
        report.warn(&format!("everything is back but the schedule: {error}"));
        report.say(Note::ScheduleFailed { every });
        outcome.worsen(Kind::Incomplete);
    }
    Ok(outcome)
}

/// How often a person may type the phrase.
const TRIES: usize = 3;

/// The kit, and whether its phrase is weak. The phrase is the first line of a file; None: a
/// person types it.
///
/// # Errors
/// It cannot be read, or this is not its phrase.
pub(super) fn open(
    session: &Session,
    kit: &Source,
    phrase_file: Option<&Path>,
) -> Result<(Kit, bool)> {
    let is_input = |file: &Path| file.as_os_str() == "-";
    if matches!(kit, Source::Input) && phrase_file.is_some_and(is_input) {
        return Err(Error::new(Kind::Usage, "standard input cannot be both kit and phrase")
            .hint("Give one of them in a file."));
    }
    let sealed = source::read(session, kit)?;
    let Some(file) = phrase_file else { return ask(session, &sealed) };
    let phrase = phrase::from_file(file)?;
    match sealed.open(&phrase) {
        Ok(kit) => Ok((kit, phrase::is_weak(&phrase))),
        Err(Closed::Phrase) => {
            let error = Error::from(Closed::Phrase);
            // Which words these are is nothing for a log.
            let strange = phrase::doubts(&phrase).strange;
            let strange = strange.iter().map(|(at, ..)| at.to_string()).collect::<Vec<_>>();
            Err(match strange.as_slice() {
                [] => error,
                [one] => error.hint(format!("Word {one} of it is in no phrase that poof makes.")),
                some => error.hint(format!(
                    "Words {} of it are in no phrase that poof makes.",
                    some.join(", ")
                )),
            })
        }
        Err(closed) => Err(closed.into()),
    }
}

/// The same with a phrase that a person types.
fn ask(session: &Session, sealed: &source::Sealed) -> Result<(Kit, bool)> {
    let mut tries = 1;
    loop {
        let phrase = phrase::ask(session, "Phrase of the kit")?;
        match sealed.open(&phrase) {
            Ok(kit) => return Ok((kit, phrase::is_weak(&phrase))),
            Err(Closed::Phrase) if tries < TRIES => {
                let phrase::Doubts { strange, words } = phrase::doubts(&phrase);
                let strange = strange.into_iter().map(|(_, word, nearest)| (word, nearest));
                session.report.say(Note::PhraseRefused { strange: strange.collect(), words });
                tries += 1;
            }
            Err(closed) => return Err(closed.into()),
        }
    }
}

/// What was not there before, so that a machine that was bare is so again if nothing
/// comes of it.
struct Bare {
    files: Vec<PathBuf>,
    dirs: Vec<PathBuf>,
}

/// Directories that poof would make.
fn missing_dirs(session: &Session) -> Vec<PathBuf> {
    let Session { files, state, layout, .. } = session;
    let above = [&files.dir, state, &layout.state].map(|dir| dir.ancestors());
    let dirs = above.into_iter().flatten();
    dirs.filter(|dir| fs::symlink_metadata(dir).is_err()).map(Path::to_path_buf).collect()
}

impl Bare {
    /// Once the lock is held: nobody else writes any more. `dirs` were missing before.
    fn note(session: &Session, mut dirs: Vec<PathBuf>) -> Self {
        let Session { files, state, .. } = session;
        // There is the lock, or somebody else was here in between.
        if fs::read_dir(state).is_ok_and(|entries| entries.count() > 1) {
            dirs.clear();
        }
        let missing = |path: &&PathBuf| fs::symlink_metadata(path).is_err();
        Bare {
            files: [&files.rclone, &files.poof].into_iter().filter(missing).cloned().collect(),
            dirs,
        }
    }

    /// Removes what is there now. What cannot be stays; the next run finds it.
    fn again(self, session: &Session) {
        let Ok(noise) = FillPattern::new() else { return };
        for path in self.files {
            let _ = erase::file(&path, &noise);
        }
        if self.dirs.contains(&session.state) {
            let _ = erase::directory(&session.state, &noise);
        }
        for dir in self.dirs {
            let _ = fs::remove_dir(dir);
        }
    }
}

/// poof.conf of the kit with the paths of this machine, told.
fn moved(session: &Session, kit: &Kit, given: &[(String, String)]) -> Result<PoofConf> {
    let conf = placed(session, kit, given, &session.files.poof)?;
    for (local, name) in conf.paths() {
        session.report.tell(&Event::Target { tree: name.to_owned(), path: local.to_owned() });
    }
    Ok(conf)
}

/// The same without a word, for a poof.conf that is to be at `file`.
///
/// # Errors
/// The one of the kit is none.
pub(super) fn placed(
    session: &Session,
    kit: &Kit,
    given: &[(String, String)],
    file: &Path,
) -> Result<PoofConf> {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let mut map = vec![
        (kit.config_dir.clone(), shown(&session.files.dir)),
        (kit.home.clone(), shown(&session.layout.home)),
    ];
    let plain = |path: &String| match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    };
    map.splice(0..0, given.iter().map(|(old, new)| (plain(old), plain(new))));
    let conf = PoofConf::parse(kit.poof_conf.as_bytes()).map_err(Problem::into_error)?;
    Ok(conf.moved(|path| replaced(path, &map), &shown(file)))
}

/// `path` with the first of `map` that it is in replaced.
fn replaced(path: &str, map: &[(String, String)]) -> String {
    let of = |(old, new): &(String, String)| {
        let rest = Path::new(path).strip_prefix(old).ok()?;
        let new = if rest.as_os_str().is_empty() {
            PathBuf::from(new)
        } else {
            Path::new(new).join(rest)
        };
        Some(new.to_string_lossy().into_owned())
    };
    map.iter().find_map(of).unwrap_or_else(|| path.to_owned())
}

/// Writes both files, unless there are others. One as it was on the machine of the kit has come
/// with a restore of another configuration.
fn put_in_place(session: &Session, kit: &Kit, unpacked: &Unpacked) -> Result<()> {
    let pairs = [
        (&session.files.rclone, unpacked.rclone.clone(), kit.rclone_conf.as_bytes()),
        (&session.files.poof, unpacked.poof.to_vec(), kit.poof_conf.as_bytes()),
    ];
    let is_of_kit = |path: &Path, text: &[u8]| fs::read(path).is_ok_and(|there| there == text);
    for (path, text, of_kit) in &pairs {
        match fs::read(path) {
            Ok(there) if there != *text && there != *of_kit && !unpacked.is_rclone(&there) => {
                let what = format!("{} exists and is another one", path_of(path));
                return Err(Error::guard(what).hint(
                    "`poof return` is for a machine without a configuration. Nothing was changed; \
                     move it aside, or give `--profile NAME`.",
                ));
            }
            _ => {}
        }
    }
    for (path, text, of_kit) in pairs {
        if !path.exists() || is_of_kit(path, of_kit) {
            write_private(path, &text)?;
        }
    }
    own_config::is_of_a_kit(session)
}

/// Says what is there, how much, and from when.
fn look(session: &Session, kit: &Kit, request: &Request) -> Result<()> {
    let report = &*session.report;
    let ready = loading::load_to_restore(session)?;
    let allowed = request.allowed;
    let directories = loading::select(&ready, &[])?;
    let repository = Repository::open(session, &ready, &directories, allowed)?;
    let is_other = kit.store.as_ref().is_some_and(|store| *store != repository.id());
    if is_other && !allowed.other_remote {
        let what = format!("{} is not the store of this kit", ready.remote().name());
        return Err(refuse(
            what,
            "Is it the right kit, and was the bucket emptied?",
            "other-remote",
        ));
    }
    for directory in directories {
        let mut monitor = Monitor::comparison(report, &directory.name);
        let standing = repository.snapshots(&directory.name).last(&mut monitor)?;
        drop(monitor);
        let name = &directory.name;
        let place = ready.remote().place(name);
        let known = kit.snapshots.get(name).filter(|_| !is_other);
        match standing {
            Standing::Current(last) | Standing::Newer { found: last, .. } => {
                let named = last.seen().names_store;
                if let Some(why) = known.and_then(|known| known.outdates(last.id(), named)) {
                    guard::older_snapshot(&place, &why, allowed)?;
                }
                let Counts { files, bytes, .. } = last.counts();
                let (made, host) = last.made();
                let (tree, host) = (name.clone(), host.into_owned());
                report.tell(&Event::Snapshot { tree, files, bytes, made, host });
            }
            Standing::None => {
                if let Some(Last { made, .. }) = known {
                    let why = format!("the kit knows one of {}, and there is none", date(*made));
                    guard::older_snapshot(&place, &why, allowed)?;
                }
                // Poof made the kit, and so it has probably written to the bucket.
                known::no_manifest(&place, None, repository.has_objects(name), allowed)?;
                report.say_of(name, TreeNote::NoManifest);
            }
            Standing::Behind { why, .. } => guard::older_snapshot(&place, &why, allowed)?,
        }
    }
    Ok(())
}

/// Shows the programs of the configuration of the kit, and asks before one of them
/// runs: a secret may come from a command, and rclone may run one to reach the remote.
///
/// # Errors
/// The user does not want it.
pub(super) fn may_run(session: &Session, kit: &Kit, poof: &PoofConf, yes: bool) -> Result<()> {
    let report = &*session.report;
    let mut found = of_poof(poof);
    // An encrypted one shows its programs once its password is known.
    if let Ok(rclone) = RcloneConf::parse(kit.rclone_conf.as_bytes()) {
        found.extend(of_rclone(&rclone, &poof.secrets()));
    }
    found.retain(Program::runs);
    if found.is_empty() {
        return Ok(());
    }
    let asks = report.interactive() && !yes;
    // Words may hold a secret: a log need not have them.
    let told = found.iter().map(|program| if asks { program.told() } else { program.named() });
    let programs = told.map(|told| one_line(&told).into_owned()).collect();
    let note = Note::KitRuns { programs };
    if !asks {
        report.say(note);
    } else if !report.confirm(&format!("{}\nRun what is needed of them?", note.text()), false)? {
        return Err(Error::guard("nothing was brought back").hint(
            "The machine is as it was, and none of them ran. `age --decrypt KIT` shows them.",
        ));
    }
    Ok(())
}

fn consent(session: &Session, yes: bool) -> Result<()> {
    let report = &*session.report;
    if report.confirm("Bring it all back?", yes || !report.interactive())? {
        return Ok(());
    }
    Err(Error::guard("nothing was brought back").hint("The machine is as it was."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_that_moved_is_replaced_and_what_is_given_goes_first() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let map = [pair("/Users/a/work", "/srv"), pair("/Users/a", "/home/b")];
        assert_eq!(replaced("/Users/a/work/x", &map), "/srv/x");
        assert_eq!(replaced("/Users/a/work", &map), "/srv");
        assert_eq!(replaced("/Users/a/Docs", &map), "/home/b/Docs");
        assert_eq!(replaced("/Users/ab/Docs", &map), "/Users/ab/Docs");
    }
}
