//! JSON as Python's `json.dump(…, indent=2, sort_keys=True)` writes it, so that
//! both poofs leave the same bytes: non-ASCII escaped, no newline at the end.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Keys come out sorted because `serde_json::Map` is.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, Python(PrettyFormatter::new()));
    // Writing a Value to memory has no way to fail.
    let _ = value.serialize(&mut serializer);
    out
}

struct Python(PrettyFormatter<'static>);

impl Formatter for Python {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        for c in text.chars() {
            if matches!(c, ' '..='~') {
                write!(w, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(w, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_array(w)
    }
    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array(w)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array_value(w)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object(w)
    }
    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object(w)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object_value(w)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object_value(w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    // python3 -c 'import json; print(json.dumps({"b":[],"a":{"é😀\x7f\n":1.50}}, indent=2, sort_keys=True))'
    #[test]
    fn the_bytes_are_those_of_python() {
        let value = json!({"b": [], "a": {"é😀\u{7f}\n": 1.5}});
        let expected =
            "{\n  \"a\": {\n    \"\\u00e9\\ud83d\\ude00\\u007f\\n\": 1.5\n  },\n  \"b\": []\n}";
        assert_eq!(String::from_utf8(to_vec(&value)).unwrap(), expected);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let text = "{\n  \"n\": 12345678901234567890.10\n}";
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(to_vec(&value), text.as_bytes());
    }
}
