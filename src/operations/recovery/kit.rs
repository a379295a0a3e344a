//! `poof kit`: writes the recovery kit, and opens it once more.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use qrcode::render::unicode;
use qrcode::{EcLevel, QrCode};

use zeroize::Zeroizing;

use super::{phrase, readiness};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::base::units::now;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::plain::read_file;
use crate::kit::{Kit, LARGEST, Last, new_phrase};
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
    /// Where it goes; None: [`NAME`] in the current directory.
    pub file: Option<PathBuf>,
    pub phrase: Phrase,
    /// Also shows it as a QR code.
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
    let path = std::path::absolute(request.file.as_deref().unwrap_or(Path::new(NAME)))
        .map_err(|error| Error::unexpected(format!("no current directory: {error}")))?;
    is_free(session, &path, request.yes)?;
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
    let text = kit.seal(&phrase)?;
    write_private(&path, text.as_bytes())?;
    let back = read_file(&path, LARGEST).map_err(|error| Error::io("read back", &path, &error))?;
    if !Kit::open(&back, &phrase).is_ok_and(|found| found == kit) {
        return Err(Error::unexpected("the kit does not read back as it was written")
            .hint("Do not rely on it; write it to another disk."));
    }
    let weak = !made && phrase::is_weak(&phrase);
    readiness::note_kit(session, &path, weak)?;
    report.tell(&Event::Kit {
        store: kit.store.clone(),
        path: Bytes::path(path.as_os_str().as_bytes()),
    });
    report.done("The kit is written and was opened once more with its phrase.");
    if weak {
        report.warn(
            "the phrase is weak: who finds the kit can guess it, and it does not count as the kit \
             that `upload` and `neuter` ask for. Take four words or more, or let poof make one.",
        );
    }
    if let Some(tree) = tree_of(&ready, &path) {
        let tree = path_of(tree);
        report.warn(&format!("the kit is in {tree}, which an upload wipes: move it elsewhere"));
    }
    if kit.store.is_none() {
        report
            .note("There was no backup yet: a kit made after the first one also knows the store.");
    }
    let others = profiles::others(session);
    if !others.is_empty() {
        let others = others.iter().map(|other| (other.told(), other.command("kit FILE")));
        report.say(Note::OtherKits(others.collect()));
    }
    if made {
        report.show_secret("Its phrase, shown this once:", &phrase);
        report.note(
            "Write it down. Without it nobody opens the kit, and without the kit nobody \
                       comes back from an encrypted upload.",
        );
    }
    if request.qr {
        show_qr(session, &text)?;
    }
    Ok(Outcome::default())
}

/// A kit may replace the last kit of this configuration, and another one only if the
/// user says so: without it somebody may not come back. And nothing else.
fn is_free(session: &Session, path: &Path, yes: bool) -> Result<()> {
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
    if !text.starts_with(b"-----BEGIN AGE") {
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
            let known = Snapshots { store, names, key, records, cache }.cached()?;
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

/// Only to a person: it is the kit, though not its phrase.
fn show_qr(session: &Session, text: &str) -> Result<()> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|_| {
        Error::new(Kind::Incomplete, "the kit is too large for one QR code")
            .hint("It is written to the file nevertheless.")
    })?;
    let (dark, light) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
    let image = code.render::<unicode::Dense1x2>().dark_color(dark).light_color(light).build();
    session.report.say(Note::QrCode(image));
    Ok(())
}
