//! A kit as numbered lines, for paper. A person, a camera or a scanner reads them back, each
//! with mistakes of its own, so each line is checked by itself and says its number.
//!
//! A line is two symbols of a tag, which is the same in all lines of a kit, 48 symbols of
//! content (30 bytes), and six check symbols, which cover the number as well. The symbols are
//! those of bech32, of which no two look alike, and so is the check (BIP 350, without a prefix):
//! it notices up to four wrong symbols with certainty.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bech32::primitives::checksum::{Checksum, Engine, PackedFe32};
use bech32::{Bech32m, Fe32};

/// Of the content of a line.
const BYTES: usize = 30;
const TAG: usize = 2;
const DATA: usize = BYTES * 8 / 5;
const CHECK: usize = Bech32m::CHECKSUM_LENGTH;
/// Of a line without its number.
const SYMBOLS: usize = TAG + DATA + CHECK;
/// They are written in groups, and the check is one more.
const GROUP: usize = 5;
/// The greatest number: it has nine bits.
const MOST: u16 = 511;
/// Beside the number: there is no line after this one.
const LAST: u16 = 512;
/// The first byte of the content; then its length, with two bytes.
const FORMAT: u8 = 1;
const HEAD: usize = 3;
/// Less than this is no attempt at a line.
const ATTEMPT: usize = SYMBOLS * 3 / 4;

/// A line as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    number: u16,
    symbols: [Fe32; SYMBOLS],
}

impl Line {
    /// `07  KXQZ9 …`: in groups, for people.
    pub fn for_people(&self) -> String {
        let (data, check) = self.symbols.split_at(TAG + DATA);
        let groups = data.chunks(GROUP).chain([check]).map(text_of).collect::<Vec<_>>();
        format!("{:02}  {}", self.number, groups.join(" "))
    }

    /// The same without blanks, for a code.
    pub fn for_code(&self) -> String {
        format!("{:02}{}", self.number, text_of(&self.symbols))
    }

    fn tag(&self) -> [Fe32; TAG] {
        [self.symbols[0], self.symbols[1]]
    }

    fn content(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        for eight in self.symbols[TAG..TAG + DATA].chunks(8) {
            let bits = eight.iter().fold(0_u64, |bits, s| bits << 5 | u64::from(s.to_u8()));
            bytes.extend(&bits.to_be_bytes()[3..]);
        }
        bytes
    }

    fn is_last(&self) -> bool {
        is_valid(self.number | LAST, &self.symbols)
    }
}

fn text_of(symbols: &[Fe32]) -> String {
    symbols.iter().map(|symbol| symbol.to_char().to_ascii_uppercase()).collect()
}

fn symbol_of(value: u64) -> Fe32 {
    Fe32::try_from((value & 31) as u8).unwrap_or(Fe32::Q)
}

fn symbols_of(bytes: &[u8]) -> impl Iterator<Item = Fe32> {
    bytes.chunks(5).flat_map(|five| {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (0..8).rev().map(move |at| symbol_of(bits >> (5 * at)))
    })
}

/// The check over a number, which may have [`LAST`], and symbols.
fn engine(number: u16, symbols: &[Fe32]) -> Engine<Bech32m> {
    let mut engine = Engine::new();
    let number = [number >> 5, number].map(|part| symbol_of(u64::from(part)));
    for symbol in number.iter().chain(symbols) {
        engine.input_fe(*symbol);
    }
    engine
}

fn is_valid(number: u16, symbols: &[Fe32]) -> bool {
    symbols.len() == SYMBOLS && lacking(number, symbols) == 0
}

/// Ten bits of the hash of a content, the same in all of its lines.
fn tag(content: &[u8]) -> [Fe32; TAG] {
    let hash = blake3::hash(content);
    let bits = u64::from(hash.as_bytes()[0]) << 8 | u64::from(hash.as_bytes()[1]);
    [symbol_of(bits >> 11), symbol_of(bits >> 6)]
}

/// The lines of `bytes`; None if there would be more than can have a number.
pub fn of(bytes: &[u8]) -> Option<Vec<Line>> {
    let mut content = vec![FORMAT];
    content.extend(u16::try_from(bytes.len()).ok()?.to_be_bytes());
    content.extend(bytes);
    let tag = tag(&content);
    content.resize(content.len().next_multiple_of(BYTES), 0);
    let count = u16::try_from(content.len() / BYTES).ok().filter(|count| *count <= MOST)?;
    let line = |(number, part): (u16, &[u8])| {
        let mut symbols = [Fe32::Q; SYMBOLS];
        let data = tag.into_iter().chain(symbols_of(part));
        for (to, from) in symbols.iter_mut().zip(data) {
            *to = from;
        }
        let flag = if number == count { LAST } else { 0 };
        let mut engine = engine(number | flag, &symbols[..TAG + DATA]);
        engine.input_target_residue();
        for (at, to) in symbols[TAG + DATA..].iter_mut().enumerate() {
            *to = symbol_of(u64::from(engine.residue().unpack(CHECK - 1 - at)));
        }
        Line { number, symbols }
    };
    Some((1..=count).zip(content.chunks(BYTES)).map(line).collect())
}

/// A character as it is meant: those that look like another one are the other one.
fn symbol(c: char) -> Option<Fe32> {
    let meant = match c {
        // The last is how a scanner reads a zero with a dot.
        'O' | 'o' | '@' => '0',
        'I' | 'i' | '1' => 'L',
        'B' | 'b' => '8',
        other => other,
    };
    Fe32::from_char(meant).ok()
}

/// What a symbol is in a number.
fn digit(symbol: Fe32) -> Option<u16> {
    match symbol {
        Fe32::L => Some(1),
        other => other.to_char().to_digit(10).and_then(|digit| digit.try_into().ok()),
    }
}

/// The number that is written with these, if it is one.
fn number(symbols: &[Fe32]) -> Option<u16> {
    if !(1..=3).contains(&symbols.len()) {
        return None;
    }
    let number = symbols.iter().try_fold(0, |all, symbol| Some(all * 10 + digit(*symbol)?))?;
    (1..=MOST).contains(&number).then_some(number)
}

/// The line that is at the beginning of some symbols and has this number.
fn numbered(number: u16, symbols: &[Fe32]) -> Option<Line> {
    let symbols: [Fe32; SYMBOLS] = symbols.get(..SYMBOLS)?.try_into().ok()?;
    let is_one = is_valid(number, &symbols) || is_valid(number | LAST, &symbols);
    is_one.then_some(Line { number, symbols })
}

/// The same whatever its number is.
fn any(symbols: &[Fe32]) -> Option<Line> {
    let symbols: [Fe32; SYMBOLS] = symbols.get(..SYMBOLS)?.try_into().ok()?;
    let lacks = lacking(0, &symbols);
    let changed = |number: u16| CHANGES[0][at(number >> 5)] ^ CHANGES[1][at(number)] == lacks;
    let number = (1..=MOST).find(|number| changed(*number) || changed(number | LAST))?;
    Some(Line { number, symbols })
}

/// What a change of each symbol (two of the number, then those of the line) by each value does
/// to the check. Several changes do it together: the check is linear.
static CHANGES: LazyLock<[[u32; 32]; 2 + SYMBOLS]> = LazyLock::new(|| {
    let zero = lacking(0, &[Fe32::Q; SYMBOLS]);
    std::array::from_fn(|place| {
        std::array::from_fn(|value| {
            let symbol = symbol_of(value as u64);
            let mut symbols = [Fe32::Q; SYMBOLS];
            match place {
                0 => lacking(u16::from(symbol.to_u8()) << 5, &symbols) ^ zero,
                1 => lacking(u16::from(symbol.to_u8()), &symbols) ^ zero,
                _ => {
                    symbols[place - 2] = symbol;
                    lacking(0, &symbols) ^ zero
                }
            }
        })
    })
});

/// The place of a symbol in [`CHANGES`].
fn at(value: u16) -> usize {
    usize::from(value & 31)
}

/// By what the check misses; zero: it is a line.
fn lacking(number: u16, symbols: &[Fe32]) -> u32 {
    *engine(number, symbols).residue() ^ Bech32m::TARGET_RESIDUE
}

/// What is wrong with what was to be a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// None if it does not say.
    pub number: Option<u16>,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has so many characters, and perhaps one group has a wrong number of them.
    Length {
        characters: usize,
        group: Option<String>,
    },
    /// With one change in this group it is a line: what is there, and what fits.
    Group {
        group: usize,
        found: String,
        fits: String,
    },
    Unclear,
}

impl Wrong {
    /// For people: a part of a sentence, which ends the line.
    pub fn told(&self) -> String {
        let line = match self.number {
            Some(number) => format!("line {number}"),
            None => "a line".to_owned(),
        };
        match &self.why {
            Why::Length { characters, group } => {
                let group = group.as_ref().map(|group| format!(", see {group}"));
                let group = group.unwrap_or_default();
                format!("{line} has {characters} characters and not {SYMBOLS}{group}")
            }
            Why::Group { group, found, fits } => {
                format!("{line} is wrong in group {group}: {found} (is it {fits}?)")
            }
            Why::Unclear => format!("{line} is wrong: compare it with the paper"),
        }
    }
}

/// Lines of one kit that were read, in any order.
#[derive(Default)]
pub struct Lines {
    /// By their number.
    found: BTreeMap<u16, Line>,
}

/// What a text gave.
#[derive(Debug, Default)]
pub struct Read {
    /// Numbers of its lines, also of such that had been there.
    pub lines: Vec<u16>,
    /// Of lines that are of another kit than the first one.
    pub others: Vec<u16>,
    pub wrong: Vec<Wrong>,
}

/// What keeps lines from being a kit.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfit {
    /// A newer poof has written them.
    Newer,
    /// They are not all of one kit.
    Mixed,
}

impl Lines {
    /// Takes what is a line of `text`. `expected` is the number of what says none.
    pub fn read(&mut self, text: &str, expected: Option<u16>) -> Read {
        let mut read = Read::default();
        let mut before = 0;
        for row in text.split_inclusive('\n') {
            let from = row.as_ptr().addr() - text.as_ptr().addr();
            if let Some(line) = alone(row) {
                self.read_joined(&text[before..from], expected, &mut read);
                self.take(line, &mut read);
                before = from + row.len();
            }
        }
        self.read_joined(&text[before..], expected, &mut read);
        read
    }

    /// The same of lines that may be joined or broken, each with its number before it.
    fn read_joined(&mut self, text: &str, expected: Option<u16>, read: &mut Read) {
        let all: Vec<_> =
            text.char_indices().filter_map(|(place, c)| Some((place, symbol(c)?))).collect();
        let symbols: Vec<_> = all.iter().map(|(_, symbol)| *symbol).collect();
        // Of what was taken: the number of its symbols, and where it ends in the text.
        let (mut end, mut text_end, mut at) = (0, 0, 0);
        while at < symbols.len() {
            let sizes = 1..=3.min(at - end);
            let line = sizes.rev().find_map(|size| {
                let number = number(&symbols[at - size..at])?;
                Some((size, numbered(number, &symbols[at..])?))
            });
            let Some((size, line)) = line else {
                at += 1;
                continue;
            };
            wrongs(&text[text_end..all[at - size].0], expected, read);
            self.take(line, read);
            at += SYMBOLS;
            (end, text_end) = (at, all[at - 1].0 + 1);
        }
        wrongs(&text[text_end..], expected, read);
    }

    fn take(&mut self, line: Line, read: &mut Read) {
        let first = self.found.values().next();
        let is_other = first.is_some_and(|first| first.tag() != line.tag())
            || self.found.get(&line.number).is_some_and(|same| *same != line);
        if is_other {
            read.others.push(line.number);
        } else {
            read.lines.push(line.number);
            self.found.insert(line.number, line);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The greatest number that was read.
    pub fn highest(&self) -> u16 {
        self.found.last_key_value().map_or(0, |(number, _)| *number)
    }

    pub fn has(&self, number: u16) -> bool {
        self.found.contains_key(&number)
    }

    /// How many lines the kit has, if one of those that were read says so.
    pub fn total(&self) -> Option<u16> {
        let (number, last) = self.found.last_key_value()?;
        if last.is_last() {
            return Some(*number);
        }
        let size = self.found.get(&1)?.content();
        let size = HEAD + usize::from(u16::from_be_bytes([size[1], size[2]]));
        u16::try_from(size.div_ceil(BYTES)).ok()
    }

    /// Numbers of the lines that are not there yet, up to the last that is known of.
    pub fn missing(&self) -> Vec<u16> {
        let last = self.total().unwrap_or_default().max(self.highest()).max(1);
        (1..=last).filter(|number| !self.found.contains_key(number)).collect()
    }

    /// The same for people, but for those that they know; None if there is nothing to say.
    pub fn lacks(&self, known: &[u16]) -> Option<String> {
        let mut missing = self.missing();
        missing.retain(|number| !known.contains(number));
        // Those that are known may be the next ones.
        let last = (self.highest()..MOST).find(|last| !known.contains(&(last + 1)));
        let after = last.filter(|last| *last > 0 && self.total().is_none());
        match (missing.as_slice(), after) {
            ([], None) => None,
            ([one], None) => Some(format!("line {one} is missing")),
            (some, None) => Some(format!("lines {} are missing", ranges(some))),
            ([], Some(last)) => Some(format!("what comes after line {last} is missing")),
            (some, Some(last)) => {
                Some(format!("lines {} and what comes after {last} are missing", ranges(some)))
            }
        }
    }

    /// What was made lines of, once none is missing.
    ///
    /// # Errors
    /// They are not what poof writes as one kit.
    pub fn bytes(&self) -> Result<Vec<u8>, Unfit> {
        let mut content: Vec<u8> = self.found.values().flat_map(Line::content).collect();
        let Some(&[format, high, low]) = content.first_chunk() else { return Err(Unfit::Mixed) };
        if format > FORMAT {
            return Err(Unfit::Newer);
        }
        content.truncate(HEAD + usize::from(u16::from_be_bytes([high, low])));
        let is_its = self.found.values().next().is_some_and(|line| line.tag() == tag(&content));
        if format == FORMAT && is_its { Ok(content.split_off(HEAD)) } else { Err(Unfit::Mixed) }
    }
}

/// `3, 5 to 9`
pub fn ranges(numbers: &[u16]) -> String {
    let parts = numbers.chunk_by(|one, next| one + 1 == *next).map(|part| match part {
        [first, .., last] => format!("{first} to {last}"),
        _ => part.iter().map(u16::to_string).collect(),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The line that is alone in a row of text. If its number is wrong or not there, the check
/// knows it.
fn alone(row: &str) -> Option<Line> {
    let symbols: Vec<_> = row.chars().filter_map(symbol).collect();
    let before = symbols.len().checked_sub(SYMBOLS).filter(|before| *before <= 3)?;
    any(&symbols[before..])
}

/// What is wrong in a text without a line that is right.
fn wrongs(text: &str, expected: Option<u16>, read: &mut Read) {
    for row in text.lines() {
        let symbols = row.chars().filter_map(symbol).count();
        if is_attempt(row, symbols) || expected.is_some() && symbols > 0 {
            read.wrong.push(wrong(row, expected));
        }
    }
}

/// Whether somebody meant it to be a line: about every fourth character of one is a digit, and
/// sentences have few.
fn is_attempt(text: &str, symbols: usize) -> bool {
    symbols >= ATTEMPT && 10 * text.chars().filter(char::is_ascii_digit).count() >= symbols
}

/// What is wrong with a text that is no line, of which `expected` is the number unless it says
/// another one.
fn wrong(text: &str, expected: Option<u16>) -> Wrong {
    let groups: Vec<Vec<Fe32>> = text
        .split(|c: char| !c.is_alphanumeric() && symbol(c).is_none())
        .map(|group| group.chars().filter_map(symbol).collect())
        .filter(|group: &Vec<_>| !group.is_empty())
        .collect();
    let said = groups.first().and_then(|group| number(group));
    let groups = if said.is_some() { &groups[1..] } else { &groups };
    let mut symbols = groups.concat();
    let mut said = said;
    if said.is_none() && symbols.len() == SYMBOLS + 2 {
        said = number(&symbols[..2]);
        symbols.drain(..2);
    }
    let number = said.or(expected);
    let why = if symbols.len() == SYMBOLS {
        number.and_then(|number| repair(number, &symbols)).unwrap_or(Why::Unclear)
    } else {
        let sizes = [[GROUP; (TAG + DATA) / GROUP].as_slice(), &[CHECK]].concat();
        let mut pairs = groups.iter().zip(&sizes).enumerate();
        let odd = pairs.find(|(_, (group, size))| group.len() != **size);
        let odd = odd.filter(|_| groups.len() == sizes.len());
        let group = odd.map(|(at, (group, _))| format!("group {}: {}", at + 1, text_of(group)));
        Why::Length { characters: symbols.len(), group }
    };
    Wrong { number, why }
}

/// The one change (another symbol, or two neighbours swapped) that makes it a line. There is
/// no other line so near, unless more than three symbols are wrong.
fn repair(number: u16, symbols: &[Fe32]) -> Option<Why> {
    let changes = &CHANGES[2..];
    for lacks in [lacking(number, symbols), lacking(number | LAST, symbols)] {
        let mut fits = symbols.to_vec();
        for place in 0..symbols.len() {
            let by = |value: u8| symbol_of(u64::from(value ^ symbols[place].to_u8()));
            if let Some(value) = (1..32).find(|value| changes[place][usize::from(*value)] == lacks)
            {
                fits[place] = by(value);
                return Some(difference(symbols, &fits));
            }
            let next = place + 1;
            let swapped =
                symbols.get(next).map(|next| at((symbols[place].to_u8() ^ next.to_u8()).into()));
            if swapped.is_some_and(|by| changes[place][by] ^ changes[next][by] == lacks) {
                fits.swap(place, next);
                return Some(difference(symbols, &fits));
            }
        }
    }
    None
}

/// In which group they differ. A swap over the end of a group is shown with both.
fn difference(found: &[Fe32], fits: &[Fe32]) -> Why {
    let group =
        |at: usize| (at / GROUP).min((TAG + DATA) / GROUP - 1 + usize::from(at >= TAG + DATA));
    let differ = |at: &usize| found[*at] != fits[*at];
    let first = (0..found.len()).find(differ).map_or(0, group);
    let last = (0..found.len()).rfind(differ).map_or(0, group);
    let end = if last == (TAG + DATA) / GROUP { SYMBOLS } else { (last + 1) * GROUP };
    let shown = |symbols: &[Fe32]| text_of(&symbols[first * GROUP..end]);
    Why::Group { group: first + 1, found: shown(found), fits: shown(fits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(size: usize) -> Vec<u8> {
        (0..size).map(|at| u8::try_from((at * 131 + at / 7) % 256).unwrap() ^ 0x5a).collect()
    }

    fn read(text: &str) -> (Lines, Read) {
        let mut lines = Lines::default();
        let read = lines.read(text, None);
        (lines, read)
    }

    fn page(size: usize) -> Vec<String> {
        of(&bytes(size)).unwrap().iter().map(Line::for_people).collect()
    }

    #[test]
    fn a_line_is_what_the_document_says() {
        let lines = page(40);
        assert_eq!(
            lines,
            [
                "01  HLQYQ ZSKKE TNF4D 42GE3 PUV30 C0LE8 DATGA A3WZE YCR7F PR9QT PY8G9X",
                "02  HL3CP GZP9M 867NP DPT4C K6QQQ QQQQQ QQQQQ QQQQQ QQQQQ QQQQQ QNEA8E",
            ]
        );
    }

    #[test]
    fn what_is_written_reads_back_however_it_is_typed() {
        for size in [0, 1, 26, 27, 28, 600, 3_000, 511 * 30 - 3] {
            let lines = of(&bytes(size)).unwrap();
            assert_eq!(lines.len(), (size + 3).div_ceil(30));
            let people: Vec<_> = lines.iter().map(Line::for_people).collect();
            let codes: Vec<_> = lines.iter().map(Line::for_code).collect();
            let unlike = |text: &str| text.replace('0', "o").replace('8', "B").replace('L', "1");
            let plain = |text: &String| text.split_once("  ").unwrap().1.to_owned();
            let texts = [
                people.join("\n"),
                people.concat().to_lowercase(),
                codes.concat(),
                unlike(&people.join("\r\n\r\n")),
                unlike(&codes.join(" ")).to_lowercase(),
                people.iter().rev().cloned().collect::<Vec<_>>().join(" * "),
                people.iter().map(plain).collect::<Vec<_>>().join("\n"),
                format!("POOF KIT 1/7 {}\nPOOF KIT 7/7 {}", codes.concat(), codes[0]),
                people.join("\n").replace(' ', "\n  "),
            ];
            for text in texts {
                let (found, read) = read(&text);
                assert_eq!((found.lacks(&[]), read.wrong, read.others), (None, vec![], vec![]));
                assert_eq!(found.bytes().as_deref(), Ok(&*bytes(size)), "{text}");
            }
        }
        assert!(of(&bytes(511 * 30 - 2)).is_none());
    }

    /// What somebody may take for it.
    const KEYS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    #[test]
    fn each_wrong_character_and_each_swap_of_neighbours_is_noticed_and_where_it_is() {
        for line in page(170) {
            let (number, right) = line.split_once("  ").unwrap();
            let chars: Vec<_> = right.chars().collect();
            let refused = |changed: Vec<char>| {
                let text: String = changed.iter().collect();
                let (found, read) = read(&format!("{number}  {text}"));
                assert!(found.is_empty() && read.lines.is_empty(), "{text} for {right}");
                let [wrong] = &read.wrong[..] else { panic!("{text}: {read:?}") };
                assert_eq!(wrong.number, number.parse().ok(), "{text}");
                let Why::Group { group, fits, .. } = &wrong.why else { panic!("{wrong:?}") };
                let groups: Vec<_> = right.split(' ').collect();
                let there = groups[group - 1..].join("");
                assert!(there.starts_with(fits.as_str()), "{text}: {wrong:?}");
                // Whoever types no number hears of it as well.
                assert!(self::read(&text).0.is_empty(), "{text} for {right}");
            };
            for at in (0..chars.len()).filter(|at| chars[*at] != ' ') {
                for key in KEYS.chars().filter(|key| symbol(*key) != symbol(chars[at])) {
                    let mut changed = chars.clone();
                    changed[at] = key;
                    refused(changed);
                }
                let next = at + 1 + usize::from(chars.get(at + 1) == Some(&' '));
                if next < chars.len() && chars[at] != chars[next] {
                    let mut changed = chars.clone();
                    changed.swap(at, next);
                    refused(changed);
                }
            }
        }
    }

    #[test]
    fn lines_that_were_swapped_are_in_their_places_again() {
        let right = page(700);
        // The contents of two lines, each beside the number of the other.
        for at in 1..right.len() {
            let mut lines = right.clone();
            lines[at - 1].replace_range(..2, &right[at][..2]);
            lines[at].replace_range(..2, &right[at - 1][..2]);
            let (found, read) = read(&lines.join("\n"));
            assert_eq!((found.lacks(&[]), read.wrong), (None, vec![]));
            assert_eq!(found.bytes().as_deref(), Ok(&*bytes(700)));
        }
    }

    #[test]
    fn a_character_too_many_or_too_few_is_found_with_its_group() {
        for line in page(80) {
            for at in (4..line.len()).filter(|at| &line[*at..=*at] != " ") {
                for changed in [
                    format!("{}{}", &line[..at], &line[at + 1..]),
                    format!("{}Q{}", &line[..at], &line[at..]),
                    // A character that is no symbol.
                    format!("{}#{}", &line[..at], &line[at + 1..]),
                ] {
                    let (found, read) = read(&changed);
                    if found.found.values().any(|found| found.for_people() == line) {
                        // It is beside the line.
                        assert!(at == 4 && read.wrong.is_empty(), "{changed}");
                        continue;
                    }
                    assert!(found.is_empty(), "{changed}");
                    let [Wrong { number, why }] = &read.wrong[..] else { panic!("{read:?}") };
                    assert_eq!(*number, line[..2].parse().ok());
                    assert!(matches!(why, Why::Length { .. }), "{changed}: {why:?}");
                }
            }
        }
        let mut line = page(300)[3].clone();
        line.remove(12);
        let told = read(&line).1.wrong[0].told();
        assert_eq!(told, "line 4 has 55 characters and not 56, see group 2: V6XY");
    }

    #[test]
    fn what_is_missing_is_said_and_what_is_wrong_among_joined_lines_too() {
        let lines = page(300);
        let lacks = |keep: &dyn Fn(usize) -> bool| {
            let some = (1..).zip(&lines).filter(|(number, _)| keep(*number)).map(|(_, line)| line);
            read(&some.cloned().collect::<Vec<_>>().join("\n")).0.lacks(&[])
        };
        assert_eq!(lines.len(), 11);
        assert_eq!(lacks(&|_| true), None);
        assert_eq!(lacks(&|n| n != 3).as_deref(), Some("line 3 is missing"));
        assert_eq!(lacks(&|n| n == 1).as_deref(), Some("lines 2 to 11 are missing"));
        assert_eq!(
            lacks(&|n| ![1, 3, 4, 5, 9].contains(&n)).as_deref(),
            Some("lines 1, 3 to 5, 9 are missing")
        );
        assert_eq!(
            lacks(&|n| n > 1 && n < 9).as_deref(),
            Some("lines 1 and what comes after 8 are missing")
        );
        let joined =
            lines.concat().replacen(&lines[5], &lines[5].replace(&lines[5][4..7], "QQQ"), 1);
        let (found, read) = read(&joined);
        assert_eq!(found.lacks(&[]).as_deref(), Some("line 6 is missing"));
        assert_eq!(read.wrong.iter().map(|wrong| wrong.number).collect::<Vec<_>>(), [Some(6)]);
    }

    #[test]
    fn lines_of_two_kits_are_no_kit() {
        let (one, other) = (page(300), of(&bytes(301)[1..]).unwrap());
        let other: Vec<_> = other.iter().map(Line::for_people).collect();
        let mixed = [&one[..4], &other[4..]].concat().join("\n");
        assert_eq!(read(&mixed).1.others, [5, 6, 7, 8, 9, 10, 11]);
        // That both have the same tag is seen in the whole.
        let mut lines = read(&one.join("\n")).0;
        let swapped = lines.found[&2].symbols;
        lines.found.get_mut(&3).unwrap().symbols = swapped;
        assert_eq!(lines.bytes(), Err(Unfit::Mixed));
    }

    #[test]
    fn a_text_without_lines_has_none() {
        for text in ["", "correct horse battery staple\n", "{}", &"0".repeat(4_000)] {
            let (found, read) = read(text);
            assert!(found.is_empty() && read.lines.is_empty() && found.lacks(&[]).is_some());
        }
    }
}
