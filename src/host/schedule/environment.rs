//! What a scheduler does not know of the environment in which `lconfig` was called.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use uzers::os::unix::UserExt;
use uzers::{get_current_uid, get_user_by_uid};

/// Say where poof's files are.
const NAMES: [&str; 2] = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"];

/// Of the environment of this process, for a user whose home is `home`.
pub fn environment(home: &Path) -> Vec<(String, PathBuf)> {
    of(home, home_of_user().as_deref(), |name| env::var_os(name))
}

/// The home directory of the user, whatever HOME is.
pub(super) fn home_of_user() -> Option<PathBuf> {
    get_user_by_uid(get_current_uid()).map(|user| user.home_dir().to_path_buf())
}

/// The home of the user is known to every scheduler; another one has to be told.
fn of(
    home: &Path,
    known: Option<&Path>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Vec<(String, PathBuf)> {
    let given = |name: &str| {
        let path = env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        path.map(|path| (name.to_owned(), path))
    };
    let other = (known != Some(home)).then(|| ("HOME".to_owned(), home.to_path_buf()));
    other.into_iter().chain(NAMES.iter().filter_map(|name| given(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_usual_is_told() {
        let home = Path::new("/home/joe");
        let none = |_: &str| None;
        assert_eq!(of(home, Some(home), none), []);
        let pair = |name: &str, path: &str| (name.to_owned(), PathBuf::from(path));
        assert_eq!(of(home, Some(Path::new("/root")), none), [pair("HOME", "/home/joe")]);
        let xdg = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some("relative".into()),
            "XDG_STATE_HOME" => Some("/state".into()),
            _ => None,
        };
        assert_eq!(of(home, Some(home), xdg), [pair("XDG_STATE_HOME", "/state")]);
    }
}
