//! `poof find`

use super::caution;
use crate::base::error::Result;
use crate::cli::Find;
use crate::operations::contents::find::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Find) -> Result<Outcome> {
    let request = Request {
        patterns: args.patterns.clone(),
        only: args.only.clone(),
        long: args.long,
        at: args.moment.at.clone(),
        allowed: caution::allowed(&args.moment.allow),
    };
    find::run(session, &request)
}
