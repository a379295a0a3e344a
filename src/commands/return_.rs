//! `poof return`

use super::caution;
use crate::base::error::Result;
use crate::cli::Return;
use crate::operations::recovery::returning::{self, Request};
use crate::operations::recovery::source::Source;
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Return) -> Result<Outcome> {
    let kit = match &args.kit {
        None => Source::Typed,
        Some(path) if path.as_os_str() == "-" => Source::Input,
        Some(path) => Source::File(path.clone()),
    };
    let request = Request {
        kit,
        phrase_file: args.phrase_file.clone(),
        map: args.map.clone(),
        yes: args.yes,
        allowed: caution::allowed(&args.allow),
    };
    returning::run(session, &request)
}
