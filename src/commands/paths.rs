//! `poof paths`

use serde_json::json;

use super::{Context, Outcome};
use crate::host::schedule::Scheduler;

pub fn run(context: &Context) -> Outcome {
    let Context { files, layout, state, terminal, .. } = context;
    let mut all =
        vec![("poof.conf", files.poof.clone()), ("rclone-poof.conf", files.rclone.clone())];
    all.extend(Scheduler::of_this_user(layout).paths(state));
    all.push(("state", state.clone()));
    for (name, path) in all {
        terminal.result(&format!("{name} = {}", path.display()));
        terminal.event(&json!({"type": "path", "name": name, "path": path.to_string_lossy()}));
    }
    Outcome::default()
}
