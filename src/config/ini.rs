//! An INI file that can be edited without losing what the user wrote: every
//! line is kept as it is, and an edit touches the line of its key alone.
//!
//! What is read is what rclone reads (github.com/unknwon/goconfig) where that
//! is also what Python's configparser reads; what only one of them takes is an
//! error with a line number. No error quotes a line: it may hold a key.

use std::fmt;

/// The lines of an INI file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// Empty, or a comment.
    Other(String),
    Section {
        raw: String,
        name: String,
    },
    /// `raw` up to and with the delimiter and the spaces behind it, then the value.
    Pair {
        before: String,
        key: String,
        value: String,
    },
}

/// Where a text stops being INI, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Counted from 1.
    pub line: usize,
    pub expected: &'static str,
}

impl Document {
    /// # Errors
    /// Every line that is none, without a quotation.
    pub fn parse(text: &str) -> Result<Self, Vec<Malformed>> {
        let mut document = Document::default();
        let mut wrong = Vec::new();
        let mut in_section = false;
        for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let mut malformed = |expected| {
                wrong.push(Malformed { line: index + 1, expected });
                // It counts as a line, so that those after it have their numbers.
                Line::Other(raw.to_owned())
            };
            let trimmed = raw.trim();
            let line = if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                Line::Other(raw.to_owned())
            } else if let Some(rest) = trimmed.strip_prefix('[') {
                let name = rest.strip_suffix(']').map(str::trim).filter(|name| !name.is_empty());
                in_section = true;
                match name {
                    None => malformed("a section in brackets, [name]"),
                    Some(name) if document.has_section(name) => {
                        malformed("a section that was not there before")
                    }
                    Some(name) => Line::Section { raw: raw.to_owned(), name: name.to_owned() },
                }
            } else if !in_section {
                malformed("a [section] before the first value")
            } else {
                match pair(raw) {
                    None => malformed("[section] or key = value"),
                    Some(Line::Pair { value, .. }) if is_open(&value) => {
                        malformed("a second quotation mark at the end of the value")
                    }
                    Some(pair) => pair,
                }
            };
            document.lines.push(line);
        }
        if wrong.is_empty() { Ok(document) } else { Err(wrong) }
    }

    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Section { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }

    pub fn has_section(&self, section: &str) -> bool {
        self.sections().any(|name| name == section)
    }

    /// The value of `key`; of a repeated key the last, as rclone has it.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.pairs(section).filter(|(name, _)| *name == key).last().map(|(_, value)| value)
    }

    /// Keys and values of a section, in the order of the file.
    pub fn pairs<'a>(&'a self, section: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (start, end) = self.extent(section).unwrap_or((0, 0));
        self.lines.get(start..end).into_iter().flatten().filter_map(|line| match line {
            Line::Pair { key, value, .. } => Some((key.as_str(), unquoted(value))),
            _ => None,
        })
    }

    /// The line of a key, counted from 1; of a repeated key the last.
    pub fn line_of(&self, section: &str, key: &str) -> Option<usize> {
        let (start, end) = self.extent(section)?;
        let lines = self.lines.get(start..end)?;
        let is_it = |line: &Line| matches!(line, Line::Pair { key: name, .. } if name == key);
        Some(start + lines.iter().rposition(is_it)? + 1)
    }

    /// Sets `key`, in its place if it is there, else behind the last key of the
    /// section, which is appended to the file if it is missing.
    pub fn set(&mut self, section: &str, key: &str, value: &str) {
        let Some((start, end)) = self.extent(section) else {
            self.append_section(section);
            return self.set(section, key, value);
        };
        let mut behind = start;
        let mut found = false;
        for (index, line) in self.lines.iter_mut().enumerate().take(end).skip(start) {
            if let Line::Pair { key: name, value: old, before } = line {
                behind = index + 1;
                if name == key {
                    if old.is_empty() && before.ends_with(['=', ':']) {
                        before.push(' ');
                    }
                    value.clone_into(old);
                    found = true;
                }
            }
        }
        if !found {
            let new = Line::Pair {
                before: format!("{key} = "),
                key: key.to_owned(),
                value: value.to_owned(),
            };
            self.lines.insert(behind, new);
        }
    }

    /// Removes the lines of `key`, comments stay. Returns whether there was one.
    pub fn remove(&mut self, section: &str, key: &str) -> bool {
        let (start, end) = self.extent(section).unwrap_or((0, 0));
        let before = self.lines.len();
        let mut index = 0;
        self.lines.retain(|line| {
            let inside = (start..end).contains(&index);
            index += 1;
            !(inside && matches!(line, Line::Pair { key: name, .. } if name == key))
        });
        self.lines.len() < before
    }

    /// Adds an empty line at the end.
    pub fn push_blank(&mut self) {
        self.lines.push(Line::Other(String::new()));
    }

    fn append_section(&mut self, section: &str) {
        if !self.ends_blank() {
            self.push_blank();
        }
        self.lines.push(Line::Section { raw: format!("[{section}]"), name: section.to_owned() });
    }

    fn ends_blank(&self) -> bool {
        match self.lines.last() {
            None => true,
            Some(Line::Other(raw)) => raw.trim().is_empty(),
            Some(_) => false,
        }
    }

    /// The lines of a section, without its header.
    fn extent(&self, section: &str) -> Option<(usize, usize)> {
        let is_header = |line: &Line| matches!(line, Line::Section { .. });
        let start = self
            .lines
            .iter()
            .position(|line| matches!(line, Line::Section { name, .. } if name == section))?
            + 1;
        let end = self.lines.iter().skip(start).position(is_header);
        Some((start, end.map_or(self.lines.len(), |offset| start + offset)))
    }
}

/// The marks between which rclone takes a value as it is (goconfig, read.go).
const QUOTES: [(&str, usize); 2] = [("`", 2), ("\"\"\"", 6)];

/// A value in quotation marks without them, any other as it is.
fn unquoted(value: &str) -> &str {
    let inner = |(mark, least): &(&str, usize)| {
        let inside = value.strip_prefix(mark).filter(|_| value.len() >= *least)?;
        Some(&inside[..inside.rfind(mark)?])
    };
    QUOTES.iter().find_map(inner).unwrap_or(value)
}

/// Whether a value begins with a quotation mark that nothing ends: rclone then reads
/// nothing of the whole file.
fn is_open(value: &str) -> bool {
    QUOTES.iter().any(|(mark, least)| {
        let inside = value.strip_prefix(mark).filter(|_| value.len() >= *least);
        inside.is_some_and(|inside| !inside.contains(mark))
    })
}

/// `key = value` or `key: value`; the first delimiter counts.
fn pair(raw: &str) -> Option<Line> {
    let at = raw.find(['=', ':'])?;
    let key = raw[..at].trim();
    if key.is_empty() {
        return None;
    }
    let behind = &raw[at + 1..];
    let value = behind.trim();
    let lead = behind.len() - behind.trim_start().len();
    Some(Line::Pair {
        before: raw[..=at + lead].to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
    })
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match line {
                Line::Other(raw) | Line::Section { raw, .. } => writeln!(f, "{raw}")?,
                Line::Pair { before, value, .. } => writeln!(f, "{before}{value}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mine\n\n[a]\ntype = s3\n  # about the key\nkey=1=2\nempty =\n\n; b too\n[b]\nx: y\n# end\n";

    #[test]
    fn an_unedited_file_comes_back_as_it_was() {
        assert_eq!(Document::parse(TEXT).unwrap().to_string(), TEXT);
    }

    #[test]
    fn values_are_found_whatever_the_delimiter() {
        let document = Document::parse(TEXT).unwrap();
        assert_eq!(document.get("a", "key"), Some("1=2"));
        assert_eq!(document.get("a", "empty"), Some(""));
        assert_eq!(document.get("b", "x"), Some("y"));
        assert_eq!(document.get("b", "key"), None);
        assert_eq!(document.sections().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_edit_touches_only_the_lines_of_its_key() {
        let mut document = Document::parse(TEXT).unwrap();
        document.set("a", "key", "new");
        document.set("a", "empty", "full");
        document.set("a", "more", "z");
        let expected =
            TEXT.replace("key=1=2", "key=new").replace("empty =", "empty = full\nmore = z");
        assert_eq!(document.to_string(), expected);
    }

    #[test]
    fn a_removed_key_takes_its_lines_with_it_and_nothing_else() {
        let text = "[a]\n# about k\nk = 1\nx = k\nk: 2\n\n[b]\nk = 3\n";
        let mut document = Document::parse(text).unwrap();
        assert!(document.remove("a", "k"));
        assert_eq!(document.to_string(), "[a]\n# about k\nx = k\n\n[b]\nk = 3\n");
        assert!(!document.remove("a", "k") && !document.remove("none", "k"));
    }

    #[test]
    fn a_new_section_is_set_apart_by_an_empty_line() {
        let mut document = Document::parse("[a]\nk = v\n").unwrap();
        document.set("b", "type", "crypt");
        assert_eq!(document.to_string(), "[a]\nk = v\n\n[b]\ntype = crypt\n");
        let mut empty = Document::default();
        empty.set("b", "type", "crypt");
        assert_eq!(empty.to_string(), "[b]\ntype = crypt\n");
    }

    #[test]
    fn quotation_marks_are_read_as_rclone_does_and_one_alone_is_located() {
        let text = "[a]\nk = `x y`\nl = \"\"\"z\"\"\"\nm = \"q\"\nn = `\n";
        let document = Document::parse(text).unwrap();
        for (key, value) in [("k", "x y"), ("l", "z"), ("m", "\"q\""), ("n", "`")] {
            assert_eq!(document.get("a", key), Some(value));
        }
        assert_eq!(document.to_string(), text);
        assert_eq!(document.line_of("a", "m"), Some(4));
        let torn = Document::parse("[a]\nk = `NAS\nx\nl = \"\"\"abc\n").unwrap_err();
        assert_eq!(torn.iter().map(|wrong| wrong.line).collect::<Vec<_>>(), [2, 3, 4]);
    }

    #[test]
    fn what_is_not_ini_is_located_and_not_quoted() {
        for (text, line) in [
            ("[a]\nsecret hunter2", 2),
            ("k = v", 1),
            ("[a\nk = v", 1),
            ("[]", 1),
            ("[a]\n= v", 2),
            ("[a]\n[b]\n[a]", 3),
        ] {
            let errors = Document::parse(text).unwrap_err();
            assert_eq!(errors[0].line, line, "{text:?}");
            assert!(!format!("{errors:?}").contains("hunter2"));
        }
    }
}
