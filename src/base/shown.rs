//! Names and paths as people are shown them: a name may hold any byte, and whoever has
//! chosen it may not be a friend.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

/// What a terminal obeys instead of showing it, or what shows another name than there is.
fn is_obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c);
    // Some break a line at these two as well.
    turns || matches!(c, '\u{2028}' | '\u{2029}') || c.is_control()
}

/// Text that a terminal shows and does not obey. A line stays a line, a tab a tab. What
/// turns the direction of writing would show another name.
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_obeyed(c) && !matches!(c, '\n' | '\t'))
}

/// A name on one line.
pub fn one_line(name: &str) -> Cow<'_, str> {
    escaped(name, is_obeyed)
}

/// The same with each of `names`, which may have several lines, on one.
pub fn harmless_with<'a>(text: &'a str, names: &[String]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for name in names.iter().filter(|name| text.contains(*name)).collect::<Vec<_>>() {
        text = text.replace(name, &one_line(name)).into();
    }
    match text {
        Cow::Borrowed(text) => harmless(text),
        Cow::Owned(text) => harmless(&text).into_owned().into(),
    }
}

/// Those of some names that break a line or move on in it, which a text may do: the longest
/// first, for one may be a part of another.
pub fn unruly<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let unruly = names.filter(|name| name.contains(['\n', '\t']));
    let mut unruly: Vec<_> = unruly.map(str::to_owned).collect();
    unruly.sort_by_key(|name| std::cmp::Reverse(name.len()));
    unruly
}

fn escaped(text: &str, is_one: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_one) {
        return text.into();
    }
    let shown = |c: char| if is_one(c) { format!("{}", c.escape_default()) } else { c.into() };
    text.chars().map(shown).collect::<String>().into()
}

/// The name of a file, which may be any bytes, on one line.
pub fn name_of(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(name) => one_line(name),
        Cow::Owned(name) => one_line(&name).into_owned().into(),
    }
}

/// A path on one line.
pub fn path_of(path: &Path) -> Cow<'_, str> {
    name_of(path.as_os_str().as_encoded_bytes())
}

/// A path or a name as a person types it: as it is, if a shell takes it so.
pub fn typed(path: &Path) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(is_plain) => text.to_owned(),
        _ => quoted(path),
    }
}

/// A path for a shell, on one line: what a terminal would obey, and what is no text, is
/// written as numbers (`$'…'` of bash, zsh, ksh, and POSIX of 2024).
pub fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(is_obeyed) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let mut all = "$'".to_owned();
            for byte in bytes {
                // Writing to memory cannot fail. Three digits, so that none that follows
                // belongs to the number.
                let _ = match byte {
                    b'\'' | b'\\' => write!(all, "\\{}", char::from(*byte)),
                    b' '..=b'~' => write!(all, "{}", char::from(*byte)),
                    _ => write!(all, "\\{byte:03o}"),
                };
            }
            all + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    #[test]
    fn a_name_is_one_line_and_shows_what_it_is() {
        for (name, shown) in [
            (&b"plain name \xc3\xa9"[..], "plain name é"),
            (b"two\nlines", "two\\nlines"),
            (b"tab\tand\rreturn", "tab\\tand\\rreturn"),
            (b"\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("\u{202e}cod.exe".as_bytes(), "\\u{202e}cod.exe"),
            ("a\u{2028}b\u{85}c".as_bytes(), "a\\u{2028}b\\u{85}c"),
            (b"\xff\n", "\u{fffd}\\n"),
        ] {
            assert_eq!(name_of(name), shown);
            assert_eq!(path_of(Path::new(OsStr::from_bytes(name))), shown);
        }
        let names = unruly(["plain", "a\n", "a\n\tb"].into_iter());
        assert_eq!(names, ["a\n\tb", "a\n"]);
        let text = "a\n\tb: fine\na\n/x: \x1b";
        assert_eq!(harmless_with(text, &names), "a\\n\\tb: fine\na\\n/x: \\u{1b}");
        assert_eq!(harmless_with("two\nlines", &names), "two\nlines");
        assert_eq!(harmless("two\nlines\tand \x1b[2J"), "two\nlines\tand \\u{1b}[2J");
    }

    #[test]
    fn what_is_quoted_is_the_same_to_a_shell() {
        for name in [
            &b"plain"[..],
            b"it's `$HOME` \\n \"x\"",
            b"two\nlines 1",
            b"\x1b[2J'\\",
            "\u{202e}é7".as_bytes(),
            b"\xff\xfe0",
        ] {
            let word = quoted(Path::new(OsStr::from_bytes(name)));
            assert!(!word.contains(is_obeyed), "{word:?}");
            let script = format!("printf %s {word}");
            let said = Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(said.stdout, name, "{word}");
        }
    }
}
