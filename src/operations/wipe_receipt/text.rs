//! The text of a wipe receipt: facts in, lines out. docs/wiping.md explains each.

use std::fmt::Write;

use data_encoding::HEXLOWER;

use crate::base::error::{DONE, Kind};
use crate::base::json::time;
use crate::operations::outcome::{FileSystem, ScrubRun, TreeWipe, WipeRun};
use crate::report::event::{FreeSpace, InJournal};
use crate::tree::wipe::{Achieved, Count, Counted};

const HEAD: &str = "\
poof wipe receipt 1

This is what poof says of one run of `poof upload`. It follows no standard and
claims none. It is poof's own word and no proof that anything is gone. The
signature shows that this text is unchanged since that run, and shows it only to
those who have the public key from elsewhere.
";

/// Times are in seconds since 1970.
pub struct Facts<'a> {
    pub public_key: &'a str,
    pub begun: u64,
    pub ended: u64,
    /// The remote is.
    pub encrypted: bool,
    /// How many there are in poof.conf.
    pub directories: usize,
    pub kind: Option<Kind>,
    pub run: &'a WipeRun,
}

/// Writing to a text cannot fail.
pub fn of(facts: &Facts) -> String {
    let Facts { public_key, begun, ended, run, directories, kind, .. } = facts;
    let WipeRun { trees, before, excluded, excluded_left, scrubs } = run;
    let mut text = HEAD.to_owned();
    let remote = if facts.encrypted { "encrypted" } else { "not encrypted" };
    let others = directories.saturating_sub(trees.len() + before);
    let code = kind.map_or(0, Kind::exit_code);
    let meaning = kind.map_or(DONE, Kind::meaning);
    for (key, value) in [
        ("poof", env!("CARGO_PKG_VERSION").to_owned()),
        ("public-key", (*public_key).to_owned()),
        ("begun", time(*begun)),
        ("ended", time(*ended)),
        ("exit-code", format!("{code} ({meaning})")),
        ("remote", remote.to_owned()),
        ("directories", trees.len().to_string()),
        ("directories-wiped-before", before.to_string()),
        ("directories-not-wiped", others.to_string()),
        ("excluded-wiped", count(*excluded)),
        ("excluded-left", excluded_left.to_string()),
    ] {
        let gap = if key == "poof" { "\n" } else { "" };
        let _ = writeln!(text, "{gap}{key}: {value}");
    }
    let mut systems = Systems::default();
    for (index, tree) in trees.iter().enumerate() {
        let system = systems.number(&tree.file_system);
        systems.0[system].achieved(&tree.achieved);
        let _ = write!(text, "\n[directory {}]\n{}", index + 1, directory(tree, system + 1));
    }
    for scrub in scrubs {
        let system = systems.number(&scrub.file_system);
        systems.0[system].scrubs.push(scrub);
    }
    for (index, system) in systems.0.iter().enumerate() {
        let _ = write!(text, "\n[file-system {}]\n{}", index + 1, system.lines());
    }
    text
}

fn directory(tree: &TreeWipe, system: usize) -> String {
    let TreeWipe { proven_at, wiped_at, unproven, wiped, absent, left, outside, .. } = tree;
    let mut lines = Vec::new();
    if let Some(Counted { proven, by_hash, by_reading, by_manifest, .. }) = &tree.counted {
        lines.push(format!("proven: {}", count(*proven)));
        lines.push(format!(
            "proven-by: {by_hash} hash of the server, {by_reading} reading back, {by_manifest} manifest"
        ));
    }
    lines.push(format!("proven-at: {}", time(*proven_at)));
    lines.push(format!("wiped: {}", count(*wiped)));
    lines.push(format!("wiped-at: {}", time(*wiped_at)));
    lines.push(format!("gone-before: {absent}"));
    lines.push(format!("not-proven: {unproven}"));
    lines.push(format!("not-wiped: {left}"));
    lines.push(format!("names-elsewhere: {outside}"));
    if let Some(Counted { gone, salt, root, .. }) = &tree.counted {
        lines.push(format!("root: {}", HEXLOWER.encode(root)));
        lines.push(format!("root-of: {}", count(*gone)));
        lines.push(format!("salt: {}", HEXLOWER.encode(salt)));
    } else {
        lines.push("root: none, poof could not read its snapshot again".to_owned());
    }
    lines.push(format!("file-system: {system}\n"));
    lines.join("\n")
}

fn count(Count { files, bytes }: Count) -> String {
    format!("{files} files, {bytes} bytes")
}

/// The file systems of a receipt, in the order in which they come up.
#[derive(Default)]
struct Systems<'a>(Vec<System<'a>>);

struct System<'a> {
    of: &'a FileSystem,
    achieved: Vec<Achieved>,
    scrubs: Vec<&'a ScrubRun>,
}

impl<'a> Systems<'a> {
    fn number(&mut self, of: &'a FileSystem) -> usize {
        let found = self.0.iter().position(|known| known.of.device == of.device);
        found.unwrap_or_else(|| {
            self.0.push(System { of, achieved: Vec::new(), scrubs: Vec::new() });
            self.0.len() - 1
        })
    }
}

impl System<'_> {
    fn achieved(&mut self, more: &[Achieved]) {
        for one in more {
            if !self.achieved.contains(one) {
                self.achieved.push(*one);
            }
        }
    }

    fn lines(&self) -> String {
        let mut text = format!("type: {}\n", self.of.kind.as_deref().unwrap_or("unknown"));
        for achieved in &self.achieved {
            let _ = writeln!(text, "achieved: {}", achieved.text());
        }
        for scrub in &self.scrubs {
            let _ = writeln!(text, "scrub: {}", scrubbed(scrub));
        }
        if self.scrubs.is_empty() {
            text.push_str("scrub: none\n");
        }
        text
    }
}

fn scrubbed(ScrubRun { journal, journal_bytes, free, .. }: &ScrubRun) -> String {
    let mut text = match journal {
        InJournal::Written => format!("the journal is overwritten ({journal_bytes} bytes)"),
        InJournal::Part => "the journal is overwritten in part".to_owned(),
        InJournal::Failed => "the journal is not overwritten: that failed".to_owned(),
        InJournal::Long => "the journal is not overwritten: that would take long".to_owned(),
        InJournal::Absent => "no journal holds file names".to_owned(),
        InJournal::Unknown => "poof cannot overwrite file names on this file system".to_owned(),
    };
    if let Some(FreeSpace { bytes, whole, gave_back, .. }) = free {
        let how = match (whole, gave_back) {
            (true, false) => "what was free is overwritten",
            (true, true) => "what was free is overwritten in part: other programs needed space",
            (false, _) => "what was free is overwritten in part",
        };
        let _ = write!(text, "; {how} ({bytes} bytes)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use itertools::Itertools;

    fn tree(device: &str, bytes: u64) -> TreeWipe {
        let achieved = vec![Achieved::InPlace];
        let file_system = FileSystem { kind: Some("ext4".into()), device: Some(device.into()) };
        let wiped = Count { files: 2, bytes };
        let counted = Some(Counted {
            proven: wiped,
            by_hash: 1,
            by_reading: 1,
            by_manifest: 0,
            gone: wiped,
            salt: [0xab; 32],
            root: [0xcd; 32],
        });
        TreeWipe { counted, wiped, achieved, file_system, ..TreeWipe::default() }
    }

    fn text(run: &WipeRun, kind: Option<Kind>) -> String {
        let (begun, ended) = (1_795_540_800, 1_795_540_860);
        of(&Facts { public_key: "KEY", begun, ended, encrypted: true, directories: 4, kind, run })
    }

    #[test]
    fn each_line_is_a_key_and_a_value() {
        let scrub = ScrubRun {
            file_system: tree("sda1", 0).file_system,
            journal: InJournal::Written,
            journal_bytes: 5,
            free: None,
        };
        let trees = vec![tree("sda1", 3), tree("sdb1", 4), tree("sda1", 5)];
        let run = WipeRun { trees, scrubs: vec![scrub], ..WipeRun::default() };
        let text = text(&run, None);
        let (head, rest) = text.split_once("\npoof: ").unwrap();
        assert!(head.starts_with("poof wipe receipt 1\n") && head.contains("claims none"));
        for line in rest.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with('[')) {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            assert!(!value.is_empty() && !key.contains(' '), "{line}");
        }
        for line in [
            "public-key: KEY",
            "begun: 2026-11-24T17:20:00Z",
            "ended: 2026-11-24T17:21:00Z",
            "exit-code: 0 (done, everything proven that the command promises)",
            "remote: encrypted",
            "directories: 3",
            "directories-not-wiped: 1",
            "proven-by: 1 hash of the server, 1 reading back, 0 manifest",
            "wiped: 2 files, 3 bytes",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        // Two directories are on one file system, which was scrubbed once.
        assert_eq!(text.lines().filter(|line| *line == "file-system: 1").count(), 2);
        let systems = text.split("\n[file-system ").skip(1).collect_vec();
        assert_eq!(systems.len(), 2);
        assert!(systems[0].contains("scrub: the journal is overwritten (5 bytes)"), "{text}");
        assert!(systems[1].contains("scrub: none"), "{text}");
        assert!(!text.contains("sda1"), "{text}");
    }

    #[test]
    fn what_was_not_done_is_said() {
        let part = TreeWipe { unproven: 7, left: 8, outside: 9, counted: None, ..tree("a", 1) };
        let run = WipeRun { trees: vec![part], before: 2, excluded_left: 6, ..WipeRun::default() };
        let text = text(&run, Some(Kind::Unproven));
        for part in [
            "exit-code: 6 (sent, but not all of it proven",
            "directories-wiped-before: 2",
            "directories-not-wiped: 1",
            "not-proven: 7",
            "not-wiped: 8",
            "names-elsewhere: 9",
            "excluded-wiped: 0 files, 0 bytes",
            "excluded-left: 6",
            "root: none, ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
