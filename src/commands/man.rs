//! `poof man`: the manual page, as `make install` and the packages take it.

use crate::base::error::{Error, Result};
use crate::cli;
use crate::operations::{Outcome, Session};
use crate::report::Event;

pub fn run(session: &Session) -> Result<Outcome> {
    let page = cli::page()
        .map_err(|error| Error::unexpected(format!("cannot write the manual page: {error}")))?;
    session.report.tell(&Event::Man { page });
    Ok(Outcome::default())
}
