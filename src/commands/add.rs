//! `poof add`

use crate::base::error::Result;
use crate::cli::Add;
use crate::operations::{Outcome, Session, directories};

pub fn run(session: &Session, args: &Add) -> Result<Outcome> {
    directories::add(session, &args.dir, args.name.as_deref(), args.dry_run)
}
