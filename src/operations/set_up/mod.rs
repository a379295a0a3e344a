//! A guided set-up: what a person answers becomes both configuration files, which are tried
//! in a place of their own before they are put in force.

mod draft;
pub mod found;
pub mod questions;

use std::collections::BTreeMap;
use std::path::Path;

pub use draft::{Draft, Trial};

use super::own_files::real;
use super::{Session, section};
use crate::base::error::{Error, Result};
use crate::config::bundle::bundle;
use crate::config::keep::KEY as KEEP;
use crate::config::poof_conf::PLACEHOLDER;
use crate::config::rclone_conf::STORAGE;
use crate::config::ready::storage_section;
use crate::config::trees::{Directory, directories};
use crate::config::{Problem, RcloneConf};
use crate::storage::login;

/// What a person has said, or both files say already.
#[derive(Clone, Default)]
pub struct Answers {
    /// Those of the user, without poof's own configuration.
    pub directories: Vec<Directory>,
    /// None: where the files say.
    pub place: Option<Place>,
    pub encrypted: bool,
    /// For how long earlier states are kept, as poof.conf has it; None: not at all.
    pub keep: Option<String>,
    /// Whether small files go into bundles; None: as poof.conf has it.
    pub bundle: Option<bool>,
}

/// A remote that is to be set up.
#[derive(Clone, Default)]
pub struct Place {
    /// rclone's type of it.
    pub kind: String,
    /// Its settings, passwords in clear.
    pub settings: BTreeMap<String, String>,
    /// The bucket or directory on it; None: as poof.conf has it.
    pub bucket: Option<String>,
}

impl Place {
    /// Whether a login in the browser is to come.
    pub fn wants_login(&self) -> bool {
        !self.settings.contains_key("token") && login::is_wanted(&self.kind)
    }
}

/// What both files say today.
pub struct Known {
    pub answers: Answers,
    /// Where backups go, for people; None: nobody has said.
    pub place: Option<String>,
    /// Whether small files go into bundles already.
    pub bundles: bool,
    /// The bucket in poof.conf, or the one that a new file would have.
    pub bucket: String,
}

/// Reads what is there. Files that are missing, or hold only placeholders, say nothing.
///
/// # Errors
/// A file cannot be understood.
pub fn known(session: &Session) -> Result<Known> {
    let poof = draft::poof_conf(session)?;
    let rclone = draft::rclone_conf(session, &poof)?.conf;
    let own = &session.files.dir;
    let paths =
        poof.paths().filter(|(local, name)| *name != PLACEHOLDER && Path::new(local) != own);
    let directories =
        paths.map(|(local, name)| Directory { local: local.into(), name: name.into() });
    let storage = storage_section(&poof, &rclone);
    let answers = Answers {
        directories: directories.collect(),
        place: None,
        encrypted: rclone.kind(poof.remote()) == Some("crypt"),
        keep: poof.get(KEEP).and_then(|keep| keep.as_str()).map(str::to_owned),
        bundle: None,
    };
    let place = is_filled_in(&rclone, storage).then(|| place(&rclone, storage, poof.bucket()));
    // What cannot be understood is said when the draft is tried.
    let bundles = matches!(bundle(&poof), Ok(Some(_)));
    Ok(Known { answers, place, bundles, bucket: poof.bucket().to_owned() })
}

/// An error of files that are in no place yet: no command would find in them what its hint
/// is about.
pub fn before_it_is_written(error: Error) -> Error {
    let names_a_command = error.hint_text().is_some_and(|hint| hint.contains("`poof "));
    if names_a_command {
        error.hint("Nothing is written yet: change the answer that this is about.")
    } else {
        error
    }
}

/// Whether the directories of the answers can be backed up beside each other.
///
/// # Errors
/// There is none, or one is in the way of another.
pub fn fit(session: &Session, answers: &Answers) -> Result<()> {
    let poof = draft::with_directories(session, &draft::poof_conf(session)?, answers);
    let fit = directories(poof.paths(), &session.layout.home, real);
    fit.map(|_| ()).map_err(Problem::into_error)
}

/// The settings of S3 with what else it takes: for Amazon as `poof cconfig` has it.
pub fn for_s3(mut settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
    // Others than Amazon have these as well.
    const OF_ALL: [&str; 2] = ["env_auth", "acl"];
    let get = |key: &str| settings.get(key).cloned().unwrap_or_default();
    let is_amazon = get(questions::PROVIDER) == "AWS";
    let constraint = section::location_constraint(&get("region"));
    for (key, value) in RcloneConf::scaffold().values(STORAGE) {
        let value = match key.as_str() {
            key if !is_amazon && !OF_ALL.contains(&key) => continue,
            // What only the user can say.
            "type" | "region" | "access_key_id" | "secret_access_key" => continue,
            "location_constraint" => constraint.clone(),
            _ => value,
        };
        settings.entry(key).or_insert(value);
    }
    settings
}

/// Whether somebody has filled a section in.
fn is_filled_in(rclone: &RcloneConf, section: &str) -> bool {
    rclone.has(section) && !rclone.values(section).values().any(|value| value.starts_with("BOGUS-"))
}

/// Where a section leads, for people.
fn place(rclone: &RcloneConf, section: &str, bucket: &str) -> String {
    let get = |key| rclone.get(section, key).filter(|value| !value.is_empty());
    let on = |what: &str| format!("{bucket} on {what}");
    match rclone.kind(section).unwrap_or_default() {
        "alias" | "local" => match get("remote") {
            Some(dir) => format!("{}/{bucket}", dir.trim_end_matches('/')),
            None => bucket.to_owned(),
        },
        "s3" => on(get("endpoint").or(get("provider")).unwrap_or("S3")),
        kind => on(get("host").or(get("url")).unwrap_or(kind)),
    }
}
