//! A guided set-up: what a person answers becomes both configuration files, which are tried
//! in a place of their own before they are put in force.

mod draft;
pub mod found;
pub mod questions;

use std::collections::BTreeMap;
use std::path::Path;

pub use draft::{Draft, Trial};

use super::Session;
use super::own_files::real;
use crate::base::error::Result;
use crate::config::poof_conf::PLACEHOLDER;
use crate::config::ready::storage_section;
use crate::config::trees::{Directory, directories};
use crate::config::{Problem, RcloneConf};

/// The key of poof.conf that says for how long earlier states are kept.
const KEEP: &str = "keep";

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
    ///
    /// # Errors
    /// rclone does not answer.
    pub fn wants_login(&self) -> Result<bool> {
        let types = questions::types()?;
        let wants = types.iter().any(|kind| kind.name == self.kind && questions::needs_login(kind));
        Ok(wants && !self.settings.contains_key("token"))
    }
}

/// What both files say today.
pub struct Known {
    pub answers: Answers,
    /// Where backups go, for people; None: nobody has said.
    pub place: Option<String>,
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
    };
    let place = is_filled_in(&rclone, storage).then(|| place(&rclone, storage, poof.bucket()));
    Ok(Known { answers, place, bucket: poof.bucket().to_owned() })
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
    let get = |key: &str| settings.get(key).cloned().unwrap_or_default();
    let mut more = vec![("env_auth", "false"), ("acl", "private")];
    let constraint = location_constraint(&get("region"));
    if get("provider") == "AWS" {
        more.extend([
            ("location_constraint", constraint.as_str()),
            ("storage_class", "STANDARD_IA"),
            ("chunk_size", "8M"),
            ("upload_concurrency", "2"),
            ("server_side_encryption", "AES256"),
        ]);
    }
    for (key, value) in more {
        settings.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    settings
}

/// Amazon makes no bucket where this differs from the region, and wants none in the first.
fn location_constraint(region: &str) -> String {
    if region == "us-east-1" { String::new() } else { region.to_owned() }
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
