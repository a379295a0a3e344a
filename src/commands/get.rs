//! `poof get`

use super::caution;
use crate::base::error::Result;
use crate::cli::Get;
use crate::operations::contents::get::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Get) -> Result<Outcome> {
    let request = Request {
        paths: args.paths.clone(),
        to: args.to.clone(),
        at: args.at.clone(),
        caution: caution::of(&args.caution),
    };
    get::run(session, &request)
}
