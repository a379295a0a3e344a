//! What a script is promised: with `--json` every command, whether it succeeds or
//! fails, writes lines of docs/json-schema.json and nothing else, the last of them
//! the summary with the exit code.

mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::thread;

use jsonschema::Validator;
use serde_json::Value;

use crate::harness::command::Run;
use crate::harness::{Lacks, Sandbox, skipped};

/// What the stories do not bring about everywhere: only root can mount and lock, and a hook, a
/// keychain and a scheduled run have tests of their own.
const RARE: [&str; 11] = [
    "excluded",
    "hook",
    "locked",
    "man",
    "removed",
    "scheduled_run",
    "secret",
    "spared",
    "versions",
    "would_forget",
    "would_stay",
];

/// Every exit code that there is.
const CODES: [i32; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130];

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        serde_json::from_str(&fs::read_to_string(docs("json-schema.json")).unwrap()).unwrap()
    })
}

fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        jsonschema::draft202012::meta::validate(schema()).unwrap();
        jsonschema::draft202012::new(schema()).unwrap()
    })
}

/// The types of line that there are, as the schema has them.
fn types() -> BTreeSet<String> {
    let one_of = schema()["oneOf"].as_array().unwrap().iter();
    let name = |item: &Value| item["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    one_of.map(name).collect()
}

/// What was run and what it said.
#[derive(Default)]
pub struct Told {
    /// The exit codes of each command.
    codes: Mutex<BTreeMap<String, BTreeSet<i32>>>,
    types: Mutex<BTreeSet<String>>,
}

impl Told {
    /// Runs `args` with `--json`. Its first word is the command.
    #[track_caller]
    fn run(&self, sandbox: &Sandbox, args: &[&str], code: i32) -> Vec<Value> {
        self.take(args[0], &sandbox.poof([&["--json"][..], args].concat()).run(), code)
    }

    /// Holds what a run said against the schema.
    #[track_caller]
    fn take(&self, command: &str, run: &Run, code: i32) -> Vec<Value> {
        assert_eq!(run.code, Some(code), "{command}: {run}");
        let lines = run.json_lines();
        for line in &lines {
            if let Err(error) = validator().validate(line) {
                panic!("not in docs/json-schema.json: {line}\n{error}\n{run}");
            }
            self.types.lock().unwrap().insert(line["type"].as_str().unwrap().to_owned());
        }
        let summaries = lines.iter().filter(|line| line["type"] == "summary").count();
        let last = lines.last().unwrap_or_else(|| panic!("no line at all: {run}"));
        assert!(summaries == 1 && last["type"] == "summary", "the summary is not last: {run}");
        assert_eq!(last["exit_code"], code, "{run}");
        if code != 0 && code != 9 {
            let told = |line: &Value| {
                ["error", "failed", "finding", "unproven", "left_out"]
                    .iter()
                    .any(|t| line["type"] == *t)
            };
            assert!(lines.iter().any(told), "nothing says why: {run}");
        }
        let mut codes = self.codes.lock().unwrap();
        codes.entry(command.to_owned()).or_default().insert(code);
        lines
    }
}

/// They succeed in front of a person alone (init.rs, terminal.rs).
const AT_A_TERMINAL: [&str; 2] = ["init", "edit"];

/// The commands that `poof --help` names.
fn commands() -> Vec<String> {
    let help = Sandbox::new().poof(["--help"]).run().expect_code(0).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let first = |line: &str| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned);
    list.lines().filter_map(first).filter(|word| !matches!(word.as_str(), "" | "help")).collect()
}

#[test]
fn every_command_speaks_the_schema_when_it_succeeds_and_when_it_fails() {
    let told = Told::default();
    thread::scope(|scope| {
        for story in stories::ALL {
            let told = &told;
            scope.spawn(move || story(told));
        }
    });
    let codes = told.codes.into_inner().unwrap();
    let commands = commands();
    assert!(commands.len() >= 18, "{commands:?}");
    for command in &commands {
        let seen = codes.get(command).cloned().unwrap_or_default();
        let succeeds = seen.contains(&0) || AT_A_TERMINAL.contains(&command.as_str());
        assert!(succeeds, "no story in which `{command}` succeeds: {seen:?}");
        assert!(seen.iter().any(|code| *code != 0), "no story in which `{command}` fails");
    }
    let seen: BTreeSet<i32> = codes.values().flatten().copied().collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), CODES, "exit codes that were seen");
    let seen = told.types.into_inner().unwrap();
    let unseen = types().into_iter().filter(|kind| !seen.contains(kind));
    let unseen: Vec<_> = unseen.filter(|kind| !RARE.contains(&kind.as_str())).collect();
    assert!(unseen.is_empty(), "types of the schema that no story has brought about: {unseen:?}");
}

// People read another document than programs do; both say the same.
#[test]
fn the_manual_names_every_type_and_key_of_the_schema() {
    let manual = fs::read_to_string(docs("json.md")).unwrap();
    let rows: BTreeMap<&str, &str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(kind, rest)| (kind, rest.split(" | ").next().unwrap()))
        .collect();
    let named: BTreeSet<String> = rows.keys().map(|kind| (*kind).to_owned()).collect();
    let codes: BTreeSet<String> = CODES.iter().map(ToString::to_string).collect();
    assert_eq!(named.difference(&codes).cloned().collect::<BTreeSet<_>>(), types());
    assert!(codes.is_subset(&named), "an exit code is not in the manual");
    for kind in types() {
        let definition = &schema()["$defs"][&kind];
        let required = definition["required"].as_array().unwrap();
        let keys = definition["properties"].as_object().unwrap().keys();
        let keys = keys.filter(|key| *key != "type" && !key.ends_with("_base64"));
        let expected: BTreeSet<String> = keys
            .map(|key| {
                format!("`{key}`{}", if required.iter().any(|r| r == key) { "" } else { "?" })
            })
            .collect();
        let found: BTreeSet<String> = rows[kind.as_str()]
            .split(", ")
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect();
        assert_eq!(found, expected, "{kind}");
    }
}

#[test]
fn a_line_that_is_not_in_the_schema_is_noticed() {
    for (line, valid) in [
        (r#"{"type": "summary", "exit_code": 0}"#, true),
        (r#"{"type": "summary", "exit_code": 10}"#, false),
        (r#"{"type": "summary", "exit_code": 0, "more": 1}"#, false),
        (r#"{"type": "unheard-of"}"#, false),
        (r#"{"type": "outside", "tree": "t", "path": "p"}"#, true),
        (r#"{"type": "outside", "tree": "t"}"#, false),
        (r#"{"type": "wiped", "tree": "t", "remote": "r", "since": 1700000000}"#, false),
    ] {
        let value = serde_json::from_str(line).unwrap();
        assert_eq!(validator().is_valid(&value), valid, "{line}");
    }
}

// The help, the contract of the command line and the schema have one table.
#[test]
fn the_help_lists_every_exit_code_and_no_other() {
    let help = Sandbox::new().poof(["--help"]).run().expect_code(0).stdout;
    let table = help.split("Exit codes:\n").nth(1).unwrap();
    let code = |line: &str| line.strip_prefix("  ")?.split(' ').next()?.parse::<i32>().ok();
    assert_eq!(table.lines().filter_map(code).collect::<Vec<_>>(), CODES);
    let schema: Vec<_> = schema()["$defs"]["exit_code"]["enum"].as_array().unwrap().clone();
    assert_eq!(schema, CODES.map(Value::from));
}

// Only root can lock a file.
#[cfg(target_os = "linux")]
#[test]
fn what_is_locked_is_told_before_and_after_in_lines_of_the_schema() {
    let told = Told::default();
    let sandbox = crate::story::plain(3);
    let path = sandbox.data().join("locked");
    fs::write(&path, "x").unwrap();
    let chattr = std::process::Command::new("chattr").arg("+i").arg(&path).output();
    if !chattr.is_ok_and(|out| out.status.success()) {
        skipped(Lacks::Root, "only root can lock, and not on every file system");
        return;
    }
    for (args, lifted, summary, key) in [
        (&["upload", "--dry-run", "--keep-poof"][..], false, "would_wipe", "locked"),
        (&["upload", "--yes", "--keep-poof"], true, "wipe", "lifted"),
    ] {
        let lines = told.run(&sandbox, args, 0);
        let of = |kind: &str| {
            let found = |line: &&Value| line["type"] == kind && line["tree"] == "data";
            lines.iter().find(found).unwrap_or_else(|| panic!("no {kind}: {lines:?}")).clone()
        };
        let line = of("locked");
        assert_eq!((&line["path"], &line["lifted"]), (&"locked".into(), &lifted.into()));
        assert_eq!((&line["lifts"], &of(summary)[key]), (&true.into(), &1.into()));
    }
}
