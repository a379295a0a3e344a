//! The documents: their links lead somewhere, what they say of the configuration is so, and
//! their words are plain.

mod configuration;
mod prose;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// All pages: at the top, and in these directories.
fn documents() -> Vec<PathBuf> {
    let dirs =
        ["", "docs", "vendor", ".github", ".github/ISSUE_TEMPLATE"].map(|dir| root().join(dir));
    let files = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
    let paths = files.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The anchors of the headings, as they are made where these files are shown.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(anchor).collect()
}

/// Why a link of `document` leads nowhere.
fn fault(document: &Path, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => document.to_path_buf(),
        path => document.parent().unwrap().join(path),
    };
    if !target.exists() {
        return Some(format!("{} is not there", target.display()));
    }
    let known = anchor.is_empty() || {
        let text = fs::read_to_string(&target).unwrap();
        anchors(&text).iter().any(|other| other == anchor)
    };
    (!known).then(|| format!("{} has no heading {anchor}", target.display()))
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            count += 1;
            assert_eq!(fault(&document, link), None, "{}: {link}", document.display());
        }
    }
    assert!(count > 50, "{count}");
    let readme = root().join("README.md");
    assert!(fault(&readme, "docs/nowhere.md").is_some() && fault(&readme, "#no-heading").is_some());
}

#[test]
fn the_sources_that_documents_name_are_there() {
    let mut named = 0;
    // What the changelog names was there at its time.
    for page in documents().into_iter().filter(|page| !page.ends_with("CHANGELOG.md")) {
        let text = fs::read_to_string(&page).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c));
        let is_source = |path: &&str| {
            let path = Path::new(path.trim_end_matches('.'));
            let is = |end| path.extension().is_some_and(|extension| extension == end);
            ["src", "tests", "benches"].iter().any(|dir| path.starts_with(dir)) && is("rs")
                || path.starts_with("go") && is("go")
                || path.starts_with("scripts") && is("sh")
        };
        for path in words.filter(is_source) {
            let is_there = root().join(path.trim_end_matches('.')).is_file();
            assert!(is_there, "{}: {path}", page.display());
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
