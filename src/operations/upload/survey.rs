//! What an upload finds before it changes anything.

use crate::base::error::Result;
use crate::base::interrupt;
use crate::config::trees::Directory;
use crate::operations::outcome::Outcome;
use crate::operations::preflight::{self, Found, Preflight};
use crate::operations::runner;
use crate::report::{Event, TreeNote};
use crate::tree::backup::Backup;

/// What was found of all directories.
#[derive(Default)]
pub struct Surveyed<'a> {
    pub outcome: Outcome,
    pub backups: Vec<Backup<'a>>,
    /// Is to be wiped, or is half wiped.
    pub going: Vec<Directory>,
    pub wiped: Vec<Directory>,
    /// Names of those that stay out of this run.
    pub refused: Vec<String>,
    /// The snapshot of one that is wiped is on another remote.
    pub elsewhere: bool,
}

/// Surveys one directory after the other; one that is refused keeps no other from going on.
///
/// # Errors
/// An interrupt, or what keeps the whole from working.
pub fn survey<'a>(sending: &Preflight<'a>, directories: &[&Directory]) -> Result<Surveyed<'a>> {
    let Preflight { session, repository, .. } = sending;
    let report = &*session.report;
    let here = repository.remote.name();
    let mut all = Surveyed::default();
    for directory in repository.places(session, directories) {
        interrupt::check()?;
        match sending.survey(&directory) {
            Ok(Found::Here(backup)) => {
                preflight::tell(session, &backup, &mut all.outcome);
                all.going.push(Directory { name: backup.name().to_owned(), ..directory });
                all.backups.push(backup);
            }
            Ok(Found::Wiping) => {
                report.say_of(&directory.name, TreeNote::WipeGoesOn);
                all.going.push(directory);
            }
            Ok(Found::Part { snapshot, .. }) => {
                report.say_of(&directory.name, TreeNote::PartGoes);
                if !sending.dry_run {
                    sending.meet(&directory, &snapshot)?;
                }
                all.going.push(directory);
            }
            Ok(Found::Wiped(record)) => {
                all.elsewhere |= !record.is_on(&here);
                all.outcome.wipe.before += 1;
                report.tell(&Event::wiped_before(&record, &here));
                all.wiped.push(directory);
            }
            Err(error) => {
                all.refused.push(directory.name.clone());
                runner::note_refused(report, &mut all.outcome, &directory.name, error)?;
            }
        }
    }
    Ok(all)
}
