//! `poof version`

use crate::operations::{Outcome, Session};
use crate::report::Event;
use crate::storage;

pub fn run(session: &Session) -> Outcome {
    let (poof, rclone) = (env!("CARGO_PKG_VERSION"), storage::version());
    session.report.tell(&Event::Version { poof, rclone });
    Outcome::default()
}
