//! A command line of bash that somebody is typing, as far as it is typed.

/// What is typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Typed {
    /// The words, as the command gets them; the last is the one that is being typed.
    pub words: Vec<Vec<u8>>,
    /// How many bytes of the last word bash does not replace.
    pub head: usize,
    /// The quotation mark that is open.
    pub quote: Option<u8>,
}

/// Reads a line. bash takes what follows a character of `breaks` for a word of its own.
pub fn typed(line: &[u8], breaks: &[u8]) -> Typed {
    let mut all = Typed { words: vec![Vec::new()], head: 0, quote: None };
    let (mut rest, mut is_begun) = (line, false);
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        let is_blank = all.quote.is_none() && byte.is_ascii_whitespace();
        if is_blank && is_begun {
            all.words.push(Vec::new());
            (all.head, is_begun) = (0, false);
        }
        if is_blank {
            continue;
        }
        is_begun = true;
        let Some(word) = all.words.last_mut() else { break };
        match (all.quote, byte) {
            (Some(open), _) if byte == open => {
                (all.quote, all.head) = (None, 0);
            }
            (None, b'\'' | b'"') => {
                (all.quote, all.head) = (Some(byte), word.len());
            }
            (Some(b'\''), _) => word.push(byte),
            (Some(_), b'\\') => match rest.split_first() {
                Some((&next, more)) if b"\\\"$`".contains(&next) => {
                    word.push(next);
                    rest = more;
                }
                _ => word.push(byte),
            },
            (None, b'\\') => {
                if let Some((&next, more)) = rest.split_first() {
                    word.push(next);
                    rest = more;
                }
            }
            _ => {
                word.push(byte);
                if all.quote.is_none() && b"=:@".contains(&byte) && breaks.contains(&byte) {
                    all.head = word.len();
                }
            }
        }
    }
    all
}

/// The rest of a word as bash has to be given it, where this `quote` is open. None: there is no
/// way to write it there.
pub fn quoted(rest: &[u8], quote: Option<u8>) -> Option<Vec<u8>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=:@,+%".contains(&byte);
    let mut out = Vec::new();
    for &byte in rest {
        match quote {
            Some(b'\'') if byte == b'\'' => out.extend(br"'\''"),
            Some(b'\'') => out.push(byte),
            // Between these the history is asked for it, and nothing helps.
            Some(_) if byte == b'!' => return None,
            Some(_) if b"\\\"$`".contains(&byte) => out.extend([b'\\', byte]),
            // Letters of other languages are many bytes, and mean nothing to a shell.
            Some(_) => out.push(byte),
            None if is_plain(byte) || byte >= 0x80 => out.push(byte),
            None => out.extend([b'\\', byte]),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Vec<String>, usize, Option<char>) {
        let Typed { words, head, quote } = typed(line.as_bytes(), b" \"'=:");
        let words = words.into_iter().map(|word| String::from_utf8(word).unwrap());
        (words.collect(), head, quote.map(char::from))
    }

    #[test]
    fn words_are_what_the_command_gets() {
        let (words, head, quote) = read(r#"poof  get a\ b "c d\"$"'e'f da"#);
        assert_eq!(words, ["poof", "get", "a b", "c d\"$ef", "da"]);
        assert_eq!((head, quote), (0, None));
        assert_eq!(read("poof ").0, ["poof", ""]);
        assert_eq!(
            read("poof get \"da ta/x"),
            (vec!["poof".into(), "get".into(), "da ta/x".into()], 0, Some('"'))
        );
        assert_eq!(read("x a:b=c"), (vec!["x".into(), "a:b=c".into()], 4, None));
        assert_eq!(read(r"x a\:b"), (vec!["x".into(), "a:b".into()], 0, None));
        assert_eq!(read("x da'ta"), (vec!["x".into(), "data".into()], 2, Some('\'')));
        assert_eq!(read("x a\\").0, ["x", "a"]);
    }

    #[test]
    fn what_is_quoted_is_read_as_it_was() {
        let name = "it's $(rm -rf ~) `x` \"q\" \\ *?[a] {b,c} ü#;&|<>~\u{7f}";
        for (quote, mark) in [(None, ""), (Some(b'\''), "'"), (Some(b'"'), "\"")] {
            let text = String::from_utf8(quoted(name.as_bytes(), quote).unwrap()).unwrap();
            assert_eq!(read(&format!("poof {mark}{text}{mark}")).0, ["poof", name], "{text}");
        }
        assert_eq!(quoted(b"a!", Some(b'"')), None);
        assert_eq!(quoted(b"a!", None).unwrap(), b"a\\!");
    }
}
