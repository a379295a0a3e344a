//! `poof paths`

use serde_json::json;

use super::{Context, Outcome};

pub fn run(context: &Context) -> Outcome {
    let Context { files, layout, state, terminal } = context;
    let (schedule, agent) = &layout.schedule;
    for (name, path) in [
        ("poof.conf", &files.poof),
        ("rclone-poof.conf", &files.rclone),
        (*schedule, agent),
        ("state", state),
    ] {
        terminal.result(&format!("{name} = {}", path.display()));
        terminal.event(&json!({"type": "path", "name": name, "path": path.to_string_lossy()}));
    }
    Outcome::default()
}
