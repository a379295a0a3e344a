//! Hard links: which names are to share a file, and which do.

use std::collections::{HashMap, HashSet};

use super::steps::{Act, Instead, Step};
use crate::tree::model::entry::{Entry, order};

/// The entries that have, or are to have, more than one name.
#[derive(Default)]
pub struct Links {
    met: Vec<Met>,
}

struct Met {
    wanted: Entry,
    /// The group that it is in now.
    found: Option<u64>,
}

impl Links {
    pub fn note(&mut self, wanted: &Entry, found: Option<u64>) {
        if wanted.hard_link.is_some() || found.is_some() {
            self.met.push(Met { wanted: wanted.clone(), found });
        }
    }

    /// An entry that cannot come to its place after all.
    pub fn forget(&mut self, wanted: &Entry) {
        self.met.retain(|met| met.wanted.path != wanted.path);
    }

    /// Changes `steps`, which are in order, so that exactly those names share a
    /// file that are to. Returns how many of these names are
    /// not the unchanged files that they looked like.
    pub fn resolve(self, steps: &mut Vec<Step>) -> u64 {
        // A group of one shares with something outside of the tree, which is
        // nobody's business here.
        let wanted = counts(self.met.iter().filter_map(|met| met.wanted.hard_link));
        let found = counts(self.met.iter().filter_map(|met| met.found));
        let mut split = 0;
        let mut firsts: HashMap<u64, (Vec<u8>, bool)> = HashMap::new();
        let (mut added, mut dropped) = (Vec::new(), HashSet::new());
        for met in &self.met {
            let group = met.wanted.hard_link.filter(|id| wanted[id] > 1);
            let now = met.found.filter(|id| found[id] > 1);
            let path = &met.wanted.path;
            let at = steps.binary_search_by(|step| order(&step.entry.path, path)).ok();
            let replaced = at.is_some_and(|at| steps[at].act != Act::Attributes);
            let act = match group.and_then(|id| firsts.get(&id)) {
                Some((_, false)) if now == group && !replaced => {
                    // Its attributes are those of the first.
                    dropped.extend(at);
                    continue;
                }
                Some((first, _)) => Act::Link(first.clone()),
                // The first of its group, or alone.
                None => {
                    let shares = now.is_some() && now != group;
                    if let Some(id) = group {
                        firsts.insert(id, (path.clone(), replaced || shares));
                    }
                    if !shares || replaced {
                        continue;
                    }
                    if met.wanted.file().is_some() { Act::Fetch } else { Act::Make }
                }
            };
            split += u64::from(!replaced);
            if let Some(at) = at {
                steps[at].same = !replaced;
                steps[at].act = act;
            } else {
                let entry = met.wanted.clone();
                added.push(Step {
                    entry,
                    act,
                    instead_of: Instead::Other,
                    found: None,
                    same: true,
                });
            }
        }
        let mut index = 0..;
        steps.retain(|_| index.next().is_some_and(|index| !dropped.contains(&index)));
        steps.extend(added);
        steps.sort_by(|a, b| order(&a.entry.path, &b.entry.path));
        split
    }
}

fn counts(ids: impl Iterator<Item = u64>) -> HashMap<u64, u32> {
    let mut counts = HashMap::new();
    for id in ids {
        *counts.entry(id).or_default() += 1;
    }
    counts
}
