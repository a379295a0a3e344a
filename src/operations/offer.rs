//! How `config`, `cconfig` and `lconfig` show what they wrote: printed, and on the
//! clipboard.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::session::Session;
use crate::base::secret::Secret;
use crate::host::clipboard;
use crate::report::{Bytes, Event, Note, Tone, Volume};

/// A configuration file: what is printed of it, and what the clipboard gets. Returns whether
/// somebody was given all of it.
pub fn show(session: &Session, file: &Path, printed: &[u8], text: &[u8]) -> bool {
    let path = Some(Bytes::path(file.as_os_str().as_bytes()));
    let masked = printed != text;
    session.report.tell(&Event::File { path, content: Bytes::content(printed), masked });
    let is_copied = hand(session, &String::from_utf8_lossy(text));
    session.report.volume() > Volume::Silent && (is_copied || !masked)
}

/// Any text.
pub fn give(session: &Session, text: &str) {
    let content = Bytes::content(text.as_bytes());
    session.report.tell(&Event::File { path: None, content, masked: false });
    hand(session, text);
}

/// Puts a text on the clipboard. Returns whether it is there.
fn hand(session: &Session, text: &str) -> bool {
    let report = &*session.report;
    if report.volume() == Volume::Silent {
        // A command inside another leaves the clipboard alone.
        return false;
    }
    let copied = clipboard::copy(&Secret::new(text.to_owned()), &session.layout.home);
    let is_copied = copied.is_ok();
    let said = copied.map_or_else(|unavailable| unavailable.to_string(), |it| it.to_string());
    report.say(Note::Said(Tone::Note, said));
    is_copied
}
