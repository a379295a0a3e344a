//! `poof ls`

use super::caution;
use crate::base::error::Result;
use crate::cli::Ls;
use crate::operations::contents::ls::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Ls) -> Result<Outcome> {
    let request = Request {
        path: args.path.clone(),
        long: args.long,
        recursive: args.recursive,
        at: args.moment.at.clone(),
        allowed: caution::allowed(&args.moment.allow),
    };
    ls::run(session, &request)
}
