//! `poof purge-plain`

use super::caution;
use crate::base::error::Result;
use crate::cli::PurgePlain;
use crate::operations::{Outcome, Session, purge_plain};

pub fn run(session: &Session, args: &PurgePlain) -> Result<Outcome> {
    purge_plain::run(session, caution::of(&args.caution))
}
