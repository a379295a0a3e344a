//! `poof cconfig`

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::shown::{self, Shown};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::path_of;
use crate::cli::Cconfig;
use crate::config::rclone_conf::{STORAGE, is_encrypted};
use crate::config::ready::storage_section;
use crate::config::{PoofConf, Problem, RcloneConf, RcloneFile, Status, keys, masking};
use crate::operations::secrets::{in_time, rclone_file};
use crate::operations::{Outcome, Session, login, section, settings};
use crate::report::Note;

const CONSTRAINT: &str = "location_constraint";

pub fn run(session: &Session, args: &Cconfig) -> Result<Outcome> {
    let path = &session.files.rclone;
    let missing = !path.exists();
    let changes = missing || args.remote.is_some() || !args.settings.is_empty();
    if changes {
        // Nobody waits for what a person types.
        let given = settings::values(session, &args.settings, kind(session, args).as_deref())?;
        let _lock = session.lock()?;
        let s3 = matches!(args.remote.as_deref(), None | Some("s3"));
        // poof.conf need not exist yet.
        let poof = PoofConf::load(&session.files.poof).ok();
        let mut file = match rclone_file(session, poof.as_ref()) {
            Err(Problem { status: Status::MissingConfigFile, .. }) if s3 => {
                RcloneFile::new(RcloneConf::scaffold())
            }
            Err(Problem { status: Status::MissingConfigFile, .. }) => {
                RcloneFile::new(RcloneConf::default())
            }
            other => in_time(other)?,
        };
        fill(session, poof.as_ref(), &mut file.conf, args, given)?;
        file.save(path)?;
        session.report.say(Note::Written { is_new: missing, path: path.clone() });
        login::remind(session, poof.as_ref(), &file.conf);
    }
    let text = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    let how = match args.remote.is_some() || !args.settings.is_empty() {
        _ if args.show => Shown::Whole,
        true => Shown::Masked,
        false => Shown::ForScripts,
    };
    shown::show(session, path, &text, how, masking::rclone_conf);
    match RcloneConf::parse(&text) {
        // It is shown as it is there.
        _ if is_encrypted(&text) => Ok(Outcome::default().with("changed", changes)),
        Ok(_) => Ok(Outcome::default().with("changed", changes)),
        Err(problem) => Err(problem.into_error()),
    }
}

/// The type of the remote, as far as it is known before anything is asked.
fn kind(session: &Session, args: &Cconfig) -> Option<String> {
    if let Some(kind) = args.remote.as_deref() {
        return Some(if kind == "local" { "alias" } else { kind }.to_owned());
    }
    let s3 = || Some("s3".to_owned());
    match RcloneConf::load(&session.files.rclone) {
        Err(Problem { status: Status::MissingConfigFile, .. }) => s3(),
        Err(_) => None,
        Ok(conf) => {
            let poof = PoofConf::load(&session.files.poof).ok();
            let section = poof.as_ref().map_or(STORAGE, |poof| storage_section(poof, &conf));
            conf.kind(section).map(str::to_owned).or_else(s3)
        }
    }
}

/// The storage remote with the settings of the command line.
fn fill(
    session: &Session,
    poof: Option<&PoofConf>,
    conf: &mut RcloneConf,
    args: &Cconfig,
    given: BTreeMap<String, String>,
) -> Result<()> {
    // poof.conf may have another name for it.
    let section = poof.map_or(STORAGE, |poof| storage_section(poof, conf)).to_owned();
    let (kind, mut given) = match args.remote.as_deref() {
        Some("local") => ("alias".to_owned(), directory(session, given)?),
        Some(kind) => (kind.to_owned(), given),
        None => (conf.kind(&section).unwrap_or("s3").to_owned(), given),
    };
    if let Some(problem) = keys::of_settings(&kind, given.keys().map(String::as_str)).pop() {
        return Err(problem.into_error());
    }
    let scaffold = RcloneConf::scaffold();
    section::make_way(conf, &section, &kind, |current| {
        format!(
            "`poof init` changes where backups go, and keeps the rest. To change this remote only: \
             `poof cconfig --remote {current} KEY=VALUE`."
        )
    })?;
    if kind == "s3" && conf.kind(&section).is_none() {
        let order: Vec<_> = scaffold.keys(STORAGE).collect();
        conf.fill(&section, &scaffold.values(STORAGE), &order);
    }
    if kind == "s3" {
        follow_region(conf, &section, &mut given);
    }
    let made = section::create(session, &section, &kind, given)?;
    conf.fill(&section, &made, &["type"]);
    Ok(())
}

/// Has the location constraint go with the region: Amazon makes no bucket if they differ.
/// One that is not there, or differs already, is the user's own choice.
fn follow_region(conf: &RcloneConf, name: &str, given: &mut BTreeMap<String, String>) {
    let (at, constraint) = (conf.get(name, "region"), conf.get(name, CONSTRAINT));
    let follows =
        constraint.is_some() && constraint == at.map(section::location_constraint).as_deref();
    let Some(region) = given.get("region").filter(|_| follows) else { return };
    let constraint = section::location_constraint(region);
    given.entry(CONSTRAINT.to_owned()).or_insert(constraint);
}

/// A directory as a remote is rclone's alias: names below it are then full
/// paths, wherever poof is started.
fn directory(
    session: &Session,
    mut given: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let usage = |what: &str| {
        Error::new(Kind::Usage, what).hint("`poof cconfig --remote local PATH=/full/path`")
    };
    let path = given.remove("PATH").ok_or_else(|| usage("--remote local needs PATH=DIRECTORY"))?;
    let place = Path::new(&path);
    if !place.is_absolute() {
        return Err(usage("PATH must be a full path"));
    }
    if place.exists() && !place.is_dir() {
        return Err(usage(&format!("{} is no directory", path_of(place))));
    }
    if !place.exists() {
        // That of a disk which is to be attached, perhaps.
        let what = "is not there now: poof makes a backup once it is";
        session.report.warn(&format!("{} {what}", path_of(place)));
    }
    given.insert("remote".to_owned(), path);
    Ok(given)
}
