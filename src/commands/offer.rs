//! How `config` and `cconfig` show a file: printed, and on the clipboard.

use std::path::Path;

use serde_json::json;

use super::{Context, farewell};
use crate::base::secret::Secret;
use crate::base::terminal::Volume;
use crate::host::clipboard;

/// The text of `file`.
pub fn show(context: &Context, file: &Path, text: &[u8]) {
    let terminal = &context.terminal;
    let text = String::from_utf8_lossy(text);
    terminal.result(text.trim_end_matches('\n'));
    terminal.event(&json!({"type": "file", "content": text}));
    if terminal.volume() == Volume::Silent {
        // A command inside another leaves the clipboard alone.
        return;
    }
    farewell::note_shown(context, file);
    match clipboard::copy(&Secret::new(text.into_owned())) {
        Ok(copied) => terminal.note(&copied.to_string()),
        Err(unavailable) => terminal.note(&unavailable.to_string()),
    }
}
