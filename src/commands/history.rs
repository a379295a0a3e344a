//! `poof history`

use super::caution;
use crate::base::error::Result;
use crate::cli::History;
use crate::operations::contents::history::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &History) -> Result<Outcome> {
    let request = Request { path: args.path.clone(), allowed: caution::allowed(&args.allow) };
    history::run(session, &request)
}
