//! `poof edit`

use crate::base::error::Result;
use crate::cli::{Edit, EditFile};
use crate::operations::edit::{self, Which};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Edit) -> Result<Outcome> {
    let which = match args.file {
        EditFile::Poof => Which::Poof,
        EditFile::Rclone => Which::Rclone,
    };
    edit::run(session, which)
}
