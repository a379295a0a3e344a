//! Whether somebody who lets poof remove itself can come back: what is noted of
//! kits that were written and of configurations that were shown.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::shown::path_of;
use crate::base::units::now;
use crate::config::trees::Directory;
use crate::config::{PoofConf, RcloneConf};
use crate::host::plain::read_file;
use crate::kit::LARGEST;
use crate::operations::own_files;
use crate::operations::profiles;
use crate::operations::session::Session;
use crate::storage::login;
use crate::tree::guard::Allowed;

/// What is noted, in the state directory.
#[derive(Default, Serialize, Deserialize)]
struct Notes {
    kit: Option<KitNote>,
    /// Fingerprints of the files as they were shown.
    poof: Option<String>,
    rclone: Option<String>,
}

/// A kit that was written.
#[derive(Clone, Serialize, Deserialize)]
pub struct KitNote {
    /// Seconds since 1970.
    pub made: u64,
    /// Empty: it is on paper.
    pub path: PathBuf,
    /// Of the configuration that it holds.
    fingerprint: String,
    /// Who finds it can guess its phrase.
    #[serde(default)]
    pub weak: bool,
    /// Of the kit itself.
    #[serde(default)]
    sealed: Option<String>,
}

/// How a kit fits the configuration.
pub enum KitStanding {
    None,
    /// The configuration has changed since.
    Outdated(KitNote),
    Fits(KitNote),
}

fn path(session: &Session) -> PathBuf {
    session.state.join("farewell.json")
}

fn notes(session: &Session) -> Notes {
    let bytes = fs::read(path(session)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn save(session: &Session, notes: &Notes) -> Result<()> {
    let text = serde_json::to_vec(notes).map_err(|e| Error::unexpected(e.to_string()))?;
    write_private(&path(session), &text)
}

/// Recognises a file without saying what is in it.
fn fingerprint(path: &Path) -> Option<String> {
    let content = without_logins(read_file(path, LARGEST).ok()?);
    let hash = blake3::derive_key("poof 2026 fingerprint of a configuration", &content);
    Some(data_encoding::HEXLOWER.encode(&hash[..16]))
}

/// A login is renewed every hour, and whoever comes back can log in again: a kit that has an
/// old one fits.
fn without_logins(content: Vec<u8>) -> Vec<u8> {
    let Ok(mut conf) = RcloneConf::parse(&content) else { return content };
    let sections: Vec<_> = conf.sections().map(str::to_owned).collect();
    let wants_login = |section: &String| conf.kind(section).is_some_and(login::is_wanted);
    let with_login: Vec<_> = sections.into_iter().filter(wants_login).collect();
    let removed = with_login.iter().filter(|section| conf.remove(section, "token")).count();
    if removed > 0 { conf.text().into_bytes() } else { content }
}

fn of_both(session: &Session) -> Option<String> {
    let (poof, rclone) = (fingerprint(&session.files.poof)?, fingerprint(&session.files.rclone)?);
    Some(format!("{poof}{rclone}"))
}

/// A kit of the configuration as it is was written to `path`, with a phrase that may be
/// `weak`.
///
/// # Errors
/// The state cannot be written.
pub fn note_kit(session: &Session, path: &Path, weak: bool) -> Result<()> {
    note(session, path.to_path_buf(), now(), weak)
}

/// This machine was brought back with a kit that was `made` then: it holds the configuration as
/// it is now. `path` is where it was read, if it was in a file.
///
/// # Errors
/// The state cannot be written.
pub fn note_return(session: &Session, path: Option<&Path>, made: u64, weak: bool) -> Result<()> {
    note(session, path.map(Path::to_path_buf).unwrap_or_default(), made, weak)
}

fn note(session: &Session, path: PathBuf, made: u64, weak: bool) -> Result<()> {
    let sealed = fingerprint(&path);
    let kit = of_both(session);
    let kit = kit.map(|fingerprint| KitNote { made, path, fingerprint, weak, sealed });
    save(session, &Notes { kit, ..notes(session) })
}

/// Whether the file is the kit that was last written with this state.
pub fn is_own_kit(session: &Session, path: &Path) -> bool {
    let sealed = notes(session).kit.and_then(|kit| kit.sealed);
    sealed.is_some() && sealed == fingerprint(path)
}

/// The kit that there is, if any, lacks a secret that neither file shows.
///
/// # Errors
/// The state cannot be written.
pub fn outdate_kit(session: &Session) -> Result<()> {
    let mut notes = notes(session);
    let Some(kit) = &mut notes.kit else { return Ok(()) };
    kit.fingerprint.clear();
    save(session, &notes)
}

/// One of the two files was shown. What cannot be noted does not count as shown.
pub fn note_shown(session: &Session, file: &Path) {
    let mut notes = notes(session);
    let shown = fingerprint(file);
    if file == session.files.poof {
        notes.poof = shown;
    } else {
        notes.rclone = shown;
    }
    let _ = save(session, &notes);
}

/// The last kit that was written here.
pub fn kit(session: &Session) -> KitStanding {
    match notes(session).kit {
        None => KitStanding::None,
        Some(kit) if Some(&kit.fingerprint) == of_both(session).as_ref() => KitStanding::Fits(kit),
        Some(kit) => KitStanding::Outdated(kit),
    }
}

/// Whether a person was given all that it takes to come back: a kit that does not go
/// itself and that nobody else can open, or both files, as they are now. `going` are the directories that are wiped.
pub fn is_prepared(session: &Session, going: &[&Directory]) -> bool {
    let notes = notes(session);
    let shown =
        |noted: &Option<String>, file: &Path| noted.is_some() && *noted == fingerprint(file);
    // Both files together do not tell what neither of them holds.
    let telling = PoofConf::load(&session.files.poof).is_ok_and(|conf| conf.secrets().is_empty());
    matches!(kit(session), KitStanding::Fits(kit) if !kit.weak && !kit.goes(session, going))
        || telling
            && shown(&notes.poof, &session.files.poof)
            && shown(&notes.rclone, &session.files.rclone)
}

impl KitNote {
    /// Whether the kit still is where it was written, and goes with that, now or with the
    /// next upload: below any directory that is configured, or with poof's own files.
    pub fn goes(&self, session: &Session, going: &[&Directory]) -> bool {
        let Ok(path) = fs::canonicalize(&self.path) else { return false };
        let own = [&session.files.dir, &session.layout.config, &session.layout.state];
        let others = profiles::others(session);
        let files = others.iter().map(|other| &other.session.files).chain([&session.files]);
        let confs: Vec<_> = files.filter_map(|files| PoofConf::load(&files.poof).ok()).collect();
        let configured = confs.iter().flat_map(PoofConf::paths).map(|(local, _)| Path::new(local));
        let going = going.iter().map(|directory| directory.local.as_path());
        let mut all = going.chain(own.map(PathBuf::as_path)).chain(configured);
        all.any(|dir| path.starts_with(own_files::real(dir)))
    }
}

/// The passwords of before must not go while something on the remote needs them.
///
/// # Errors
/// The refusal.
pub fn is_settled(session: &Session, allowed: Allowed) -> Result<()> {
    if allowed.no_kit || !own_files::is_rekeying(session) {
        return Ok(());
    }
    let what = "the change of passwords is not done: no kit has the old ones, which something on \
                the remote may need";
    Err(Error::guard(what).hint(
        "Nothing was changed. `poof rekey` completes it. `--allow no-kit` goes ahead: nobody can \
         read then what is under the old passwords.",
    ))
}

/// The keys must not go before somebody has them elsewhere. `going` are the directories
/// that are wiped.
///
/// # Errors
/// The refusal.
pub fn guard(session: &Session, allowed: Allowed, going: &[&Directory]) -> Result<()> {
    is_settled(session, allowed)?;
    if allowed.no_kit || is_prepared(session, going) {
        return Ok(());
    }
    let kit = kit(session);
    let what = match &kit {
        KitStanding::Outdated(_) => {
            "the configuration has changed since its recovery kit was made".to_owned()
        }
        KitStanding::Fits(kit) if kit.weak => {
            format!("who finds the recovery kit {} can guess its phrase", path_of(&kit.path))
        }
        KitStanding::Fits(kit) => {
            format!("the recovery kit {} would go with what is beside it", path_of(&kit.path))
        }
        KitStanding::None => {
            "there is no recovery kit, and poof is to remove its own keys".to_owned()
        }
    };
    let hint = match kit {
        KitStanding::Fits(kit) if kit.weak => {
            "Nothing was changed. `poof kit` writes one with a phrase that it makes"
        }
        KitStanding::Fits(_) => "Nothing was changed. Move it to a safe place",
        _ => "Nothing was changed. `poof kit` writes one",
    };
    Err(Error::guard(what).hint(format!(
        "{hint}, `--keep-poof` keeps poof and its keys. `--allow no-kit` goes ahead: without the \
         keys nobody can ever read what is encrypted with them."
    )))
}
