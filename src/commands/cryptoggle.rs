//! `poof cryptoggle`

use crate::base::error::Result;
use crate::config::ready::toggled;
use crate::config::{PoofConf, Problem, Status};
use crate::operations::secrets::{in_time, rclone_file};
use crate::operations::{Outcome, Session};
use crate::report::Event;

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
    session.report.tell(&Event::Toggle { from: from.to_owned(), to, status });
    session.report.note(
        "Snapshots on the other side stay in the bucket. If there are any, the next backup asks \
         for `--allow other-remote` once.",
    );
    if status == Status::EncryptionEnabled {
        session.report.note(
            "Earlier backups are still there in clear: once a backup is on this side, `poof \
             purge-plain` removes them.",
        );
    }
    Ok(Outcome::default())
}
