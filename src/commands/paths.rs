//! `poof paths`

use std::os::unix::ffi::OsStrExt;

use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session, profiles};
use crate::report::{Bytes, Event};

pub fn run(session: &Session) -> Outcome {
    let Session { files, layout, state, report, .. } = session;
    let mut all =
        vec![("poof.conf", files.poof.clone()), ("rclone-poof.conf", files.rclone.clone())];
    all.extend(Scheduler::of_this_user(layout, state).paths());
    all.push(("state", state.clone()));
    let mut all: Vec<_> = all.into_iter().map(|(name, path)| (name.to_owned(), path)).collect();
    for other in profiles::others(session) {
        all.extend(other.name().map(|name| (format!("profile {name}"), other.dir())));
    }
    for (name, path) in all {
        let path = Bytes::path(path.as_os_str().as_bytes());
        report.tell(&Event::Path { name, path });
    }
    Outcome::default()
}
