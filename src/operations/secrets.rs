//! The configuration with its secrets: fetched once a run, given to rclone, and written
//! nowhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::permissions::warn_if_readable;
use super::programs;
use super::session::Session;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::config::insecure::{self, Insecure};
use crate::config::programs::Program;
use crate::config::secrets::{Declared, FILE_PASSWORD, Source};
use crate::config::sources::fetch;
use crate::config::{PoofConf, Problem, RcloneConf, RcloneFile, Status};
use crate::host::tool;
use crate::kit::Kept;
use crate::storage::configuration::{self, Described, Overlaid, UseConfig};

type Checked<T> = std::result::Result<T, Problem>;

impl Resolved {
    /// Whether it is the value of this key.
    pub fn is_of(&self, section: &str, key: &str) -> bool {
        self.section == section && self.key == key
    }
}

/// How the secrets of both files are fetched.
pub type Fetch = fn(&Session, &PoofConf, &RcloneConf) -> Checked<Vec<Resolved>>;

/// A secret from its source, which is asked once a run.
///
/// # Errors
/// A [`Problem`]: it cannot be had, or others may have written the command into poof.conf.
pub fn had(session: &Session, declared: &Declared) -> Checked<Arc<Secret>> {
    let secret_cache = &session.secret_cache;
    if let Some(secret) = secret_cache.find(Some(declared)) {
        return Ok(secret);
    }
    if let Some(program) = Program::secret(declared) {
        programs::may_run(session, &[program])?;
    }
    let secret = Arc::new(fetch(declared)?);
    secret_cache.put(Some(declared.clone()), Arc::clone(&secret));
    Ok(secret)
}

/// A secret of rclone-poof.conf that is elsewhere.
pub struct Resolved {
    pub declared: Declared,
    section: String,
    key: String,
    pub clear: Secret,
    /// As rclone reads it: passwords are obscured.
    pub form: Secret,
    doubtful: bool,
}

/// rclone-poof.conf, decrypted if it is encrypted: with the password that poof.conf
/// knows a source of, else with what a person types.
///
/// # Errors
/// A [`Problem`] of the file, or there is no password.
pub fn rclone_file(session: &Session, poof: Option<&PoofConf>) -> Checked<RcloneFile> {
    RcloneFile::load(&session.files.rclone, || file_password(session, poof))
}

/// The password of rclone-poof.conf: from its source, else from a person.
///
/// # Errors
/// A [`Problem`]: it cannot be had, or there is nobody to ask.
pub fn file_password(session: &Session, poof: Option<&PoofConf>) -> Checked<Arc<Secret>> {
    let secrets = poof.map(PoofConf::secrets).unwrap_or_default();
    if let Some(declared) = secrets.iter().find(|secret| secret.name == FILE_PASSWORD) {
        return had(session, declared);
    }
    if let Some(typed) = session.secret_cache.find(None) {
        return Ok(typed);
    }
    let typed = ask(session, "Password of rclone-poof.conf").ok_or_else(|| {
        Problem::new(
            Status::ErrorMissingKey,
            FILE_PASSWORD,
            "the file is encrypted, and poof.conf does not say where its password is",
            "`poof secret set rclone-poof.conf` puts it into the keychain; or write \"secrets\": \
             {\"rclone-poof.conf\": {\"command\": […]}} into poof.conf.",
        )
    })?;
    let typed = Arc::new(typed);
    session.secret_cache.put(None, Arc::clone(&typed));
    Ok(typed)
}

/// What a person types, without showing it; None off a report, or if nothing is typed.
pub fn ask(session: &Session, question: &str) -> Option<Secret> {
    if !session.report.interactive() {
        return None;
    }
    let typed = Secret::new(rpassword::prompt_password(format!("{question}: ")).ok()?);
    (!typed.expose().is_empty()).then_some(typed)
}

/// The secrets of poof.conf that `rclone` is to have.
///
/// # Errors
/// A [`Problem`]: one cannot be had, or rclone has no such setting.
pub fn resolve(session: &Session, poof: &PoofConf, rclone: &RcloneConf) -> Checked<Vec<Resolved>> {
    let secrets = poof.secrets();
    let secrets = secrets.iter().filter(|declared| declared.place().is_some());
    secrets.map(|declared| resolve_one(session, declared, rclone)).collect()
}

/// One of them.
///
/// # Errors
/// Those of [`resolve`].
pub fn resolve_one(
    session: &Session,
    declared: &Declared,
    rclone: &RcloneConf,
) -> Checked<Resolved> {
    resolve_value(declared, rclone, &*had(session, declared)?)
}

/// The same with the value of its source.
///
/// # Errors
/// Those of [`describe`].
pub fn resolve_value(
    declared: &Declared,
    rclone: &RcloneConf,
    secret: &Secret,
) -> Checked<Resolved> {
    let (section, key) = declared.place().unwrap_or_default();
    let kind = rclone.kind(section).unwrap_or_default();
    let Described { clear, form, doubtful, .. } = describe(declared, kind, key, secret)?;
    let (section, key) = (section.to_owned(), key.to_owned());
    let (clear, form) = (clear.into(), form.into());
    Ok(Resolved { declared: declared.clone(), section, key, clear, form, doubtful })
}

/// What a kit has to hold beside both files.
///
/// # Errors
/// A secret cannot be had.
pub fn for_kit(session: &Session) -> Result<BTreeMap<String, Kept>> {
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let file = in_time(rclone_file(session, Some(&poof)))?;
    let resolved = in_time(resolve(session, &poof, &file.conf))?;
    let kept = |clear: &Secret, form: &Secret| Kept {
        clear: Zeroizing::new(clear.expose().to_owned()),
        form: Zeroizing::new(form.expose().to_owned()),
    };
    let secrets = resolved
        .iter()
        .map(|Resolved { declared, clear, form, .. }| (declared.name.clone(), kept(clear, form)));
    let mut secrets: BTreeMap<_, _> = secrets.collect();
    if let Some(password) = file.password() {
        secrets.insert(FILE_PASSWORD.to_owned(), kept(password, password));
    }
    Ok(secrets)
}

const TYPES: &str = "https://rclone.org/overview lists the types and their settings.";

/// Both forms of a secret of a remote of type `kind`.
///
/// # Errors
/// A [`Problem`]: rclone has no such setting, or the secret is not of the form that it
/// is declared to be of.
pub fn describe(declared: &Declared, kind: &str, key: &str, secret: &Secret) -> Checked<Described> {
    let obscured = declared.obscured;
    let value = secret.expose();
    let described = configuration::describe(kind, key, value, obscured);
    let invalid = |what: &str, hint| declared.problem(Status::InvalidPoofConfig, what, hint);
    let described = described.map_err(|_| invalid("rclone does not take it", TYPES))?;
    if !described.known {
        let what = format!("rclone has no setting {key} for a remote of type {kind}");
        return Err(invalid(&what, TYPES));
    }
    if obscured && (!described.password || described.clear.is_empty()) {
        return Err(invalid(
            "what its source holds is not obscured as rclone does it",
            "Remove \"obscured\": true, or put there what `rclone obscure` makes of it.",
        ));
    }
    Ok(described)
}

/// As [`resolve`], and warns of what is odd about them, and of a way to the server that is open
/// to others.
///
/// # Errors
/// Those of [`resolve`].
pub fn check(session: &Session, poof: &PoofConf, rclone: &RcloneConf) -> Checked<Vec<Resolved>> {
    for Insecure { place, what } in insecure::of(poof, rclone) {
        session.report.warn(&format!("{place}: {what}"));
    }
    let secrets = resolve(session, poof, rclone)?;
    for secret in &secrets {
        warn(session, secret, rclone);
    }
    Ok(secrets)
}

/// Makes `path`, which holds `file`, rclone's configuration, with `secrets` and `sections`
/// over it. It is for work with the remote: a login that is about to end is renewed.
///
/// # Errors
/// rclone cannot load it.
pub fn give(
    path: &Path,
    file: &RcloneFile,
    secrets: &[Resolved],
    sections: &RcloneConf,
) -> Result<()> {
    put_in_force(path, file, secrets, sections, true)
}

/// The same only to read in it.
///
/// # Errors
/// rclone cannot load it.
pub fn give_to_read(path: &Path, file: &RcloneFile) -> Result<()> {
    put_in_force(path, file, &[], &RcloneConf::default(), false)
}

fn put_in_force(
    path: &Path,
    file: &RcloneFile,
    secrets: &[Resolved],
    sections: &RcloneConf,
    renews: bool,
) -> Result<()> {
    let password = file.password().map_or("", |password| password.expose());
    let secrets = secrets.iter().map(|Resolved { section, key, form, .. }| Overlaid {
        section,
        key,
        value: form.expose(),
    });
    let sections = sections.sections().flat_map(|section| {
        let value = |key| sections.get(section, key).unwrap_or_default();
        sections.keys(section).map(move |key| Overlaid { section, key, value: value(key) })
    });
    let secrets = secrets.chain(sections).collect();
    let search = tool::search_of_root().map(|path| path.to_string_lossy().into_owned());
    let config = UseConfig { password, secrets, search, renews, ..UseConfig::of(path) };
    configuration::put_in_force(&config).map_err(|_| {
        // Its own words may quote the file.
        Error::config(format!("rclone cannot load {}", path_of(path)))
            .hint("`poof verify` says more.")
    })
}

/// A problem as an error, unless the user asked to stop meanwhile.
pub fn in_time<T>(checked: Checked<T>) -> Result<T> {
    checked.or_else(|problem| {
        interrupt::check()?;
        Err(problem.into_error())
    })
}

fn warn(session: &Session, secret: &Resolved, rclone: &RcloneConf) {
    let Resolved { declared, section, key, doubtful, .. } = secret;
    if let Source::File(path) = &declared.source {
        warn_if_readable(session, path);
    }
    if *doubtful {
        session.report.warn(&format!(
            "{}: it looks as if it were obscured already; if so, add \"obscured\": true",
            declared.told()
        ));
    }
    let standing = rclone.get(section, key).unwrap_or_default();
    if !standing.is_empty() && !standing.starts_with("BOGUS-") {
        session.report.warn(&format!(
            "rclone-poof.conf [{section}].{key}: a value is still there; that of poof.conf \
             \"secrets\" is used, remove this one"
        ));
    }
}
