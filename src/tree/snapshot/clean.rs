//! Removes what no snapshot needs: old generations, their shards, and what is kept for them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::time::Duration;

use super::{Snapshot, Snapshots};
use crate::base::error::Result;
use crate::base::files::write_private;
use crate::base::units::now;
use crate::storage::job::Watch;
use crate::storage::store::Bytes;
use crate::tree::manifest::{Head, LARGEST_HEAD};
use crate::tree::model::bundle::{self, Bundle};
use crate::tree::model::layout::Names;
use crate::tree::remote::listing::list;
use crate::tree::remote::lock::Lock;
use crate::tree::remote::own_objects::is_partial;

/// So many generations stay on the remote in any case.
const KEPT: u64 = 3;

/// Beside the cache: what generations need, a line each.
const NOTE: &str = "shards";

/// What becomes of earlier snapshots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// For so long after the next one they restore; None: nobody has said.
    pub time: Option<Duration>,
    /// The bucket keeps something for the earlier snapshots of some tree.
    pub past: bool,
}

impl Keep {
    /// Whether what a backup replaces and removes is to be kept.
    pub fn is_wanted(self) -> bool {
        self.time.is_some_and(|time| !time.is_zero())
    }
}

/// What is noted of the generations.
#[derive(Default)]
struct Notes {
    /// By number.
    lines: BTreeMap<u64, Line>,
    /// What was kept for this generation and all before it is gone.
    over: u64,
    /// This generation and all before it were out of time in the last run.
    due: u64,
}

struct Line {
    /// When it was made, in seconds since 1970; None: an earlier poof has not noted it.
    made: Option<u64>,
    /// The names of its shards.
    shards: Vec<String>,
}

impl Line {
    fn of(head: &Head) -> Self {
        let shards = head.shards.iter().map(|shard| Names::shard(&shard.id)).collect();
        Line { made: Some(head.created), shards }
    }
}

impl Notes {
    /// `over GENERATION`, `due GENERATION`, and `GENERATION@MADE SHARD …` for each.
    fn read(text: &str) -> Self {
        let mut notes = Notes::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let first = words.next().unwrap_or_default();
            if let "over" | "due" = first {
                let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                *(if first == "due" { &mut notes.due } else { &mut notes.over }) = number;
                continue;
            }
            let (number, made) = match first.split_once('@') {
                Some((number, made)) => (number, made.parse().ok()),
                None => (first, None),
            };
            if let Ok(number) = number.parse() {
                let shards = words.map(str::to_owned).collect();
                notes.lines.insert(number, Line { made, shards });
            }
        }
        notes
    }

    fn to_text(&self) -> String {
        let lines = self.lines.iter().map(|(number, Line { made, shards })| {
            let made = made.map(|made| format!("@{made}")).unwrap_or_default();
            format!("{number}{made} {}\n", shards.join(" "))
        });
        let over = (self.over > 0).then(|| format!("over {}\n", self.over));
        let due = (self.due > 0).then(|| format!("due {}\n", self.due));
        over.into_iter().chain(due).chain(lines).collect()
    }

    /// The last of the generations `numbers` that is out of time, and all before it are; 0 if
    /// none is. One is out of time so long after the next was made.
    fn out_of_time(&self, numbers: &BTreeSet<u64>, time: Option<Duration>) -> u64 {
        let Some(time) = time else { return 0 };
        let limit = now().saturating_sub(time.as_secs());
        let made = |number: &u64| self.lines.get(number).and_then(|line| line.made);
        // None was made after one that came later: the clock of its machine was wrong.
        let mut latest = u64::MAX;
        let mut times: Vec<Option<u64>> = Vec::new();
        for number in numbers.iter().rev() {
            let time = made(number).map(|made| made.min(latest));
            latest = time.unwrap_or(latest);
            times.push(time);
        }
        times.reverse();
        let pairs = numbers.iter().zip(times.iter().skip(1));
        let over = pairs.take_while(|(_, next)| next.is_some_and(|made| made <= limit));
        over.last().map_or(0, |(number, _)| *number)
    }

    /// The same, if it was so in the last run already: a clock that is wrong once takes
    /// nothing away. Takes note of it for the next run. Who keeps nothing any more means it.
    fn is_due(&mut self, numbers: &BTreeSet<u64>, time: Option<Duration>) -> u64 {
        let now = self.out_of_time(numbers, time);
        let before = std::mem::replace(&mut self.due, now);
        if time.is_some_and(|time| time.is_zero()) { now } else { now.min(before) }
    }
}

impl Snapshots<'_> {
    fn notes(&self) -> Notes {
        Notes::read(&fs::read_to_string(self.cache.join(NOTE)).unwrap_or_default())
    }

    /// The same where nothing was saved, and something is out of time all the same.
    pub(super) fn clean_if_due(
        &self,
        last: &Snapshot,
        keep: Keep,
        lock: &Lock,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        if !keep.past {
            return Ok(());
        }
        let mut notes = self.notes();
        let numbers: BTreeSet<u64> = self.generations().collect();
        let due = notes.due;
        if notes.is_due(&numbers, keep.time) > notes.over {
            lock.hold()?;
            return self.clean(&last.head, keep, watch);
        }
        if notes.due != due {
            write_private(&self.cache.join(NOTE), notes.to_text().as_bytes())?;
        }
        Ok(())
    }

    /// Removes old generations, what is kept for them, and shards that no generation needs.
    /// What stays costs space and nothing else; the next run tries again.
    pub(super) fn clean(&self, head: &Head, keep: Keep, watch: &mut dyn Watch) -> Result<()> {
        let newest = head.generation;
        let mut notes = self.notes();
        notes.lines.insert(newest, Line::of(head));
        let numbers: BTreeSet<u64> = self.generations().chain([newest]).collect();
        if keep.past || keep.time.is_some() {
            self.learn(&mut notes, &numbers, watch)?;
        }
        let over = notes.is_due(&numbers, keep.time);
        let mut needed = if keep.time.is_some() { over + 1 } else { newest };
        let is_kept = |bundle: &Bundle| bundle.until.is_some_and(|until| until > notes.over);
        if keep.time.is_none() && head.bundles.iter().any(is_kept) {
            needed = needed.min(notes.over + 1);
        }
        if keep.past {
            match self.expire(over, &numbers, watch) {
                // Those that are kept are of use with the snapshot before them only.
                Some(first) => {
                    let before = numbers.range(..first).next_back();
                    needed = needed.min(before.copied().unwrap_or(first));
                }
                None => notes.over = over,
            }
        }
        let oldest = newest.saturating_sub(KEPT - 1).min(needed);
        let mut gone: Vec<String> =
            numbers.iter().filter(|number| **number < oldest).map(|g| Names::head(*g)).collect();
        notes.lines.retain(|number, _| *number >= oldest);
        write_private(&self.cache.join(NOTE), notes.to_text().as_bytes())?;
        if numbers.range(oldest..).all(|number| notes.lines.contains_key(number)) {
            let needed: HashSet<&[u8]> =
                notes.lines.values().flat_map(|l| &l.shards).map(String::as_bytes).collect();
            let shards = self.records.names().filter(|name| name.starts_with(b"shard/"));
            let orphans = shards.filter(|name| !needed.contains(name.as_slice()));
            gone.extend(orphans.map(|name| String::from_utf8_lossy(&name).into_owned()));
        }
        let gone = gone.iter().map(|name| self.full(name));
        let gone = gone.chain(self.unneeded_bundles(head, over));
        let gone: Vec<_> = gone.map(|place| Bytes(place.into_bytes())).collect();
        if !gone.is_empty() {
            let _ = self.store.remove(&gone, watch);
        }
        Ok(())
    }

    /// What was kept up to this generation is gone.
    pub(super) fn over(&self) -> u64 {
        self.notes().over
    }

    /// The bundles that no snapshot needs, and what is left of some that did not arrive.
    fn unneeded_bundles(&self, head: &Head, over: u64) -> impl Iterator<Item = String> {
        let is_needed = move |number| {
            let bundle = bundle::find(&head.bundles, number);
            bundle.is_some_and(|bundle| bundle.until.is_none_or(|until| until > over))
        };
        let dir = self.names.bundles();
        self.bundles.names().filter_map(move |name| {
            let number = Names::bundle_number(&name);
            let goes = number.map_or_else(|| is_partial(&name), |number| !is_needed(number));
            goes.then(|| format!("{dir}/{}", String::from_utf8_lossy(&name)))
        })
    }

    /// Reads the heads of the generations that other machines have made, or of which the note
    /// is gone. One that cannot be read stays unknown.
    fn learn(
        &self,
        notes: &mut Notes,
        numbers: &BTreeSet<u64>,
        watch: &mut dyn Watch,
    ) -> Result<()> {
        let is_known = |n: &u64| notes.lines.get(n).is_some_and(|line| line.made.is_some());
        let unknown: Vec<u64> = numbers.iter().copied().filter(|n| !is_known(n)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = unknown.iter().map(|number| Names::head(*number)).collect();
        let read = self.read(&names, LARGEST_HEAD, watch)?;
        for (number, read) in unknown.into_iter().zip(read) {
            if let Ok((head, _)) = self.open_head(number, read) {
                notes.lines.insert(number, Line::of(&head));
            }
        }
        Ok(())
    }

    /// Removes what is kept for generations up to `over` alone. Returns the first that has
    /// replaced or removed something that is kept still; None if there is none.
    fn expire(&self, over: u64, numbers: &BTreeSet<u64>, watch: &mut dyn Watch) -> Option<u64> {
        let Ok(dirs) = self.store.directories(&self.names.kept()) else { return Some(0) };
        let mut made: Vec<_> =
            dirs.iter().filter_map(|dir| Names::generation(dir.as_bytes())).collect();
        made.sort_unstable();
        made.into_iter().find(|&made| {
            let needed = numbers.range(..made).next_back().is_some_and(|before| *before > over);
            needed || !self.is_removed(&self.names.kept_by(made), watch)
        })
    }

    /// Removes a directory of what is kept. Returns whether all of it is gone.
    fn is_removed(&self, dir: &str, watch: &mut dyn Watch) -> bool {
        let Ok(listed) = list(self.store, dir, &[], watch) else { return false };
        let below = |name: Vec<u8>| Bytes([dir.as_bytes(), b"/", &name].concat());
        let all: Vec<_> = listed.names().map(below).collect();
        let removed = self.store.remove(&all, watch);
        let is_gone = removed.is_ok_and(|all| all.iter().all(|done| done.failure.is_none()));
        if is_gone {
            let _ = self.store.remove_empty_directories(dir);
        }
        is_gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read() {
        let text = "over 2\ndue 3\n3@70 shard/a shard/b\n4@80 shard/a\n5 shard/c\n";
        let notes = Notes::read(text);
        assert_eq!(notes.to_text(), text);
        assert_eq!((notes.over, notes.lines[&3].made, notes.lines[&5].made), (2, Some(70), None));
        for odd in ["", "x", "over\n", "over x\n", "@ a\n", "1@x a\n", " \n"] {
            assert!(Notes::read(odd).over == 0, "{odd}");
        }
    }

    #[test]
    fn a_snapshot_is_out_of_time_so_long_after_the_next_was_made() {
        let at = |ago: u64| Some(now() - ago);
        let line = |made| Line { made, shards: Vec::new() };
        let lines = [(1, at(500)), (2, at(400)), (3, at(300)), (4, None), (6, at(100)), (7, at(1))];
        let lines = lines.map(|(number, made)| (number, line(made))).into();
        let mut notes = Notes { lines, over: 0, due: 0 };
        let numbers = |of: &[u64]| of.iter().copied().collect::<BTreeSet<u64>>();
        let over = |of: &[u64], time: u64| {
            notes.out_of_time(&numbers(of), Some(Duration::from_secs(time)))
        };
        assert_eq!(over(&[1, 2, 3], 350), 1);
        assert_eq!(over(&[1, 2, 3], 250), 2);
        assert_eq!(over(&[1, 2, 3, 6, 7], 50), 3);
        // Of one it is not known.
        assert_eq!(over(&[1, 2, 3, 4, 6, 7], 50), 2);
        assert_eq!(over(&[1, 2, 3, 6, 7], 0), 6, "the newest never is");
        assert_eq!(over(&[7], 0), 0);
        assert_eq!(notes.out_of_time(&numbers(&[1, 2, 3]), None), 0);
        // A clock that is wrong once takes nothing away.
        let (all, short) = (numbers(&[1, 2, 3]), Some(Duration::from_secs(250)));
        assert_eq!([notes.is_due(&all, short), notes.is_due(&all, short)], [0, 2]);
        assert_eq!(notes.is_due(&all, Some(Duration::from_secs(1_000))), 0);
        assert_eq!(notes.is_due(&all, short), 0);
        assert_eq!(notes.is_due(&all, Some(Duration::ZERO)), 2);
        // One that was made "in the future" holds nothing back.
        notes.lines.insert(2, line(Some(now() + 1_000_000)));
        assert_eq!(notes.out_of_time(&all, short), 2);
    }
}
