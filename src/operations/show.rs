//! How a plan and its outcome look.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use super::session::Session;
use crate::base::json;
use crate::base::shown::{name_of, one_line, quoted};
use crate::base::terminal::{Terminal, Volume};
use crate::base::units::{bytes, date, files};
use crate::host::mounts::Mount;
use crate::tree::excluded::Extent;
use crate::tree::known::Nested;
use crate::tree::ours::Foreign;
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
            let shown = name_of(path.as_os_str().as_bytes());
            terminal.result(&format!("{sign} {name}/{shown} ({})", bytes(*size)));
            let event = json!({"type": "plan", "action": action, "tree": name, "bytes": size});
            terminal.event(&json::at(path.as_os_str().as_bytes(), event));
        }
    }
}

/// Warns of a tree that lies within or around that of another machine.
pub fn nested(session: &Session, nested: Option<&Nested>) {
    if let Some(nested) = nested {
        session.terminal.warn(&nested.text());
    }
}

/// So many foreign objects are named in a text; `--verbose` names all.
const MANY: usize = 20;

/// Objects of a tree that poof did not make, and whether they go.
pub fn foreign(terminal: &Terminal, tree: &str, foreign: &[Foreign], goes: bool) {
    if foreign.is_empty() {
        return;
    }
    let count = objects(foreign.len());
    let mut text = if goes {
        format!("{tree}: {count} that poof did not make will be removed:")
    } else {
        format!("{tree}: {count} that poof did not make: kept (`--allow foreign` removes them):")
    };
    let shown = bounded(terminal, foreign.len());
    for Foreign { name, size, odd } in &foreign[..shown] {
        let below = if *odd { String::new() } else { format!("{tree}/") };
        let name = name_of(name);
        let _ = write!(text, "\n  {below}{} ({})", name, bytes(*size));
    }
    text.push_str(&rest(foreign.len() - shown));
    terminal.warn(&text);
    for Foreign { name, size, odd } in foreign {
        terminal.event(&json::at(
            name,
            json!({
                "type": "foreign", "tree": tree, "bytes": size, "kept": !goes, "substitute": odd,
            }),
        ));
    }
}

/// How many of so many foreign objects a text names.
pub fn bounded(terminal: &Terminal, count: usize) -> usize {
    if terminal.volume() >= Volume::Verbose { count } else { count.min(MANY) }
}

/// Says that a text leaves some out.
pub fn rest(count: usize) -> String {
    if count == 0 { String::new() } else { format!("\n  and {count} more (`-v` names all)") }
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// What a download leaves alone because the last backup could not send it.
pub fn unsent(terminal: &Terminal, tree: &str, paths: &[Vec<u8>]) {
    for path in paths {
        let shown = name_of(path);
        terminal.warn(&format!(
            "{tree}/{shown}: left alone: the last backup could not send it (back it up, or move it \
             away, and download again)"
        ));
        terminal.event(&json::at(path, json!({"type": "spared", "tree": tree})));
    }
}

/// A path that did not make it, and why.
pub fn failed(terminal: &Terminal, name: &str, failed: &Failed) {
    let Failed { path, why, deletion, .. } = failed;
    // A server says in it what it likes.
    let shown = name_of(path.as_os_str().as_bytes());
    terminal.warn(&format!("{name}/{shown}: {}", one_line(why)));
    let action = if *deletion { "delete" } else { "send" };
    let event = json!({"type": "failed", "action": action, "tree": name, "why": why});
    terminal.event(&json::at(path.as_os_str().as_bytes(), event));
}

/// Says which trees were left out of a run, and which were not.
pub fn refused(terminal: &Terminal, refused: &[String], going: &[String]) {
    if refused.is_empty() || going.is_empty() {
        return;
    }
    let (refused, going) = (refused.join(", "), going.join(", "));
    terminal.warn(&format!("Left out, see above: {refused}. The run went on with: {going}."));
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

/// What a wipe achieves on `mount`, in words.
pub fn said(achieved: &[Achieved], mount: Option<&Mount>) -> String {
    let words = achieved.iter().map(|said| match (said, mount) {
        // Time Machine makes one each hour, and keeps it for a day.
        (Achieved::Snapshots, Some(Mount { kind, point, .. })) if kind == "apfs" => {
            format!("{} (`tmutil listlocalsnapshots {}`)", said.text(), quoted(Path::new(point)))
        }
        _ => said.text().to_owned(),
    });
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshots_of_time_machine_are_named_by_what_lists_them() {
        let mount = |kind: &str| Mount {
            kind: kind.to_owned(),
            point: "/Volumes/my disk".to_owned(),
            ..Mount::default()
        };
        let of =
            |kind: &str| said(&[Achieved::CopiesOnWrite, Achieved::Snapshots], Some(&mount(kind)));
        assert!(of("apfs").ends_with("hold it (`tmutil listlocalsnapshots '/Volumes/my disk'`)"));
        assert!(of("btrfs").ends_with("snapshots may hold it"));
    }
}
