//! What an upload would do.

use super::steps::Upload;
use crate::base::error::Result;
use crate::config::trees::Directory;
use crate::operations::outcome::Outcome;
use crate::operations::recovery::readiness;
use crate::operations::runner::{self, Saving};
use crate::operations::wipe::preview;
use crate::operations::{own_files, shared, traces, uninstall};

impl Upload<'_> {
    /// Says what would be sent and wiped, what stays, and what else tells of the directories that
    /// are `going`.
    ///
    /// # Errors
    /// An interrupt, or something cannot be read.
    pub fn preview(
        &self,
        directories: &[&Directory],
        (going, wiped): (&[&Directory], &[&Directory]),
        backups: &[Saving],
        mut outcome: Outcome,
    ) -> Result<Outcome> {
        let &Upload { request, ready, preflight, .. } = self;
        let (session, roots) = (preflight.session, &preflight.repository.roots);
        let report = &*session.report;
        runner::list(report, backups);
        let (hurry, keeps) = (request.hurry.is_some(), request.keeps());
        if !keeps {
            preview::wipe(session, roots, going, preflight.filter)?;
            self.excluding.preview(&[going, wiped].concat());
            shared::tell(session, going);
        }
        if self.leaves {
            uninstall::preview(session, going)?;
            if let Err(refusal) = readiness::guard(session, request.caution.allowed, directories) {
                runner::note_failure(report, &mut outcome, refusal)?;
            }
        }
        if hurry {
            return Ok(runner::would(report, backups, outcome));
        }
        traces::preview(session, ready, roots, going)?;
        let is_own = |dir: &Directory| own_files::in_use(session, dir).iter().any(Vec::is_empty);
        let goes = going.iter().filter(|dir| !is_own(dir)).count();
        request.scrubbing(session, ready, going).preview(goes);
        Ok(runner::would(report, backups, outcome))
    }
}
