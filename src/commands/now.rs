//! `poof now`

use super::caution;
use crate::base::error::Result;
use crate::cli::Now;
use crate::config::Scrub;
use crate::operations::hurry::{self, Hurry};
use crate::operations::upload::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Now) -> Result<Outcome> {
    let hurry = Hurry::within(args.within, args.keep);
    hurry.stop_in_time();
    let request = Request {
        caution: caution::of(&args.caution),
        keep_poof: args.keep_poof,
        // There is no time for it.
        scrub: Some(Scrub::No),
        hurry: Some(hurry),
        ..Request::default()
    };
    hurry::in_time(upload::run(session, &request))
}
