//! `poof remove`

use super::caution;
use crate::base::error::Result;
use crate::cli::Remove;
use crate::operations::{Outcome, Session, directories};

pub fn run(session: &Session, args: &Remove) -> Result<Outcome> {
    directories::remove(session, &args.what, args.purge, caution::of(&args.caution))
}
