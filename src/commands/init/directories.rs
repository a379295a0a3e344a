//! What is backed up: the directories of the home, and others.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::error::Result;
use crate::base::prompts::{several, text};
use crate::base::shown::path_of;
use crate::base::units::{bytes, files};
use crate::config::trees::Directory;
use crate::operations::Session;
use crate::operations::set_up::{self, Answers, found};

/// So long a directory is measured that is configured already.
const PATIENCE: Duration = Duration::from_millis(300);

const ANOTHER: &str = "Another directory …";

pub fn ask(session: &Session, answers: &mut Answers) -> Result<Option<()>> {
    let home = &session.layout.home;
    let (mut found, unnamed) = found::in_home(home);
    if !unnamed.is_empty() {
        let names: Vec<_> = unnamed.iter().map(|path| path_of(path)).collect();
        session.report.warn(&format!(
            "not in this list, since a name in poof.conf has to be UTF-8: {}. Rename them, or put them \
             into a directory that is backed up",
            names.join(", ")
        ));
    }
    let known: Vec<_> = answers.directories.iter().map(|known| known.local.clone()).collect();
    found.retain(|found| !known.contains(&found.path));
    let measured = known.iter().map(|path| found::measure(path, Instant::now() + PATIENCE));
    let all: Vec<_> = measured.chain(found).collect();
    let mut options: Vec<_> = all.iter().map(|found| shown(home, found)).collect();
    options.push(ANOTHER.to_owned());
    let is_first = known.is_empty();
    let usual = |(i, found): (usize, &found::Found)| {
        (i < known.len() || is_first && found.is_personal).then_some(i)
    };
    let mut chosen: Vec<_> = all.iter().enumerate().filter_map(usual).collect();
    loop {
        let Some(now) = several("What should be backed up?", &options, &chosen)? else {
            return Ok(None);
        };
        chosen = now;
        let mut paths: Vec<_> =
            chosen.iter().filter_map(|i| all.get(*i)).map(|found| found.path.clone()).collect();
        if chosen.contains(&all.len()) {
            paths.extend(others()?);
        }
        answers.directories = named(&answers.directories, &paths);
        match set_up::fit(session, answers) {
            Ok(()) => return Ok(Some(())),
            Err(error) => session.report.error(&set_up::before_it_is_written(error)),
        }
    }
}

/// `Pictures   12.30 GiB, 4,200 files`
fn shown(home: &Path, found: &found::Found) -> String {
    let path = found.path.strip_prefix(home).unwrap_or(&found.path);
    let more = if found.is_whole { "" } else { "more than " };
    format!("{:<24} {more}{}, {}", path_of(path), bytes(found.bytes), files(found.files))
}

/// Directories that a person types, until one is left empty.
fn others() -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    loop {
        let help = "A full path, or one below your home with ~/. Enter alone goes on.";
        let typed = text("Another directory:", "", help, |path| match expanded(path) {
            _ if path.is_empty() => Ok(()),
            path if !path.is_absolute() => Err("Type a full path.".to_owned()),
            path if !path.is_dir() => Err("There is no such directory.".to_owned()),
            _ => Ok(()),
        })?;
        match typed.filter(|path| !path.is_empty()) {
            Some(path) => paths.push(expanded(&path)),
            None => return Ok(paths),
        }
    }
}

/// What a person means by `~/x`: nobody has expanded it here.
pub fn expanded(path: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    match path.strip_prefix('~') {
        Some("") => home,
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => path.into(),
    }
    .components()
    .collect()
}

/// Each path with a name of its own; those that have one keep it.
fn named(known: &[Directory], paths: &[PathBuf]) -> Vec<Directory> {
    let mut all: Vec<Directory> = Vec::new();
    let is_known = |path: &PathBuf| known.iter().find(|known| known.local == *path);
    all.extend(paths.iter().filter_map(is_known).cloned());
    for path in paths {
        if all.iter().any(|directory| directory.local == *path) {
            continue;
        }
        let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_free = |name: &String| all.iter().all(|directory| directory.name != *name);
        let numbered = (2..).map(|number| format!("{own}-{number}"));
        let name = std::iter::once(own.clone()).chain(numbered).find(is_free).unwrap_or(own);
        all.push(Directory { local: path.clone(), name });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_directory_has_a_name_of_its_own_and_keeps_the_one_it_has() {
        let known = [Directory { local: "/b/photos".into(), name: "photos".into() }];
        let paths = ["/a/photos", "/b/photos", "/c/photos", "/a/photos"].map(PathBuf::from);
        let named = named(&known, &paths);
        let shown: Vec<_> = named
            .iter()
            .map(|directory| (directory.local.to_str().unwrap(), directory.name.as_str()))
            .collect();
        assert_eq!(
            shown,
            [("/b/photos", "photos"), ("/a/photos", "photos-2"), ("/c/photos", "photos-3")]
        );
    }
}
