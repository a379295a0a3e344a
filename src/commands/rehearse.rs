//! `poof rehearse`

use crate::base::error::Result;
use crate::cli::Rehearse;
use crate::operations::recovery::rehearsing::{self, KitRequest};
use crate::operations::recovery::source::Source;
use crate::operations::rehearse::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Rehearse) -> Result<Outcome> {
    let sample = args.sample.map(|percent| percent / 100.0);
    let request = Request { only: args.only.clone(), sample };
    let Some(path) = &args.kit else { return rehearse::run(session, &request) };
    let kit = if path.as_os_str() == "-" { Source::Input } else { Source::File(path.clone()) };
    let phrase_file = args.phrase_file.clone();
    rehearsing::run(session, &request, &KitRequest { kit, phrase_file })
}
