//! `poof man`: the manual pages, as `make install` and the packages take it.

use crate::base::error::{Error, Result};
use crate::cli::{self, Man, Page};
use crate::operations::{Outcome, Session};
use crate::report::Event;

pub fn run(session: &Session, args: &Man) -> Result<Outcome> {
    let page = match args.page {
        Page::Poof => cli::page(),
        Page::PoofConf => Ok(cli::configuration_page()),
    };
    let page =
        page.map_err(|error| Error::unexpected(format!("cannot write the manual page: {error}")))?;
    session.report.tell(&Event::Man { page });
    Ok(Outcome::default())
}
