//! Texts that programs keep, and which entries of them tell of a known path: from a text to
//! what has to be cut out of it.

use std::ops::Range;

use regex::bytes::Regex;

use super::known::Known;

/// An entry of a text that tells of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub range: Range<usize>,
    /// The full path.
    pub of: Vec<u8>,
}

/// The text without these entries, which are in its order.
pub fn without(text: &[u8], cuts: &[Cut]) -> Vec<u8> {
    let (mut rest, mut at) = (Vec::with_capacity(text.len()), 0);
    for Cut { range, .. } in cuts {
        rest.extend_from_slice(&text[at.min(range.start)..range.start]);
        at = range.end;
    }
    rest.extend_from_slice(&text[at..]);
    rest
}

/// The lines of all cuts, from 1, if each is of whole lines.
pub fn lines_of(text: &[u8], cuts: &[Cut]) -> Option<Vec<(usize, usize)>> {
    let (mut lines, mut at, mut number) = (Vec::new(), 0, 1);
    for Cut { range, .. } in cuts {
        let begins = range.start == 0 || text[range.start - 1] == b'\n';
        let ends = range.end == text.len() || text[range.end - 1] == b'\n';
        if !begins || !ends || range.is_empty() {
            return None;
        }
        let count = |part: &[u8]| part.split(|byte| *byte == b'\n').count() - 1;
        number += count(&text[at..range.start]);
        let more = count(&text[range.start..range.end - 1]);
        lines.push((number, number + more));
        number += more + 1;
        at = range.end;
    }
    Some(lines)
}

/// The lines of a text with what ends them, and where they are.
fn lines(text: &[u8]) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut at = 0;
    text.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let start = at;
        at += line.len();
        (start..at, line.strip_suffix(b"\n").unwrap_or(line))
    })
}

/// Cuts of whole lines.
fn of_lines(text: &[u8], of: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Cut> {
    lines(text).filter_map(|(range, line)| Some(Cut { range, of: of(line)? })).collect()
}

/// A command line, as a shell takes it apart: without quotes and backslashes.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    // An apostrophe is no quote if nothing ends it.
    split(line, true).unwrap_or_else(|| split(line, false).unwrap_or_default())
}

fn split(line: &[u8], with_quotes: bool) -> Option<Vec<Vec<u8>>> {
    let (mut all, mut word, mut quote) = (Vec::new(), Vec::new(), None);
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => word.extend(bytes.next()),
            (Some(open), byte) if open == byte => quote = None,
            (None, b'\'' | b'"') if with_quotes => quote = Some(byte),
            (
                None,
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')',
            ) => {
                all.push(std::mem::take(&mut word));
            }
            (_, byte) => word.push(byte),
        }
    }
    all.push(word);
    quote.is_none().then_some(all)
}

/// The first path that a command line names.
pub(super) fn in_command(known: &Known, line: &[u8]) -> Option<Vec<u8>> {
    words(line).iter().find_map(|word| known.in_word(word))
}

/// The history of a shell, or of another program that reads lines: an entry is a line, with
/// the line of its time before it (bash).
pub fn shell(known: &Known, text: &[u8]) -> Vec<Cut> {
    let (mut cuts, mut time) = (Vec::new(), None);
    for (range, line) in lines(text) {
        let start = time.take().unwrap_or(range.start);
        if is_time(line) {
            time = Some(range.start);
        } else if let Some(of) = in_command(known, line) {
            cuts.push(Cut { range: start..range.end, of });
        }
    }
    cuts
}

/// The history of zsh: an entry goes on in the next line if a backslash ends this one.
pub fn zsh(known: &Known, text: &[u8]) -> Vec<Cut> {
    let (mut cuts, mut start, mut command) = (Vec::new(), 0, Vec::new());
    for (range, line) in lines(text) {
        command.extend(unmasked(line));
        if command.last() == Some(&b'\\') && range.end < text.len() {
            command.pop();
            command.push(b'\n');
            continue;
        }
        if let Some(of) = in_command(known, &command) {
            cuts.push(Cut { range: start..range.end, of });
        }
        start = range.end;
        command.clear();
    }
    cuts
}

/// `#1700000000`
fn is_time(line: &[u8]) -> bool {
    line.strip_prefix(b"#")
        .is_some_and(|time| time.len() > 8 && time.iter().all(u8::is_ascii_digit))
}

/// A line of zsh as it was typed: it writes some bytes behind a mark, with a bit turned.
fn unmasked(line: &[u8]) -> Vec<u8> {
    const META: u8 = 0x83;
    let mut bytes = line.iter().copied();
    let mut all = Vec::with_capacity(line.len());
    while let Some(byte) = bytes.next() {
        match byte {
            META => all.extend(bytes.next().map(|byte| byte ^ 32)),
            byte => all.push(byte),
        }
    }
    all
}

/// The history of fish: an entry begins with `- cmd: `.
pub fn fish(known: &Known, text: &[u8]) -> Vec<Cut> {
    let begins = |line: &[u8]| line.starts_with(b"- cmd: ");
    let starts: Vec<_> =
        lines(text).filter(|(_, line)| begins(line)).map(|(range, _)| range.start).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let entries = starts.iter().zip(ends).map(|(start, end)| *start..end);
    let cut = |range: Range<usize>| {
        let mut told = lines(&text[range.clone()]).filter_map(|(_, line)| {
            if let Some(command) = line.strip_prefix(b"- cmd: ") {
                return in_command(known, &unescaped(command));
            }
            let path = unescaped(line.strip_prefix(b"    - ")?);
            known.of_text(&path).or_else(|| in_command(known, &path))
        });
        Some(Cut { of: told.next()?, range })
    };
    entries.filter_map(cut).collect()
}

/// Without the backslashes of fish: `\\` and `\n`.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut bytes = line.iter().copied();
    let mut all = Vec::with_capacity(line.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => all.extend(bytes.next().map(|byte| if byte == b'n' { b'\n' } else { byte })),
            byte => all.push(byte),
        }
    }
    all
}

/// The notes of vim: marks, jumps, and marks within files name a file; so may what was typed.
pub fn viminfo(known: &Known, text: &[u8]) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut of_file = None;
    for (range, line) in lines(text) {
        if let Some(path) = line.strip_prefix(b"> ") {
            of_file = known.of_text(&of_vim(path));
        } else if !line.starts_with(b"\t") {
            of_file = None;
        }
        let of = of_file.clone().or_else(|| noted(known, line));
        cuts.extend(of.map(|of| Cut { range, of }));
    }
    cuts
}

/// What a line of them tells that stands by itself.
fn noted(known: &Known, line: &[u8]) -> Option<Vec<u8>> {
    let (first, rest) = line.split_first()?;
    match first {
        // `'A  1  0  ~/file`, `-'  1  0  ~/file`
        b'\'' | b'-' => known.of_text(&of_vim(behind_numbers(rest.get(1..)?)?)),
        // The list of buffers: `%~/file	1	0`
        b'%' => known.of_text(&of_vim(rest.split(|byte| *byte == b'\t').next()?)),
        // `|4,65,1,0,1700000000,"~/file"`, and likewise what was typed.
        b'|' => {
            let start = rest.iter().position(|byte| *byte == b'"')?;
            let quoted = rest[start + 1..].strip_suffix(b"\"")?;
            let plain = unescaped(quoted);
            known.of_text(&plain).or_else(|| in_command(known, &plain))
        }
        b':' | b'@' | b'/' | b'?' => in_command(known, rest),
        _ => None,
    }
}

/// A name as vim has written it: behind Ctrl-V, `n` is a line break (`:help viminfo`).
fn of_vim(name: &[u8]) -> Vec<u8> {
    const CTRL_V: u8 = 0x16;
    let mut bytes = name.iter().copied();
    let mut all = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        match byte {
            CTRL_V => all.extend(bytes.next().map(|byte| if byte == b'n' { b'\n' } else { byte })),
            byte => all.push(byte),
        }
    }
    all
}

/// `  1  0  ~/file`
fn behind_numbers(text: &[u8]) -> Option<&[u8]> {
    let number = |text: &[u8]| {
        let trimmed = text.trim_ascii_start();
        let digits = trimmed.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0).then_some(text.len() - trimmed.len() + digits)
    };
    let line = number(text)?;
    let column = number(&text[line..])?;
    Some(text[line + column..].trim_ascii_start())
}

/// The positions of nano: `PATH LINE COLUMN`. A line break in a name is a zero byte.
pub fn nano(known: &Known, text: &[u8]) -> Vec<Cut> {
    of_lines(text, |line| {
        let mut parts = line.rsplitn(3, |byte| *byte == b' ');
        let numbers = [parts.next()?, parts.next()?];
        let are = numbers.iter().all(|part| part.iter().all(u8::is_ascii_digit));
        let path: Vec<u8> =
            parts.next()?.iter().map(|byte| if *byte == 0 { b'\n' } else { *byte }).collect();
        known.of_path(&path).filter(|_| are)
    })
}

/// The history of less: marks name a file; so may a command of the shell.
pub fn less(known: &Known, text: &[u8]) -> Vec<Cut> {
    of_lines(text, |line| match line.split_first()? {
        (b'm', rest) => known.of_text(rest.splitn(5, |byte| *byte == b' ').nth(4)?),
        (b'"', typed) => in_command(known, typed),
        _ => None,
    })
}

/// A file of Emacs that has a path in each line: what it saves by itself.
pub fn emacs_lines(known: &Known, text: &[u8]) -> Vec<Cut> {
    of_lines(text, |line| known.of_text(line))
}

/// What fits a pattern and means a path, which its first group has.
fn matches(pattern: &str, text: &[u8], of: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<Cut> {
    let Ok(pattern) = Regex::new(&format!("(?s-u){pattern}")) else { return Vec::new() };
    let found = pattern.captures_iter(text).filter_map(|found| {
        Some(Cut { range: found.get(0)?.range(), of: of(found.get(1)?.as_bytes())? })
    });
    found.collect()
}

/// Elements of XML with an attribute that means a path. One that is alone on its lines goes
/// with them.
fn elements(text: &[u8], (name, attribute): (&str, &str), known: &Known) -> Vec<Cut> {
    let pattern =
        format!(r#"<{name}(?:\s[^<>]*)?\s{attribute}="([^"]*)"[^<>]*(?:/>|>.*?</{name}\s*>)"#);
    let cuts = matches(&pattern, text, |value| known.of_text(&plain_xml(value)));
    cuts.into_iter().map(|Cut { range, of }| Cut { range: with_lines(text, range), of }).collect()
}

/// The same range with the blanks before it and the line break behind it, if nothing else is on
/// these lines.
pub(super) fn with_lines(text: &[u8], range: Range<usize>) -> Range<usize> {
    let blanks = text[..range.start].iter().rev().take_while(|byte| b" \t".contains(byte)).count();
    let start = range.start - blanks;
    let begins = start == 0 || text[start - 1] == b'\n';
    let end = match text.get(range.end..) {
        Some([b'\n', ..]) => Some(range.end + 1),
        Some([b'\r', b'\n', ..]) => Some(range.end + 2),
        _ => None,
    };
    match end {
        Some(end) if begins => start..end,
        _ => range,
    }
}

/// Without the entities of XML.
fn plain_xml(text: &[u8]) -> Vec<u8> {
    const ENTITIES: [(&[u8], u8); 6] = [
        (b"&amp;", b'&'),
        (b"&apos;", b'\''),
        (b"&#39;", b'\''),
        (b"&quot;", b'"'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
    ];
    let (mut all, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        let found = ENTITIES.iter().find(|(entity, _)| text[at..].starts_with(entity));
        all.push(found.map_or(*byte, |(_, byte)| *byte));
        at += found.map_or(1, |(entity, _)| entity.len());
    }
    all
}

/// recently-used.xbel, which GTK and KDE keep.
pub fn xbel(known: &Known, text: &[u8]) -> Vec<Cut> {
    elements(text, ("bookmark", "href"), known)
}

/// The recent projects of a `JetBrains` IDE.
pub fn jetbrains(known: &Known, text: &[u8]) -> Vec<Cut> {
    elements(text, ("entry", "key"), known)
}

/// The histories in registrymodifications.xcu of `LibreOffice`: a line for each setting.
pub fn libreoffice(known: &Known, text: &[u8]) -> Vec<Cut> {
    let items = matches(r#"<item oor:path="([^"]*)">.*?</item>"#, text, |path| {
        path.windows(9).any(|part| part == b"Histories").then(Vec::new)
    });
    let of = |range: Range<usize>| {
        let uris = matches(r#"(?:name="|<value>)(file://[^"<]*)["<]"#, &text[range], |uri| {
            known.of_uri(&plain_xml(uri))
        });
        uris.into_iter().next().map(|cut| cut.of)
    };
    let cut =
        |range: Range<usize>| Some(Cut { of: of(range.clone())?, range: with_lines(text, range) });
    items.into_iter().filter_map(|item| cut(item.range)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::known::tests::knows;
    use super::*;

    /// What is left of a text, and how many entries it had.
    #[track_caller]
    fn cut(entries: fn(&Known, &[u8]) -> Vec<Cut>, text: &str) -> (String, usize) {
        let known = knows(&["a.txt", "b c.txt", "dir/d&e.odt"]);
        let cuts = entries(&known, text.as_bytes());
        (String::from_utf8(without(text.as_bytes(), &cuts)).unwrap(), cuts.len())
    }

    #[test]
    fn of_a_history_go_the_lines_that_name_a_path() {
        let text = "ls\n#1700000000\nvim ~/data/a.txt\n#1700000001\nls ~/data\ncat 'data/b c.txt'\n\
                    echo don't; less ~/data/a.txt\nless ~/data/a.txt.old\nrm ~/data/b\\ c.txt\n";
        let rest = "ls\n#1700000001\nls ~/data\nless ~/data/a.txt.old\n";
        assert_eq!(cut(shell, text), (rest.to_owned(), 4));
        let text = ": 1700000000:0;for i in 1; do\\\ncat ~/data/a.txt\\\ndone\n: 1700000001:0;ls\n";
        assert_eq!(cut(zsh, text), (": 1700000001:0;ls\n".to_owned(), 1));
        assert_eq!(cut(shell, "vim ~/data/a.txt\\\nls\n"), ("ls\n".to_owned(), 1));
        assert_eq!(cut(shell, "open('/home/joe/data/b c.txt').read()"), (String::new(), 1));
        assert_eq!(cut(shell, ""), (String::new(), 0));
    }

    #[test]
    fn zsh_turns_a_bit_of_some_bytes() {
        assert_eq!(unmasked(b"a\x83\xa3b"), b"a\x83b");
    }

    #[test]
    fn of_the_history_of_fish_go_whole_entries() {
        let text = "- cmd: ls\n  when: 1\n- cmd: vim a.txt\n  when: 2\n  paths:\n    - ~/data/a.txt\n\
                    - cmd: cat ~/data/b\\\\ c.txt\n  when: 3\n- cmd: cd\n  when: 4\n";
        let rest = "- cmd: ls\n  when: 1\n- cmd: cd\n  when: 4\n";
        assert_eq!(cut(fish, text), (rest.to_owned(), 2));
    }

    #[test]
    fn of_the_notes_of_vim_go_marks_jumps_and_commands() {
        let text = "# This viminfo file was generated by Vim 9.1.\n\n# Command Line History:\n\
                    :e ~/data/a.txt\n|2,0,1700000000,,\"e ~/data/a.txt\"\n:wq\n|2,0,1700000001,,\"wq\"\n\n\
                    # File marks:\n'0  1  0  ~/data/a.txt\n|4,48,1,0,1700000000,\"~/data/a.txt\"\n\
                    '1  3  2  ~/data/b c.txt\n'2  1  0  ~/other.txt\n|4,50,1,0,1700000000,\"~/other.txt\"\n\n\
                    # Jumplist (newest first):\n-'  1  0  ~/data/a.txt\n-'  1  0  ~/data/a.txt~\n\n\
                    # History of marks within files (newest to oldest):\n\n> ~/data/a.txt\n\
                    \t*\t1700000000\t0\n\t\"\t1\t0\n\n> ~/other.txt\n\t*\t1700000000\t0\n\t\"\t1\t0\n";
        let rest = "# This viminfo file was generated by Vim 9.1.\n\n# Command Line History:\n\
                    :wq\n|2,0,1700000001,,\"wq\"\n\n\
                    # File marks:\n'2  1  0  ~/other.txt\n|4,50,1,0,1700000000,\"~/other.txt\"\n\n\
                    # Jumplist (newest first):\n-'  1  0  ~/data/a.txt~\n\n\
                    # History of marks within files (newest to oldest):\n\n\n\
                    > ~/other.txt\n\t*\t1700000000\t0\n\t\"\t1\t0\n";
        assert_eq!(cut(viminfo, text), (rest.to_owned(), 9));
    }

    #[test]
    fn vim_writes_a_line_break_in_a_name_behind_ctrl_v() {
        let text = b"'5  3  4  ~/data/new\x16nline.txt\n-'  3  0  ~/data/new\x16nline.txt\n\
                     > ~/data/new\x16nline.txt\n\t\"\t1\t0\n|4,48,1,0,1,\"~/data/new\\nline.txt\"\n";
        let known = knows(&["new\nline.txt"]);
        assert_eq!(without(text, &viminfo(&known, text)), b"");
    }

    #[test]
    fn of_other_notes_go_single_lines() {
        let text =
            "/home/joe/data/a.txt 3 1\n/home/joe/data/a.txt.x 3 1\n/home/joe/data/b c.txt 10 2\n";
        assert_eq!(cut(nano, text), ("/home/joe/data/a.txt.x 3 1\n".to_owned(), 2));
        let text = ".less-history-file:\n.search\n\"a.txt\n.shell\n\"ls ~/data/a.txt\n.mark\n\
                    m a 1 10 /home/joe/data/a.txt\nm b 1 10 /home/joe/a.txt\n";
        let rest =
            ".less-history-file:\n.search\n\"a.txt\n.shell\n.mark\nm b 1 10 /home/joe/a.txt\n";
        assert_eq!(cut(less, text), (rest.to_owned(), 2));
        let text = "/home/joe/data/a.txt\n/home/joe/.emacs.d/auto-save/#a.txt#\n";
        let rest = "/home/joe/.emacs.d/auto-save/#a.txt#\n";
        assert_eq!(cut(emacs_lines, text), (rest.to_owned(), 1));
    }

    #[test]
    fn of_xml_go_whole_elements() {
        let bookmark = |uri: &str| {
            format!(
                "  <bookmark href=\"{uri}\" added=\"2026-01-01T00:00:00Z\">\n    <info>\n      \
                 <metadata owner=\"x\"/>\n    </info>\n  </bookmark>\n"
            )
        };
        let all = |uris: &[&str]| {
            let all: String = uris.iter().map(|uri| bookmark(uri)).collect();
            format!("<?xml version=\"1.0\"?>\n<xbel version=\"1.0\">\n{all}</xbel>")
        };
        let other = "file:///home/joe/data/a.txt.bak";
        let text =
            all(&["file:///home/joe/data/a.txt", other, "file:///home/joe/data/dir/d&amp;e.odt"]);
        assert_eq!(cut(xbel, &text), (all(&[other]), 2));
        let entry = |key: &str| {
            format!(
                "        <entry key=\"{key}\">\n          <value>\n          </value>\n        </entry>\n"
            )
        };
        let text =
            format!("<map>\n{}{}</map>\n", entry("$USER_HOME$/data/a.txt"), entry("$USER_HOME$/a"));
        assert_eq!(
            cut(jetbrains, &text),
            (format!("<map>\n{}</map>\n", entry("$USER_HOME$/a")), 1)
        );
    }

    #[test]
    fn of_libreoffice_go_the_items_of_its_histories() {
        let path = "/org.openoffice.Office.Histories/Histories/\
                    org.openoffice.Office.Histories:HistoryInfo['PickList']";
        let item = |uri: &str| {
            format!(
                "<item oor:path=\"{path}/ItemList\"><node oor:name=\"{uri}\" oor:op=\"replace\">\
                 <prop oor:name=\"Title\" oor:op=\"fuse\"><value>x</value></prop></node></item>\n\
                 <item oor:path=\"{path}/OrderList\"><node oor:name=\"0\" oor:op=\"replace\">\
                 <prop oor:name=\"HistoryItemRef\" oor:op=\"fuse\"><value>{uri}</value></prop></node></item>\n"
            )
        };
        let setting = "<item oor:path=\"/org.openoffice.Office.Common/Misc\"><prop oor:name=\"x\">\
                       <value>file:///home/joe/data/a.txt</value></prop></item>\n";
        let ours = item("file:///home/joe/data/b%20c.txt")
            + &item("file:///home/joe/data/dir/d&amp;e.odt");
        let others = item("file:///home/joe/data/b%20c.txt2") + setting;
        assert_eq!(
            cut(libreoffice, &format!("<x>\n{ours}{others}</x>")),
            (format!("<x>\n{others}</x>"), 4)
        );
    }

    #[test]
    fn the_lines_of_cuts_are_counted_and_parts_of_lines_are_none() {
        let of = |start, end| Cut { range: start..end, of: Vec::new() };
        let text = b"one\ntwo\nthree\nfour\nfive";
        assert_eq!(lines_of(text, &[of(4, 8), of(8, 19)]), Some(vec![(2, 2), (3, 4)]));
        assert_eq!(lines_of(text, &[of(19, 23)]), Some(vec![(5, 5)]));
        assert_eq!(lines_of(text, &[of(4, 7)]), None);
        assert_eq!(lines_of(text, &[of(5, 8)]), None);
        assert_eq!(without(text, &[of(0, 4), of(14, 19)]), b"two\nthree\nfive");
    }
}
