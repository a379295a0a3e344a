//! Names that a server may show otherwise than they were sent. Most of this comes from
//! XML 1.0, in which S3 lists: it has no control characters, makes a line feed of a
//! carriage return, and ends at two characters beyond those. The rest comes from servers
//! that keep objects as files, and from those that get the encoding of a listing wrong.
//!
//! | kind | what is in the name | seen with |
//! |---|---|---|
//! | control | U+0001 to U+001F, U+007F to U+009F | versitygw, gofakes3: shown as U+FFFD |
//! | white | tab, line feed, carriage return, of these | XML readers change the last |
//! | backslash | `\` | `SeaweedFS`: a directory; S3 servers on Windows |
//! | escape | `%`, `+` | servers that encode and do not say so, or say so and do not |
//! | edge | a space at either end of a part, a dot at its end | S3 servers on Windows |
//! | beyond | U+FFFE, U+FFFF | XML 1.0 cannot carry them |
//!
//! Bytes that are no UTF-8 are none of these: rclone quotes them before they travel.

use std::ops::{BitAnd, BitOr, Not};

/// Some of the kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    pub const CONTROL: Kinds = Kinds(1);
    pub const WHITE: Kinds = Kinds(32);
    const BACKSLASH: Kinds = Kinds(2);
    const ESCAPE: Kinds = Kinds(4);
    const EDGE: Kinds = Kinds(8);
    const BEYOND: Kinds = Kinds(16);

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, kinds: Kinds) -> bool {
        !(self & kinds).is_empty()
    }
}

impl BitOr for Kinds {
    type Output = Kinds;
    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

impl BitAnd for Kinds {
    type Output = Kinds;
    fn bitand(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }
}

impl Not for Kinds {
    type Output = Kinds;
    fn not(self) -> Kinds {
        Kinds(!self.0)
    }
}

/// A name of each kind: a server that shows it as it was sent shows others of that
/// kind so as well.
pub const PROBES: [(Kinds, &str); 6] = [
    (
        Kinds::CONTROL,
        "control \u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\u{b}\u{c}\u{e}\u{f}\u{10}\u{11}\u{12}\u{13}\
         \u{14}\u{15}\u{16}\u{17}\u{18}\u{19}\u{1a}\u{1b}\u{1c}\u{1d}\u{1e}\u{1f}\u{7f}\u{80}\u{85}\u{9f}",
    ),
    (Kinds::WHITE, "white\t\r\n\r\tspace"),
    (Kinds::BACKSLASH, r"back\slash"),
    (Kinds::ESCAPE, "100% a+b %41%2F%zz %"),
    (Kinds::EDGE, "dot./ space/space "),
    (Kinds::BEYOND, "beyond \u{fffe}\u{ffff}"),
];

/// What is unusual in a path.
pub fn kinds(path: &[u8]) -> Kinds {
    let mut kinds = Kinds::default();
    let mut last = b'/';
    for (index, &byte) in path.iter().enumerate() {
        let after = path.get(index + 1).copied().unwrap_or(b'/');
        let rest = &path[index..];
        kinds = kinds
            | match byte {
                b'\t' | b'\n' | b'\r' => Kinds::WHITE,
                ..0x20 | 0x7f => Kinds::CONTROL,
                0xc2 if (0x80..0xa0).contains(&after) => Kinds::CONTROL,
                b'\\' => Kinds::BACKSLASH,
                b'%' | b'+' => Kinds::ESCAPE,
                b' ' if last == b'/' || after == b'/' => Kinds::EDGE,
                b'.' if after == b'/' => Kinds::EDGE,
                0xef if rest.starts_with(b"\xef\xbf\xbe") || rest.starts_with(b"\xef\xbf\xbf") => {
                    Kinds::BEYOND
                }
                _ => Kinds::default(),
            };
        last = byte;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_recognised_and_ordinary_names_are_of_none() {
        let none = Kinds::default();
        for (name, expected) in [
            ("", none),
            ("a/b.c", none),
            (".hidden/..more/a b", none),
            ("ünï 日本 🙂", none),
            ("\u{fffd}\u{a0}\u{ff3c}", none),
            ("a&b<c>'\"", none),
            ("new\nline", Kinds::WHITE),
            ("a/\u{1b}[31m", Kinds::CONTROL),
            ("\u{85}", Kinds::CONTROL),
            ("\u{7f}", Kinds::CONTROL),
            (r"back\slash", Kinds::BACKSLASH),
            ("100%", Kinds::ESCAPE),
            ("C++/a", Kinds::ESCAPE),
            (" a", Kinds::EDGE),
            ("a ", Kinds::EDGE),
            ("a /b", Kinds::EDGE),
            ("a/ b", Kinds::EDGE),
            ("a./b", Kinds::EDGE),
            ("...", Kinds::EDGE),
            ("\u{fffe}", Kinds::BEYOND),
            ("a\u{ffff}b", Kinds::BEYOND),
            ("a\\\r%", Kinds::BACKSLASH | Kinds::WHITE | Kinds::ESCAPE),
        ] {
            assert_eq!(kinds(name.as_bytes()), expected, "{name:?}");
        }
        assert_eq!(kinds(b"\xff\xfe"), none, "rclone quotes it");
    }

    #[test]
    fn a_probe_is_of_its_kind() {
        for (kind, name) in PROBES {
            assert!(kinds(name.as_bytes()).has(kind), "{name:?}");
        }
    }
}
