//! The traces in a few words, for `upload`: what is known of the files is gathered before their
//! names go.

use std::path::PathBuf;

use super::knowledge::Knowledge;
use super::{counts, event, scope, spared};
use crate::base::error::Result;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::traces::known::Known;
use crate::host::traces::search::Find;
use crate::operations::session::Session;
use crate::report::Note;
use crate::report::event::TraceFate;
use crate::tree::scan::root::Roots;

/// What was known of trees before they were wiped.
pub struct Brief {
    known: Known,
    spared: Vec<PathBuf>,
}

impl Brief {
    /// # Errors
    /// An interrupt.
    pub fn of(
        session: &Session,
        ready: &Ready,
        roots: &Roots,
        trees: &[&Directory],
    ) -> Result<Self> {
        let known = Knowledge::of_here(session, roots, trees, ready.filter())?;
        Ok(Brief { known, spared: spared(session, ready) })
    }

    fn finds(&self, session: &Session) -> Result<Vec<Find>> {
        if self.known.is_empty() {
            return Ok(Vec::new());
        }
        let (mut finds, _) = scope(session, &self.known, &self.spared).places()?;
        finds.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        Ok(finds)
    }

    /// Says how many traces there are. If poof `leaves`, it lists them with their commands,
    /// since nobody can ask it later.
    ///
    /// # Errors
    /// An interrupt.
    pub fn tell(&self, session: &Session, leaves: bool) -> Result<()> {
        let report = &*session.report;
        let finds = self.finds(session)?;
        if finds.is_empty() {
            return Ok(());
        }
        if leaves {
            for find in &finds {
                report.tell(&event(find, TraceFate::Found, true));
            }
        }
        report.say(Note::Traces { counts: counts(&finds), leaves });
        Ok(())
    }
}

/// The same in a dry run.
///
/// # Errors
/// An interrupt.
pub fn preview(
    session: &Session,
    ready: &Ready,
    roots: &Roots,
    trees: &[&Directory],
) -> Result<()> {
    Brief::of(session, ready, roots, trees)?.tell(session, false)
}
