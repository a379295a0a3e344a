//! The words of README, of the pages for users and of `--help`: what of plain English can be
//! counted. scripts/lint.sh looks at the spelling.

use std::sync::LazyLock;

use regex::Regex;

use super::read;
use crate::harness::Sandbox;

/// In words, of a sentence in README.md and help.
const LONGEST: usize = 25;

/// The same for a page, which has more to explain.
const LONGEST_OF_PAGES: usize = 30;

/// README.md has a screen or three for those who come, and links for the rest.
const MOST_LINES: usize = 180;

/// The pages for those who come, or who write programs: one fact in a sentence.
const PAGES_FOR_READERS_OF_CODE: [&str; 5] =
    ["docs/format.md", "docs/json.md", "docs/machines.md", "docs/ransom.md", "docs/speed.md"];

/// The pages for users.
const PAGES: [&str; 12] = [
    "docs/commands.md",
    "docs/configuration.md",
    "docs/exit-codes.md",
    "docs/install.md",
    "docs/macos.md",
    "docs/profiles.md",
    "docs/promises.md",
    "docs/providers.md",
    "docs/recipes.md",
    "docs/schedule.md",
    "docs/secrets.md",
    "docs/wiping.md",
];

/// What reads like a translation, and what to write instead.
const BANNED: [(&str, &str); 12] = [
    (r"what (is|are|was) \w+ (is|are)\b", "make what is meant the subject: \"poof lists …\""),
    (r"\b(has|have) (its|their)\b", "say what it has"),
    (r"\b(lies|lie)\b", "is"),
    (r"\b(stands|stand) (in|on|at|there|behind|below|above)\b", "is"),
    (r"\b(its|their) kin\b", "and others, or name them"),
    (r"\bthe word that lets\b|\blets? it pass\b", "allows it"),
    (r"\bfor what was to be\b", "say what happened"),
    (r"\b(is|are) named\b|\bit names\b|\bpoof names\b|\band named\b", "reports, lists or shows"),
    (r"\bby (itself|themselves): ", "automatically"),
    (r"\bwho wants\b|\bis asked for\b", "if you want; poof asks for"),
    (r"\bsets? about\b|\bof its own accord\b", "by itself"),
    (r"\bis the word\b|\bno word\b", "say what happens"),
];

/// Reading a pattern takes longer than to look for it.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let pattern = |text| Regex::new(&format!("(?i){text}")).unwrap();
    BANNED.map(|(text, instead)| (pattern(text), instead)).into()
});
static ITEM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^([-*]|\d+\.) ").unwrap());
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`[^`]*`").unwrap());
static TARGET: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\([^)]*\)").unwrap());
static END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"[.!?][")*]*\s+"#).unwrap());
static FACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\f[BIR]").unwrap());

/// Paragraphs, items of lists and cells of tables: what has sentences. Code is one word.
fn units(text: &str) -> Vec<String> {
    let (mut units, mut is_code) = (vec![String::new()], false);
    let (mut is_apart, mut is_indented) = (true, false);
    for line in text.lines() {
        // What is indented after an empty line is code as well.
        is_indented = line.starts_with("    ") && (is_apart || is_indented);
        is_apart = line.trim().is_empty();
        if is_indented {
            units.push(String::new());
            continue;
        }
        let line = line.trim();
        let fence = line.starts_with("```");
        is_code ^= fence;
        if fence || is_code || line.is_empty() || line.starts_with('#') {
            units.push(String::new());
        } else if line.starts_with('|') {
            units.extend(line.split('|').map(str::to_owned));
            units.push(String::new());
        } else {
            if ITEM.is_match(line) {
                units.push(String::new());
            }
            let last = units.last_mut().unwrap();
            last.push_str(&ITEM.replace(line, ""));
            last.push(' ');
        }
    }
    let plain = |unit: &String| TARGET.replace_all(&CODE.replace_all(unit, "CODE"), "]").into();
    units.iter().map(plain).collect()
}

fn sentences(unit: &str) -> Vec<&str> {
    END.split(unit).map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

fn words(sentence: &str) -> usize {
    sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// What is wrong with these words.
fn faults(units: &[String], longest: usize) -> Vec<String> {
    let mut faults = Vec::new();
    for sentence in units.iter().flat_map(|unit| sentences(unit)) {
        if words(sentence) > longest {
            faults.push(format!("{} words, at most {longest}: {sentence}", words(sentence)));
        }
        let banned = PATTERNS.iter().filter(|(pattern, _)| pattern.is_match(sentence));
        faults
            .extend(banned.map(|(pattern, instead)| format!("{pattern} ({instead}): {sentence}")));
    }
    faults
}

/// What `--help` says of every command: the manual page has it without line breaks.
fn help() -> Vec<String> {
    let page = Sandbox::new().poof(["man"]).run().expect_code(0).stdout;
    let (mut units, mut is_synopsis) = (Vec::new(), false);
    for line in page.lines() {
        if line.starts_with(".S") {
            is_synopsis = line.contains("SYNOPSIS");
        } else if !line.starts_with('.') && !is_synopsis {
            let text = line.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\&", "");
            units.push(FACE.replace_all(&text, "").into_owned());
        }
    }
    units
}

#[test]
fn the_readme_is_short_and_plain() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= MOST_LINES, "{} lines", readme.lines().count());
    assert_eq!(faults(&units(&readme), LONGEST), Vec::<String>::new());
}

#[test]
fn the_help_is_plain() {
    let help = help();
    assert!(help.len() > 300, "{}", help.len());
    assert_eq!(faults(&help, LONGEST), Vec::<String>::new());
}

#[test]
fn the_pages_for_users_are_plain() {
    assert_plain(&PAGES, LONGEST_OF_PAGES);
}

#[test]
fn the_pages_for_those_who_come_and_for_programs_are_plain() {
    assert_plain(&PAGES_FOR_READERS_OF_CODE, LONGEST);
}

#[track_caller]
fn assert_plain(pages: &[&str], longest: usize) {
    let of_page = |page: &&str| (page.to_string(), faults(&units(&read(page)), longest));
    let wrong: Vec<_> = pages.iter().map(of_page).filter(|(_, all)| !all.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_long_sentence_and_a_banned_phrase_are_found() {
    let found = |text: &str| faults(&units(text), LONGEST).len();
    let long = "word ".repeat(LONGEST + 1);
    assert_eq!(found(&long), 1);
    assert_eq!(found(&format!("{}. {}", &long[..100], &long[..100])), 0);
    assert_eq!(found(&format!("- {long}\n\n| a | {long} |\n```\n{long}\n```\n# {long}\n")), 2);
    assert_eq!(found(&format!("Code:\n\n    {long}\n    {long}\n\nAnd on.")), 0);
    assert_eq!(found(&format!("- An item\n    {long}")), 1);
    for text in [
        "What is excluded is\nleft alone.",
        "It has its price.",
        "The file lies there.",
        "What stands there under that key.",
        "`RCLONE_*` and their kin.",
        "poof names the word that lets it pass.",
        "The path is named (exit 5).",
        "For `upload` the command is the word.",
    ] {
        assert_ne!(found(text), 0, "{text}");
    }
    assert_eq!(found("poof lists what it cannot remove. No directory has another name."), 0);
}
