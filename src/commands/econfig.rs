//! `poof econfig`

use crate::base::error::Result;
use crate::config::{PoofConf, Problem};
use crate::operations::encryption::{self, Section};
use crate::operations::secrets::{in_time, rclone_file};
use crate::operations::{Outcome, Session, guessable};
use crate::report::Note;

pub fn run(session: &Session) -> Result<Outcome> {
    let path = &session.files.rclone;
    let _lock = session.lock()?;
    let poof = PoofConf::load(&session.files.poof).map_err(Problem::into_error)?;
    let mut file = in_time(rclone_file(session, Some(&poof)))?;
    let Section { name: section, is_new } = encryption::add(session, &poof, &mut file.conf)?;
    if !is_new {
        session.report.say(Note::SectionIsThere { section });
        guessable::warn(session, &file.conf, &[]);
        return Ok(Outcome::default().with("changed", false));
    }
    file.save(path)?;
    session.report.say(Note::SectionAdded { section, path: path.to_owned() });
    session.report.note(
        "Its passwords exist only there: keep a copy in a safe place (`poof cconfig` shows the \
         file). `poof cryptoggle` switches to it.",
    );
    Ok(Outcome::default().with("changed", true))
}
