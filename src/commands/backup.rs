//! `poof backup`

use super::caution;
use crate::base::error::Result;
use crate::cli::Backup;
use crate::operations::backup::{self, Request};
use crate::operations::{Outcome, Session, unattended};

pub fn run(session: &Session, args: &Backup) -> Result<Outcome> {
    let request = Request {
        only: args.mirror.only.clone(),
        caution: caution::of(&args.mirror.caution),
        rehash: args.rehash,
    };
    if args.scheduled {
        return Ok(unattended::run(session, &request, args.every));
    }
    backup::run(session, &request)
}
