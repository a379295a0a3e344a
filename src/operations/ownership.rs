//! Whose files these are. One run by root with the home directory of a user (`sudo` on a
//! Mac, `sudo -E`) would leave a state of root's there, and lock the user out for ever.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::programs;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown::{path_of, quoted};
use crate::config::Problem;
use crate::host::owners::told as name;
use crate::host::trust;

/// Refuses a run that would leave files of root's with a user, or that files of somebody
/// else's keep from its work.
///
/// # Errors
/// The refusal, before anything was written.
pub fn check(session: &Session) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    if me != 0 {
        return is_mine(session, me);
    }
    not_with_sudo(session)?;
    // What root reads and sends is chosen by both files, whether they name programs or not.
    programs::trusted(session).map_err(Problem::into_error)?;
    // It says what may be wiped, and what was proven.
    let state = &session.state;
    match trust::weak(state).map_err(|error| Error::io("look at", state, &error))? {
        Some(weak) => Err(Error::config(format!(
            "{} {}, and poof notes below it what it may wipe",
            path_of(&weak.path),
            weak.told()
        ))
        .hint(format!("Nothing was changed. `{}`", weak.remedy()))),
        None => Ok(()),
    }
}

fn not_with_sudo(session: &Session) -> Result<()> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let home = &session.layout.home;
    // In a container root may well work with mounted files of others.
    let is_sudo = ["SUDO_UID", "SUDO_USER", "DOAS_USER"].into_iter().any(is_set)
        || owner(home).is_some_and(|uid| uid != 0);
    let places = [&session.state, &session.files.dir];
    let foreign = places.into_iter().find_map(|path| {
        let (path, uid) = path.ancestors().find_map(|path| Some((path, owner(path)?)))?;
        (uid != 0).then_some((path, uid))
    });
    match foreign {
        Some((path, uid)) if is_sudo => {
            let name = name(uid);
            let what = format!("root runs poof, and {} belongs to {name}", path_of(path));
            Err(Error::config(what).hint(format!(
                "Nothing was changed. Run it without sudo, as {name}; or give root's own home \
                 directory: `sudo -H`."
            )))
        }
        _ => Ok(()),
    }
}

/// What is in the state directory is only ever of one user.
fn is_mine(session: &Session, me: u32) -> Result<()> {
    let state = &session.state;
    let inside = fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path());
    let foreign = std::iter::once(state.clone())
        .chain(inside)
        .find_map(|path| owner(&path).filter(|uid| *uid != me).map(|uid| (path, uid)));
    let Some((path, uid)) = foreign else { return Ok(()) };
    let what = format!("{} belongs to {}: poof has run as another user", path_of(&path), name(uid));
    // All configurations have their states there.
    let all = quoted(&session.layout.state);
    let hint = format!("Make it yours again: `sudo chown -R {} {all}`.", name(me));
    Err(Error::new(Kind::Unexpected, what).hint(hint))
}

fn owner(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.uid())
}
