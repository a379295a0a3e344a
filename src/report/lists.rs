//! What is said of many things at once, and in how many words.

use std::collections::HashSet;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use super::Report;
use super::event::{Action, Bytes, Event};
use super::note::Note;
use crate::base::shown::name_of;
use crate::base::terminal::Volume;
use crate::base::units::{bytes, files};
use crate::tree::model::plan::{Failed, Planned};
use crate::tree::remote::own_objects::Foreign;
use crate::tree::scan::excluded::Extent;

/// `3 files, 1.50 MiB`
pub fn extent(extent: Extent) -> String {
    format!("{}, {}", files(extent.files), bytes(extent.bytes))
}

/// Every path of a plan: what `--dry-run` is for.
pub fn plan(report: &dyn Report, tree: &str, plan: &dyn Planned) {
    plan.each(&mut |action, path, bytes| {
        report.tell(&Event::Plan { action, tree: tree.to_owned(), bytes, path: Bytes::path(path) });
    });
}

/// Every path that was moved or removed, for whoever wants to see them (`-v`).
pub fn moved(
    report: &dyn Report,
    tree: &str,
    plan: &dyn Planned,
    failed: &[Failed],
    verb: &'static str,
) {
    if report.volume() < Volume::Verbose {
        return;
    }
    let of = |deletion: bool| -> HashSet<&[u8]> {
        let failed = failed.iter().filter(|failed| failed.deletion == deletion);
        failed.map(|failed| failed.path.as_path().as_os_str().as_bytes()).collect()
    };
    let (unsent, unremoved) = (of(false), of(true));
    plan.each(&mut |action, path, bytes| {
        let (verb, bytes, failed) = match action {
            Action::Add | Action::Update => (verb, Some(bytes), &unsent),
            Action::Delete => ("removed", None, &unremoved),
            _ => return,
        };
        if !failed.contains(path) {
            report.say(Note::Moved { verb, tree: tree.to_owned(), path: path.to_vec(), bytes });
        }
    });
}

/// So many foreign objects are listed in a text; `--verbose` lists all.
const MANY: usize = 20;

/// Objects of a tree that poof did not make, and whether they go.
pub fn foreign(report: &dyn Report, tree: &str, foreign: &[Foreign], goes: bool) {
    if foreign.is_empty() {
        return;
    }
    let count = objects(foreign.len());
    let mut text = if goes {
        format!("{tree}: {count} that poof did not make will be removed:")
    } else {
        format!("{tree}: {count} that poof did not make: kept (`--allow foreign` removes them):")
    };
    let shown = bounded(report, foreign.len());
    for Foreign { name, size, odd } in &foreign[..shown] {
        let below = if *odd { String::new() } else { format!("{tree}/") };
        let name = name_of(name);
        let _ = write!(text, "\n  {below}{} ({})", name, bytes(*size));
    }
    text.push_str(&rest(foreign.len() - shown));
    report.warn(&text);
    for Foreign { name, size, odd } in foreign {
        report.tell(&Event::Foreign {
            tree: tree.to_owned(),
            bytes: *size,
            kept: !goes,
            substitute: *odd,
            path: Bytes::path(name),
        });
    }
}

/// How many of so many foreign objects a text lists.
pub fn bounded(report: &dyn Report, count: usize) -> usize {
    if report.volume() >= Volume::Verbose { count } else { count.min(MANY) }
}

/// Says that a text leaves some out.
pub fn rest(count: usize) -> String {
    if count == 0 { String::new() } else { format!("\n  and {count} more (`-v` lists all)") }
}

fn objects(count: usize) -> String {
    if count == 1 { "1 object".to_owned() } else { format!("{count} objects") }
}

/// What a download leaves alone because the last backup could not send it.
pub fn unsent(report: &dyn Report, tree: &str, paths: &[Vec<u8>]) {
    for path in paths {
        report.tell(&Event::Spared { tree: tree.to_owned(), path: Bytes::path(path) });
    }
}

/// Says which trees were left out of a run, and which were not.
pub fn refused(report: &dyn Report, refused: &[String], going: &[String]) {
    if refused.is_empty() || going.is_empty() {
        return;
    }
    let (refused, going) = (refused.join(", "), going.join(", "));
    report.warn(&format!("Left out, see above: {refused}. The run went on with: {going}."));
}
