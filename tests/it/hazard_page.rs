//! docs/hazards.md has every hazard that is cited, and the tests that it names are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

const FIELDS: [&str; 4] = ["What happens", "Measured", "Countermeasure", "Tests"];

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hazards.md")).unwrap()
}

/// The sources in Rust and Go, by their paths.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = ["tests", "src", "go", "benches", "fuzz/src"].map(|dir| root.join(dir));
    let files = dirs.into_iter().flat_map(WalkDir::new).map(|entry| entry.unwrap().into_path());
    let is_source = |path: &std::path::PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs" || extension == "go")
    };
    let text = |path: std::path::PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    files.filter(is_source).map(text).collect()
}

/// The numbers behind the word in a text: `Hazard 7`, `(hazard 18)`, `hazards 1 and 30`.
fn cited(text: &str) -> Vec<u32> {
    let lower = text.to_lowercase();
    let after = lower.split("hazard").skip(1).map(|rest| rest.strip_prefix('s').unwrap_or(rest));
    let numbers = |rest: &str| {
        let words = rest.split([' ', ',', '\u{2013}']).skip(1);
        let named = words.take_while(|word| {
            word.is_empty()
                || *word == "and"
                || word.starts_with(|first: char| first.is_ascii_digit())
        });
        let number = |word: &str| word.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
        named.filter_map(number).collect::<Vec<u32>>()
    };
    after.flat_map(numbers).collect()
}

/// The entries of the page, by number.
fn entries(page: &str) -> BTreeMap<u32, String> {
    let sections = page.split("\n### Hazard ").skip(1);
    let entry = |section: &str| {
        let (number, _) = section.split_once(':').unwrap();
        let text = section.split("\n## ").next().unwrap();
        (number.parse().unwrap(), text.to_owned())
    };
    sections.map(entry).collect()
}

/// What is wrong with an entry; `known` are all tests that there are.
fn faults(entry: &str, known: &BTreeSet<String>) -> Vec<String> {
    let missing = FIELDS.iter().filter(|field| !entry.contains(&format!("\n- **{field}**: ")));
    let mut faults: Vec<_> = missing.map(|field| format!("no field {field}")).collect();
    let tests = entry.split("- **Tests**: ").nth(1).unwrap_or_default();
    let quoted = tests.split('`').skip(1).step_by(2);
    let named: Vec<_> =
        quoted.filter(|name| name.contains('_') || name.starts_with("Test")).collect();
    if named.is_empty() && !tests.contains("scripts/") {
        faults.push("no test".to_owned());
    }
    let gone = named.iter().filter(|name| !known.contains(**name));
    faults.extend(gone.map(|name| format!("there is no test {name}")));
    faults
}

/// The functions of Rust and Go that stand behind `#[test]`, or begin with `Test`.
fn tests_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        let name = |rest: &str| rest.split('(').next().unwrap().to_owned();
        if let Some(rest) = line.strip_prefix("func Test") {
            found.push(format!("Test{}", name(rest)));
        } else if let Some(rest) = line.strip_prefix("fn ")
            && is_test
        {
            found.push(name(rest));
        }
        is_test =
            line == "#[test]" || is_test && (line.starts_with("#[") || line.starts_with("//"));
    }
    found
}

#[test]
fn every_hazard_that_is_cited_is_on_the_page() {
    let entries = entries(&page());
    let numbers: Vec<_> = entries.keys().copied().collect();
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<u32>>(), "none is left out");
    let mut count = 0;
    for (path, text) in sources().iter().filter(|(path, _)| path != "tests/it/hazard_page.rs") {
        for number in cited(text) {
            assert!(entries.contains_key(&number), "{path}: hazard {number} is not on the page");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn every_entry_is_whole_and_names_tests_that_are_there() {
    let known: BTreeSet<_> = sources().iter().flat_map(|(_, text)| tests_of(text)).collect();
    let page = page();
    let entries = entries(&page);
    assert_eq!(entries.len(), page.matches("\n### ").count(), "a heading that is no hazard");
    let found: Vec<_> = entries
        .iter()
        .flat_map(|(number, entry)| {
            faults(entry, &known).into_iter().map(move |fault| format!("hazard {number}: {fault}"))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_the_page_lacks_is_noticed() {
    assert_eq!(cited("// Hazard 7: x\n(hazard 18). Hazards 1, 2 and 30 too"), [7, 18, 1, 2, 30]);
    assert_eq!(cited("hazards.rs has a hazard that is none"), [0; 0]);
    let known = BTreeSet::from(["one_test".to_owned(), "TestTwo".to_owned()]);
    let whole = "1: x\n\n- **What happens**: y\n- **Measured**: z\n- **Countermeasure**: w\n\
                 - **Tests**: `one_test`, `TestTwo`.\n";
    assert_eq!(faults(whole, &known), [""; 0]);
    assert_eq!(faults(&whole.replace("one_", "no_"), &known), ["there is no test no_test"]);
    assert_eq!(faults(&whole.replace("Measured", "Seen"), &known), ["no field Measured"]);
    assert_eq!(faults(&whole.replace("`one_test`, `TestTwo`", "none"), &known), ["no test"]);
    let text =
        "#[test]\n#[ignore = \"x\"]\nfn a_test() {\nfn other() {\nfunc TestB(t *testing.T) {";
    assert_eq!(tests_of(text), ["a_test", "TestB"]);
}
