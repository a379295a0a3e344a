//! How `config` and `cconfig` show a file: printed, and on the clipboard.

use serde_json::json;

use super::Context;
use crate::base::secret::Secret;
use crate::base::terminal::Volume;
use crate::base::units::clock;
use crate::host::clipboard;

pub fn show(context: &Context, text: &[u8]) {
    let terminal = &context.terminal;
    let text = String::from_utf8_lossy(text);
    terminal.result(text.trim_end_matches('\n'));
    terminal.event(&json!({"type": "file", "content": text}));
    if terminal.volume() == Volume::Silent {
        // A command inside another leaves the clipboard alone.
        return;
    }
    match clipboard::copy(&Secret::new(text.into_owned())) {
        Ok(()) => {
            let time = clock(clipboard::HELD_FOR);
            terminal.note(&format!("on the clipboard, for {time} minutes at most"));
        }
        Err(why) => terminal.note(&format!("not on the clipboard: {why}")),
    }
}
