//! Where a program is found that is named without a path.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::trust;

/// What to run for `program`; `path` stands for PATH. For an ordinary user that is its name.
/// For root it is the first on PATH that nobody else could have put there: a directory of a
/// user's, which `sudo -E` or a script may bring along, is passed over.
///
/// # Errors
/// For root there is none.
pub fn found(program: &str, path: Option<&OsStr>) -> io::Result<OsString> {
    if !rustix::process::geteuid().is_root() || program.contains('/') {
        return Ok(program.into());
    }
    let path = path.map(OsStr::to_owned).or_else(|| env::var_os("PATH"));
    let found = of_root(program, &path.unwrap_or_default());
    found.ok_or_else(|| io::Error::from(ErrorKind::NotFound))
}

/// What PATH has of directories in which nobody else can put anything, if this is root: for
/// what looks for programs itself.
pub fn search_of_root() -> Option<OsString> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let is_safe = |dir: &Path| dir.is_absolute() && matches!(trust::weak(dir), Ok(None));
    env::join_paths(env::split_paths(&path).filter(|dir| is_safe(dir))).ok()
}

fn of_root(program: &str, path: &OsStr) -> Option<OsString> {
    let is_one = |file: &Path| {
        file.metadata()
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
            && matches!(trust::weak(file), Ok(None))
    };
    let mut files = env::split_paths(path).filter(|dir| dir.is_absolute()).map(|d| d.join(program));
    files.find(|file| is_one(file)).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn root_passes_over_what_somebody_else_could_have_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let [weak, good] = ["weak", "good"].map(|name| root.join(name));
        for (dir, mode) in [(&weak, 0o777), (&good, 0o755)] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("tool"), "").unwrap();
            fs::set_permissions(dir.join("tool"), Permissions::from_mode(0o755)).unwrap();
            fs::set_permissions(dir, Permissions::from_mode(mode)).unwrap();
        }
        let path = env::join_paths([Path::new("relative"), &weak, &good]).unwrap();
        assert_eq!(of_root("tool", &path), Some(good.join("tool").into()));
        let path = env::join_paths([&weak]).unwrap();
        assert_eq!(of_root("tool", &path), None);
        fs::set_permissions(good.join("tool"), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(of_root("tool", good.as_os_str()), None);
    }
}
