//! `poof kit`: writes the recovery kit, and opens it once more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::source::of_bytes;
use super::{codes, page, phrase, readiness};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::base::units::now;
use crate::config::trees::Directory;
use crate::config::{PoofConf, Problem, Ready};
use crate::host::plain::read_file;
use crate::kit::lines::Line;
use crate::kit::{Kit, LARGEST, Last, is_text, new_phrase};
use crate::operations::outcome::Outcome;
use crate::operations::own_files;
use crate::operations::repository::cache;
use crate::operations::secrets::for_kit;
use crate::operations::session::Session;
use crate::operations::{loading, profiles, schedule};
use crate::report::{Bytes, Event, Note};
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::Names;
use crate::tree::remote::identity;
use crate::tree::snapshot::{Seen, Snapshots};
use crate::tree::wipe::Records;

const NAME: &str = "poof-kit.txt";

/// What is wanted of a kit.
pub struct Request {
    /// Where it goes; None: [`NAME`] in the current directory, unless there is a page.
    pub file: Option<PathBuf>,
    /// Where a page to print goes.
    pub page: Option<PathBuf>,
    pub phrase: Phrase,
    /// Also shows it as QR codes.
    pub qr: bool,
    /// Replaces a kit that may be of another configuration.
    pub yes: bool,
}

/// Where the phrase comes from.
pub enum Phrase {
    /// The first line of a file.
    Of(PathBuf),
    /// A person types it.
    Typed,
    /// poof makes one and shows it.
    Made,
    /// One that was made and written down before.
    Given(Secret),
}

/// Writes a kit.
///
/// # Errors
/// It cannot be written, or does not read back.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let report = &*session.report;
    let _lock = session.lock()?;
    let ready = loading::load(session)?;
    let places = places(request)?;
    for place in &places {
        is_free(session, place, request.yes)?;
    }
    let (phrase, made) = match &request.phrase {
        Phrase::Of(file) => (phrase::from_file(file)?, false),
        Phrase::Typed => (typed(session)?, false),
        Phrase::Given(phrase) => (Secret::new(phrase.expose().to_owned()), false),
        Phrase::Made if report.interactive() => (new_phrase()?, true),
        Phrase::Made => {
            return Err(Error::new(Kind::Usage, "a new phrase is shown on a terminal only")
                .hint("`--phrase-file FILE` gives one (`-`: standard input)."));
        }
    };
    let kit = kit(session, &ready)?;
    let on_paper = request.qr || request.page.is_some();
    let lines = if on_paper { kit.seal_for_paper(&phrase)? } else { Vec::new() };
    for Place { path, is_page } in &places {
        let text = if *is_page { printed(&ready, &kit, &lines)? } else { kit.seal(&phrase)? };
        write_private(path, text.as_bytes())?;
        let back =
            read_file(path, LARGEST).map_err(|error| Error::io("read back", path, &error))?;
        let back = of_bytes(report, back).map(|sealed| sealed.open(&phrase));
        if !back.is_ok_and(|opened| opened.is_ok_and(|found| found == kit)) {
            return Err(Error::unexpected("the kit does not read back as it was written")
                .hint("Do not rely on it; write it to another disk."));
        }
    }
    let weak = !made && phrase::is_weak(&phrase);
    if let Some(place) = places.first() {
        readiness::note_kit(session, &place.path, weak)?;
    }
    let others = profiles::others(session);
    if !others.is_empty() {
        let others = others.iter().map(|other| (other.told(), other.command("kit FILE")));
        report.say(Note::OtherKits(others.collect()));
    }
    tell(session, &ready, &kit, &places, weak);
    if made {
        report.show_secret("Its phrase, shown this once:", &phrase);
        report.note(
            "Write it down. Without it nobody opens the kit, and without the kit nobody \
                       comes back from an encrypted upload.",
        );
    }
    if request.qr {
        show_codes(session, &lines)?;
    }
    Ok(Outcome::default())
}

/// A file that is to be written.
struct Place {
    path: PathBuf,
    /// It is a page to print, and else the text of the kit.
    is_page: bool,
}

fn places(request: &Request) -> Result<Vec<Place>> {
    let default = request.page.is_none().then(|| PathBuf::from(NAME));
    let files = request.file.clone().or(default).map(|path| (path, false));
    let pages = request.page.clone().map(|path| (path, true));
    let mut places: Vec<Place> = Vec::new();
    for (path, is_page) in files.into_iter().chain(pages) {
        let path = std::path::absolute(path)
            .map_err(|error| Error::unexpected(format!("no current directory: {error}")))?;
        if places.iter().any(|place| place.path == path) {
            return Err(Error::new(Kind::Usage, "the kit and its page cannot be one file")
                .hint("`poof kit --print FILE.html` writes the page alone."));
        }
        places.push(Place { path, is_page });
    }
    Ok(places)
}

fn printed(ready: &Ready, kit: &Kit, lines: &[Line]) -> Result<String> {
    let conf = PoofConf::parse(kit.poof_conf.as_bytes()).map_err(Problem::into_error)?;
    let remote = ready.remote().name();
    let facts = page::Facts { remote: &remote, bucket: conf.bucket(), made: kit.made };
    page::of(lines, &facts).map_err(|error| Error::unexpected(format!("no code: {error}")))
}

/// What a person has to know of a kit that was written.
fn tell(session: &Session, ready: &Ready, kit: &Kit, places: &[Place], weak: bool) {
    let report = &*session.report;
    for Place { path, .. } in places {
        report.tell(&Event::Kit {
            store: kit.store.clone(),
            path: Bytes::path(path.as_os_str().as_bytes()),
        });
    }
    report.done("The kit is written and was opened once more with its phrase.");
    if weak {
        report.warn(
            "the phrase is weak: who finds the kit can guess it, and it does not count as the kit \
             that `upload` and `neuter` ask for. Take four words or more, or let poof make one.",
        );
    }
    for Place { path, is_page } in places {
        if *is_page {
            report.note("Open the page in a browser and print it. The phrase is not on it.");
        }
        if let Some(tree) = tree_of(ready, path) {
            let tree = path_of(tree);
            let what = if *is_page { "page" } else { "kit" };
            report.warn(&format!(
                "the {what} is in {tree}, which an upload wipes: move it elsewhere"
            ));
        }
    }
    for Place { path, .. } in places.iter().filter(|place| is_beside_the_backups(ready, place)) {
        report.warn(&format!(
            "{} is on the disk of the backups: what takes one takes the other. Copy it elsewhere.",
            path_of(path)
        ));
    }
    if kit.store.is_none() {
        report
            .note("There was no backup yet: a kit made after the first one also knows the store.");
    }
}

/// Whether the place is below the directory that holds the bucket.
fn is_beside_the_backups(ready: &Ready, Place { path, .. }: &Place) -> bool {
    let bucket = ready.remote().bucket_on_disk();
    let disk = bucket.as_deref().and_then(Path::parent).map(own_files::real);
    disk.is_some_and(|disk| own_files::real(path).starts_with(disk))
}

/// A kit may replace the last kit of this configuration, and another one only if the
/// user says so: without it somebody may not come back. And nothing else.
fn is_free(session: &Session, Place { path, is_page }: &Place, yes: bool) -> Result<()> {
    let shown = path_of(path);
    let text = match read_file(path, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // No directory is made: this is the place of a disk that is not attached.
            return match path.parent().filter(|dir| !dir.is_dir()) {
                Some(dir) => Err(Error::unexpected(format!(
                    "cannot write {shown}: there is no directory {}",
                    path_of(dir)
                ))
                .hint("Attach the disk that it is on, make it, or name another file.")),
                None => Ok(()),
            };
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let what = format!("cannot write {shown}: {error}");
            return Err(Error::config(what).hint("Name another file."));
        }
        Err(error) => return Err(Error::io("write", path, &error)),
    };
    let is_kit = if *is_page { page::is_one(&text) } else { is_text(&text) };
    if !is_kit {
        return Err(
            Error::guard(format!("{shown} exists and is no kit")).hint("Name another file.")
        );
    }
    let question = format!("{shown} may be the kit of another configuration. Replace it?");
    if readiness::is_own_kit(session, path) || session.report.confirm(&question, yes)? {
        return Ok(());
    }
    Err(Error::guard(format!("{shown} exists and may be the kit of another configuration"))
        .hint("Name another file; `--yes` replaces it."))
}

fn typed(session: &Session) -> Result<Secret> {
    let first = phrase::ask(session, "Phrase for the kit")?;
    let second = phrase::ask(session, "The same again")?;
    if first.expose() == second.expose() {
        return Ok(first);
    }
    Err(Error::new(Kind::Usage, "the two phrases differ").hint("Nothing was written; try again."))
}

fn kit(session: &Session, ready: &Ready) -> Result<Kit> {
    let made = now();
    let text =
        |path: &PathBuf| fs::read_to_string(path).map_err(|error| Error::io("read", path, &error));
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let kit = Kit::new(made, shown(&session.layout.home), shown(&session.files.dir));
    let schedule = schedule::found(session);
    let store = identity::remembered_id(&session.state, &ready.remote().name());
    Ok(Kit {
        profile: session.profile().map(|profile| profile.name().to_owned()),
        poof_conf: text(&session.files.poof)?,
        rclone_conf: text(&session.files.rclone).map(Zeroizing::new)?,
        secrets: for_kit(session)?,
        snapshots: snapshots(session, ready, store.as_deref())?,
        store,
        scheduled: schedule.is_some(),
        every: schedule.and_then(|found| found.every).map(|every| every.to_string()),
        ..kit
    })
}

/// The last snapshot of each tree that this machine knows, in the `store` or wiped.
fn snapshots(
    session: &Session,
    ready: &Ready,
    store: Option<&str>,
) -> Result<BTreeMap<String, Last>> {
    let mut all = BTreeMap::new();
    let last = |seen: Seen, made| Last {
        generation: seen.generation,
        head: HEXLOWER.encode(&seen.head),
        names_store: seen.names_store,
        made,
    };
    let wiped = Records::in_state(&session.state);
    let remote = ready.remote();
    let on_remote = &remote.store();
    let key =
        &identity::key(on_remote).map_err(|f| f.into_error("read the passwords", Kind::Config))?;
    for Directory { name, .. } in ready.directories() {
        let known = store.and_then(|id| {
            let (names, cache) = (Names::new(name), cache(&session.state, id, name));
            let (store, records) = (on_remote, Inventory::default());
            let key = &key.clone().of_store(id, false);
            let known =
                Snapshots { store, names, key, records, bundles: Inventory::default(), cache }
                    .cached()?;
            Some(last(known.seen(), known.made().0))
        });
        let known = match known {
            Some(known) => Some(known),
            None => wiped
                .get(name)?
                .filter(|wiped| wiped.is_on(&remote.name()))
                .map(|wiped| last(wiped.seen(), wiped.since)),
        };
        all.extend(known.map(|known| (name.clone(), known)));
    }
    Ok(all)
}

/// The directory that is backed up and holds `path`.
fn tree_of<'a>(ready: &'a Ready, path: &Path) -> Option<&'a Path> {
    let path = own_files::real(path);
    let mut locals = ready.directories().iter().map(|directory| directory.local.as_path());
    locals.find(|local| path.starts_with(own_files::real(local)))
}

/// Columns and rows of codes that nobody sees on a terminal: as on paper.
const ELSEWHERE: (u16, u16) = (65, 33);

/// Only to a person: it is the kit, though not its phrase.
fn show_codes(session: &Session, lines: &[Line]) -> Result<()> {
    let report = &*session.report;
    let seen = report.seen_on();
    // The row below asks for the next.
    let (columns, rows) =
        seen.map_or(ELSEWHERE, |(columns, rows)| (columns, rows.saturating_sub(1)));
    let Some(images) = codes::shown(lines, columns, rows) else {
        return Err(Error::new(Kind::Incomplete, "this terminal is too small for a code")
            .hint("The kit is written nevertheless. Enlarge it, or print a page: `poof kit --print FILE.html`."));
    };
    let count = images.len();
    for (number, image) in (1..).zip(images) {
        report.say(Note::QrCode(image));
        if seen.is_some() && number < count {
            report.ask(&format!("Code {number} of {count}; Enter shows the next: "))?;
        } else {
            report.say(Note::CodeShown { number, count });
        }
    }
    Ok(())
}
