//! The question before an upload.

use super::steps::Upload;
use crate::base::error::{Error, Result};
use crate::base::units::{bytes, files};
use crate::config::trees::Directory;
use crate::operations::uninstall;
use crate::operations::wipe::preview;
use crate::report::lists;

impl Upload<'_> {
    /// Asks a person on a report. Elsewhere `upload` runs without asking, because the remote
    /// holds what it wipes. No snapshot holds what is excluded: that needs `--yes`.
    ///
    /// # Errors
    /// The refusal.
    pub fn consent(&self, going: &[&Directory], wiped: &[&Directory]) -> Result<()> {
        let &Upload { preflight, excluding, leaves, .. } = self;
        let session = preflight.session;
        let report = &*session.report;
        // Who is in a hurry has said it by the command.
        let yes = self.request.caution.yes || self.request.hurry.is_some();
        let excluded = excluding.extent(&[going, wiped].concat());
        let given_up = excluding.goes && excluded.files > 0;
        if yes || !report.interactive() && !given_up {
            return Ok(());
        }
        let volume = lists::extent(excluded);
        if !report.interactive() {
            let what =
                format!("{volume}, that are excluded would be wiped: no snapshot holds them");
            return Err(Error::guard(what).hint(
                "Nothing was changed. `--dry-run` counts them, `--yes` goes ahead; without \
                 `--wipe-excluded` they stay.",
            ));
        }
        let roots = &preflight.repository.roots;
        let (count, size) = preview::extent(session, roots, going, preflight.filter)?;
        if count == 0 && !given_up && !leaves {
            return Ok(());
        }
        let more = match excluded.files {
            0 => String::new(),
            _ if given_up => {
                format!(", and then {volume}, that are excluded and that no snapshot holds")
            }
            _ => format!("; {volume}, are excluded and stay"),
        };
        let (count, size) = (files(count), bytes(size));
        let goes_on = format!(
            "{count}, {size}, will be wiped here once the remote is proven to hold them{more}."
        );
        let agreed = if leaves {
            uninstall::question::ask(session, going, &goes_on)?
        } else {
            report.confirm(&format!("{goes_on} Go on?"), yes)?
        };
        if agreed {
            return Ok(());
        }
        Err(Error::guard("nothing was sent and nothing was wiped")
            .hint("`--dry-run` shows what would."))
    }
}
