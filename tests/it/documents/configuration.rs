//! docs/configuration.md has every key of poof.conf, and no other.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value, json};

use super::read;
use crate::harness::Sandbox;
use crate::story::on_disk;

/// The keys that the page has a heading for.
fn documented() -> BTreeSet<String> {
    let page = read("docs/configuration.md");
    let headings = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    headings.map(str::to_owned).collect()
}

/// The texts of the list `name` in this source.
fn listed(source: &str, name: &str) -> BTreeSet<String> {
    let text = read(source);
    let (_, list) = text.split_once(&format!("const {name}: [&str; ")).expect(source);
    let (list, _) = list.split_once("];").unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every key that poof reads anywhere, by the calls that read one.
fn read_by_the_code() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for entry in walkdir::WalkDir::new(super::root().join("src/config")) {
        let path = entry.unwrap().into_path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for call in ["conf.get(\"", "document.get(\"", "self.text(\"", "self.list(\""] {
            let rest = code.split(call).skip(1);
            keys.extend(rest.filter_map(|rest| Some(rest.split('"').next()?.to_owned())));
        }
    }
    keys
}

#[test]
fn the_page_has_every_key_that_the_code_knows_and_no_other() {
    let of_schedule = listed("src/config/schedule.rs", "KEYS");
    let mut known = listed("src/config/keys.rs", "KEYS");
    let read = read_by_the_code();
    assert!(read.len() > 5 && read.is_subset(&known), "{read:?} is not in {known:?}");
    assert!(known.len() > 10 && of_schedule.len() > 5);
    known.extend(of_schedule.iter().map(|key| format!("schedule.{key}")));
    assert_eq!(documented(), known);
}

/// The page's examples, as one poof.conf.
fn examples() -> Map<String, Value> {
    let page = read("docs/configuration.md");
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut all = Map::new();
    for block in blocks {
        let object = match block.trim() {
            whole if whole.starts_with('{') => whole.to_owned(),
            piece => format!("{{{piece}}}"),
        };
        all.extend(serde_json::from_str::<Map<_, _>>(&object).expect(block));
    }
    all
}

fn verified(sandbox: &Sandbox, code: i32) -> String {
    sandbox.poof(["verify", "--offline"]).run().expect_code(code).stderr
}

#[test]
fn the_examples_of_the_page_are_a_configuration_that_poof_takes() {
    let (sandbox, _) = on_disk();
    let examples = examples();
    assert!(examples.len() > 9, "{examples:?}");
    // Where things are is the sandbox's; what a secret comes from is not on this machine.
    let own = ["bucket", "confFile", "paths", "remote", "secrets"];
    for (key, value) in examples.iter().filter(|(key, _)| !own.contains(&key.as_str())) {
        sandbox.set(key, value.clone());
    }
    verified(&sandbox, 0);
    sandbox.set("of_nobody", json!([]));
    assert!(verified(&sandbox, 3).contains("of_nobody"));
}
