//! `poof traces`

use crate::base::error::Result;
use crate::cli::Traces;
use crate::operations::traces::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Traces) -> Result<Outcome> {
    let request = Request {
        only: args.only.clone(),
        remove: args.remove,
        copies: args.copies,
        dry_run: args.dry_run,
        yes: args.yes,
    };
    traces::run(session, &request)
}
