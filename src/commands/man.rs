//! `poof man`: the manual page, as `make install` and the packages take it.

use serde_json::json;

use crate::base::error::{Error, Result};
use crate::cli;
use crate::operations::{Outcome, Session};

pub fn run(session: &Session) -> Result<Outcome> {
    let page = cli::page()
        .map_err(|error| Error::unexpected(format!("cannot write the manual page: {error}")))?;
    session.terminal.verbatim(page.trim_end());
    session.terminal.event(&json!({"type": "man", "page": page}));
    Ok(Outcome::default())
}
