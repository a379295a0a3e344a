//! `poof upload`

use super::caution;
use crate::base::error::Result;
use crate::cli::{ProofBy, ScrubWhat, Upload};
use crate::config::Scrub;
use crate::operations::upload::{self, Request};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session, args: &Upload) -> Result<Outcome> {
    let request = Request {
        caution: caution::of(&args.caution),
        keep_poof: args.keep_poof,
        read_back: args.proof == ProofBy::Readback,
        wipe_excluded: args.wipe_excluded,
        scrub: args.scrub.map(|what| match what {
            ScrubWhat::No => Scrub::No,
            ScrubWhat::Names => Scrub::Names,
            ScrubWhat::Free => Scrub::Free,
        }),
        hurry: None,
        receipt: args.receipt.clone(),
    };
    upload::run(session, &request)
}
