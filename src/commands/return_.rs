//! `poof return`

use super::caution;
use crate::base::error::Result;
use crate::cli::Return;
use crate::operations::recovery::returning::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Return) -> Result<Outcome> {
    let request = Request {
        kit: args.kit.clone(),
        phrase_file: args.phrase_file.clone(),
        map: args.map.clone(),
        yes: args.yes,
        allowed: caution::allowed(&args.allow),
    };
    returning::run(session, &request)
}
