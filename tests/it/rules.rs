//! The rules of the house, held against the source. What they are for stands in
//! the crate comment of lib.rs.

mod check;
mod circles;
mod drawing;
mod tokens;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use check::{Source, violations};
use circles::{Module, circles};
use uses::{module_of, uses};

/// The rooms of src, top to bottom. A room knows those below its line, and
/// neither its neighbours nor what is above.
const LAYERS: [&[&str]; 8] = [
    &["main", "lib"],
    &["entry"],
    &["commands"],
    // cli holds the types of the command line; operations never hear of them.
    &["cli", "operations"],
    &["report"],
    &["config", "tree", "kit"],
    &["storage", "host"],
    &["base"],
];

/// Where `unsafe` may stand, and why. Outside of the border to Go: thin edges
/// to system calls, under src/host.
const UNSAFE: [(&str, &str); 13] = [
    ("src/storage/rclone/ffi.rs", "the border to Go"),
    ("src/host/clipboard/launch.rs", "setsid between fork and exec"),
    ("src/host/confine.rs", "descriptors that are known by their number only"),
    ("src/host/launch.rs", "setsid between fork and exec"),
    ("src/host/in_use.rs", "a lease, which no library asks for"),
    ("src/host/memory.rs", "what the allocator keeps, which it alone knows"),
    ("src/host/macos/created.rs", "when a file was made, which libc alone can set"),
    ("src/host/macos/disk.rs", "what macOS has to sync a disk and to make a FIFO"),
    ("src/host/macos/flags.rs", "the flags of a file, likewise"),
    ("src/host/macos/pasteboard.rs", "the pasteboard, for which AppKit has a mark of its own"),
    ("src/host/macos/processes.rs", "what processes were called with, where there is no /proc"),
    ("src/host/inline.rs", "where a file lies, likewise"),
    ("src/host/scrub/geometry.rs", "what xfs and btrfs say of themselves, likewise"),
];

/// Where the files of a tree are read, put and wiped: by handles, from the root of the
/// tree on. A path that is looked up anew may lead elsewhere by then. (What the wipe notes
/// in the state is no file of a tree.)
const BY_HANDLE: [&str; 14] = [
    "src/host/itself.rs",
    "src/tree/backup/",
    "src/tree/remote/object_metadata.rs",
    "src/tree/restore/",
    "src/tree/scan/",
    "src/tree/wipe/aside.rs",
    "src/tree/wipe/batch.rs",
    "src/tree/wipe/consented.rs",
    "src/tree/wipe/dirs.rs",
    "src/tree/wipe/excluded.rs",
    "src/tree/wipe/given_back.rs",
    "src/tree/wipe/leftovers.rs",
    "src/tree/wipe/mod.rs",
    "src/tree/wipe/path.rs",
];

/// Lines of a function. A file is as long as its idea.
const LONGEST: usize = 80;

/// The files of src with their texts, by their paths below it.
fn texts() -> Vec<(PathBuf, String)> {
    texts_below("src")
}

fn texts_below(dir: &str) -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let files = WalkDir::new(&src)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let text = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&src).unwrap().to_path_buf(), text)
    };
    files.map(text).collect()
}

#[test]
fn the_source_keeps_the_rules_of_the_house() {
    let sources: Vec<_> = texts()
        .iter()
        .map(|(path, text)| Source::new(&format!("src/{}", path.to_str().unwrap()), text))
        .collect();
    assert!(!sources.is_empty());
    let found: Vec<_> = sources.iter().flat_map(violations).collect();
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

/// What a line of an operation says past the events.
fn says(path: &Path, text: &str) -> Vec<String> {
    let told = path.starts_with("operations") || path.starts_with("commands");
    let said = |line: &&str| !line.trim_start().starts_with("//");
    let by_hand = |line: &&str| line.contains("base::terminal") || line.contains("\"type\":");
    let lines = text.lines().filter(said).filter(by_hand).filter(|_| told);
    lines.map(|line| format!("{}: {}", path.to_str().unwrap(), line.trim())).collect()
}

#[test]
fn operations_tell_events_and_hear_of_no_terminal() {
    let found: Vec<_> = texts().iter().flat_map(|(path, text)| says(path, text)).collect();
    assert!(found.is_empty(), "report/event.rs is the way:\n{}", found.join("\n"));
    for text in ["use crate::base::terminal::Terminal;", "json!({\"type\": \"left\"})"] {
        assert_eq!(says(Path::new("operations/x.rs"), text).len(), 1);
        assert_eq!(says(Path::new("report/x.rs"), text), [""; 0]);
    }
}

/// Functions and constants that are `pub` though no other file names them.
fn too_public(texts: &[(PathBuf, String)]) -> Vec<String> {
    let words = |text: &str| -> BTreeSet<String> {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let parts = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
        parts.map(str::to_owned).collect()
    };
    let all: Vec<_> = texts.iter().map(|(path, text)| (path, words(text))).collect();
    let mut found = Vec::new();
    for (path, text) in texts {
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("pub ")) {
            let mut rest = line.split(|c: char| !c.is_alphanumeric() && c != '_').skip(1);
            let Some(_) = rest.find(|word| ["fn", "const", "static"].contains(word)) else {
                continue;
            };
            let name = rest.find(|word| !["fn", "const", "unsafe"].contains(word));
            let name = name.unwrap_or_default();
            if !all.iter().any(|(other, words)| *other != path && words.contains(name)) {
                found.push(format!("{}: {name}", path.to_str().unwrap()));
            }
        }
    }
    found
}

#[test]
fn pub_is_what_another_file_uses() {
    let mut texts = texts_below("src");
    texts.extend(texts_below("fuzz/src"));
    let found = too_public(&texts);
    assert!(found.is_empty(), "pub, and used in their own file alone:\n{}", found.join("\n"));
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let own = "pub const A: u8 = 1;\npub(super) fn b() {}\n    pub const fn c() {}\npub fn d() {}";
    let files = [file("x.rs", own), file("y.rs", "// c\nuse super::x; fn f() { x::d() }")];
    assert_eq!(too_public(&files), ["x.rs: A", "x.rs: c"]);
}

#[test]
fn the_layers_are_drawn_as_they_are_held() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["src/lib.rs", "docs/architecture.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        assert_eq!(drawing::fault(&text, &LAYERS), None, "{page}");
    }
    // Every room is in a layer, and no layer has a room that is not there.
    for room in LAYERS.concat() {
        let is_there = ["", ".rs"].iter().any(|end| root.join(format!("src/{room}{end}")).exists());
        assert!(is_there, "src has no {room}");
    }
}

#[test]
fn a_drawing_that_lies_is_noticed() {
    let layers: [&[&str]; 3] = [&["main"], &["cli", "operations"], &["base"]];
    for fine in [
        "x\n//! main ─► cli, operations ─► base\ny",
        "```text\nmain ─► operations, cli ─► base\n```",
    ] {
        assert_eq!(drawing::fault(fine, &layers), None, "{fine}");
    }
    for lie in [
        "",
        "main and more",
        "main ─► cli ─► base",
        "main ─► cli, operations, report ─► base",
        "main ─► base ─► cli, operations",
        "main ─► cli ─► operations ─► base",
        "main ─► cli, operations ─► base\nmain ─► cli, operations ─► base",
    ] {
        assert!(drawing::fault(lie, &layers).is_some(), "{lie}");
    }
}

#[test]
fn no_folder_has_a_circle() {
    let texts = texts().into_iter().map(|(path, text)| (module_of(&path), text)).collect();
    let found = circles(&uses(&texts));
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n"));
}

/// The circles of some files.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let module = |(path, text): &(&str, &str)| (module_of(Path::new(path)), (*text).to_owned());
    let all: BTreeMap<Module, String> = files.iter().map(module).collect();
    circles(&uses(&all))
}

#[test]
fn a_circle_is_found_in_whatever_form_a_path_has() {
    for (a, b) in [
        ("use super::b::B;", "use crate::tree::a::A;"),
        ("use crate::tree::{plan::Plan, b::{self, B}};", "fn f() { super::a::g() }"),
        ("pub(in crate::tree) fn f() {} use super::{b};", "type A = crate::tree::a::A;"),
        ("impl super::b::B { }", "use super::a as other;"),
    ] {
        let files = [("tree/mod.rs", ""), ("tree/a.rs", a), ("tree/b.rs", b), ("tree/plan.rs", "")];
        assert_eq!(circles_of(&files), ["tree: a -> b -> a"], "{a} {b}");
    }
    let deep = [
        ("main.rs", ""),
        ("host/mod.rs", ""),
        ("host/disk.rs", "use super::flags;"),
        ("host/flags.rs", "use super::macos::flags as own;"),
        ("host/macos/mod.rs", ""),
        ("host/macos/flags.rs", ""),
        ("host/macos/cloud.rs", "use crate::host::disk;"),
    ];
    assert_eq!(circles_of(&deep), ["host: disk -> flags -> macos -> disk"]);
}

#[test]
fn what_is_common_to_a_folder_and_what_tests_use_make_no_circle() {
    let files = [
        ("tree/mod.rs", "mod a; mod b; pub use a::A; use crate::host::x;"),
        ("tree/a.rs", "use super::A; use super::b::B;"),
        ("tree/b.rs", "#[cfg(test)] mod tests { use super::super::a::A; } fn f() { x.a.b() }"),
        ("host/x.rs", "use crate::base::a;"),
        ("base/a.rs", ""),
    ];
    assert_eq!(circles_of(&files), [""; 0]);
}

#[test]
fn unsafe_outside_of_the_border_stays_at_the_edge_of_the_system() {
    for (path, reason) in UNSAFE {
        assert!(path == "src/storage/rclone/ffi.rs" || path.starts_with("src/host/"), "{path}");
        assert!(!reason.is_empty(), "{path} gives no reason");
    }
}

/// What is found in `text`, were it the file `path`.
fn found(path: &str, text: &str) -> Vec<String> {
    violations(&Source::new(path, text))
}

#[test]
fn an_arrow_down_or_within_a_room_is_fine() {
    let text = "use crate::base::error::Error;\nuse crate::storage::{job, remote::{self, Spec}};\n\
                use super::plan::Plan;\npub(in crate::tree) fn f() { super::super::base::x() }\n\
                /// See [`crate::commands`].\nmod tests { use super::*; use crate::tree::scan; }";
    assert_eq!(found("src/tree/guard.rs", text), [""; 0]);
    assert_eq!(
        found("src/main.rs", "use crate::commands::run; mod tests { use super::*; }"),
        [""; 0]
    );
}

#[test]
fn an_arrow_up_or_aside_is_reported_in_whatever_form() {
    for (path, text, says) in [
        (
            "src/base/error.rs",
            "\nuse crate::storage::job;",
            "src/base/error.rs:2: base uses storage",
        ),
        ("src/base/mod.rs", "use super::host;", "src/base/mod.rs:1: base uses host"),
        (
            "src/host/lock.rs",
            "fn f() { crate::tree::scan() }",
            "src/host/lock.rs:1: host uses tree",
        ),
        ("src/host/paths.rs", "use crate::storage::job;", "src/host/paths.rs:1: host uses storage"),
        (
            "src/tree/model/plan.rs",
            "use crate::config::Ready;",
            "src/tree/model/plan.rs:1: tree uses config",
        ),
        ("src/kit.rs", "use crate::cli::Kit;", "src/kit.rs:1: kit uses cli"),
        ("src/kit.rs", "fn f() { g!(crate::commands::x) }", "src/kit.rs:1: kit uses commands"),
        (
            "src/tree/scan.rs",
            "use crate::{base::units,\n storage::job,\n commands::{Context, run}};",
            "src/tree/scan.rs:3: tree uses commands",
        ),
        (
            "src/storage/rclone/call.rs",
            "mod tests {\n use super::super::super::super::tree::plan;\n}",
            "src/storage/rclone/call.rs:2: storage uses tree",
        ),
        ("src/config/ini.rs", "use super::super::tree;", "src/config/ini.rs:1: config uses tree"),
        ("src/config/ini.rs", "use crate::*;", "src/config/ini.rs:1: config uses *"),
        ("src/attic/box.rs", "", "src/attic/box.rs:1: attic is in no layer: draw it in LAYERS"),
    ] {
        assert_eq!(found(path, text), [says], "{text}");
    }
}

#[test]
fn unsafe_is_reported_outside_of_its_list() {
    let text = "/// unsafe in words is fine: \"unsafe\"\nfn f() {\n unsafe { g() }\n}";
    let [message] = &found("src/host/power.rs", text)[..] else { panic!() };
    assert!(message.starts_with("src/host/power.rs:3: unsafe"), "{message}");
    assert_eq!(found("src/storage/rclone/ffi.rs", text), [""; 0]);
    let [message] = &found("src/storage/rclone/ffi.rs", "fn f() {}")[..] else { panic!() };
    assert!(message.ends_with("take it off the list UNSAFE"), "{message}");
}

#[test]
fn the_files_of_a_tree_are_reached_by_handles() {
    for (text, what) in [
        ("use std::fs;\nfn f() { fs::symlink_metadata(p); }", "fs::symlink_metadata"),
        ("\nfn f() { std::fs::remove_dir(p); }", "fs::remove_dir"),
        ("use std::fs::File;\nfn f() { File::open(p); }", "File::open"),
        ("\nfn f() { OpenOptions::new(); }", "OpenOptions::new"),
    ] {
        let says = format!(
            "src/tree/restore/placing.rs:2: {what} in the tree (tree/scan/root.rs is the way in)"
        );
        assert_eq!(found("src/tree/restore/placing.rs", text), [says], "{text}");
        assert_eq!(found("src/tree/journal.rs", text), [""; 0], "{text}");
    }
    let fine = "use std::fs::File;\nfn f() { File::from(h); rustix::fs::fstat(h); }\n\
                #[cfg(test)] mod tests { fn g() { fs::write(p, c); } }";
    assert_eq!(found("src/tree/restore/placing.rs", fine), [""; 0]);
    for place in BY_HANDLE {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(place).exists(), "{place}");
    }
}

#[test]
fn a_function_is_measured_and_those_of_tests_are_not() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    assert_eq!(found("src/base/units.rs", &function(LONGEST)), [""; 0]);
    let long = function(LONGEST + 1);
    let says = "src/base/units.rs:1: fn f: 81 lines, more than 80";
    assert_eq!(found("src/base/units.rs", &long), [says]);
    let says = "src/base/units.rs:2: fn f: 81 lines, more than 80";
    assert_eq!(found("src/base/units.rs", &format!("impl X {{\n{long}}}")), [says]);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert_eq!(found("src/base/units.rs", &tests), [""; 0]);
    assert_eq!(found("src/base/units.rs", "trait T { fn f(); }\ntype F = fn(u8) -> u8;"), [""; 0]);
}

#[test]
fn printing_is_reported() {
    for name in ["println", "eprintln", "print", "eprint", "dbg"] {
        let text = format!("// println!\nfn f() {{ std::{name}!(\"x\") }}");
        let says = format!("src/base/units.rs:2: {name}! (base/terminal.rs is the way out)");
        assert_eq!(found("src/base/units.rs", &text), [says]);
    }
}

#[test]
fn a_path_is_shown_on_one_line_and_obeyed_by_no_terminal() {
    let says =
        "src/tree/model/plan.rs:2: display() shows a path as it is (base/shown.rs is the way out)";
    for text in [
        "\nfn f() { format!(\"{}\", path.display()); }",
        "\nfn f() { self.files.poof.display().to_string(); }",
    ] {
        assert_eq!(found("src/tree/model/plan.rs", text), [says], "{text}");
    }
    let fine = "fn display() { display(); }\n#[cfg(test)] mod tests { fn g() { p.display(); } }";
    assert_eq!(found("src/tree/model/plan.rs", fine), [""; 0]);
}

#[test]
fn a_platform_is_asked_for_in_host_alone() {
    for text in [
        "#[cfg(target_os = \"macos\")] fn f() {}",
        "#[cfg(not(any(target_os = \"linux\", test)))] fn f() {}",
        "#[cfg_attr(target_family = \"unix\", allow(dead_code))] fn f() {}",
        "fn f() -> bool { cfg!(target_os = \"macos\") }",
        "#[cfg(unix)] fn f() {}",
    ] {
        let says = "src/operations/show.rs:1: cfg of a platform outside of src/host";
        assert_eq!(found("src/operations/show.rs", text), [says], "{text}");
        assert_eq!(found("src/host/paths.rs", text), [""; 0], "{text}");
    }
    assert_eq!(found("src/operations/show.rs", "#[cfg(test)] mod tests {}"), [""; 0]);
}
