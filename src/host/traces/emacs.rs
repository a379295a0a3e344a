//! The files in which Emacs notes others: lists of Lisp. Of a list in which one element tells of
//! a known path, that element goes, and the rest is still Lisp.

use std::ops::Range;

use super::known::Known;
use super::text::{Cut, in_command, with_lines};

/// recentf, saveplace, savehist, bookmarks, desktops, and projects.
pub fn noted(known: &Known, text: &[u8]) -> Vec<Cut> {
    let mut reader = Reader { known, text, open: Vec::new(), going: None, cuts: Vec::new() };
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at = match byte {
            b';' => at + text[at..].iter().take_while(|byte| **byte != b'\n').count(),
            // `?(` is a character, and a backslash makes anything a part of a name.
            b'?' if text[..at].last().is_none_or(|byte| b" \t\n([".contains(byte)) => {
                at + if text.get(at + 1) == Some(&b'\\') { 3 } else { 2 }
            }
            b'\\' => at + 2,
            b'"' => {
                let Some(end) = end_of_string(text, at) else { break };
                reader.string(at..end);
                end
            }
            b'(' | b'[' => {
                reader.open.push(at);
                at + 1
            }
            b')' | b']' => {
                reader.close(at + 1);
                at + 1
            }
            _ => at + 1,
        };
    }
    reader.cuts
}

struct Reader<'a> {
    known: &'a Known,
    text: &'a [u8],
    /// Where the lists begin that are not closed yet.
    open: Vec<usize>,
    /// The list that goes, by its depth, and the path that it tells of.
    going: Option<(usize, Vec<u8>)>,
    cuts: Vec<Cut>,
}

impl Reader<'_> {
    /// How deep the list is whose elements are entries. In `(setq NAME '(...))` it is the inner
    /// one. None: the whole form is one entry.
    fn depth(&self) -> Option<usize> {
        let form = &self.text[*self.open.first()?..];
        if form.starts_with(b"(desktop-") {
            return None;
        }
        Some(if form.starts_with(b"(setq ") { 2 } else { 1 })
    }

    fn string(&mut self, range: Range<usize>) {
        if self.going.is_some() || self.open.is_empty() {
            return;
        }
        let depth = self.depth();
        // Of a vector each element has its place.
        if self.open.get(1).is_some_and(|at| depth == Some(2) && self.text[*at] == b'[') {
            return;
        }
        let text = unescaped(&self.text[range.start + 1..range.end - 1]);
        let command = || in_command(self.known, &text).filter(|_| depth == Some(2));
        let Some(of) = self.known.of_text(&text).or_else(command) else { return };
        match depth.unwrap_or(0) {
            depth if self.open.len() > depth => self.going = Some((depth, of)),
            depth if self.open.len() == depth && !self.is_paired(&range) => self.cut(range, of),
            _ => {}
        }
    }

    /// Whether it is one half of `(A . B)`, which is nothing without it.
    fn is_paired(&self, range: &Range<usize>) -> bool {
        let before = self.text[..range.start].trim_ascii_end();
        let behind = self.text[range.end..].trim_ascii_start();
        before.ends_with(b" .") || behind.starts_with(b". ")
    }

    fn close(&mut self, end: usize) {
        let Some(start) = self.open.pop() else { return };
        if let Some((_, of)) = self.going.take_if(|(depth, _)| *depth == self.open.len()) {
            let marks = self.text[..start].iter().rev().take_while(|byte| b"#'`".contains(byte));
            self.cut(start - marks.count()..end, of);
        }
    }

    /// With the blank that parts it from the next one, or with its lines.
    fn cut(&mut self, range: Range<usize>, of: Vec<u8>) {
        let mut lines = with_lines(self.text, range.clone());
        if lines == range && self.text.get(range.end) == Some(&b' ') {
            lines.end += 1;
        }
        let range = lines;
        self.cuts.push(Cut { range, of });
    }
}

/// Behind the quote that ends the string which begins here.
fn end_of_string(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What a string means (GNU Emacs Lisp manual, String Type): a byte that is no character has
/// three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let (mut all, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'\\' {
            all.push(*byte);
            continue;
        }
        let digits = text[at..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
        let count = digits.clone().count();
        if count > 0 {
            let code = digits.fold(0_u16, |code, digit| code * 8 + u16::from(digit - b'0'));
            all.extend(u8::try_from(code));
            at += count;
            continue;
        }
        match text.get(at) {
            Some(b'n') => all.push(b'\n'),
            Some(b't') => all.push(b'\t'),
            // It ends a line, and is nothing in the string.
            Some(b'\n') | None => {}
            Some(other) => all.push(*other),
        }
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::known::Gathering;
    use super::super::text::without;
    use super::*;
    use std::path::Path;

    /// What is left, and how many entries went.
    #[track_caller]
    fn cut(text: &[u8]) -> (String, usize) {
        let mut gathering = Gathering::new(Path::new("/home/joe"));
        let tree = gathering.tree(&[Path::new("/home/joe/data")]);
        for path in [&b"a.txt"[..], b"b c.txt", b"new\nline.txt", b"bad\xff.txt", b"q\"\\.txt"] {
            gathering.path(tree, path);
        }
        let cuts = noted(&gathering.known(), text);
        (String::from_utf8(without(text, &cuts)).unwrap(), cuts.len())
    }

    // Each as GNU Emacs 28.2 has written it.
    #[test]
    fn of_a_list_of_files_go_single_strings() {
        let recentf = b";;; Automatically generated by `recentf' on Mon Nov 30 13:12:51 2026.\n\n\
            (setq recentf-list\n      '(\n        \"/home/joe/other/a.txt\"\n        \"~/data/new\nline.txt\"\n        \
            \"/home/joe/data/bad\\377.txt\"\n        \"/home/joe/data/q\\\"\\\\.txt\"\n        ))\n\n\
            (setq recentf-filter-changer-current 'nil)\n";
        let rest = ";;; Automatically generated by `recentf' on Mon Nov 30 13:12:51 2026.\n\n\
            (setq recentf-list\n      '(\n        \"/home/joe/other/a.txt\"\n        ))\n\n\
            (setq recentf-filter-changer-current 'nil)\n";
        assert_eq!(cut(recentf), (rest.to_owned(), 3));
        let history = b"(setq file-name-history '(\"~/other/a.txt\" \"~/data/a.txt\" \"~/data/new\\nline.txt\"))\n\
            (setq shell-command-history '(\"wc ~/data/a.txt\" #(\"wc '~/data/b c.txt'\" 0 3 (face x)) \"ls\"))\n";
        let rest = "(setq file-name-history '(\"~/other/a.txt\" ))\n(setq shell-command-history '(\"ls\"))\n";
        assert_eq!(cut(history), (rest.to_owned(), 4));
    }

    #[test]
    fn of_a_list_of_lists_go_whole_entries() {
        let places =
            b";;; -*- coding: utf-8; mode: lisp-data -*-\n((\"/home/joe/other/a.txt\" . 8)\n \
            (\"/home/joe/data/new\\nline.txt\" . 20)\n (\"/home/joe/data/b c.txt\" . 20))\n";
        let rest =
            ";;; -*- coding: utf-8; mode: lisp-data -*-\n((\"/home/joe/other/a.txt\" . 8)\n )\n";
        assert_eq!(cut(places), (rest.to_owned(), 2));
        let bookmarks = b";;; -*- End Of Bookmark File Format Version Stamp -*-\n((\"b c.txt\"\n \
            (filename . \"~/data/b c.txt\")\n (front-context-string . \"(a; ?\")\n (position . 20))\n\
            (\"a.txt\"\n (filename . \"~/other/a.txt\")\n (position . 8))\n)\n";
        let rest = ";;; -*- End Of Bookmark File Format Version Stamp -*-\n(\n\
            (\"a.txt\"\n (filename . \"~/other/a.txt\")\n (position . 8))\n)\n";
        assert_eq!(cut(bookmarks), (rest.to_owned(), 1));
        let desktop = b";; Buffer section -- buffers listed in same order as in buffer list:\n\
            (desktop-create-buffer 208\n  \"/home/joe/data/a.txt\"\n  \"a.txt\"\n  'text-mode\n  nil\n  20\n  '(nil nil)\n  nil\n  nil)\n\n\
            (desktop-create-buffer 208\n  \"/home/joe/other/a.txt\"\n  \"a.txt\"\n  'text-mode)\n";
        let rest = ";; Buffer section -- buffers listed in same order as in buffer list:\n\n\
            (desktop-create-buffer 208\n  \"/home/joe/other/a.txt\"\n  \"a.txt\"\n  'text-mode)\n";
        assert_eq!(cut(desktop), (rest.to_owned(), 1));
    }

    #[test]
    fn what_is_no_list_is_left_as_it_is() {
        for text in [
            &b"(setq x '(\"~/data/a.txt\" . 3))"[..],
            b"(setq x \"~/data/a.txt\")",
            b"; (\"~/data/a.txt\")\n",
            b"\"~/data/a.txt\"",
            b"(setq x [\"~/data/a.txt\"])",
            b"((\"~/data/a.txt",
            b")))",
            b"(?\\\" ?( \"~/data/a.tx\")",
            b"",
        ] {
            let (left, count) = cut(text);
            assert_eq!((left.as_bytes(), count), (text, 0));
        }
    }
}
