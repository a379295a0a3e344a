//! `poof add` and `poof remove`: puts a directory into poof.conf, or takes it out.

use std::fs;
use std::path::{Path, PathBuf};

use super::caution::Caution;
use super::own_files::real;
use super::{Outcome, Session, removal};
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::{name_of, path_of, typed};
use crate::config::poof_conf::PLACEHOLDER;
use crate::config::ready::storage_section;
use crate::config::trees::{Directory, directories, directory};
use crate::config::{PoofConf, Problem, RcloneConf, disk};
use crate::report::{Bytes, Event};
use crate::tree::wipe::Records;

/// What the directory of poof's own configuration is called where nobody has said.
pub(super) const OWN: &str = "poof-config";

/// Adds `dir` under `name`; None: that of the directory. A poof.conf that is missing is made.
///
/// # Errors
/// It is no directory, or it would be in the way of another, or the file cannot be written.
pub fn add(session: &Session, dir: &Path, name: Option<&str>, dry_run: bool) -> Result<Outcome> {
    let _lock = session.lock_unless(dry_run)?;
    let path = &session.files.poof;
    let conf = if path.exists() {
        PoofConf::load(path).map_err(Problem::into_error)?
    } else {
        scaffold(session)?
    };
    let local = absolute(dir)?;
    let name = name.unwrap_or_else(|| dir_name(&local)).to_owned();
    if let Some((known, there)) = conf.paths().find(|(known, _)| is_same(known, &local)) {
        if there == name || there != PLACEHOLDER && dir_name(known) == name {
            session.report.note("It is in poof.conf already.");
            return Ok(Outcome::default().with("changed", false));
        }
        if there != PLACEHOLDER {
            let what = format!("{} is in poof.conf already, as {there}", name_of(local.as_bytes()));
            return Err(Error::new(Kind::Usage, what).hint(format!(
                "Under another name it would be sent again. If you want that: `poof remove {}` \
                 first.",
                typed(Path::new(there))
            )));
        }
    }
    // The scaffold has the directory of the configuration, with a name that is none.
    let own = conf.paths().find(|(_, name)| *name == PLACEHOLDER);
    let own = own.map(|(path, _)| path.to_owned()).filter(|own| !is_same(own, &local));
    let mut next = conf.clone();
    if let Some(own) = &own {
        next = next.with_path(own, Some(OWN));
    }
    let next = next.with_path(&local, Some(&name));
    directory(&local, &name).map_err(Problem::into_error)?;
    if next.paths().count() > 1 {
        let all = directories(next.paths(), &session.layout.home, real);
        let all = all.map_err(Problem::into_error)?;
        apart_from_the_backups(session, &next, &all)?;
    }
    if !dry_run {
        next.save(path)?;
    }
    for (path, name) in own.iter().map(|own| (own.as_str(), OWN)).chain([(&local[..], &name[..])]) {
        let tree = name.to_owned();
        session.report.tell(&Event::Added { tree, path: Bytes::path(path.as_bytes()) });
    }
    if dry_run {
        session.report.done("Dry run: nothing was changed.");
    }
    Ok(Outcome::default().with("changed", !dry_run))
}

/// Refuses a directory that holds the disk of the backups, or is in them.
fn apart_from_the_backups(session: &Session, poof: &PoofConf, all: &[Directory]) -> Result<()> {
    // There may be none yet, or one that nobody can read now: then a run says so.
    let Ok(rclone) = RcloneConf::load(&session.files.rclone) else { return Ok(()) };
    let Some(place) = disk::bucket(&rclone, storage_section(poof, &rclone), poof.bucket().trim())
    else {
        return Ok(());
    };
    disk::apart(all, &place, real).map_err(|problem| {
        let hint = "Nothing was changed. Add a directory on another disk: `poof add DIR`.";
        problem.into_error().hint(hint)
    })
}

/// A new poof.conf for this user, which is not written yet.
///
/// # Errors
/// The operating system gave no random numbers.
pub fn scaffold(session: &Session) -> Result<PoofConf> {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    PoofConf::scaffold(&session.files.poof, &session.files.dir, &user)
}

/// Takes a directory out, by its name or its path. What is here stays; what is on the remote
/// stays as well, unless it is to be `purge`d.
///
/// # Errors
/// There is none, or what is on the remote is all there is.
pub fn remove(session: &Session, what: &str, purge: bool, caution: Caution) -> Result<Outcome> {
    let _lock = session.lock_unless(caution.dry_run)?;
    let conf = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let found = find(&conf, what);
    let tree = found.as_ref().map_or_else(|| what.trim_matches('/').to_owned(), |d| d.name.clone());
    if found.is_none() && !purge {
        return Err(unknown(&conf, what));
    }
    is_not_wiped(session, &tree, found.is_some())?;
    // What cannot be removed there stays in the file as well.
    let purged = if purge {
        removal::purge(session, &tree, found.is_some(), caution)?
    } else {
        Outcome::default()
    };
    if let Some(Directory { local, name }) = &found {
        let local = local.to_string_lossy();
        let next = conf.with_path(&local, None);
        if !caution.dry_run {
            next.save(&session.files.poof)?;
        }
        if next.paths().count() < 2 {
            session.report.note(
                "poof needs at least two directories, its configuration among them, before it does \
                 anything else: `poof add DIR`.",
            );
        }
        let path = Bytes::path(local.as_bytes());
        session.report.tell(&Event::Dropped { tree: name.clone(), purged: purge, path });
    }
    if caution.dry_run {
        session.report.done("Dry run: nothing was changed.");
    }
    Ok(purged.with("changed", found.is_some() && !caution.dry_run))
}

/// The full path of a directory that is there, as text.
fn absolute(dir: &Path) -> Result<String> {
    let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    let is_dir = fs::metadata(&path).map_err(|error| Error::io("read", &path, &error));
    let is_dir = is_dir.map_err(|error| error.with_kind(Kind::Usage))?.is_dir();
    if !is_dir {
        let what = format!("{} is not a directory", path_of(&path));
        return Err(Error::new(Kind::Usage, what).hint("Name the directory that holds the file."));
    }
    let plain: PathBuf = path.components().collect();
    plain.into_os_string().into_string().map_err(|path| {
        let what =
            format!("{}: its path is not UTF-8, as poof.conf has to be", path_of(path.as_ref()));
        Error::new(Kind::Usage, what).hint("Name a directory above it.")
    })
}

/// Whether two entries of poof.conf are of one directory.
fn is_same(a: &str, b: &str) -> bool {
    Path::new(a) == Path::new(b)
}

fn dir_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default()
}

/// The directory with this name, or at this path.
fn find(conf: &PoofConf, what: &str) -> Option<Directory> {
    let path = std::path::absolute(what).unwrap_or_else(|_| what.into());
    let named = |name: &str| name.trim_matches('/') == what.trim_matches('/');
    let by_name = conf.paths().find(|(_, name)| named(name));
    // A bare word is a name: it may be that of a directory here as well.
    let is_path = what.contains('/');
    let found =
        by_name.or_else(|| conf.paths().find(|(local, _)| is_path && Path::new(local) == path));
    found
        .map(|(local, name)| Directory { local: local.into(), name: name.trim_matches('/').into() })
}

fn unknown(conf: &PoofConf, what: &str) -> Error {
    let names: Vec<_> = conf.paths().map(|(_, name)| name).collect();
    let what = format!("{} is not in poof.conf", name_of(what.as_bytes()));
    Error::new(Kind::Usage, what).hint(format!(
        "It has: {}. A directory is written with a slash: ./DIR. `--purge` also takes a name that \
         is on the remote alone.",
        names.join(", ")
    ))
}

/// Refuses where the copy on the remote is the only one; `known`: poof.conf has the tree.
fn is_not_wiped(session: &Session, tree: &str, known: bool) -> Result<()> {
    if Records::in_state(&session.state).get(tree)?.is_none() {
        return Ok(());
    }
    let name = typed(Path::new(tree));
    let way = if known {
        format!("`poof download --only {name}` brings")
    } else {
        format!("`poof add DIR {name}`, then `poof download --only {name}` bring")
    };
    let what = format!("{tree} is wiped here: its only copy is on the remote");
    Err(Error::guard(what).hint(format!("{way} it back first.")))
}
