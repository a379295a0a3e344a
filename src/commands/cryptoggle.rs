//! `poof cryptoggle`

use serde_json::json;

use crate::base::error::Result;
use crate::config::ready::toggled;
use crate::config::{PoofConf, Problem, Status};
use crate::operations::secrets::{in_time, rclone_file};
use crate::operations::{Outcome, Session};

pub fn run(session: &Session) -> Result<Outcome> {
    let _lock = session.lock()?;
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let rclone = in_time(rclone_file(session, Some(&poof)))?.conf;
    let (from, to) = (poof.remote(), toggled(&rclone, poof.remote()).map_err(Problem::into_error)?);
    poof.with_remote(&to).save(&session.files.poof)?;
    let status = if rclone.kind(&to) == Some("crypt") {
        Status::EncryptionEnabled
    } else {
        Status::EncryptionDisabled
    };
    session.terminal.result(&format!("Toggle target from {from} to {to} - {status}"));
    session
        .terminal
        .event(&json!({"type": "toggle", "from": from, "to": to, "status": status.word()}));
    session.terminal.note(
        "Snapshots on the other side stay in the bucket. If there are any, the next backup asks \
         for `--allow other-remote` once.",
    );
    if status == Status::EncryptionEnabled {
        session.terminal.note(
            "What was sent before lies there in clear: once a backup is on this side, `poof \
             purge-plain` removes it.",
        );
    }
    Ok(Outcome::default())
}
