//! `poof check`

use super::caution;
use crate::base::error::Result;
use crate::cli::Check;
use crate::operations::check::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Check) -> Result<Outcome> {
    let sample = args.sample.map(|percent| percent / 100.0);
    let request = Request {
        only: args.only.clone(),
        allowed: caution::allowed(&args.allow),
        sample: sample.or(args.read_data.then_some(1.0)),
    };
    check::run(session, &request)
}
