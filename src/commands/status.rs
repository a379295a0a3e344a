//! `poof status`

use crate::base::error::Result;
use crate::operations::{Outcome, Session, status};

pub fn run(session: &Session) -> Result<Outcome> {
    status::run(session)
}
