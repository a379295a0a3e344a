//! `poof download`

use super::caution;
use crate::base::error::Result;
use crate::cli::Download;
use crate::operations::download::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Download) -> Result<Outcome> {
    let request = Request {
        only: args.mirror.only.clone(),
        caution: caution::of(&args.mirror.caution),
        to: args.to.clone(),
        keep_extra: args.keep_extra,
        at: args.at.clone(),
    };
    download::run(session, &request)
}
