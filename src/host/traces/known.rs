//! What is known of the files of the trees: eight bytes of each path, by which whatever tells
//! of one is recognised. A million paths take 16 MB.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use md5::{Digest, Md5};
use regex::bytes::{Regex, RegexBuilder};

/// No path is longer, in bytes (`PATH_MAX`); a URI has three for one at most.
const LONGEST: usize = 3 * 4096;

/// So far back a length or the head of a record is looked for.
pub const BEFORE: usize = 1024;

/// What a search has to see behind the beginning of a path.
pub const BEHIND: usize = LONGEST + 1;

/// Paths on their way to be known.
pub struct Gathering {
    home: Vec<u8>,
    roots: Vec<Root>,
    trees: usize,
    paths: Vec<u64>,
    uris: Vec<u64>,
}

/// A place where a tree is, without a slash at the end.
struct Root {
    tree: usize,
    path: Vec<u8>,
}

/// The paths of all files of some trees.
pub struct Known {
    home: Vec<u8>,
    roots: Vec<Root>,
    paths: Vec<u64>,
    /// By the first bytes of the MD5 of the URI.
    uris: Vec<u64>,
    prefixes: Vec<Prefix>,
    /// Finds where a prefix begins.
    finder: Option<Regex>,
}

/// How texts begin that are the path of something in a tree.
struct Prefix {
    text: Vec<u8>,
    /// What it means.
    path: Vec<u8>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// Percent-encoded.
    Uri,
    /// From the home directory, in what a shell was told there.
    Relative,
}

impl Gathering {
    pub fn new(home: &Path) -> Self {
        let home = home.as_os_str().as_bytes().to_vec();
        Gathering { home, roots: Vec::new(), trees: 0, paths: Vec::new(), uris: Vec::new() }
    }

    /// One more tree, which is at any of these places. Returns its number.
    pub fn tree(&mut self, places: &[&Path]) -> usize {
        let places: BTreeSet<_> =
            places.iter().map(|place| clean(place.as_os_str().as_bytes())).collect();
        let tree = self.trees;
        self.roots.extend(places.into_iter().map(|path| Root { tree, path }));
        self.trees += 1;
        tree
    }

    /// A path of a tree, relative to it. The tree itself tells of no file.
    pub fn path(&mut self, tree: usize, path: &[u8]) {
        if path.is_empty() {
            return;
        }
        self.paths.push(key(tree, path));
        for root in self.roots.iter().filter(|root| root.tree == tree) {
            let full = [&root.path[..], b"/", path].concat();
            self.uris.push(digest(&uri(&full, b"")));
            // Qt leaves it as it is.
            if full.contains(&b';') {
                self.uris.push(digest(&uri(&full, b";")));
            }
        }
    }

    pub fn known(self) -> Known {
        let Gathering { home, roots, mut paths, mut uris, .. } = self;
        for all in [&mut paths, &mut uris] {
            all.sort_unstable();
            all.dedup();
        }
        let prefixes: Vec<_> = roots.iter().flat_map(|root| prefixes(root, &home)).collect();
        let finder = finder(&prefixes);
        Known { home, roots, paths, uris, prefixes, finder }
    }
}

/// How the paths of a tree begin, where programs write them.
fn prefixes(root: &Root, home: &[u8]) -> Vec<Prefix> {
    let path = [&root.path[..], b"/"].concat();
    let of = |text: Vec<u8>, form| Prefix { text, path: path.clone(), form };
    let encoded = [&b"file://"[..], &uri(&path, b"")].concat();
    let plain = [&b"file://"[..], &path].concat();
    let mut all = vec![of(path.clone(), Form::Plain)];
    if encoded != plain {
        all.push(of(plain, Form::Plain));
    }
    all.push(Prefix { text: encoded, path: path.clone(), form: Form::Uri });
    if let Some(below) = path.strip_prefix(home).and_then(|rest| rest.strip_prefix(b"/")) {
        for lead in [&b"~/"[..], b"$HOME/", b"${HOME}/", b"$USER_HOME$/"] {
            all.push(of([lead, below].concat(), Form::Plain));
        }
        all.push(of(below.to_vec(), Form::Relative));
    }
    all
}

fn finder(prefixes: &[Prefix]) -> Option<Regex> {
    let hex =
        |text: &[u8]| -> Vec<_> { text.iter().map(|byte| format!("\\x{byte:02x}")).collect() };
    let all: Vec<_> = prefixes.iter().map(|prefix| hex(&prefix.text).concat()).collect();
    if all.is_empty() {
        return None;
    }
    RegexBuilder::new(&all.join("|")).unicode(false).build().ok()
}

fn key(tree: usize, path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (tree, path).hash(&mut hasher);
    hasher.finish()
}

/// The first bytes of the MD5 of a URI, by which thumbnails are named.
fn digest(uri: &[u8]) -> u64 {
    let digest = Md5::digest([&b"file://"[..], uri].concat());
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// A path as `g_filename_to_uri` writes it, which escapes whatever is not in this list.
pub fn uri(path: &[u8], also: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut all = Vec::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric()
            || b"!$&'()*+,-./:=@_~".contains(byte)
            || also.contains(byte)
        {
            all.push(*byte);
        } else {
            all.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    all
}

/// Without percent signs.
pub fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut all, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        let code = (*byte == b'%').then(|| Some((digit(at + 1)?, digit(at + 2)?))).flatten();
        let code = code.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        all.push(code.unwrap_or(*byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    all
}

/// The same path without `//`, `.`, `..`, and a slash at the end.
fn clean(path: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.iter().flat_map(|name| [&b"/"[..], *name]).flatten().copied().collect()
}

impl Known {
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The home directory.
    pub fn home(&self) -> &[u8] {
        &self.home
    }

    /// The full path that is meant, if it is in a tree.
    pub fn of_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        if path.first() != Some(&b'/') || path.len() > LONGEST {
            return None;
        }
        let path = clean(path);
        let is_known = self.roots.iter().any(|root| {
            let below = path.strip_prefix(&root.path[..]).and_then(|rest| rest.strip_prefix(b"/"));
            below.is_some_and(|below| self.paths.binary_search(&key(root.tree, below)).is_ok())
        });
        is_known.then_some(path)
    }

    /// The same of a name in which `slash` is in the place of each slash. What has it in itself
    /// has it there as it is (vim, nano), or twice (Neovim, Emacs).
    pub fn of_flat(&self, name: &[u8], slash: u8) -> Option<Vec<u8>> {
        self.roots.iter().find_map(|root| {
            let below = [false, true].into_iter().find_map(|doubles| {
                let top = flat(&[&root.path[..], b"/"].concat(), slash, doubles);
                name.strip_prefix(&top[..])
            })?;
            meant_by(below, slash)
                .into_iter()
                .find_map(|below| self.of_path(&[&root.path[..], b"/", &below].concat()))
        })
    }

    /// The same of a URI.
    pub fn of_uri(&self, text: &[u8]) -> Option<Vec<u8>> {
        let rest = text.strip_prefix(b"file://")?;
        let rest = rest.strip_prefix(b"localhost").unwrap_or(rest);
        self.of_path(&decoded(rest)).or_else(|| self.of_path(rest))
    }

    /// The same of what a program has written as a whole: a path, a URI, or a path from the
    /// home directory.
    pub fn of_text(&self, text: &[u8]) -> Option<Vec<u8>> {
        let lead = [&b"~/"[..], b"$HOME/", b"${HOME}/", b"$USER_HOME$/"];
        let below = lead.iter().find_map(|lead| text.strip_prefix(*lead));
        match below {
            Some(below) => self.of_path(&[&self.home[..], b"/", below].concat()),
            None => self.of_path(text).or_else(|| self.of_uri(text)),
        }
    }

    /// Whether the MD5 of the URI of a file begins with this.
    pub fn has_digest(&self, digest: u64) -> bool {
        self.uris.binary_search(&digest).is_ok()
    }

    /// The first path that a word of a command line has in it.
    pub fn in_word(&self, word: &[u8]) -> Option<Vec<u8>> {
        let finder = self.finder.as_ref()?;
        let mut at = 0;
        while let Some(found) = finder.find_at(word, at) {
            let start = found.start();
            let here =
                self.prefixes.iter().filter(|prefix| word[start..].starts_with(&prefix.text));
            let path =
                here.filter(|prefix| may_begin(&word[..start], prefix.form)).find_map(|prefix| {
                    let from = start + prefix.text.len();
                    let ends = (from + 1..=word.len()).rev();
                    let mut ends =
                        ends.filter(|end| word.get(*end).is_none_or(|byte| ends_a_path(*byte)));
                    ends.find_map(|end| self.meant(prefix, &word[from..end]))
                });
            if path.is_some() {
                return path;
            }
            at = start + 1;
        }
        None
    }

    /// The path that a text means which begins with a prefix.
    fn meant(&self, prefix: &Prefix, rest: &[u8]) -> Option<Vec<u8>> {
        let rest = if prefix.form == Form::Uri { decoded(rest) } else { rest.to_vec() };
        self.of_path(&[&prefix.path[..], &rest].concat())
    }

    /// The paths in the bytes of a store that begin before `until`. `is_sqlite`: it has
    /// records as `SQLite` writes them.
    pub fn in_bytes(
        &self,
        bytes: &[u8],
        (from, until): (usize, usize),
        is_sqlite: bool,
        found: &mut BTreeSet<Vec<u8>>,
    ) {
        let Some(finder) = &self.finder else { return };
        let mut at = from;
        while let Some(next) = finder.find_at(bytes, at) {
            let start = next.start();
            if start >= until {
                return;
            }
            let here =
                self.prefixes.iter().filter(|prefix| bytes[start..].starts_with(&prefix.text));
            found.extend(here.filter(|prefix| prefix.form != Form::Relative).find_map(|prefix| {
                let from = start + prefix.text.len();
                ends(bytes, start, from, prefix.form, is_sqlite)
                    .into_iter()
                    .filter(|end| *end > from && *end <= bytes.len())
                    .find_map(|end| self.meant(prefix, &bytes[from..end]))
            }));
            at = start + 1;
        }
    }
}

/// A path as [`Known::of_flat`] reads it.
fn flat(path: &[u8], slash: u8, doubles: bool) -> Vec<u8> {
    let mut all = Vec::with_capacity(path.len());
    for byte in path {
        all.push(if *byte == b'/' { slash } else { *byte });
        all.extend((doubles && *byte == slash).then_some(slash));
    }
    all
}

/// The paths that such a name may mean.
fn meant_by(name: &[u8], slash: u8) -> Vec<Vec<u8>> {
    /// Of a name with more of them it is not tried out which are slashes.
    const MOST: usize = 8;
    let at: Vec<_> = (0..name.len()).filter(|at| name[*at] == slash).collect();
    let with = |is_slash: &dyn Fn(usize) -> bool| -> Vec<u8> {
        let mut all = name.to_vec();
        for (_, at) in at.iter().enumerate().filter(|(number, _)| is_slash(*number)) {
            all[*at] = b'/';
        }
        all
    };
    let mut doubled = Vec::with_capacity(name.len());
    let mut bytes = name.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_itself = byte == slash && bytes.next_if_eq(&slash).is_some();
        doubled.push(if byte == slash && !is_itself { b'/' } else { byte });
    }
    let mut all = vec![with(&|_| true), doubled];
    if at.len() <= MOST {
        all.extend((0..1_usize << at.len()).map(|bits| with(&|number| bits >> number & 1 == 1)));
    }
    all
}

/// Whether a path may begin behind these bytes of a word.
fn may_begin(before: &[u8], form: Form) -> bool {
    if form == Form::Uri {
        return true;
    }
    let before = match form {
        Form::Relative => before.strip_suffix(b"./").unwrap_or(before),
        _ => before,
    };
    before
        .last()
        .is_none_or(|last| b"=:,;([{<>|&@\"'`".contains(last) || last.is_ascii_whitespace())
}

/// Whether a path in a word may end before this byte.
fn ends_a_path(byte: u8) -> bool {
    b":;,=)]}\"'`<>|&?#".contains(&byte)
}

/// Where a path may end that begins at `start`, whose prefix ends at `from`: at what is in no
/// path, and where a length says so.
fn ends(bytes: &[u8], start: usize, from: usize, form: Form, is_sqlite: bool) -> Vec<usize> {
    let is_in = |byte: &u8| match form {
        Form::Uri => byte.is_ascii_alphanumeric() || b"%-_.!~*'();/:@&=+$,".contains(byte),
        _ => *byte >= b' ' && *byte != 0x7f && !b"\"<>|".contains(byte),
    };
    let before = start.checked_sub(1).map(|at| bytes[at]);
    let stuck = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~%".contains(&byte) || byte > 0x7f;
    let mut ends = Vec::new();
    if form == Form::Uri || !before.is_some_and(stuck) {
        let run = bytes[from..].iter().take(LONGEST).take_while(|byte| is_in(byte)).count();
        ends.push(from + run);
        let close = match before {
            Some(b'\'') => b'\'',
            Some(b'(') => b')',
            _ => 0,
        };
        ends.extend(
            bytes[from..from + run].iter().position(|byte| *byte == close).map(|n| from + n),
        );
        let trimmed = bytes[from..from + run].trim_ascii_end();
        let trimmed = trimmed.strip_suffix(b",").or(trimmed.strip_suffix(b";")).unwrap_or(trimmed);
        ends.push(from + trimmed.len());
    }
    let lengths = lengths_before(&bytes[..start]).into_iter();
    let records = if is_sqlite { record_lengths(bytes, start) } else { Vec::new() };
    ends.extend(lengths.chain(records).map(|length| start.saturating_add(length)));
    ends
}

/// What the numbers directly before a text say of its length.
fn lengths_before(before: &[u8]) -> Vec<usize> {
    let mut all: Vec<usize> = before.last().map(|last| usize::from(*last)).into_iter().collect();
    if let Some(two) = before.last_chunk() {
        all.extend([u16::from_be_bytes(*two), u16::from_le_bytes(*two)].map(usize::from));
    }
    if let Some(four) = before.last_chunk() {
        let numbers = [u32::from_be_bytes(*four), u32::from_le_bytes(*four)];
        all.extend(numbers.into_iter().filter_map(|number| usize::try_from(number).ok()));
    }
    all
}

/// The length of the column that begins at `start`, by any head of a record before it that says
/// that one begins there (`SQLite`, Database File Format, 2.1).
fn record_lengths(bytes: &[u8], start: usize) -> Vec<usize> {
    let heads = start.saturating_sub(BEFORE)..start;
    heads.filter_map(|head| column(bytes, head, start)).collect()
}

fn column(bytes: &[u8], head: usize, start: usize) -> Option<usize> {
    let (size, mut at) = varint(bytes, head)?;
    let mut offset = head.checked_add(usize::try_from(size).ok()?)?;
    if size < 2 || offset > start {
        return None;
    }
    let end = offset;
    while at < end {
        let (kind, next) = varint(bytes, at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            kind => usize::try_from((kind - 12) / 2).ok()?,
        };
        if offset == start && kind >= 13 && kind % 2 == 1 {
            return Some(length);
        }
        offset = offset.checked_add(length)?;
        if offset > start {
            return None;
        }
        at = next;
    }
    None
}

/// A number as `SQLite` writes it, and where the next begins.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for count in 0..4 {
        let byte = *bytes.get(at + count)?;
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + count + 1));
        }
    }
    None
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// `/home/joe/data`, in which these are.
    pub fn knows(paths: &[&str]) -> Known {
        let mut gathering = Gathering::new(Path::new("/home/joe"));
        let tree = gathering.tree(&[Path::new("/home/joe/data")]);
        for path in paths {
            gathering.path(tree, path.as_bytes());
        }
        gathering.known()
    }

    #[test]
    fn a_path_is_known_in_every_form_and_its_neighbours_are_not() {
        let known = knows(&["a b.txt", "dir", "dir/\u{e9}.txt"]);
        for text in [
            "/home/joe/data/a b.txt",
            "/home/joe//data/./x/../a b.txt",
            "file:///home/joe/data/a%20b.txt",
            "file://localhost/home/joe/data/a%20b.txt",
            "~/data/a b.txt",
            "$HOME/data/dir/",
            "file:///home/joe/data/dir/%C3%A9.txt",
        ] {
            assert!(known.of_text(text.as_bytes()).is_some(), "{text}");
        }
        for text in [
            "/home/joe/data",
            "/home/joe/data/a b.txt.bak",
            "/home/joe/data/a",
            "/home/joe/data2/a b.txt",
            "/mnt/home/joe/data/a b.txt",
            "file:///home/joe/data/a%2520b.txt",
            "data/a b.txt",
            "",
        ] {
            assert_eq!(known.of_text(text.as_bytes()), None, "{text}");
        }
    }

    // The example of the specification of thumbnails.
    #[test]
    fn a_uri_is_encoded_and_hashed_as_desktops_do_it() {
        assert_eq!(uri(b"/home/jens/photos/me.png", b""), b"/home/jens/photos/me.png");
        assert_eq!(digest(b"/home/jens/photos/me.png"), 0xc6ee_772d_9e49_320e);
        assert_eq!(
            uri("/a b/\u{e9}#(1);[x].png".as_bytes(), b""),
            b"/a%20b/%C3%A9%23(1)%3B%5Bx%5D.png"
        );
        assert_eq!(decoded(b"100%25%2"), b"100%%2");
        let known = knows(&["a;b"]);
        assert!(known.has_digest(digest(b"/home/joe/data/a;b")));
        assert!(known.has_digest(digest(b"/home/joe/data/a%3Bb")));
        assert!(!known.has_digest(digest(b"/home/joe/data/ab")));
    }

    #[test]
    fn a_word_names_a_path_where_one_begins_and_ends() {
        let known = knows(&["a.txt", "a b", "dir"]);
        for word in [
            "/home/joe/data/a.txt",
            "--file=~/data/a.txt",
            "if=/home/joe/data/a.txt",
            "data/a.txt",
            "./data/a.txt",
            "joe@host:/home/joe/data/a.txt",
            "~/data/a.txt:12",
            "~/data/dir/",
            "~/data/a b",
            "file:///home/joe/data/a%20b",
        ] {
            assert!(known.in_word(word.as_bytes()).is_some(), "{word}");
        }
        for word in [
            "/home/joe/data/a.txt.bak",
            "/home/joe/data/",
            "~/data/dir/other",
            "olddata/a.txt",
            "x/data/a.txt",
            "../data/a.txt",
            "/srv/home/joe/data/a.txt",
            "a.txt",
            "~/data/a bc",
            "~jim/data/a.txt",
        ] {
            assert_eq!(known.in_word(word.as_bytes()), None, "{word}");
        }
    }

    // vim 9.0, nano 7.2, Neovim 0.7, and Emacs 28.2 have written these.
    #[test]
    fn a_name_with_the_character_for_a_slash_is_found() {
        let known = knows(&["100% of it.txt", "a%b/c.txt", "Ha!.txt", "deep/Ha!/x!y"]);
        for (name, path) in [
            ("%home%joe%data%100% of it.txt", "100% of it.txt"),
            ("%home%joe%data%100%% of it.txt", "100% of it.txt"),
            ("%home%joe%data%a%b%c.txt", "a%b/c.txt"),
            ("%home%joe%data%a%%b%c.txt", "a%b/c.txt"),
        ] {
            let path = Some(format!("/home/joe/data/{path}").into_bytes());
            assert_eq!(known.of_flat(name.as_bytes(), b'%'), path, "{name}");
        }
        for name in
            ["!home!joe!data!Ha!!.txt", "!home!joe!data!Ha!.txt", "!home!joe!data!deep!Ha!!!x!!y"]
        {
            assert!(known.of_flat(name.as_bytes(), b'!').is_some(), "{name}");
        }
        for name in ["%home%joe%data%100 of it.txt", "%home%joe%a%b%c.txt", "%home%joe%data%", ""] {
            assert_eq!(known.of_flat(name.as_bytes(), b'%'), None, "{name}");
        }
        let many = format!("%home%joe%data%{}", "%x".repeat(5000));
        assert_eq!(known.of_flat(many.as_bytes(), b'%'), None);
    }

    fn in_bytes(known: &Known, bytes: &[u8], is_sqlite: bool) -> Vec<String> {
        let mut found = BTreeSet::new();
        known.in_bytes(bytes, (0, bytes.len()), is_sqlite, &mut found);
        found.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn in_a_store_a_path_ends_where_bytes_or_lengths_say_so() {
        let known = knows(&["a.txt", "b c"]);
        for bytes in [
            &b"\x00/home/joe/data/a.txt\x00"[..],
            b"\"file:///home/joe/data/a.txt\",",
            b"('file:///home/joe/data/a.txt','x')",
            b"list=file:///home/joe/data/a.txt, file:///x",
            b"key=\"$USER_HOME$/data/a.txt\"",
            b"\x00\x14/home/joe/data/a.txtand more",
            b"x/home/joe/data/a.txt\x00/home/joe/data/a.txt\n",
        ] {
            assert_eq!(
                in_bytes(&known, bytes, false),
                ["/home/joe/data/a.txt"],
                "{}",
                bytes.escape_ascii()
            );
        }
        for bytes in [
            &b"\x00/home/joe/data/a.txt.bak\x00"[..],
            b"/mnt/home/joe/data/a.txt\x00",
            b"file:///home/joe/data/a.txt2",
            b"/home/joe/data/b\x00",
            b"/home/joe/data/a.txtfile name",
        ] {
            assert_eq!(in_bytes(&known, bytes, false), [""; 0], "{}", bytes.escape_ascii());
        }
        assert_eq!(in_bytes(&known, b"\n/home/joe/data/b c\n", false), ["/home/joe/data/b c"]);
    }

    #[test]
    fn a_record_of_sqlite_says_how_long_its_text_is() {
        let known = knows(&["a.txt"]);
        // Two columns: a number of one byte, and texts of 27 and 5 bytes that follow each other.
        let record = |url: &str, name: &str| {
            let texts = [url, name].map(|text| u8::try_from(text.len() * 2 + 13).unwrap());
            [&[4, 1, texts[0], texts[1], 7][..], url.as_bytes(), name.as_bytes()].concat()
        };
        let a = record("file:///home/joe/data/a.txt", "a.txt");
        assert_eq!(in_bytes(&known, &a, true), ["/home/joe/data/a.txt"]);
        assert_eq!(in_bytes(&known, &a, false), [""; 0]);
        let other = record("file:///home/joe/data/a.txt.bak", "a.txt");
        assert_eq!(in_bytes(&known, &other, true), [""; 0]);
    }
}
