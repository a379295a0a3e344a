//! `poof kit`

use crate::base::error::Result;
use crate::cli::Kit;
use crate::operations::recovery::kit::{self, Phrase, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Kit) -> Result<Outcome> {
    let phrase = match &args.phrase_file {
        Some(file) => Phrase::Of(file.clone()),
        None if args.type_phrase => Phrase::Typed,
        None => Phrase::Made,
    };
    let (file, page) = (args.file.clone(), args.print.clone());
    let request = Request { file, page, phrase, qr: args.qr, yes: args.yes };
    kit::run(session, &request)
}
