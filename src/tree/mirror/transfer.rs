//! A tree and what is to happen with it: carried out, looked at afterwards, tried
//! again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::compare::{self, Compare};
use super::send::send;
use crate::base::error::Result;
use crate::storage::failure::FailureKind;
use crate::storage::job::Watch;
use crate::storage::remote::Spec;
use crate::tree::journal::Journal;
use crate::tree::model::layout::Names;
use crate::tree::model::path::{Below, ObjectName};
use crate::tree::model::plan::{Failed, Item, Items, Plan};
use crate::tree::retry::{Attempt, Failures, retrying};

/// A plan that the guards accepted, with where it leads from and to.
pub struct Transfer {
    pub name: String,
    pub source: Spec,
    pub destination: Spec,
    pub plan: Plan<ObjectName>,
    /// The local directory that is the destination.
    pub local_root: PathBuf,
    /// Keeps account of it, if this is between the snapshot and its directory.
    pub journal: Option<Journal>,
}

impl Transfer {
    /// Carries out the plan and looks whether everything arrived; what did not
    /// is tried again. Returns what is not done in the end.
    ///
    /// # Errors
    /// What keeps the whole from working, or an interrupt.
    pub fn carry_out(&self, watch: &mut dyn Watch) -> Result<Vec<Failed>> {
        if let (Some(journal), false) = (&self.journal, self.plan.is_empty()) {
            journal.begin(&self.name)?;
        }
        let doing = format!("carry out the plan for {}", self.name);
        let mut work = Work { transfer: self, done: HashSet::new(), elsewhere: Vec::new() };
        let left = |work: &Work| {
            (0..self.items().count()).filter(|index| !work.done.contains(index)).collect()
        };
        let attempt = |work: &mut Work, pending: &[usize]| work.attempt(pending, watch);
        let failures = retrying(&mut work, &doing, left, attempt)?;
        prune(&self.local_root, &self.plan.delete);
        // What could not be planned is not done either.
        let mut failed = self.plan.failed.clone();
        failed.extend(failures.into_values().chain(work.elsewhere));
        if let (Some(journal), true) = (&self.journal, failed.is_empty()) {
            journal.end(&self.name)?;
        }
        Ok(failed)
    }

    /// What there is to do, in an order that numbers it: files to send, then files
    /// to delete.
    fn items(&self) -> impl Iterator<Item = Item<ObjectName>> {
        let Plan { add, update, delete, .. } = &self.plan;
        add.iter().chain(update.iter()).chain(delete.iter())
    }

    /// How many of them are to be sent.
    fn sent(&self) -> usize {
        self.plan.add.len() + self.plan.update.len()
    }

    /// The part of the plan with these numbers.
    fn part(&self, pending: &[usize]) -> Plan<ObjectName> {
        let pending: HashSet<usize> = pending.iter().copied().collect();
        let mut number = 0..;
        let mut of = |items: &Items<ObjectName>| {
            let numbered = items.iter().zip(number.by_ref());
            numbered.filter(|(_, n)| pending.contains(n)).map(|(item, _)| item).collect()
        };
        let (add, update, delete) =
            (of(&self.plan.add), of(&self.plan.update), of(&self.plan.delete));
        Plan { add, update, delete, ..Plan::default() }
    }
}

/// A transfer under way.
struct Work<'a> {
    transfer: &'a Transfer,
    /// What has arrived, or is gone.
    done: HashSet<usize>,
    /// What went wrong at paths that are not in the plan: directories, say.
    elsewhere: Vec<Failed>,
}

impl Work<'_> {
    /// Carries out once what is `pending`.
    fn attempt(&mut self, pending: &[usize], watch: &mut dyn Watch) -> Attempt<Failures> {
        let Transfer { source, destination, .. } = self.transfer;
        let mut plan = self.transfer.part(pending);
        let given_up = |n: &usize| !self.done.contains(n) && !pending.contains(n);
        if (0..self.transfer.sent()).any(|n| given_up(&n)) {
            // Nothing goes unless all has come.
            let (blocking, _) = plan.in_the_way(&plan.mirrored());
            plan.delete = blocking.into_iter().collect();
        }
        let failed = send(source, destination, &plan, watch)?;
        let mut why: HashMap<PathBuf, Failed> =
            failed.into_iter().map(|failed| (failed.path.clone(), failed)).collect();
        let seen = compare::make(source, destination, Compare::Size, watch)?;
        let arrived: HashSet<&Path> = seen.equal.iter().map(Below::as_path).collect();
        // Not what has come up meanwhile: no guard has judged it.
        let present: HashSet<ObjectName> = seen.delete.iter().map(|item| item.path).collect();
        let mut failures = Failures::new();
        for (number, item) in self.transfer.items().enumerate() {
            let path = item.path.as_path();
            let to_send = number < self.transfer.sent();
            let is_as_planned =
                if to_send { arrived.contains(path) } else { !present.contains(&item.path) };
            // A size says nothing of a file that failed.
            let known = why.remove(path);
            if known.is_none() && is_as_planned {
                self.done.insert(number);
            } else if pending.binary_search(&number).is_ok() {
                let text = if to_send { ABSENT } else { PRESENT };
                let (path, why) = (path.to_path_buf(), text.to_owned());
                let kind = FailureKind::Other;
                let unexplained = Failed { path, kind, why, deletion: !to_send };
                failures.insert(number, known.unwrap_or(unexplained));
            }
        }
        self.elsewhere = why.into_values().collect();
        self.elsewhere.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(failures)
    }
}

const ABSENT: &str = "it did not arrive, or changed or vanished meanwhile; run it again";
const PRESENT: &str = "it was to be removed and is still there; run it again";

/// Removes the directories below `root` that became empty because `deleted`
/// files were in them.
fn prune(root: &Path, deleted: &Items<ObjectName>) {
    // rclone knows what an encoded name is here; such a directory stays, empty.
    for path in deleted.iter().filter_map(|item| Names::decoded(&item.path)) {
        for dir in root.join(path.as_path()).ancestors().skip(1) {
            // remove_dir refuses a directory that is not empty.
            if dir == root || !dir.starts_with(root) || std::fs::remove_dir(dir).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_directories_that_became_empty_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/b/c")).unwrap();
        fs::write(root.join("a/kept"), "x").unwrap();
        let gone = |path: &str| [Item { path: path.into(), size: 0 }].into_iter().collect();
        prune(root, &gone("a/b/c/gone"));
        assert!(root.join("a/kept").exists() && !root.join("a/b").exists());
        prune(root, &gone("gone"));
        assert!(root.exists());
    }
}
