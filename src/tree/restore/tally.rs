//! How a restore went, path by path.

use std::io;

use crate::base::units::files;
use crate::storage::failure::FailureKind;
use crate::storage::store::Fetched;
use crate::tree::model::entry::Entry;
use crate::tree::model::plan::Failed;
use crate::tree::remote::object_metadata::holds;
use crate::tree::scan::attributes::Short;

/// How it went.
#[derive(Default)]
pub struct Tally {
    pub failed: Vec<Failed>,
    /// Entries that belong to another than they should.
    pub owners: u64,
    /// Entries with attributes that only another system can hold.
    pub foreign: u64,
    /// Entries that should be locked, and are not.
    pub locks: u64,
    /// Entries whose owner or mode the disk has no place for.
    pub disk: u64,
    /// Entries of which the disk does not keep when they were made.
    pub created: u64,
}

impl Tally {
    /// Takes note of what became of `path`.
    pub fn note(&mut self, path: &[u8], done: io::Result<Short>) {
        match done {
            Ok(Short { owner, xattr, foreign, lock, disk, created }) => {
                self.created += u64::from(created);
                self.owners += u64::from(owner);
                self.foreign += u64::from(foreign);
                self.locks += u64::from(lock);
                self.disk += u64::from(disk);
                if let Some(name) = xattr {
                    let why = format!("its attribute {name} is refused by this disk");
                    self.failed.push(Failed::at(path, FailureKind::Forbidden, &why));
                }
            }
            Err(error) => self.fail(path, &error),
        }
    }

    /// What is not as the snapshot has it although nothing is wrong.
    pub fn notes(&self) -> Vec<String> {
        let note = |count, what: &str| (count > 0).then(|| format!("{} {what}", files(count)));
        let notes = [
            note(
                self.foreign,
                "have attributes that only another system can hold, and are here without them",
            ),
            note(self.disk, "are here without their owner and mode: this disk has none"),
            note(self.created, "are here without their creation date: this disk keeps none"),
            note(
                self.owners,
                "of other owners belong to this user now: only root can give them away",
            ),
            note(
                self.locks,
                "are not immutable or append-only here, as they were: only root can make them so",
            ),
        ];
        notes.into_iter().flatten().collect()
    }

    pub fn fail(&mut self, path: &[u8], error: &io::Error) {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::Full,
            _ => FailureKind::Forbidden,
        };
        self.failed.push(Failed::at(path, kind, &format!("it cannot be put into place: {error}")));
    }
}

/// Compares a fetched file with its entry: the snapshot knows size and hash.
pub fn verified(entry: &Entry, record: &Fetched) -> Result<(), (FailureKind, String)> {
    if let Some(failure) = &record.failure {
        return Err((failure.kind, failure.text.clone()));
    }
    let why = "the object is not what the snapshot holds; nothing was replaced";
    if holds(entry, record) { Ok(()) } else { Err((FailureKind::Lost, why.to_owned())) }
}
