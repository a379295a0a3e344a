//! `poof version`

use serde_json::json;

use super::{Context, Outcome};
use crate::storage::rclone;

pub fn run(context: &Context) -> Outcome {
    let (poof, rclone) = (env!("CARGO_PKG_VERSION"), rclone::version());
    context.terminal.result(&format!("poof {poof} (rclone {rclone} embedded)"));
    context.terminal.event(&json!({"type": "version", "poof": poof, "rclone": rclone}));
    Outcome::default()
}
