//! `poof paths`

use std::os::unix::ffi::OsStrExt;

use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session};
use crate::report::{Bytes, Event};

pub fn run(session: &Session) -> Outcome {
    let Session { files, layout, state, report, .. } = session;
    let mut all =
        vec![("poof.conf", files.poof.clone()), ("rclone-poof.conf", files.rclone.clone())];
    all.extend(Scheduler::of_this_user(layout, state).paths());
    all.push(("state", state.clone()));
    for (name, path) in all {
        let path = Bytes::path(path.as_os_str().as_bytes());
        report.tell(&Event::Path { name: name.to_owned(), path });
    }
    Outcome::default()
}
