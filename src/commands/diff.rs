//! `poof diff`

use super::caution;
use crate::base::error::Result;
use crate::cli::Diff;
use crate::operations::contents::diff::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Diff) -> Result<Outcome> {
    let request = Request {
        path: args.path.clone(),
        at: args.moment.at.clone(),
        and: args.and.clone(),
        allowed: caution::allowed(&args.moment.allow),
    };
    diff::run(session, &request)
}
