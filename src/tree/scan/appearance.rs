//! What the first bytes of a file look like: a known kind, text, or noise. What is well
//! encrypted cannot be told from noise.

/// How many bytes of a file are looked at.
pub const FIRST: usize = 4096;

/// Fewer than so many tell nothing: a key or a hash is noise, too.
const SHORT: usize = 256;

/// So many bytes are text by chance once in 10^13 times.
const SHORT_TEXT: usize = 32;

/// The [`unevenness`] of noise is 255 with a standard deviation of 23, whatever the
/// length: 400 is more than six of those away. What deflate, bzip2 and lzma make of sources
/// is mostly below, so that a packed file of an unknown kind is noise as well. It was so
/// before, too, and that is for others to ask.
const NOISE: u64 = 400;

/// Sources and prose are above 1,800 from 256 bytes on (measured over 3,000 files of Go
/// modules). What is between says nothing for certain.
const ORDERED: u64 = 1_000;

/// What the beginning of a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appearance {
    /// It begins as a kind of file does that is known.
    Kind,
    Text,
    /// Some bytes are far more frequent than others.
    Ordered,
    /// Neither [`Appearance::Ordered`] nor [`Appearance::Noise`].
    Unclear,
    /// All bytes are about as frequent.
    Noise,
    TooShort,
}

impl Appearance {
    /// Of a file that begins with `first`, [`FIRST`] bytes or all that it has.
    pub fn of(first: &[u8]) -> Self {
        let first = first.get(..FIRST).unwrap_or(first);
        if first.len() >= SHORT_TEXT && is_text(first) {
            return Appearance::Text;
        }
        if first.len() < SHORT {
            return Appearance::TooShort;
        }
        if is_of_a_kind(first) {
            return Appearance::Kind;
        }
        // Who encrypts files may put a header of a few words in front.
        match unevenness(first.get(first.len() / 8..).unwrap_or(first)) {
            ..=NOISE => Appearance::Noise,
            ORDERED.. => Appearance::Ordered,
            _ => Appearance::Unclear,
        }
    }

    /// Whether it says something to some program.
    pub fn is_recognisable(self) -> bool {
        matches!(self, Appearance::Kind | Appearance::Text | Appearance::Ordered)
    }
}

/// Whether a name has an ending of which each file begins in a known way, or is text.
pub fn is_named_as_a_kind(path: &[u8]) -> bool {
    const MORE: &str = "c cc cfg conf cpp css csv go h heic hpp htm ini java jpeg js json jsx kt log \
                        lua md mpeg php pl py rb rs rst scala sql svg swift tex tiff toml ts tsv \
                        tsx txt yaml yml";
    let Some(ending) = ending(path) else { return false };
    let ending = ending.to_ascii_lowercase();
    MORE.split(' ').any(|known| known == ending) || infer::is_supported(&ending)
}

/// The ending of a name, without the dot: of `.profile` there is none.
pub fn ending(path: &[u8]) -> Option<&str> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    std::str::from_utf8(name.get(dot + 1..)?).ok()
}

/// UTF-8 without control characters but those of texts. A character may be cut at the end.
fn is_text(first: &[u8]) -> bool {
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = first.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let strange = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    !text.contains(strange)
}

/// Whether a known kind of file begins so.
fn is_of_a_kind(first: &[u8]) -> bool {
    // What infer does not know, and what there is in thousands where git, browsers and music
    // are.
    const MORE: [&[u8]; 4] =
        [b"PACK\0\0\0", b"\xfftOc", b"RIDX", b"\x30\x5c\x72\xa7\x1b\x6d\xfb\xfc"];
    let is_known = match first {
        // MPEG audio, of each version and layer.
        [0xff, second, third, ..] => {
            second & 0xe0 == 0xe0 && second & 0x06 != 0 && third >> 4 != 0xf && third & 0x0c != 0x0c
        }
        // zlib (RFC 1950), with a window of 32 KiB.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => true,
        _ => false,
    };
    is_known || infer::get(first).is_some() || MORE.iter().any(|begin| first.starts_with(begin))
}

/// How far the frequencies of bytes are from being equal: the chi-square statistic over 256
/// bins, rounded down.
fn unevenness(bytes: &[u8]) -> u64 {
    let mut counts = [0_u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    let length = bytes.len() as u64;
    (squares * 256).checked_div(length).unwrap_or_default().saturating_sub(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Appearance::{Kind, Noise, Ordered, Text, TooShort, Unclear};

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(length).collect()
    }

    /// By the algorithms that this program has anyway.
    fn packed(seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        let words: Vec<_> = (0..9_000).map(|_| random.u16(..900).to_string()).collect();
        zstd::encode_all(words.join(" ").as_bytes(), 3).unwrap()
    }

    #[test]
    fn noise_is_noise_at_each_length_and_behind_a_header() {
        let mut others = 0;
        for seed in 0..2_000 {
            for length in [SHORT, 300, 1000, FIRST, 3 * FIRST] {
                let plain = noise(seed, length);
                let headed = [b"MAGIC!!!\0\0\x01\0", &plain[..]].concat();
                for first in [plain, headed] {
                    others += usize::from(Appearance::of(&first) != Noise);
                }
            }
        }
        // Of 20,000: some begin as a short mark of some kind does.
        assert!(others < 60, "{others}");
    }

    #[test]
    fn texts_and_kinds_and_tables_are_no_noise() {
        let sources = include_str!("appearance.rs");
        let japanese = "日本語の文章。".repeat(300);
        let cut = &japanese.as_bytes()[..FIRST];
        assert!(std::str::from_utf8(cut).is_err(), "a character is cut");
        let table: Vec<u8> = (0_u32..2_000).flat_map(u32::to_le_bytes).collect();
        let latin: Vec<u8> = b"Gr\xfc\xdfe aus K\xf6ln, ".repeat(100);
        let behind = |mark: &[u8]| [mark, &noise(1, FIRST)].concat();
        for (first, appearance) in [
            (sources.as_bytes().to_vec(), Text),
            (cut.to_vec(), Text),
            (vec![b'x'; SHORT], Text),
            (table, Ordered),
            (latin, Ordered),
            (vec![0; FIRST], Ordered),
            (behind(b"\xff\xd8\xff\xe0\0\x10JFIF"), Kind),
            (behind(b"\x89PNG\r\n\x1a\n"), Kind),
            (behind(b"PK\x03\x04\x14\0"), Kind),
            (behind(b"%PDF-1.7\n"), Kind),
            (behind(b"ID3\x03"), Kind),
            (behind(b"\xff\xf3\x40\xc4"), Kind),
            (behind(b"PACK\0\0\0\x02"), Kind),
            (behind(b"\x78\x9c"), Kind),
            (packed(1), Kind),
            (vec![b'x'; SHORT_TEXT], Text),
            (vec![b'x'; SHORT_TEXT - 1], TooShort),
            (noise(1, SHORT - 1), TooShort),
            (Vec::new(), TooShort),
        ] {
            assert_eq!(Appearance::of(&first), appearance, "{:?}", &first[..first.len().min(20)]);
        }
    }

    // A packed file of a kind that nobody knows is no proof of anything.
    #[test]
    fn packed_without_a_mark_is_never_recognisable() {
        for seed in 0..200 {
            let appearance = Appearance::of(&packed(seed)[16..]);
            assert!(matches!(appearance, Noise | Unclear), "{seed}: {appearance:?}");
        }
    }

    // infer is of others, and a panic ends the process.
    #[test]
    fn whatever_a_file_begins_with_is_looked_at_without_a_panic() {
        let marks: [&[u8]; 12] = [
            b"PK\x03\x04",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"\0\0\0\x20ftyp",
            b"RIFF",
            b"\x1a\x45\xdf\xa3",
            b"MZ",
            b"\x7fELF",
            b"<?xml",
            b"<!DOCTYPE",
            b"FORM",
            b"\xed\xab\xee\xdb",
            b"\x28\xb5\x2f\xfd",
        ];
        let mut random = fastrand::Rng::with_seed(1);
        for round in 0..20_000 {
            let mark = marks[round % marks.len()];
            let length = random.usize(SHORT..600);
            let fill = if random.bool() { random.u8(..) } else { 0 };
            let mut first =
                if random.bool() { noise(round as u64, length) } else { vec![fill; length] };
            first.splice(..mark.len(), mark.iter().copied());
            for cut in [length, SHORT, SHORT + 7] {
                let _ = Appearance::of(&first[..cut.min(length)]);
            }
        }
    }

    #[test]
    fn endings_tell_of_what_should_be_no_noise() {
        for named in ["a.jpg", "a/b.JPEG", "a.txt", "b.docx", "x.tar.gz", "c.rs"] {
            assert!(is_named_as_a_kind(named.as_bytes()), "{named}");
        }
        for other in ["a.gpg", "a", ".txt", "a.d/b", "a.", "x.\u{e9}", "a.age", "a.kdbx"] {
            assert!(!is_named_as_a_kind(other.as_bytes()), "{other}");
        }
        assert!(!is_named_as_a_kind(b"a.\xff"));
    }
}
