//! docs/configuration.md as `poof help poof.conf`, and as the manual page poof.conf(5).

use clap::Command;
use clap_mangen::roff::{Inline, Roff, bold, roman};
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

const PAGE: &str = include_str!("../../docs/configuration.md");

/// What it is about, as in `poof help TOPIC`.
pub const TOPIC: &str = "poof.conf";

const ABOUT: &str = "the configuration of poof";

/// A piece of the page. Headings of the second level are sections, lower ones are keys.
enum Block {
    Section(Words),
    Key(Words),
    Paragraph(Words),
    Item(Words),
    Code(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Face {
    Roman,
    Strong,
    Code,
}

type Words = Vec<(String, Face)>;

fn plain(words: &Words) -> String {
    words.iter().map(|(text, _)| text.as_str()).collect()
}

/// With quotes around code, which has dots and spaces of its own.
fn quoted(words: &Words) -> String {
    let quote = |(text, face): &(String, Face)| match face {
        Face::Code => format!("`{text}`"),
        Face::Roman | Face::Strong => text.clone(),
    };
    words.iter().map(quote).collect()
}

/// What a block is once it ends, if this ends one.
fn ended(end: TagEnd, words: &mut Words, in_item: bool) -> Option<Block> {
    let block: fn(Words) -> Block = match end {
        TagEnd::Heading(HeadingLevel::H1) => {
            words.clear();
            return None;
        }
        TagEnd::Heading(HeadingLevel::H2) => Block::Section,
        TagEnd::Heading(_) => Block::Key,
        TagEnd::Paragraph if !in_item => Block::Paragraph,
        TagEnd::Paragraph | TagEnd::Item => Block::Item,
        TagEnd::CodeBlock => return Some(Block::Code(plain(&std::mem::take(words)))),
        _ => return None,
    };
    (!words.is_empty()).then(|| block(std::mem::take(words)))
}

fn blocks() -> Vec<Block> {
    let (mut blocks, mut words) = (Vec::new(), Words::new());
    let (mut face, mut in_item, mut link) = (Face::Roman, false, String::new());
    for event in Parser::new(PAGE) {
        match event {
            Event::Text(text) => words.push((text.into_string(), face)),
            Event::Code(text) => words.push((text.into_string(), Face::Code)),
            Event::SoftBreak | Event::HardBreak => words.push((" ".to_owned(), face)),
            Event::Start(Tag::Strong) => face = Face::Strong,
            Event::End(TagEnd::Strong) => face = Face::Roman,
            Event::Start(Tag::Item) => in_item = true,
            Event::Start(Tag::Link { dest_url, .. }) => link = dest_url.into_string(),
            // Other pages are where this one comes from, and not beside the manual.
            Event::End(TagEnd::Link) if link.contains("://") => {
                words.push((format!(" ({link})"), face));
            }
            Event::End(end) => {
                blocks.extend(ended(end, &mut words, in_item));
                in_item &= end != TagEnd::Item;
            }
            _ => {}
        }
    }
    blocks
}

/// The page poof.conf(5), as roff.
pub fn page() -> String {
    let mut roff = Roff::new();
    let version = format!("poof {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", [TOPIC, "5", "", version.as_str(), "poof manual"]);
    roff.control("SH", ["NAME"]).text([roman(format!("{TOPIC} - {ABOUT}"))]);
    roff.control("SH", ["DESCRIPTION"]);
    let faced = |(text, face): &(String, Face)| -> Inline {
        if *face == Face::Roman { roman(text.as_str()) } else { bold(text.as_str()) }
    };
    for block in blocks() {
        match block {
            Block::Section(words) => roff.control("SH", [plain(&words).to_uppercase().as_str()]),
            Block::Key(words) => roff.control("SS", [plain(&words).as_str()]),
            Block::Paragraph(words) => {
                roff.control("PP", []).text(words.iter().map(faced).collect::<Vec<_>>())
            }
            Block::Item(words) => {
                let bullet = roff.control("IP", ["\\(bu", "2"]);
                bullet.text(words.iter().map(faced).collect::<Vec<_>>())
            }
            Block::Code(text) => {
                roff.control("PP", []).control("RS", ["4"]).control("nf", []);
                for line in text.lines() {
                    roff.text([roman(line)]);
                }
                roff.control("fi", []).control("RE", [])
            }
        };
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("poof"), roman("(1), "), bold("rclone"), roman("(1)")]);
    roff.render()
}

/// The same for a terminal, which breaks the lines.
fn text() -> String {
    blocks().iter().map(shown).collect::<String>().trim().to_owned()
}

fn shown(block: &Block) -> String {
    match block {
        Block::Section(words) => format!("\n{}\n\n", plain(words).to_uppercase()),
        Block::Key(words) => format!("{}\n\n", plain(words)),
        Block::Paragraph(words) => format!("{}\n\n", quoted(words)),
        Block::Item(words) => format!("- {}\n\n", quoted(words)),
        Block::Code(code) => format!("    {}\n\n", code.trim_end().replace('\n', "\n    ")),
    }
}

/// A topic of `poof help`; as a command it shows the same.
pub fn topic() -> Command {
    let topic = Command::new(TOPIC).long_about(text()).help_template("{about}");
    topic.hide(true).arg_required_else_help(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that the page has a heading for.
    fn keys() -> impl Iterator<Item = &'static str> {
        PAGE.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'))
    }

    #[test]
    fn the_manual_and_the_help_have_every_key_and_no_markup() {
        let (page, text) = (page().replace("\\-", "-"), text());
        assert!(keys().count() > 15);
        for key in keys() {
            let heading = page.lines().any(|line| {
                line.strip_prefix(".SS ").is_some_and(|rest| rest.trim_matches('"') == key)
            });
            assert!(heading, "{key} is not in {page}");
            assert!(text.lines().any(|line| line == key), "{key} is not in {text}");
        }
        for markup in ["](", "**", "```", "# "] {
            let prose = text.lines().filter(|line| !line.starts_with(' ') && !line.contains('`'));
            assert_eq!(prose.into_iter().find(|line| line.contains(markup)), None);
        }
        assert!(text.contains("(https://rclone.org/filtering/)") && !text.contains("(secrets.md"));
    }

    #[test]
    fn every_word_of_the_page_is_in_the_help() {
        let text = text().to_lowercase();
        let has: std::collections::HashSet<_> =
            text.split(|c: char| !c.is_alphanumeric()).collect();
        let (_, body) = PAGE.split_once('\n').unwrap();
        // Where links lead is not shown, and neither is what language code is in.
        let body = body.replace("](", "] (").replace("```json", "");
        let words = body.split_whitespace().filter(|word| !word.starts_with('('));
        for word in words.flat_map(|word| word.split(|c: char| !c.is_alphanumeric())) {
            assert!(has.contains(word.to_lowercase().as_str()), "{word:?} is missing");
        }
    }
}
