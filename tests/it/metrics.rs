//! The file for Prometheus: after every run, whole, and with nothing in it that others should
//! not see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::harness::minio::{ACCESS_KEY, SECRET_KEY};
use crate::story::{backed_up, on_disk};

/// A metric with its labels.
type Sample = (String, BTreeMap<String, String>);

/// Reads the text format 0.0.4 of Prometheus as the format is written down, and stricter: each
/// metric has its help, then its type, then all of its samples, none twice, no timestamp.
fn parse(text: &str) -> BTreeMap<Sample, f64> {
    assert!(text.ends_with('\n'), "the last line ends as all do");
    let is_name = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
        name.chars().all(plain)
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
    };
    let (mut samples, mut seen, mut at) = (BTreeMap::new(), BTreeSet::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, what) = help.split_once(' ').unwrap();
            assert!(is_name(name) && !what.is_empty() && seen.insert(name.to_owned()), "{line}");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            let first = lines.peek().unwrap();
            assert!(first.starts_with(&format!("{name}{{")), "{name} has no sample: {first}");
            name.clone_into(&mut at);
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        assert_eq!(name, at, "{line}");
        let (labels, value) = labels(rest);
        assert!(labels.keys().all(|label| is_name(label)), "{line}");
        let value: f64 = value.strip_prefix(' ').unwrap().parse().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert_eq!(samples.insert((name.to_owned(), labels), value), None, "{line}");
    }
    samples
}

/// Labels, and what is behind their bracket.
fn labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let (mut labels, mut rest) = (BTreeMap::new(), text);
    loop {
        let (name, behind) = rest.split_once("=\"").unwrap();
        let (mut value, mut chars) = (String::new(), behind.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c if "\\\"".contains(c) => c,
                    c => panic!("\\{c}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert_eq!(labels.insert(name.to_owned(), value), None);
        rest = match behind[end..].split_at(1) {
            (",", more) => more,
            ("}", value) => return (labels, value),
            (other, _) => panic!("{other}"),
        };
    }
}

/// The file, as Prometheus has it.
fn read(path: &PathBuf) -> BTreeMap<Sample, f64> {
    parse(&fs::read_to_string(path).unwrap())
}

/// One value.
fn value(samples: &BTreeMap<Sample, f64>, name: &str, tree: Option<&str>) -> Option<f64> {
    let mut labels = BTreeMap::from([("profile".to_owned(), String::new())]);
    labels.extend(tree.map(|tree| ("tree".to_owned(), tree.to_owned())));
    samples.get(&(name.to_owned(), labels)).copied()
}

/// Where the sandbox's goes to.
fn wanted(sandbox: &Sandbox) -> PathBuf {
    let dir = sandbox.home().join("collector");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("poof.prom");
    sandbox.set("metrics", json!(path));
    path
}

fn last_runs(sandbox: &Sandbox, code: i32) -> Vec<Value> {
    let lines = sandbox.poof(["--json", "status"]).run().expect_code(code).json_lines();
    lines.into_iter().filter(|line| line["type"] == "last_run").collect()
}

#[test]
fn the_figures_are_those_of_the_run_and_status_has_the_same() {
    let (sandbox, _) = on_disk();
    let path = wanted(&sandbox);
    fs::write(sandbox.data().join("a secret name"), "12345").unwrap();
    fs::write(sandbox.data().join("b"), "678").unwrap();
    assert_eq!(last_runs(&sandbox, 0), [] as [Value; 0]);
    sandbox.poof(["backup", "--dry-run"]).run().expect_code(0);
    assert!(!path.exists());
    sandbox.poof(["backup"]).run().expect_code(0);
    let first = read(&path);
    let of_data = |name: &str| value(&first, &format!("poof_tree_{name}"), Some("data")).unwrap();
    for (name, expected) in [
        ("snapshot_files", 2.0),
        ("snapshot_bytes", 8.0),
        ("last_run_sent_files", 2.0),
        ("last_run_sent_bytes", 8.0),
        ("last_run_exit_code", 0.0),
        ("snapshot_generation", 1.0),
    ] {
        assert_eq!(Some(of_data(name)), Some(expected), "{name}");
    }
    let moments = ["snapshot_timestamp_seconds", "last_success_timestamp_seconds"].map(of_data);
    assert!(moments.iter().all(|moment| *moment > 1.6e9), "{moments:?}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    // What a second run sends, and a part of all.
    fs::write(sandbox.data().join("c"), "9").unwrap();
    sandbox.poof(["backup", "--only", "data"]).run().expect_code(0);
    let second = read(&path);
    assert_eq!(value(&second, "poof_tree_last_run_sent_bytes", Some("data")), Some(1.0));
    assert_eq!(value(&second, "poof_tree_snapshot_bytes", Some("data")), Some(9.0));
    let all = "poof_last_success_timestamp_seconds";
    assert_eq!(value(&second, all, None), value(&first, all, None), "not all was in it");

    let lines = last_runs(&sandbox, 0);
    assert_eq!(lines.len(), 3, "all, and two directories: {lines:?}");
    let data = lines.iter().find(|line| line["tree"] == "data").unwrap();
    assert_eq!(data["snapshot"]["bytes"], 9);
    assert_eq!((&data["sent_bytes"], &data["exit_code"]), (&json!(1), &json!(0)));
}

#[test]
fn a_run_that_fails_is_told_and_the_last_success_stays() {
    let (sandbox, proxy) = backed_up(true, &[("a secret name", "x")]);
    let path = wanted(&sandbox);
    sandbox.poof(["backup"]).run().expect_code(0);
    let good = read(&path);
    let success = "poof_tree_last_success_timestamp_seconds";
    // A guard refuses one directory.
    fs::remove_dir_all(sandbox.data()).unwrap();
    fs::create_dir(sandbox.data()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(7);
    let refused = read(&path);
    let code = |samples, tree| value(samples, "poof_tree_last_run_exit_code", tree);
    assert_eq!(code(&refused, Some("data")), Some(7.0));
    assert_eq!(code(&refused, Some("config")), Some(0.0));
    assert_eq!(value(&refused, success, Some("data")), value(&good, success, Some("data")));
    // The server is away, and then the file is no poof.conf any more.
    drop(proxy);
    sandbox.poof(["backup"]).run().expect_code(4);
    let samples = read(&path);
    assert_eq!(value(&samples, "poof_last_run_exit_code", None), Some(4.0));
    assert_eq!(code(&samples, Some("config")), Some(4.0));
    let generation = "poof_tree_snapshot_generation";
    assert_eq!(value(&samples, generation, Some("data")), value(&good, generation, Some("data")));
    assert_eq!(last_runs(&sandbox, 4).len(), 3);
    fs::write(sandbox.confdir().join("poof.conf"), "{").unwrap();
    sandbox.poof(["backup"]).run().expect_code(3);
    assert_eq!(value(&read(&path), "poof_last_run_exit_code", None), Some(3.0));
    let text = fs::read_to_string(&path).unwrap();
    let home = sandbox.home().display().to_string();
    for secret in [ACCESS_KEY, SECRET_KEY, "secret name", &home, sandbox.bucket()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn a_profile_has_its_name_and_a_file_of_another_program_stays() {
    let (sandbox, _) = on_disk();
    let path = wanted(&sandbox);
    fs::write(sandbox.data().join("a"), "x").unwrap();
    fs::write(&path, "# HELP node_up Others.\n").unwrap();
    let run = sandbox.poof(["backup"]).run().expect_code(0);
    run.stderr_has("poof.prom is not of poof, and stays as it is");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# HELP node_up Others.\n");
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    sandbox.poof(["backup"]).run().expect_code(0).stderr_has("warning: cannot write");

    let profile = sandbox.confdir().join("profiles/disk");
    fs::create_dir_all(&profile).unwrap();
    let conf = fs::read_to_string(sandbox.confdir().join("poof.conf")).unwrap();
    let mut conf: Value = serde_json::from_str(&conf).unwrap();
    let path = sandbox.home().join("disk.prom");
    conf["bucket"] = json!("other");
    conf["metrics"] = json!(path);
    conf["paths"] =
        json!({sandbox.data().to_str().unwrap(): "a\"\\b", profile.to_str().unwrap(): "p"});
    fs::write(profile.join("poof.conf"), conf.to_string()).unwrap();
    fs::copy(sandbox.rclone_conf(), profile.join("rclone-poof.conf")).unwrap();
    sandbox.poof(["--profile", "disk", "backup"]).run().expect_code(0);
    let samples = read(&path);
    let of = |(_, labels): &Sample| labels["profile"] == "disk";
    assert!(samples.keys().all(of), "{samples:?}");
    assert!(samples.keys().any(|(_, labels)| labels.get("tree").is_some_and(|t| t == "a\"\\b")));
}
