//! `poof config`

use std::fs;

use super::{Context, Outcome, offer};
use crate::base::error::{Error, Result};
use crate::base::shown::path_of;
use crate::config::PoofConf;

pub fn run(context: &Context) -> Result<Outcome> {
    let path = &context.files.poof;
    let missing = !path.exists();
    if missing {
        let _lock = context.lock()?;
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        PoofConf::scaffold(path, &context.files.dir, &user)?.save(path)?;
        context.terminal.note(&format!("created {}", path_of(path)));
    }
    let text = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    offer::show(context, path, &text);
    match PoofConf::parse(&text) {
        Ok(_) => Ok(Outcome::default().with("changed", missing)),
        Err(problem) => Err(problem.into_error()),
    }
}
