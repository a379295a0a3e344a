//! A tree and what is to happen with it: carried out, looked at afterwards, tried
//! again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::compare::{self, Compare};
use super::send::send;
use crate::base::error::{Kind, Result};
use crate::base::interrupt;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::remote::Spec;
use crate::tree::journal::Journal;
use crate::tree::plan::{Failed, Item, Plan};
use crate::tree::retry::{ATTEMPTS, pause};

/// A plan that the guards let pass, with where it leads from and to.
pub struct Transfer {
    pub name: String,
    pub source: Spec,
    pub destination: Spec,
    pub plan: Plan,
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
        let mut plan = self.plan.clone();
        let mut failed = std::mem::take(&mut plan.failed);
        if let (Some(journal), false) = (&self.journal, plan.is_empty()) {
            journal.begin(&self.name)?;
        }
        for number in 1..=ATTEMPTS {
            let hopeless = !failed.is_empty() && !failed.iter().any(|f| f.kind.is_worth_retrying());
            if plan.is_empty() || number > 1 && hopeless {
                break;
            }
            if number > 1 {
                pause(number - 1)?;
            }
            match self.attempt(&plan, watch) {
                Ok(rest) => (plan, failed) = rest,
                Err(failure) if number == ATTEMPTS || !failure.is_worth_retrying() => {
                    let doing = format!("carry out the plan for {}", self.name);
                    return Err(failure.into_error(&doing, Kind::Incomplete));
                }
                Err(_) => {}
            }
            interrupt::check()?;
        }
        prune(&self.local_root, &self.plan.delete);
        if let (Some(journal), true) = (&self.journal, failed.is_empty()) {
            journal.end(&self.name)?;
        }
        Ok(failed)
    }

    /// Carries out `plan` once. Returns what of it is still to be done, and for
    /// each such file why.
    fn attempt(
        &self,
        plan: &Plan,
        watch: &mut dyn Watch,
    ) -> std::result::Result<(Plan, Vec<Failed>), Failure> {
        let mut failed = send(&self.source, &self.destination, plan, watch)?;
        let seen = compare::make(&self.source, &self.destination, Compare::Size, watch)?;
        let arrived: HashSet<&Path> = seen.equal.iter().map(PathBuf::as_path).collect();
        let sent = self.plan.add.iter().chain(&self.plan.update).map(|item| &item.path);
        let absent = sent.filter(|path| !arrived.contains(path.as_path()));
        let mut unexplained: Vec<_> = absent.map(|path| (path.clone(), ABSENT)).collect();
        // Not what has come up meanwhile: no guard has judged it.
        let left = seen.within(&self.plan);
        unexplained.extend(left.delete.iter().map(|item| (item.path.clone(), PRESENT)));
        for (path, why) in unexplained {
            if failed.iter().all(|known| known.path != path) {
                failed.push(Failed { path, kind: FailureKind::Other, why: why.to_owned() });
            }
        }
        Ok((left, failed))
    }
}

const ABSENT: &str = "it did not arrive, or changed or vanished meanwhile; run it again";
const PRESENT: &str = "it was to be removed and is still there; run it again";

/// Removes the directories below `root` that became empty because `deleted`
/// files lay in them.
fn prune(root: &Path, deleted: &[Item]) {
    for item in deleted {
        for dir in root.join(&item.path).ancestors().skip(1) {
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
        prune(root, &[Item { path: "a/b/c/gone".into(), size: 0 }]);
        assert!(root.join("a/kept").exists() && !root.join("a/b").exists());
        prune(root, &[Item { path: "gone".into(), size: 0 }]);
        assert!(root.exists());
    }
}
