//! What the objects of `--json` have in common: how a path and a moment are given.
//! docs/json.md describes them all, docs/json-schema.json says it to programs.

use data_encoding::BASE64;
use serde_json::Value;

/// `event` with a path of any bytes.
pub fn at(path: &[u8], event: Value) -> Value {
    with("path", path, event)
}

/// `event` with bytes that are text as a rule under `key`. What is no UTF-8 has
/// U+FFFD in its place there, and all bytes are in Base64 under `KEY_base64`.
pub fn with(key: &str, bytes: &[u8], mut event: Value) -> Value {
    if let Some(event) = event.as_object_mut() {
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            event.insert(format!("{key}_base64"), BASE64.encode(bytes).into());
        }
        event.insert(key.to_owned(), text.into());
    }
    event
}

/// `2026-11-24T17:20:00Z`. `since` is in seconds since 1970.
pub fn time(since: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(since).unwrap_or(i64::MAX));
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_that_is_no_utf8_keeps_every_byte() {
        assert_eq!(at(b"a/\xc3\xa9", json!({})), json!({"path": "a/é"}));
        let odd = at(b"a/\xff\n", json!({"type": "left"}));
        assert_eq!(odd["path"], "a/\u{fffd}\n");
        let bytes = BASE64.decode(odd["path_base64"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(bytes, b"a/\xff\n");
        // A replacement character in the name itself is no loss.
        assert_eq!(at("\u{fffd}".as_bytes(), json!({})), json!({"path": "\u{fffd}"}));
    }

    #[test]
    fn a_moment_is_rfc_3339_in_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_795_540_800), "2026-11-24T17:20:00Z");
        assert!(time(u64::MAX).ends_with('Z'));
    }
}
