//! `poof edit`: a configuration file in the user's own editor, on a copy. What poof would not
//! take is not put in place.

use std::fs;
use std::path::{Path, PathBuf};

use super::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_private};
use crate::base::shown::path_of;
use crate::config::rclone_conf::is_encrypted;
use crate::config::ready::ready;
use crate::config::{PoofConf, Problem, RcloneConf, Ready, mistakes};
use crate::host::editor;
use crate::host::scratch::Scratch;
use crate::operations::Outcome;
use crate::report::Note;

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Poof,
    Rclone,
}

/// Has the user edit a file until it is one that poof takes, or they give up.
///
/// # Errors
/// There is no file or no editor, the user gives up, or the file cannot be written.
pub fn run(session: &Session, which: Which) -> Result<Outcome> {
    if !session.report.interactive() {
        return Err(Error::new(Kind::Usage, "an editor needs a terminal").hint(
            "Without one: `poof add`, `poof cconfig KEY=VALUE`, or write the file and `poof verify`.",
        ));
    }
    let path = match which {
        Which::Poof => &session.files.poof,
        Which::Rclone => &session.files.rclone,
    };
    let before = read(path, which)?;
    let (own, others) = problems(session, which, &before);
    let was_right = own.is_empty();
    let io = |error: std::io::Error| Error::io("make a copy in", &session.state, &error);
    create_private_dir(&session.state)?;
    let scratch = Scratch::below(&session.state).map_err(io)?;
    let copy = scratch.path().join(path.file_name().unwrap_or_default());
    write_private(&copy, &before)?;
    loop {
        editor::open(&copy)?;
        let now = fs::read(&copy).map_err(|error| Error::io("read", &copy, &error))?;
        if now == before {
            session.report.note("Nothing was changed.");
            return Ok(Outcome::default().with("changed", false));
        }
        // What is wrong with the other file, this one cannot mend; but for what it has caused.
        let (mut own, mut beside) = problems(session, which, &now);
        own.extend(beside.extract_if(.., |problem| !others.contains(problem)));
        let Some(problem) = Problem::all(own) else {
            put(session, path, &before, &now)?;
            if let Some(problem) = Problem::all(beside) {
                let error = problem.into_error();
                let hint = error.hint_text().unwrap_or_default();
                session.report.warn(&format!("{}. {hint}", error.message().trim_end_matches('.')));
            }
            return Ok(Outcome::default().with("changed", true));
        };
        let error = problem.into_error();
        session.report.error(&error);
        if session.report.confirm("Edit it again?", false)? {
            continue;
        }
        if was_right {
            return Err(error.hint("Nothing was changed: what was edited is not put in place."));
        }
        // It was wrong before, and may be less so now.
        let question = format!("{} was wrong before. Keep what you changed?", path_of(path));
        if !session.report.confirm(&question, false)? {
            return Err(error.hint("Nothing was changed."));
        }
        put(session, path, &before, &now)?;
        return Err(error.hint("Your changes are kept: `poof edit` goes on with them."));
    }
}

/// The bytes of a file that can be edited.
fn read(path: &Path, which: Which) -> Result<Vec<u8>> {
    let bytes = fs::read(path).map_err(|error| match (error.kind(), which) {
        (std::io::ErrorKind::NotFound, Which::Poof) => {
            Error::config(format!("there is no {}", path_of(path)))
                .hint("`poof init` or `poof config` makes it.")
        }
        (std::io::ErrorKind::NotFound, Which::Rclone) => {
            Error::config(format!("there is no {}", path_of(path)))
                .hint("`poof init` or `poof cconfig` makes it.")
        }
        _ => Error::io("read", path, &error),
    })?;
    if which == Which::Rclone && is_encrypted(&bytes) {
        // In clear it exists in memory only.
        return Err(Error::config(format!(
            "{} is encrypted, and no editor gets it",
            path_of(path)
        ))
        .hint("`poof cconfig KEY=VALUE` changes a setting in it."));
    }
    Ok(bytes)
}

/// What is wrong with a file that reads so, and what with the other beside it.
fn problems(session: &Session, which: Which, bytes: &[u8]) -> (Vec<Problem>, Vec<Problem>) {
    let name = match which {
        Which::Poof => "poof.conf",
        Which::Rclone => "rclone-poof.conf",
    };
    let all = problem(session, which, bytes).map(Problem::apart).unwrap_or_default();
    all.into_iter().partition(|problem| problem.file() == Some(name))
}

/// What is wrong with both.
fn problem(session: &Session, which: Which, bytes: &[u8]) -> Option<Problem> {
    let (files, home) = (&session.files, &session.layout.home);
    let (poof, rclone) = match which {
        Which::Poof => match PoofConf::parse(bytes) {
            Ok(poof) => (Ok(poof), RcloneConf::load(&files.rclone)),
            Err(problem) => return Some(mistakes::beside(problem, bytes, home)),
        },
        Which::Rclone => match RcloneConf::parse(bytes) {
            Ok(rclone) => (PoofConf::load(&files.poof), Ok(rclone)),
            Err(problem) => return Some(problem),
        },
    };
    match (poof, rclone) {
        (Ok(poof), Ok(rclone)) => ready(&poof, &rclone, home).and_then(Ready::strict).err(),
        // Nobody has asked for its password.
        (Ok(_), Err(_)) if fs::read(&files.rclone).is_ok_and(|bytes| is_encrypted(&bytes)) => None,
        (Err(problem), _) | (_, Err(problem)) => Some(problem),
    }
}

fn put(session: &Session, path: &PathBuf, before: &[u8], now: &[u8]) -> Result<()> {
    let _lock = session.lock()?;
    if fs::read(path).is_ok_and(|bytes| bytes != before) {
        let what = format!("{} was changed in the meantime", path_of(path));
        return Err(Error::config(what).hint("Nothing was written: `poof edit` again."));
    }
    write_private(path, now)?;
    session.report.say(Note::Written { is_new: false, path: path.clone() });
    Ok(())
}
