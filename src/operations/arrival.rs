//! Profiles that a restore brings, while it is at work: nothing of them is confirmed. A restore
//! that is killed leaves the note of that.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::session::Session;
use crate::base::error::{Error, Result};
use crate::base::files::{create_private_dir, is_absent, remove, write_private};
use crate::config::Profile;

/// In the state directory. The first line is one of the two below, the others are the
/// profiles that were here before.
const NOTE: &str = "arriving";
/// Nobody without the passwords can have written what comes.
const SEALED: &str = "sealed";
const OPEN: &str = "open";

/// What is noted: whether what comes is sealed, and who was here.
struct Note {
    sealed: bool,
    here: BTreeSet<String>,
}

fn path(session: &Session) -> PathBuf {
    session.layout.state.join(NOTE)
}

/// None: no restore that may bring profiles is at work.
fn read(session: &Session) -> Option<Note> {
    match fs::read_to_string(path(session)) {
        Ok(text) => {
            let mut lines = text.lines();
            let sealed = lines.next() == Some(SEALED);
            Some(Note { sealed, here: lines.map(str::to_owned).collect() })
        }
        Err(error) if is_absent(&error) => None,
        // What cannot be read confirms nothing.
        Err(_) => Some(Note { sealed: false, here: BTreeSet::new() }),
    }
}

/// Before a restore that may bring profiles: those of `here` are the user's own. Whoever came
/// with one that did not end is not.
///
/// # Errors
/// It cannot be noted, and the restore must not begin.
pub fn begins(session: &Session, here: &[Profile], sealed: bool) -> Result<()> {
    let before = read(session);
    let sealed = sealed && before.as_ref().is_none_or(|note| note.sealed);
    let is_own = |name: &&str| before.as_ref().is_none_or(|note| note.here.contains(*name));
    let names = here.iter().map(Profile::name).filter(is_own);
    write(session, &Note { sealed, here: names.map(str::to_owned).collect() })
}

/// After it, once each profile that came is known as one.
///
/// # Errors
/// The note stays.
pub fn ended(session: &Session) -> Result<()> {
    let path = path(session);
    remove(&path).map_err(|error| Error::io("remove", &path, &error))
}

/// Whether the profile in use came with a restore that is at work, or was killed; and if so,
/// whether it came sealed.
pub fn is_coming(session: &Session) -> Option<bool> {
    let profile = session.profile()?;
    read(session).filter(|note| !note.here.contains(profile.name())).map(|note| note.sealed)
}

/// The profile in use was seen as one that came: what a person confirms from here on counts.
///
/// # Errors
/// It cannot be noted.
pub fn noted(session: &Session) -> Result<()> {
    let (Some(profile), Some(mut note)) = (session.profile(), read(session)) else {
        return Ok(());
    };
    note.here.insert(profile.name().to_owned());
    write(session, &note)
}

fn write(session: &Session, Note { sealed, here }: &Note) -> Result<()> {
    let first = if *sealed { SEALED } else { OPEN };
    let lines: Vec<_> = std::iter::once(first).chain(here.iter().map(String::as_str)).collect();
    create_private_dir(&session.layout.state)?;
    write_private(&path(session), format!("{}\n", lines.join("\n")).as_bytes())
}
