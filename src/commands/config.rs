//! `poof config`

use std::fs;

use super::shown;
use crate::base::error::{Error, Result};
use crate::config::PoofConf;
use crate::operations::{Outcome, Session, directories};
use crate::report::Note;

pub fn run(session: &Session) -> Result<Outcome> {
    let path = &session.files.poof;
    let missing = !path.exists();
    if missing {
        let _lock = session.lock()?;
        directories::scaffold(session)?.save(path)?;
        session.report.say(Note::Written { is_new: true, path: path.clone() });
    }
    let text = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    shown::show(session, path, &text);
    match PoofConf::parse(&text) {
        Ok(_) => Ok(Outcome::default().with("changed", missing)),
        Err(problem) => Err(problem.into_error()),
    }
}
