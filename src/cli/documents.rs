//! Compares what the documents say of the command line with the command line.

use std::collections::BTreeSet;

use clap::ValueEnum;
use clap::error::ErrorKind;

use super::help::with_topics;
use super::{Guard, command};
use crate::base::error::{DONE, Kind};

const EXIT_CODES: &str = include_str!("../../docs/exit-codes.md");

/// The documents that say what to type.
const DOCUMENTS: [(&str, &str); 14] = [
    ("README.md", include_str!("../../README.md")),
    ("commands.md", include_str!("../../docs/commands.md")),
    ("configuration.md", include_str!("../../docs/configuration.md")),
    ("exit-codes.md", EXIT_CODES),
    ("install.md", include_str!("../../docs/install.md")),
    ("json.md", include_str!("../../docs/json.md")),
    ("machines.md", include_str!("../../docs/machines.md")),
    ("macos.md", include_str!("../../docs/macos.md")),
    ("promises.md", include_str!("../../docs/promises.md")),
    ("providers.md", include_str!("../../docs/providers.md")),
    ("recipes.md", include_str!("../../docs/recipes.md")),
    ("schedule.md", include_str!("../../docs/schedule.md")),
    ("secrets.md", include_str!("../../docs/secrets.md")),
    ("wiping.md", include_str!("../../docs/wiping.md")),
];

/// Why `words`, a command line, is not understood. To ask for help is to be understood.
fn fault<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let error = with_topics().try_get_matches_from(words).err()?;
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    (!is_help).then(|| error.to_string())
}

#[test]
fn every_line_of_the_documents_is_a_command_line_that_is_understood() {
    let mut count = 0;
    for (name, text) in DOCUMENTS {
        for line in text.lines().filter_map(|line| line.strip_prefix("$ poof ")) {
            // What a shell would take away.
            let line = line.split([';', '|', '#', '>']).next().unwrap_or_default();
            let words = line.replace("'google cloud storage'", "google");
            let words = ["poof"].into_iter().chain(words.split_whitespace());
            assert_eq!(fault(words), None, "{name}: {line}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
    assert!(fault(["poof", "backup", "--unknown", "x"].into_iter()).is_some());
}

/// What stands between backquotes, out of blocks of code.
fn quoted(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2).collect::<String>();
    prose.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect()
}

#[test]
fn every_command_and_option_in_the_text_is_one_of_poofs() {
    let command = command();
    let all: BTreeSet<_> = command
        .get_subcommands()
        .flat_map(|sub| sub.get_subcommands().chain([sub]).collect::<Vec<_>>())
        .chain([&command])
        .collect::<Vec<_>>()
        .into_iter()
        .flat_map(|sub| {
            let options = sub.get_arguments().filter_map(|arg| arg.get_long());
            options.map(|long| format!("--{long}")).chain([sub.get_name().to_owned()])
        })
        .chain(["--help", "--version", "help"].map(str::to_owned))
        .collect();
    let mut count = 0;
    for (name, text) in DOCUMENTS {
        for code in quoted(text).iter().filter_map(|code| code.strip_prefix("poof ")) {
            let words = code.split([' ', '=']).filter(|word| word.starts_with("--"));
            for word in code.split_whitespace().take(1).chain(words) {
                // A word in capitals stands for one.
                assert!(
                    all.contains(word) || word.starts_with(char::is_uppercase),
                    "{name}: {code}"
                );
                count += 1;
            }
        }
    }
    assert!(count > 50 && !all.contains("--unknown"), "{count}");
}

/// The rows of the table of `EXIT_CODES` below this line, without the head.
fn table(head: &str) -> Vec<[String; 2]> {
    let (_, rest) = EXIT_CODES.split_once(&format!("{head}\n|---|---|\n")).unwrap_or_default();
    let rows = rest.lines().take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let mut cells = row.trim_matches('|').splitn(2, '|').map(|cell| cell.trim().to_owned());
        [(); 2].map(|()| cells.next().unwrap_or_default())
    };
    rows.map(cells).collect()
}

#[test]
fn the_table_of_exit_codes_is_this_one() {
    let row = |code: u8, meaning: &str| [code.to_string(), meaning.to_owned()];
    let mut rows = vec![row(0, DONE)];
    rows.extend(Kind::ALL.map(|kind| row(kind.exit_code(), kind.meaning())));
    assert_eq!(table("| code | meaning |"), rows);
    let mut words = vec![row(0, "`done`")];
    words.extend(Kind::ALL.map(|kind| row(kind.exit_code(), &format!("`{}`", kind.word()))));
    assert_eq!(table("| code | `POOF_RESULT` |"), words);
}

#[test]
fn the_order_of_exit_codes_is_this_one() {
    let mut kinds = Kind::ALL;
    kinds.sort();
    let mut codes: Vec<_> = kinds.iter().rev().map(|kind| kind.exit_code().to_string()).collect();
    let last = codes.pop().unwrap_or_default();
    let order = format!("{}, and {last}.", codes.join(", "));
    assert!(EXIT_CODES.replace('\n', " ").contains(&order), "{order}");
}

#[test]
fn every_guard_has_a_row() {
    let words = Guard::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let words: BTreeSet<_> = words.map(|word| format!("`{}`", word.get_name())).collect();
    let rows: BTreeSet<_> =
        table("| word | what it allows |").into_iter().map(|[word, _]| word).collect();
    assert_eq!(rows, words);
}
