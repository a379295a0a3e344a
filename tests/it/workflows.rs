//! The workflows of the forge, which run nowhere here. actionlint reads them in `make
//! lint`; here is what it does not ask.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn workflows() -> Vec<(String, String)> {
    let dir = fs::read_dir(root().join(".github/workflows")).unwrap();
    let texts = dir.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    texts.collect()
}

/// Why an action in a line `uses: …` is not pinned by its commit, with its tag beside it.
/// The inner value is its name and what it is pinned to.
fn pinned(line: &str) -> Option<Result<(String, String), String>> {
    let used = line.trim().trim_start_matches("- ").strip_prefix("uses: ")?;
    let pinned = used.split_once(" # v").and_then(|(action, tag)| {
        let (name, commit) = action.split_once('@')?;
        let is_hash = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        (is_hash && !tag.is_empty()).then(|| (name.to_owned(), format!("{commit} {tag}")))
    });
    Some(pinned.ok_or_else(|| format!("{used} is not pinned by a commit, with its tag behind #")))
}

/// Where a workflow asks for rights: the lines with `write`, with the job that they are of.
fn rights(text: &str) -> Vec<(String, String)> {
    let mut job = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        if let Some(name) = name.filter(|name| !name.starts_with([' ', '#'])) {
            name.clone_into(&mut job);
        }
        if let Some((right, "write")) = line.trim().split_once(": ") {
            found.push((job.clone(), right.to_owned()));
        }
    }
    found
}

#[test]
fn every_action_is_pinned_by_its_commit_and_everywhere_by_the_same() {
    let mut all = BTreeMap::new();
    for (name, text) in workflows() {
        for action in text.lines().filter_map(pinned) {
            let (action, commit) = action.unwrap_or_else(|why| panic!("{name}: {why}"));
            let known = all.entry(action.clone()).or_insert_with(|| commit.clone());
            assert_eq!(*known, commit, "{name}: {action}");
        }
    }
    assert!(all.len() > 4, "{all:?}");
    for loose in ["uses: actions/cache@v5", "- uses: a/b@main # v1", "uses: a/b@0123abc # v1"] {
        assert!(pinned(loose).unwrap().is_err(), "{loose}");
    }
    let hash = "0123456789abcdef0123456789abcdef01234567";
    assert!(pinned(&format!("  - uses: a/b@{hash}")).unwrap().is_err(), "no tag");
    assert!(pinned(&format!("  - uses: a/b@{hash} # v1.2.3")).unwrap().is_ok());
}

#[test]
fn a_workflow_may_read_and_only_who_publishes_may_write() {
    for (name, text) in workflows() {
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{name}: its usual rights");
        for (job, right) in rights(&text) {
            assert_eq!((name.as_str(), job.as_str()), ("release.yml", "publish"), "{right}");
        }
        // The token stays in no checkout.
        let checkouts = text.matches("uses: actions/checkout@").count();
        assert_eq!(text.matches("persist-credentials: false").count(), checkouts, "{name}");
        assert!(!text.contains("pull_request_target"), "{name}: it gives rights to anybody");
    }
    let text = "jobs:\n  test:\n    permissions:\n      contents: write\n";
    assert_eq!(rights(text), [("test".to_owned(), "contents".to_owned())]);
}

#[test]
fn what_the_workflows_call_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut count = 0;
    for (name, text) in workflows() {
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let words: Vec<_> = line.split([' ', '(', ')', ';', '"']).collect();
            for script in words.iter().filter(|word| word.starts_with("scripts/")) {
                assert!(root().join(script).is_file() || script.contains('*'), "{name}: {script}");
                count += 1;
            }
            if let Some(at) = words.iter().position(|word| *word == "make") {
                let target = words[at + 1];
                assert!(makefile.contains(&format!("\n{target}:")), "{name}: make {target}");
                count += 1;
            }
        }
    }
    assert!(count > 5, "{count}");
    // The key of the cache names the version that the step installs.
    let ci = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    let version = ci.split("cargo-deny@").nth(1).unwrap().lines().next().unwrap();
    assert!(ci.contains(&format!("key: cargo-deny-{version}\n")), "{version}");
}
