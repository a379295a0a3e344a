//! How `config`, `cconfig` and `lconfig` show what they wrote: printed, and on the
//! clipboard.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::session::Session;
use crate::base::secret::Secret;
use crate::host::clipboard;
use crate::report::{Bytes, Event, Note, Tone, Volume};

/// The text of a configuration file.
pub fn show(session: &Session, file: &Path, text: &[u8]) {
    let path = Some(Bytes::path(file.as_os_str().as_bytes()));
    session.report.tell(&Event::File { path, content: Bytes::content(text) });
    hand(session, &String::from_utf8_lossy(text));
}

/// Any text.
pub fn give(session: &Session, text: &str) {
    session.report.tell(&Event::File { path: None, content: Bytes::content(text.as_bytes()) });
    hand(session, text);
}

fn hand(session: &Session, text: &str) {
    let report = &*session.report;
    if report.volume() == Volume::Silent {
        // A command inside another leaves the clipboard alone.
        return;
    }
    match clipboard::copy(&Secret::new(text.to_owned()), &session.layout.home) {
        Ok(copied) => report.say(Note::Said(Tone::Note, copied.to_string())),
        Err(unavailable) => report.say(Note::Said(Tone::Note, unavailable.to_string())),
    }
}
