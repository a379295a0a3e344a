//! `poof secret set`: a secret goes into the keychain. At each step it is somewhere:
//! the keychain has it and gives it back, then poof.conf says so, and only then does it
//! leave rclone-poof.conf.

use std::fs;

use serde_json::json;

use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::secret::Secret;
use crate::base::shown::{path_of, quoted};
use crate::cli::{self, SecretSet};
use crate::config::locked::unlock;
use crate::config::rclone_conf::is_encrypted;
use crate::config::secrets::{self, Declared};
use crate::config::sources::first_line;
use crate::config::{PoofConf, Problem, RcloneConf, RcloneFile};
use crate::host::erase::{FillPattern, Replaced};
use crate::host::keychain::{self, Unavailable};
use crate::operations::keychain as keychain_entries;
use crate::operations::recovery::{phrase, readiness};
use crate::operations::secrets::{
    ask, describe, give_to_read, in_time, rclone_file, resolve_value,
};
use crate::operations::{Outcome, Session, guessable};
use crate::report::Event;
use crate::storage::{configuration, login};

pub fn run(session: &Session, args: &cli::Secret) -> Result<Outcome> {
    let cli::Secret::Set(args) = args;
    let _lock = session.lock()?;
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let entry = keychain_entries::entry(session, &args.name);
    let declared = secrets::entry(&args.name, &json!({ "keychain": entry }))
        .map_err(|problem| problem.into_error().with_kind(Kind::Usage))?;
    let moved = match declared.place() {
        None => {
            let password = password(session, args)?;
            keep(session, &poof, &declared, &entry, &password)?;
            false
        }
        Some((section, key)) => {
            let mut file = in_time(rclone_file(session, Some(&poof)))?;
            let found = standing(session, &declared, &file, section, key)?;
            let moved = args.value_file.is_none() && found.is_some();
            let value = match (found, &args.value_file) {
                (Some(found), None) => found,
                _ => given(session, args)?,
            };
            let known =
                resolve_value(&declared, &file.conf, &value).map_err(Problem::into_error)?;
            keep(session, &poof, &declared, &entry, &value)?;
            guessable::warn(session, &file.conf, &[known]);
            leave(session, &mut file, section, key)?;
            moved
        }
    };
    let name = &args.name;
    session.report.tell(&Event::Secret { name: name.clone(), source: "keychain", entry, moved });
    if moved {
        session.report.note(
            "Copies of rclone-poof.conf made before (a backup of its directory, a clipboard) hold \
             it still; the next backup replaces that of the remote.",
        );
    }
    session.report.note("A recovery kit made before does not have it: `poof kit` writes one.");
    Ok(Outcome::default().with("moved", moved))
}

/// The value that is in rclone-poof.conf, in clear, as rclone reads it.
fn standing(
    session: &Session,
    declared: &Declared,
    file: &RcloneFile,
    section: &str,
    key: &str,
) -> Result<Option<Secret>> {
    let conf = &file.conf;
    if !conf.has(section) {
        let known: Vec<_> = conf.sections().collect();
        return Err(Error::config(format!("rclone-poof.conf has no section [{section}]"))
            .hint(format!("It has: {}.", known.join(", "))));
    }
    let kind = conf.kind(section).unwrap_or_default();
    if key == "token" && login::is_wanted(kind) {
        return Err(Error::new(Kind::Usage, "a run renews the token of a login").hint(
            "It has to be in rclone-poof.conf; `rclone config encryption set` encrypts that file.",
        ));
    }
    let none = Secret::new(String::new());
    let described = describe(declared, kind, key, &none).map_err(Problem::into_error)?;
    let raw = conf.get(section, key).filter(|text| !text.is_empty() && !text.starts_with("BOGUS-"));
    if raw.is_none() {
        return Ok(None);
    }
    give_to_read(&session.files.rclone, file)?;
    let unread = || Error::config(format!("rclone cannot read [{section}].{key}"));
    let mut values = configuration::section(section).map_err(|_| unread())?;
    let value: Secret = values.remove(key).ok_or_else(unread)?.into();
    let obscured = Declared { obscured: described.password, ..declared.clone() };
    let described =
        describe(&obscured, kind, key, &value).map_err(|problem| unread().hint(problem.what))?;
    let clear: Secret = described.clear.into();
    first_line(clear.expose().as_bytes())
        .map(Some)
        .map_err(|what| unread().hint(format!("The value {what}, which a secret may not.")))
}

/// The value from the file of the command line, or from a person.
fn given(session: &Session, args: &SecretSet) -> Result<Secret> {
    match &args.value_file {
        Some(path) => {
            let bytes = phrase::line_of(path)?;
            first_line(bytes.expose().as_bytes()).map_err(|what| {
                Error::new(Kind::Usage, format!("{} {what}", path_of(path)))
                    .hint("Its first line is the secret.")
            })
        }
        None => ask(session, &format!("Value of {}", args.name)).ok_or_else(|| {
            Error::new(Kind::Usage, format!("there is no value for {}", args.name)).hint(
                "poof moves the value of rclone-poof.conf. Without one it asks on a terminal, or takes \
                 it from `--value-file FILE` (`-`: standard input).",
            )
        }),
    }
}

/// The password of rclone-poof.conf, which it must open.
fn password(session: &Session, args: &SecretSet) -> Result<Secret> {
    let path = &session.files.rclone;
    let text = RcloneConf::read(path).map_err(Problem::into_error)?;
    if !is_encrypted(&text) {
        return Err(Error::config(format!("{} is not encrypted", path_of(path))).hint(format!(
            "`rclone --config {} config encryption set` encrypts it.",
            quoted(path)
        )));
    }
    let password = given(session, args)?;
    unlock(&text, &password).map_err(Problem::into_error)?;
    Ok(password)
}

/// Puts the value into the keychain, and then poof.conf says so.
fn keep(
    session: &Session,
    poof: &PoofConf,
    declared: &Declared,
    entry: &str,
    value: &Secret,
) -> Result<()> {
    if let Err(Unavailable { what, hint }) = keychain::set(entry, value) {
        interrupt::check()?;
        let what = format!("{} cannot be put into the keychain: {what}", declared.name);
        return Err(Error::config(what).hint(hint));
    }
    // It has another secret, or one that neither file shows.
    readiness::outdate_kit(session)?;
    let source = json!({ "keychain": entry });
    poof.with_secret(&declared.name, Some(source)).save(&session.files.poof)
}

/// Removes the key from rclone-poof.conf, and overwrites what the file was.
fn leave(session: &Session, file: &mut RcloneFile, section: &str, key: &str) -> Result<()> {
    if !file.conf.remove(section, key) {
        return Ok(());
    }
    let path = &session.files.rclone;
    let old = Replaced::at(&fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
    file.save(path)?;
    if let Ok(noise) = FillPattern::new() {
        old.erase(&noise);
    }
    Ok(())
}
