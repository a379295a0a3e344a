//! How a plan and its outcome look.

use std::os::unix::ffi::OsStrExt;

use serde_json::{Value, json};

use crate::base::json;
use crate::base::terminal::Terminal;
use crate::base::units::{bytes, date, files};
use crate::host::mounts::Mount;
use crate::tree::excluded::Extent;
use crate::tree::plan::{Failed, Item, Plan};
use crate::tree::wipe::{Achieved, Record};

/// `3 new, 1 changed, 0 removed, 5,004 unchanged`
pub fn counts(plan: &Plan) -> String {
    let attributes = match plan.attributes.len() {
        0 => String::new(),
        count => format!(", {count} with other attributes"),
    };
    let moved = match plan.moved.len() {
        0 => String::new(),
        count => format!(", {count} renamed"),
    };
    format!(
        "{} new, {} changed, {} removed, {} unchanged{moved}{attributes}",
        plan.add.len(),
        plan.update.len(),
        plan.delete.len() - plan.moved.len().min(plan.delete.len()),
        plan.same()
    )
}

/// `12 files, 1.50 MiB`
pub fn volume(plan: &Plan) -> String {
    format!("{}, {}", files(plan.transfers()), bytes(plan.bytes()))
}

/// `3 files, 1.50 MiB`
pub fn extent(extent: Extent) -> String {
    format!("{}, {}", files(extent.files), bytes(extent.bytes))
}

/// The numbers of a plan, for `--json`.
pub fn numbers(name: &str, plan: &Plan, failed: &[Failed]) -> Value {
    json!({
        "type": "tree",
        "tree": name,
        "add": plan.add.len(),
        "update": plan.update.len(),
        "move": plan.moved.len(),
        "attributes": plan.attributes.len(),
        "delete": plan.delete.len(),
        "unchanged": plan.same(),
        "failed": failed.len(),
        "files": plan.transfers(),
        "bytes": plan.bytes(),
    })
}

/// Every path of a plan: what `--dry-run` is for.
pub fn listing(terminal: &Terminal, name: &str, plan: &Plan) {
    for (sign, action, items) in [
        ("+", "add", &plan.add),
        ("*", "update", &plan.update),
        (">", "move", &plan.moved),
        ("=", "attributes", &plan.attributes),
        ("-", "delete", &plan.delete),
    ] {
        for Item { path, size } in items {
            let shown = path.to_string_lossy();
            terminal.result(&format!("{sign} {name}/{shown} ({})", bytes(*size)));
            let event = json!({"type": "plan", "action": action, "tree": name, "bytes": size});
            terminal.event(&json::at(path.as_os_str().as_bytes(), event));
        }
    }
}

/// A path that did not make it, and why.
pub fn failed(terminal: &Terminal, name: &str, Failed { path, why, .. }: &Failed) {
    terminal.warn(&format!("{name}/{}: {why}", path.to_string_lossy()));
    let event = json!({"type": "failed", "tree": name, "why": why});
    terminal.event(&json::at(path.as_os_str().as_bytes(), event));
}

/// A tree that is wiped, of which nothing is to be done; `here` is the remote in use.
pub fn wiped(terminal: &Terminal, record: &Record, here: &str) {
    let Record { tree, since, remote, .. } = record;
    let when = date(*since);
    if record.is_on(here) {
        terminal.done(&format!("{tree}: wiped on {when}; `poof download` brings it back"));
    } else {
        terminal.warn(&format!(
            "{tree}: wiped on {when}, and its snapshot is on {remote}, not on {here}: `poof \
             cryptoggle` switches back to it"
        ));
    }
    terminal.event(&json!({
        "type": "wiped", "tree": tree, "since": json::time(*since), "remote": remote,
    }));
}

/// ` on /home (ext4)`
pub fn place(mount: Option<&Mount>) -> String {
    mount.map(|mount| format!(" on {} ({})", mount.point, mount.kind)).unwrap_or_default()
}

/// What a wipe achieves, in words.
pub fn said(achieved: &[Achieved]) -> String {
    let words: Vec<_> = achieved.iter().map(|said| said.text()).collect();
    words.join("; ")
}
