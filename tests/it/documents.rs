//! The links in the documents lead somewhere.

use std::fs;
use std::path::Path;

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "CHANGELOG.md",
    "docs/format.md",
    "docs/recipes.md",
    "docs/providers.md",
    "docs/speed.md",
    "docs/threat-model.md",
    "vendor/README.md",
];

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
    for name in DOCUMENTS {
        let document = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = fs::read_to_string(&document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            count += 1;
            assert_eq!(fault(&document, link), None, "{name}: {link}");
        }
    }
    assert!(count > 10, "{count}");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    assert!(fault(&readme, "docs/nowhere.md").is_some() && fault(&readme, "#no-heading").is_some());
}

#[test]
fn the_sources_that_documents_name_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut named = 0;
    for page in pages.chain([root.join("README.md"), root.join("vendor/README.md")]) {
        let text = fs::read_to_string(&page).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c));
        let is_source = |path: &&str| {
            let path = Path::new(path);
            path.starts_with("src") && path.extension().is_some_and(|extension| extension == "rs")
        };
        for path in words.filter(is_source) {
            assert!(root.join(path).is_file(), "{}: {path}", page.display());
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
