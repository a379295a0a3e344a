//! `poof rekey`

use super::caution;
use crate::base::error::Result;
use crate::cli::Rekey;
use crate::operations::{Outcome, Session, rekey};

pub fn run(session: &Session, args: &Rekey) -> Result<Outcome> {
    let (caution, purge_history) = (caution::of(&args.caution), args.purge_history);
    rekey::run(session, rekey::Request { caution, purge_history })
}
