//! `poof paths`

use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use crate::base::json;
use crate::base::shown::path_of;
use crate::host::schedule::Scheduler;
use crate::operations::{Outcome, Session};

pub fn run(session: &Session) -> Outcome {
    let Session { files, layout, state, terminal, .. } = session;
    let mut all =
        vec![("poof.conf", files.poof.clone()), ("rclone-poof.conf", files.rclone.clone())];
    all.extend(Scheduler::of_this_user(layout, state).paths());
    all.push(("state", state.clone()));
    for (name, path) in all {
        terminal.result(&format!("{name} = {}", path_of(&path)));
        let event = json!({"type": "path", "name": name});
        terminal.event(&json::at(path.as_os_str().as_bytes(), event));
    }
    Outcome::default()
}
