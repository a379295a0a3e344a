//! Where data is read and sent, as far as a restore has said so: whoever writes to a bucket in
//! clear could otherwise have the next backup send another directory, or send all to another
//! place. What a user writes after that counts, and what the restore brought waits to be confirmed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::base::files::{is_absent, write_private};
use crate::config::programs::Program;

/// In the state directory. The first line is one of the two below, the others are digests.
const NOTE: &str = "brought";
/// A restore is at work, or did not end: these were there before, and count.
const ONLY: &str = "only";
/// These were brought, and do not count.
const BUT: &str = "but";

/// What is known of settings.
pub enum Known {
    Only(BTreeSet<String>),
    AllBut(BTreeSet<String>),
}

impl Known {
    /// What is noted in the state of a configuration.
    pub fn read(state: &Path) -> Self {
        let text = match fs::read_to_string(state.join(NOTE)) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Known::AllBut(BTreeSet::new()),
            // What cannot be read lets nothing pass.
            Err(_) => return Known::Only(BTreeSet::new()),
        };
        let mut lines = text.lines();
        let kind = lines.next();
        let digests = lines.map(str::to_owned).collect();
        if kind == Some(BUT) { Known::AllBut(digests) } else { Known::Only(digests) }
    }

    fn write(&self, state: &Path) -> Result<()> {
        let path = state.join(NOTE);
        let (kind, digests) = match self {
            Known::AllBut(none) if none.is_empty() => {
                return match fs::remove_file(&path) {
                    Err(error) if !is_absent(&error) => Err(Error::io("remove", &path, &error)),
                    _ => Ok(()),
                };
            }
            Known::AllBut(digests) => (BUT, digests),
            Known::Only(digests) => (ONLY, digests),
        };
        let lines: Vec<_> =
            std::iter::once(kind).chain(digests.iter().map(String::as_str)).collect();
        write_private(&path, format!("{}\n", lines.join("\n")).as_bytes())
    }

    /// Whether a setting counts.
    pub fn counts(&self, setting: &Program) -> bool {
        match self {
            Known::Only(digests) => digests.contains(&setting.digest()),
            Known::AllBut(digests) => !digests.contains(&setting.digest()),
        }
    }
}

/// Before a restore reaches the configuration whose state this is: until it has ended, `here`
/// counts as far as it did, and nothing else.
///
/// # Errors
/// It cannot be noted, and the restore must not begin.
pub fn beware(state: &Path, here: &[Program]) -> Result<()> {
    let known = Known::read(state);
    let counting = here.iter().filter(|setting| known.counts(setting));
    Known::Only(counting.map(Program::digest).collect()).write(state)
}

/// After it: what does not count by now of what is `in_use` was brought. Returns how many there are.
///
/// # Errors
/// It cannot be noted; then only what was there before counts.
pub fn settle(state: &Path, in_use: &[Program]) -> Result<usize> {
    let known = Known::read(state);
    let brought: BTreeSet<_> =
        in_use.iter().filter(|setting| !known.counts(setting)).map(Program::digest).collect();
    let count = brought.len();
    Known::AllBut(brought).write(state)?;
    Ok(count)
}

/// A person has seen these, all that do not count by now, and wants them.
///
/// # Errors
/// It cannot be noted.
pub fn accept(state: &Path, seen: &[&Program]) -> Result<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let mut but = match Known::read(state) {
        Known::Only(_) => BTreeSet::new(),
        Known::AllBut(digests) => digests,
    };
    for setting in seen {
        but.remove(&setting.digest());
    }
    Known::AllBut(but).write(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::programs::settings;
    use crate::config::{PoofConf, RcloneConf};

    fn counts(state: &Path, setting: &Program) -> bool {
        Known::read(state).counts(setting)
    }

    fn here(path: &str) -> Vec<Program> {
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{"{path}":"data"}}}}"#);
        let poof = PoofConf::parse(text.as_bytes()).unwrap();
        settings(&poof, &RcloneConf::default())
    }

    #[test]
    fn what_was_there_counts_and_what_came_does_not_until_somebody_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path();
        let (old, new) = (here("/old"), here("/new"));
        let path_of = |all: &[Program]| all.iter().find(|one| one.told().contains('/')).cloned();
        let (old_path, new_path) = (path_of(&old).unwrap(), path_of(&new).unwrap());
        assert!(counts(state, &old_path) && counts(state, &new_path));
        beware(state, &old).unwrap();
        assert!(counts(state, &old_path) && !counts(state, &new_path));
        // A second restore after one that did not end.
        beware(state, &new).unwrap();
        assert!(!counts(state, &new_path));
        Known::AllBut([new_path.digest()].into()).write(state).unwrap();
        assert!(counts(state, &old_path) && !counts(state, &new_path));
        accept(state, &[&new_path]).unwrap();
        assert!(counts(state, &new_path));
        assert!(!state.join(NOTE).exists());
        fs::write(state.join(NOTE), [0xff]).unwrap();
        assert!(!counts(state, &old_path), "what cannot be read lets nothing pass");
    }
}
