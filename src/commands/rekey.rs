//! `poof rekey`

use super::caution;
use crate::base::error::Result;
use crate::cli::Rekey;
use crate::operations::{Outcome, Session, rekey};

pub fn run(session: &Session, args: &Rekey) -> Result<Outcome> {
    let Rekey { caution, purge_history, abort } = args;
    let (caution, purge_history, abort) = (caution::of(caution), *purge_history, *abort);
    rekey::run(session, rekey::Request { caution, purge_history, abort })
}
