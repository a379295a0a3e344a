//! What must survive a crash: which trees a download has begun to change and not
//! completed. Such a tree must not become the snapshot, which it would rob of
//! everything that has not come back yet.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::shown::path_of;
use crate::host::erase;

/// The journal of one configuration, a small file in its state directory.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    pub fn in_state(state: &Path) -> Self {
        Journal { path: state.join("restoring.json") }
    }

    /// The names of the trees whose download has not been completed, with what is
    /// known to be missing in them; nothing is if it was interrupted.
    ///
    /// # Errors
    /// The journal cannot be read; what it says is then unknown.
    pub fn unfinished(&self) -> Result<BTreeMap<String, Vec<String>>> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
                Error::unexpected(format!("the journal {} is damaged", path_of(&self.path)))
                    .hint("Remove it once `poof download --dry-run` has nothing left to do.")
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(Error::io("read the journal", &self.path, &error)),
        }
    }

    /// Before the first change of a download; on disk when this returns.
    pub fn begin(&self, name: &str) -> Result<()> {
        self.change(|names| names.insert(name.to_owned(), Vec::new()) != Some(Vec::new()))
    }

    /// The download has ended without these `paths`.
    pub fn lacks(&self, name: &str, paths: Vec<String>) -> Result<()> {
        self.change(|names| names.insert(name.to_owned(), paths).is_some())
    }

    /// Nothing is missing any more that a backup could take for deleted.
    pub fn end(&self, name: &str) -> Result<()> {
        self.change(|names| names.remove(name).is_some())
    }

    fn change(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Vec<String>>) -> bool,
    ) -> Result<()> {
        let mut names = self.unfinished()?;
        if !change(&mut names) {
            return Ok(());
        }
        let text = serde_json::to_vec(&names).map_err(|e| Error::unexpected(e.to_string()))?;
        // It has names of files.
        erase::rewrite(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_is_known_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::in_state(dir.path());
        journal.end("a").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing to write");
        journal.begin("a").unwrap();
        journal.begin("b").unwrap();
        journal.end("a").unwrap();
        let again = Journal::in_state(dir.path());
        let unfinished = || again.unfinished().unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(unfinished(), [("b".to_owned(), Vec::new())]);
        again.lacks("b", vec!["path".to_owned()]).unwrap();
        assert_eq!(unfinished(), [("b".to_owned(), vec!["path".to_owned()])]);
        again.begin("b").unwrap();
        assert_eq!(unfinished(), [("b".to_owned(), Vec::new())]);
    }

    #[test]
    fn a_damaged_journal_is_no_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::in_state(dir.path());
        fs::write(&journal.path, "[\"a").unwrap();
        assert!(journal.unfinished().is_err() && journal.begin("b").is_err());
    }
}
