//! A kit as a page that any browser prints: without a script, without anything from elsewhere.

use std::borrow::Cow;

use qrcode::QrResult;

use super::codes;
use crate::base::units::date;
use crate::kit::lines::Line;

const BEGIN: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
                     <meta name=\"generator\" content=\"poof kit\">\n";

/// What may be read on it in clear.
pub struct Facts<'a> {
    pub remote: &'a str,
    pub bucket: &'a str,
    /// Seconds since 1970.
    pub made: u64,
}

/// The page.
///
/// # Errors
/// A line does not fit into a code.
pub fn of(lines: &[Line], facts: &Facts) -> QrResult<String> {
    let texts = codes::texts(lines, codes::ON_PAPER);
    let count = texts.len();
    let figure = |(number, (text, part)): (usize, (&String, &[Line]))| {
        let first = 1 + (number - 1) * codes::ON_PAPER;
        let last = first + part.len() - 1;
        let which =
            if first == last { format!("line {first}") } else { format!("lines {first}–{last}") };
        let caption = format!("code {number} of {count} ({which})");
        let drawing = codes::drawn(text)?;
        Ok(format!("<figure>{drawing}<figcaption>{caption}</figcaption></figure>\n"))
    };
    let parts = texts.iter().zip(lines.chunks(codes::ON_PAPER));
    let figures = (1..).zip(parts).map(figure).collect::<QrResult<String>>()?;
    let typed: Vec<_> = lines.iter().map(Line::for_people).collect();
    let [remote, bucket] = [facts.remote, facts.bucket].map(escaped);
    let filled = [
        ("STYLE", include_str!("page/style.css")),
        ("VERSION", env!("CARGO_PKG_VERSION")),
        ("REMOTE", &remote),
        ("BUCKET", &bucket),
        ("MADE", &date(facts.made)),
        ("CODES", &count.to_string()),
        ("COUNT", &lines.len().to_string()),
        ("FIGURES", &figures),
        ("LINES", &typed.join("\n")),
    ];
    Ok(filled
        .iter()
        .fold(format!("{BEGIN}{}", include_str!("page/page.html")), |page, (name, text)| {
            page.replace(&format!("{{{name}}}"), text)
        }))
}

/// Whether poof has made this page.
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGIN.as_bytes())
}

/// What a person reads of a page; another text as it is. The drawings are in tags.
pub fn text(text: &str) -> Cow<'_, str> {
    let begins = |word: &str| {
        text.trim_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if !begins("<!doctype html") && !begins("<html") {
        return text.into();
    }
    let mut read = String::new();
    let body = text.split_once("<body").map_or(text, |(_, body)| body);
    for part in body.split('<') {
        read.push_str(part.split_once('>').map_or(part, |(_, after)| after));
        read.push('\n');
    }
    read.into()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('{', "&#123;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::lines::{self, Lines};

    fn page(size: usize) -> (Vec<u8>, String) {
        let bytes: Vec<_> = (0..size).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
        let facts = Facts { remote: "poof-crypt", bucket: "a<b>&{LINES}", made: 1_795_980_000 };
        let page = of(&lines::of(&bytes).unwrap(), &facts).unwrap();
        (bytes, page)
    }

    #[test]
    fn a_page_has_all_that_it_needs_and_reads_back() {
        let (bytes, page) = page(600);
        for part in [
            "code 1 of 5 (lines 1–5)",
            "code 5 of 5 (line 21)",
            "a&lt;b>&amp;&#123;LINES}",
            "poof return --type",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(is_one(page.as_bytes()) && !is_one(b"<!DOCTYPE html>"));
        // Neither a script, nor anything that is somewhere else, nor a place that was not filled.
        let lower = page.to_lowercase();
        for part in ["<script", "src=", "href=", "url(", "@import", "onload", "<link", "{lines}"] {
            assert!(!lower.replace("&#123;lines}", "").contains(part), "{part}");
        }
        let mut read = Lines::default();
        let found = read.read(&text(&page), None);
        assert_eq!((found.wrong, found.others), (vec![], vec![]));
        assert_eq!(read.bytes().unwrap(), bytes);
    }

    #[test]
    fn a_wrong_line_on_the_page_is_named_and_prose_is_none() {
        let page = page(300).1;
        let at = page.find("\n05  ").unwrap() + 8;
        let wrong = if &page[at..=at] == "Q" { "P" } else { "Q" };
        let page = format!("{}{wrong}{}", &page[..at], &page[at + 1..]);
        let mut lines = Lines::default();
        let read = lines.read(&text(&page), None);
        assert_eq!(read.wrong.iter().map(|wrong| wrong.number).collect::<Vec<_>>(), [Some(5)]);
        assert_eq!(lines.lacks(&[]).as_deref(), Some("line 5 is missing"));
    }
}
