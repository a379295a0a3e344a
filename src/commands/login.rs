//! `poof login`

use crate::base::error::Result;
use crate::cli;
use crate::operations::login::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &cli::Login) -> Result<Outcome> {
    let request = Request {
        kind: args.kind.clone(),
        settings: args.settings.iter().cloned().collect(),
        no_browser: args.no_browser,
        wait: args.wait,
    };
    login::run(session, &request)
}
