//! `poof man`: the manual page, as `make install` and the packages take it.

use serde_json::json;

use super::{Context, Outcome};
use crate::base::error::{Error, Result};
use crate::cli;

pub fn run(context: &Context) -> Result<Outcome> {
    let page = cli::page()
        .map_err(|error| Error::unexpected(format!("cannot write the manual page: {error}")))?;
    context.terminal.verbatim(page.trim_end());
    context.terminal.event(&json!({"type": "man", "page": page}));
    Ok(Outcome::default())
}
