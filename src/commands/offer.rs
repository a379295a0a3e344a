//! How `config` and `cconfig` show a file: printed, and on the clipboard.

use serde_json::json;

use super::Context;

pub fn show(context: &Context, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    context.terminal.result(text.trim_end_matches('\n'));
    context.terminal.event(&json!({"type": "file", "content": text}));
}
