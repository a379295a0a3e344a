//! `poof config`

use std::fs;

use super::shown::{self, Shown};
use crate::base::error::{Error, Result};
use crate::cli::Config;
use crate::config::{PoofConf, masking};
use crate::operations::{Outcome, Session, directories};
use crate::report::Note;

pub fn run(session: &Session, args: &Config) -> Result<Outcome> {
    let path = &session.files.poof;
    let missing = !path.exists();
    if missing {
        let _lock = session.lock()?;
        directories::scaffold(session)?.save(path)?;
        session.report.say(Note::Written { is_new: true, path: path.clone() });
    }
    let text = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    let how = if args.show { Shown::Whole } else { Shown::ForScripts };
    shown::show(session, path, &text, how, masking::poof_conf);
    match PoofConf::parse(&text) {
        Ok(_) => Ok(Outcome::default().with("changed", missing)),
        Err(problem) => Err(problem.into_error()),
    }
}
