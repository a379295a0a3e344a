//! What `paths` may say: which directories, under which names, and which of
//! them would be in each other's way.

use crate::base::shown::path_of;
use std::path::{Component, Path, PathBuf};

use super::poof_conf::PLACEHOLDER;
use super::status::{Problem, Status};

const PLACE: &str = "poof.conf paths";

/// A local directory and its name on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub local: PathBuf,
    pub name: String,
}

/// The directories of `paths`, if each can be backed up and restored without
/// touching another.
///
/// `real` resolves symbolic links where it can. Nothing else is asked of the
/// file system: a directory that is missing is no problem here, since it may be
/// wiped and about to come back.
///
/// # Errors
/// All mistakes that are found, as one [`Problem`].
pub fn directories<'a>(
    paths: impl Iterator<Item = (&'a str, &'a str)>,
    home: &Path,
    real: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<Directory>, Problem> {
    at_least(LEAST, paths, home, real)
}

/// So many directories a configuration has: its own, and one of the user.
pub const LEAST: usize = 2;

/// The same for what needs no more than `least` directories.
///
/// # Errors
/// As [`directories`].
pub fn at_least<'a>(
    least: usize,
    paths: impl Iterator<Item = (&'a str, &'a str)>,
    home: &Path,
    real: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<Directory>, Problem> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for (local, name) in paths {
        match directory(local, name) {
            Ok(directory) => all.push(directory),
            Err(problem) => wrong.push(problem),
        }
    }
    if all.len() + wrong.len() < least {
        let placeholder = all.iter().any(|d| d.name == PLACEHOLDER);
        let what = if placeholder {
            "only the placeholder unittest is configured"
        } else {
            "at least two directories are needed: poof's own configuration and one of yours"
        };
        wrong.push(misconfigured(what, "`poof add /your/directory` adds one."));
    }
    let resolved: Vec<_> = all.iter().map(|d| real(&d.local)).collect();
    for (directory, path) in all.iter().zip(&resolved) {
        let shown = path_of(&directory.local);
        if path.parent().is_none() {
            wrong.push(misconfigured(
                format!("{shown} is the whole file system"),
                "Name the directories that hold your data.",
            ));
        }
        if *path == real(home) {
            wrong.push(misconfigured(
                format!("{shown} is the home directory itself"),
                "Name the directories in it that hold your data.",
            ));
        }
    }
    for (i, (a, path_a)) in all.iter().zip(&resolved).enumerate() {
        for (b, path_b) in all.iter().zip(&resolved).skip(i + 1) {
            wrong.extend(apart(a, b, path_a, path_b).err());
        }
    }
    Problem::all(wrong).map_or(Ok(all), Err)
}

/// Whether two directories keep out of each other's way, on both sides.
fn apart(a: &Directory, b: &Directory, path_a: &Path, path_b: &Path) -> Result<(), Problem> {
    let (local_a, local_b) = (path_of(&a.local), path_of(&b.local));
    if path_a.starts_with(path_b) || path_b.starts_with(path_a) {
        return Err(misconfigured(
            format!("one of {local_a} and {local_b} is inside the other"),
            "Keep the outer one alone, or name directories side by side.",
        ));
    }
    if a.name == b.name {
        return Err(misconfigured(
            format!("{local_a} and {local_b} have the same name {:?} on the remote", a.name),
            "Each would delete the other's files: give one another name.",
        ));
    }
    if Path::new(&a.name).starts_with(&b.name) || Path::new(&b.name).starts_with(&a.name) {
        return Err(misconfigured(
            format!("one of the remote names {:?} and {:?} is inside the other", a.name, b.name),
            "Each would delete the other's files: name them side by side.",
        ));
    }
    Ok(())
}

/// A directory by itself, whatever others there are.
///
/// # Errors
/// The path or the name cannot be one.
pub fn directory(local: &str, name: &str) -> Result<Directory, Problem> {
    let path = Path::new(local);
    if !path.is_absolute() {
        return Err(misconfigured(
            format!("{local:?} is not a full path"),
            "Write it from / on, without ~ or $HOME.",
        ));
    }
    let has = |wanted: Component| path.components().any(|c| c == wanted);
    if has(Component::ParentDir) {
        return Err(misconfigured(format!("{local:?} contains .."), "Write the path without it."));
    }
    let trimmed = name.trim_matches('/');
    let plain = Path::new(trimmed).components().all(|c| matches!(c, Component::Normal(_)));
    if trimmed.is_empty() || !plain || trimmed.contains('\0') {
        return Err(misconfigured(
            format!("{name:?} cannot be a name on the remote"),
            "Use a plain name such as Documents.",
        ));
    }
    if Path::new(trimmed).starts_with(".poof") {
        return Err(misconfigured(
            format!("{name:?} is where poof keeps its own records"),
            "Use another name.",
        ));
    }
    // Components drop needless slashes, as the Python poof does at the end.
    let name: PathBuf = Path::new(trimmed).components().collect();
    let name = name.to_string_lossy().into_owned();
    Ok(Directory { local: path.components().collect(), name })
}

fn misconfigured(what: impl Into<String>, hint: &str) -> Problem {
    Problem::new(Status::WarnMisconfigured, PLACE, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[(&str, &str)]) -> Result<Vec<Directory>, Problem> {
        directories(paths.iter().copied(), Path::new("/home/joe"), Path::to_path_buf)
    }

    #[test]
    fn directories_side_by_side_are_fine_and_lose_their_slash() {
        let all = check(&[("/home/joe/docs/", "docs"), ("/home/joe/.config/poof", "/conf/")]);
        let all = all.unwrap();
        assert_eq!(all[0].local.as_os_str(), "/home/joe/docs");
        assert_eq!(all[1].name, "conf");
        assert!(check(&[("/a/all", "all"), ("/a/all2", "all2")]).is_ok());
    }

    #[test]
    fn what_would_lose_files_is_refused() {
        for (paths, word) in [
            (&[("/a", "unittest")][..], "unittest"),
            (&[("/a", "a")], "at least two"),
            (&[("/a", "x"), ("/b", "x")], "same name"),
            (&[("/a", "all"), ("/b", "all/docs")], "is inside the other"),
            (&[("/a", "a//b"), ("/b", "a/b")], "same name"),
            (&[("/a", "a"), ("/a/b", "b")], "is inside the other"),
            (&[("/", "a"), ("/b", "b")], "whole file system"),
            (&[("/home/joe", "a"), ("/b", "b")], "home directory"),
            (&[("docs", "a"), ("/b", "b")], "full path"),
            (&[("/a/../b", "a"), ("/b", "b")], ".."),
            (&[("/a", "../a"), ("/b", "b")], "cannot be a name"),
            (&[("/a", ""), ("/b", "b")], "cannot be a name"),
            (&[("/a", ".poof/x"), ("/b", "b")], "own records"),
        ] {
            let problem = check(paths).unwrap_err();
            assert!(problem.what.contains(word), "{paths:?}: {}", problem.what);
        }
    }

    #[test]
    fn a_link_to_another_directory_counts_as_that_directory() {
        let real = |path: &Path| {
            if path == Path::new("/link") { PathBuf::from("/a/sub") } else { path.to_path_buf() }
        };
        let paths = [("/a", "a"), ("/link", "b")];
        assert!(directories(paths.into_iter(), Path::new("/home"), real).is_err());
    }
}
