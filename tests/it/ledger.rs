//! vendor/ says what is linked in; here it is held against what is, on each
//! system that poof is built for. With filled module and crate caches
//! (`go mod download`, `cargo fetch`) no network is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Lacks, skipped};

/// A system as the ledger, Go and cargo name it.
struct System {
    name: &'static str,
    goos: &'static str,
    triple: &'static str,
}

const SYSTEMS: [System; 2] = [
    System { name: "linux", goos: "linux", triple: "unknown-linux-gnu" },
    System { name: "macos", goos: "darwin", triple: "apple-darwin" },
];

/// Each processor as Go and cargo name it.
const PROCESSORS: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

const REMEDY: &str = "vendor/ is out of date: run `make ledger` and commit what it changes";

/// A line of vendor/modules.tsv.
struct Row {
    kind: String,
    name: String,
    version: String,
    slim: bool,
    systems: String,
    checksum: String,
}

impl Row {
    fn id(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The standard libraries have no version or checksum of ours.
    fn is_std(&self) -> bool {
        self.name == "std"
    }
}

fn rows(kind: &str) -> Vec<Row> {
    read("vendor/modules.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, name, version, _licence, builds, systems, checksum] = fields[..] else {
                panic!("not a line of the ledger: {line}")
            };
            Row {
                kind: kind.to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
                slim: builds.contains("slim"),
                systems: systems.to_owned(),
                checksum: checksum.to_owned(),
            }
        })
        .filter(|row| row.kind == kind)
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The ledger's rows that are linked on a system, as "name version".
fn listed(kind: &str, system: &System, slim: bool) -> BTreeSet<String> {
    rows(kind)
        .iter()
        .filter(|row| !row.is_std() && (row.slim || !slim))
        .filter(|row| row.systems.split(',').any(|name| name == system.name))
        .map(Row::id)
        .collect()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {log}");
    String::from_utf8(output.stdout).unwrap()
}

/// What Go links, with the module cache that build.rs uses.
fn linked_by_go(system: &System, processor: &str, slim: bool) -> String {
    let mut go = Command::new(env::var("GO").unwrap_or_else(|_| "go".to_owned()));
    go.current_dir(root().join("go")).args(["list", "-mod=readonly", "-deps"]);
    go.arg("-f={{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}");
    go.env("CGO_ENABLED", "1").env("GOWORK", "off").env("GOTOOLCHAIN", "local");
    go.env("GOOS", system.goos).env("GOARCH", processor);
    if slim {
        go.arg("-tags=slim");
    }
    let cache = root().join("vendor/modcache");
    if env::var_os("POOF_OFFLINE").is_some_and(|value| !value.is_empty()) && cache.is_dir() {
        go.env("GOPROXY", "off").env("GOMODCACHE", cache);
    }
    run(go.arg("."))
}

fn linked_by_cargo(system: &System, processor: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["tree", "--locked", "--prefix=none", "--format={p}"]);
    cargo.args(["--edges=normal,no-proc-macro", "--target"]);
    run(cargo.arg(format!("{processor}-{}", system.triple))).replace(" v", " ")
}

/// The first two words of each line, "name version", of all the outputs.
fn names(outputs: [String; 2]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for output in outputs {
        names.extend(output.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?))
        }));
    }
    names
}

fn assert_same(ledger: &BTreeSet<String>, linked: &BTreeSet<String>) {
    let missing: Vec<_> = linked.difference(ledger).collect();
    let surplus: Vec<_> = ledger.difference(linked).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "not in the ledger: {missing:?}; not linked: {surplus:?}; {REMEDY}"
    );
}

#[test]
fn the_ledger_names_exactly_the_modules_that_go_links() {
    for system in &SYSTEMS {
        for slim in [false, true] {
            let linked = PROCESSORS.map(|(processor, _)| linked_by_go(system, processor, slim));
            assert_same(&listed("go", system, slim), &names(linked));
        }
    }
}

#[test]
fn the_ledger_names_exactly_the_crates_that_are_linked() {
    for system in &SYSTEMS {
        let linked = PROCESSORS.map(|(_, processor)| linked_by_cargo(system, processor));
        let mut linked = names(linked);
        linked.remove(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")));
        assert_same(&listed("rust", system, false), &linked);
    }
}

#[test]
fn versions_and_checksums_are_those_of_the_lock_files() {
    let go_sum = read("go/go.sum");
    for row in rows("go").iter().filter(|row| !row.is_std()) {
        let line = format!("{} {}", row.id(), row.checksum);
        assert!(go_sum.lines().any(|known| known == line), "{line} is not in go.sum; {REMEDY}");
    }
    let go_mod = read("go/go.mod");
    let required: BTreeMap<&str, &str> = go_mod
        .lines()
        .map(|line| line.trim().trim_start_matches("require "))
        .filter_map(|line| line.trim_end_matches(" // indirect").split_once(' '))
        .collect();
    for row in rows("go").iter().filter(|row| !row.is_std()) {
        let version = required.get(row.name.as_str());
        assert_eq!(version, Some(&row.version.as_str()), "{} in go.mod; {REMEDY}", row.name);
    }
    let cargo_lock = read("Cargo.lock");
    for row in rows("rust").iter().filter(|row| !row.is_std()) {
        let package = format!("name = \"{}\"\nversion = \"{}\"\n", row.name, row.version);
        let checksum = format!("checksum = \"{}\"", row.checksum);
        let known = cargo_lock
            .split("[[package]]\n")
            .any(|block| block.starts_with(&package) && block.contains(&checksum));
        assert!(known, "{} is not in Cargo.lock with this checksum; {REMEDY}", row.id());
    }
}

#[test]
fn every_work_has_its_notice() {
    let notices = read("vendor/NOTICES");
    for row in rows("go").iter().chain(&rows("rust")) {
        let name = format!("{} {}", row.kind, if row.is_std() { "std".into() } else { row.id() });
        let named = notices.lines().any(|line| {
            line.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        });
        assert!(named, "{name} is not in vendor/NOTICES; {REMEDY}");
    }
}

/// Licence texts, the ledger and its generator are all that vendor/ may bring
/// into the repository.
#[test]
fn no_source_of_others_is_committed() {
    let output = Command::new("git").args(["ls-files", "vendor"]).current_dir(root()).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        skipped(Lacks::Tool, "an unpacked release has no git");
        return;
    };
    for path in String::from_utf8(output.stdout).unwrap().lines() {
        let own = ["vendor/README.md", "vendor/modules.tsv", "vendor/NOTICES"].contains(&path)
            || Path::new(path).parent() == Some(Path::new("vendor/ledger"));
        assert!(own, "{path} does not belong into vendor/");
    }
}
