//! `poof version`

use serde_json::json;

use crate::operations::{Outcome, Session};
use crate::storage::rclone;

pub fn run(session: &Session) -> Outcome {
    let (poof, rclone) = (env!("CARGO_PKG_VERSION"), rclone::version());
    session.terminal.result(&format!("poof {poof} (rclone {rclone} embedded)"));
    session.terminal.event(&json!({"type": "version", "poof": poof, "rclone": rclone}));
    Outcome::default()
}
