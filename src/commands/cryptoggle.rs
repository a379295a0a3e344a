//! `poof cryptoggle`

use serde_json::json;

use super::secrets::{in_time, rclone_file};
use super::{Context, Outcome};
use crate::base::error::Result;
use crate::config::ready::toggled;
use crate::config::{PoofConf, Problem, Status};

pub fn run(context: &Context) -> Result<Outcome> {
    let _lock = context.lock()?;
    let poof = PoofConf::load(&context.files.poof).map_err(Problem::into_error)?;
    let rclone = in_time(rclone_file(context, Some(&poof)))?.conf;
    let (from, to) = (poof.remote(), toggled(&rclone, poof.remote()).map_err(Problem::into_error)?);
    poof.with_remote(&to).save(&context.files.poof)?;
    let status = if rclone.kind(&to) == Some("crypt") {
        Status::EncryptionEnabled
    } else {
        Status::EncryptionDisabled
    };
    context.terminal.result(&format!("Toggle target from {from} to {to} - {status}"));
    context
        .terminal
        .event(&json!({"type": "toggle", "from": from, "to": to, "status": status.word()}));
    context.terminal.note(
        "Snapshots on the other side stay in the bucket. If there are any, the next backup asks \
         for `--allow other-remote` once.",
    );
    if status == Status::EncryptionEnabled {
        context.terminal.note(
            "What was sent before lies there in clear: once a backup is on this side, `poof \
             purge-plain` removes it.",
        );
    }
    Ok(Outcome::default())
}
