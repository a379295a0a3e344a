//! How `config`, `cconfig` and `lconfig` show what they wrote: printed, and on the
//! clipboard.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::json;

use super::session::Session;
use crate::base::json;
use crate::base::secret::Secret;
use crate::base::terminal::Volume;
use crate::host::clipboard;

/// The text of a configuration file.
pub fn show(session: &Session, file: &Path, text: &[u8]) {
    let event = json::at(file.as_os_str().as_bytes(), json!({"type": "file"}));
    session.terminal.event(&json::with("content", text, event));
    hand(session, &String::from_utf8_lossy(text));
}

/// Any text.
pub fn give(session: &Session, text: &str) {
    session.terminal.event(&json!({"type": "file", "content": text}));
    hand(session, text);
}

fn hand(session: &Session, text: &str) {
    let terminal = &session.terminal;
    terminal.verbatim(text.trim_end_matches('\n'));
    if terminal.volume() == Volume::Silent {
        // A command inside another leaves the clipboard alone.
        return;
    }
    match clipboard::copy(&Secret::new(text.to_owned()), &session.layout.home) {
        Ok(copied) => terminal.note(&copied.to_string()),
        Err(unavailable) => terminal.note(&unavailable.to_string()),
    }
}
