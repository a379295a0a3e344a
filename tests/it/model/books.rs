//! The oracle: what was saved, and what a user took back.

use std::collections::BTreeSet;

use crate::harness::Files;
use crate::harness::command::Run;

/// The whole content of a file; all that are ever written differ.
pub type Content = Vec<u8>;

/// A command that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Backup,
    Upload,
    Download,
    /// A backup that puts what is here in the place of what another machine saved.
    Replace,
}

impl Verb {
    pub fn args(self) -> &'static [&'static str] {
        match self {
            Verb::Backup => &["backup"],
            Verb::Upload => &["upload", "--yes", "--keep-poof"],
            Verb::Download => &["download", "--yes"],
            Verb::Replace => &["backup", "--allow", "newer-snapshot"],
        }
    }

    pub fn saves(self) -> bool {
        self != Verb::Download
    }
}

/// One run, and the directory of its machine before and after.
pub struct Attempt {
    pub machine: usize,
    pub verb: Verb,
    pub before: Files,
    pub after: Files,
    pub run: Run,
}

impl Attempt {
    /// Whether a guard or a lock kept it from changing the snapshot.
    fn is_refused(&self) -> bool {
        matches!(self.run.code, Some(7 | 8))
    }
}

/// Who has saved what, and what may be gone.
pub struct Books {
    /// What some run has saved that ended well.
    saved: BTreeSet<Content>,
    /// What a user has deleted or overwritten on a machine that had it, and that machine
    /// has saved since; or what was given up in so many words.
    given_up: BTreeSet<Content>,
    /// What the user of each machine has deleted or overwritten since it last saved or
    /// downloaded.
    pending: Vec<BTreeSet<Content>>,
}

/// All contents of a directory.
pub fn contents(files: &Files) -> BTreeSet<Content> {
    files.values().cloned().collect()
}

impl Books {
    pub fn new(machines: usize) -> Self {
        let (saved, given_up) = (BTreeSet::new(), BTreeSet::new());
        Books { saved, given_up, pending: vec![BTreeSet::new(); machines] }
    }

    /// The user of a machine has deleted or overwritten a file.
    pub fn remove(&mut self, machine: usize, content: Content) {
        self.pending[machine].insert(content);
    }

    /// The directory of a machine is gone as a whole: nothing that nobody else has may
    /// be missed, and nobody has asked for anything to be deleted elsewhere.
    pub fn forget(&mut self, machine: usize) {
        self.pending[machine].clear();
    }

    /// Whether anything was ever saved.
    pub fn is_empty(&self) -> bool {
        self.saved.is_empty()
    }

    /// Takes note of runs that were at work at the same time.
    ///
    /// # Errors
    /// One of them did what its command never does.
    pub fn note(&mut self, attempts: &[Attempt]) -> Result<(), String> {
        for Attempt { verb, before, after, run, .. } in attempts {
            let (had, has) = (contents(before), contents(after));
            match verb {
                Verb::Backup | Verb::Replace if before != after => {
                    return Err(format!("a backup has changed its directory: {run}"));
                }
                Verb::Upload if !has.is_subset(&had) && run.code.is_some() => {
                    return Err(format!("an upload has made files: {run}"));
                }
                _ => {}
            }
            let safe: Vec<_> = match verb {
                // What is wiped was proven to be on the remote.
                Verb::Upload if run.code != Some(0) => had.difference(&has).cloned().collect(),
                _ if verb.saves() && run.code == Some(0) => had.into_iter().collect(),
                _ => Vec::new(),
            };
            for content in safe {
                self.given_up.remove(&content);
                self.saved.insert(content);
            }
        }
        for attempt in attempts {
            let pending = &mut self.pending[attempt.machine];
            if attempt.verb.saves() && !attempt.is_refused() {
                // A run that was killed may have done it.
                self.given_up.extend(pending.iter().cloned());
                if attempt.verb == Verb::Replace {
                    let here = contents(&attempt.before);
                    self.given_up.extend(self.saved.difference(&here).cloned());
                }
            }
            if attempt.run.code == Some(0) {
                pending.clear();
            }
        }
        Ok(())
    }

    /// What has to be somewhere and is not in `places`.
    pub fn missing(&self, places: &[&Files]) -> Vec<Content> {
        let here: BTreeSet<&Content> = places.iter().flat_map(|files| files.values()).collect();
        let wanted = self.saved.difference(&self.given_up);
        wanted.filter(|content| !here.contains(content)).cloned().collect()
    }
}
