//! The configuration as commands need it: loaded, checked, and in force in
//! rclone.

use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};
use std::{env, fs};

use crate::base::error::{Error, Kind, Result};
use crate::base::files;
use crate::base::shown::{path_of, quoted};
use crate::config::programs::{of_rclone, settings};
use crate::config::ready::ready;
use crate::config::trees::Directory;
use crate::config::{Files, PoofConf, Problem, Ready};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::store::set_patience;
use crate::tree::guard::{Allowed, Sight};

use super::context::Context;
use super::programs;
use super::secrets::{Fetch, check, give, in_time, rclone_file, resolve};
use crate::cli::Guard;

/// Loads and checks both files and gives rclone its own.
///
/// # Errors
/// The configuration is missing or invalid.
pub fn load(context: &Context) -> Result<Ready> {
    warn_if_open(context);
    put_in_force(context, check)?.strict().map_err(Problem::into_error)
}

/// The same for what brings data back, which a misspelt key does not stop: whoever comes
/// back may have nothing to correct it with.
///
/// # Errors
/// As [`load`], without that.
pub fn load_to_restore(context: &Context) -> Result<Ready> {
    warn_if_open(context);
    let ready = put_in_force(context, check)?;
    if let Some(problem) = ready.misspelt() {
        context.terminal.warn(problem.clone().into_error().message());
    }
    Ok(ready)
}

/// The same for what sends to the remote, or removes there.
///
/// # Errors
/// As [`load`], or a section shows the past.
pub fn load_to_change(context: &Context) -> Result<Ready> {
    let ready = load(context)?;
    ready.is_the_present().map_err(Problem::into_error)?;
    Ok(ready)
}

/// The same without a word.
///
/// # Errors
/// As [`load`].
pub fn in_force(context: &Context) -> Result<Ready> {
    put_in_force(context, resolve)
}

/// `fetch` is [`check`] or [`resolve`].
fn put_in_force(context: &Context, fetch: Fetch) -> Result<Ready> {
    let Context { files, layout, .. } = context;
    let poof = PoofConf::load(&files.poof).map_err(Problem::into_error)?;
    let rclone = in_time(rclone_file(context, Some(&poof)))?;
    let ready = ready(&poof, &rclone.conf, &layout.home).map_err(Problem::into_error)?;
    let mut its_own = of_rclone(&rclone.conf, &poof.secrets());
    its_own.extend(settings(&poof, &rclone.conf));
    programs::may_run(context, &its_own).map_err(Problem::into_error)?;
    let secrets = in_time(fetch(context, &poof, &rclone.conf))?;
    give(&files.rclone, &rclone, &secrets)?;
    set_patience(ready.patience());
    Ok(ready)
}

/// Warns of files that others than their owner can read.
pub fn warn_if_open(context: &Context) {
    for path in [&context.files.poof, &context.files.rclone] {
        warn_if_readable(context, path);
    }
}

/// Warns of a file with secrets that others than its owner can read.
pub fn warn_if_readable(context: &Context, path: &Path) {
    if files::readable_by_others(path) {
        let (shown, path) = (path_of(path), quoted(path));
        context.terminal.warn(&format!("{shown} can be read by others; fix: chmod 600 {path}"));
    }
}

/// The directories of the names in `only`, or all.
///
/// # Errors
/// A name that is not configured.
pub fn select<'a>(ready: &'a Ready, only: &[String]) -> Result<Vec<&'a Directory>> {
    let all = ready.directories();
    for name in only {
        if !all.iter().any(|d| d.name == *name) {
            let known: Vec<_> = all.iter().map(|d| d.name.as_str()).collect();
            return Err(Error::new(Kind::Usage, format!("no directory has the name {name:?}"))
                .hint(format!("poof.conf has: {}.", known.join(", "))));
        }
    }
    Ok(all.iter().filter(|d| only.is_empty() || only.contains(&d.name)).collect())
}

/// # Errors
/// The remote lies on a disk that is not there.
pub fn disk_is_there(ready: &Ready) -> Result<()> {
    let remote = ready.remote();
    let Some(disk) = remote.absent_disk() else { return Ok(()) };
    let what = format!("{} lies in {}, which does not exist", remote.name(), path_of(disk));
    Err(Error::new(Kind::Remote, what).hint("Is the disk attached and mounted?"))
}

/// Looks at the top of the bucket, from both sides of the encryption.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn look(ready: &Ready) -> Result<Sight> {
    let remote = ready.remote();
    let place = remote.name();
    let fail = |failure: Failure| failure.into_error(&format!("list {place}"), Kind::Remote);
    disk_is_there(ready)?;
    let (here, there) = thread::scope(|scope| {
        let there = ready.counterpart().map(|other| scope.spawn(move || other.top()));
        (remote.top(), there.map(joined))
    });
    let here = here.map_err(fail)?;
    let there = match there {
        Some(there) => match there {
            Ok(top) => Some(top),
            // Its passwords may be wrong, which is no matter for this remote.
            Err(failure) if failure.kind == FailureKind::Config && !remote.is_encrypted() => None,
            Err(failure) => return Err(fail(failure)),
        },
        None => None,
    };
    Ok(Sight { here, there, encrypted: remote.is_encrypted() })
}

/// Where the configuration in use lies below a directory.
pub fn in_use(context: &Context, directory: &Directory) -> Vec<Vec<u8>> {
    let Files { dir, poof, rclone } = &context.files;
    inside(&directory.local, [dir, poof, rclone])
}

/// What a wipe leaves alone below a directory: that, and poof itself.
pub fn spared(context: &Context, directory: &Directory) -> Vec<Vec<u8>> {
    let program = env::current_exe().unwrap_or_default();
    let mut spared = in_use(context, directory);
    spared.extend(inside(&directory.local, [&context.layout.state, &program]));
    spared
}

/// Where what poof remembers of this machine lies below a directory. It is nothing that
/// another time or machine could know better.
pub fn state(context: &Context, directory: &Directory) -> Vec<Vec<u8>> {
    inside(&directory.local, [&context.layout.state])
}

/// What poof needs while it runs and nothing beside it: what a wipe leaves alone below a
/// directory where poof removes itself afterwards.
pub fn needed(context: &Context, directory: &Directory) -> Vec<Vec<u8>> {
    let program = env::current_exe().unwrap_or_default();
    let mut needed = inside(&directory.local, [&context.layout.state, &program]);
    needed.extend(configuration(context, &directory.local));
    needed
}

/// Both files in use as far as they are below `root`, relative to it. A link counts as well
/// as its target.
pub fn configuration(context: &Context, root: &Path) -> Vec<Vec<u8>> {
    let Files { poof, rclone, .. } = &context.files;
    let link = |path: &PathBuf| Some(real(path.parent()?).join(path.file_name()?));
    let links: Vec<_> = [poof, rclone].into_iter().filter_map(link).collect();
    let mut found = inside(root, [poof, rclone]);
    let tree = real(root);
    let below = links.iter().filter_map(|path| path.strip_prefix(&tree).ok());
    found.extend(below.map(|path| path.as_os_str().as_encoded_bytes().to_vec()));
    found
}

/// Of `paths` those below a directory, relative to it.
fn inside<'a>(root: &Path, paths: impl IntoIterator<Item = &'a PathBuf>) -> Vec<Vec<u8>> {
    let tree = real(root);
    let below = |path: &PathBuf| {
        Some(real(path).strip_prefix(&tree).ok()?.as_os_str().as_encoded_bytes().into())
    };
    paths.into_iter().filter_map(below).collect()
}

/// A path without links on the way, as far as it exists. A directory that was wiped
/// leaves the link to it behind.
pub fn real(path: &Path) -> PathBuf {
    let target = || Some(path.parent()?.join(fs::read_link(path).ok()?));
    fs::canonicalize(path).ok().or_else(target).unwrap_or_else(|| path.to_path_buf())
}

/// What a thread that asks the remote comes back with.
pub fn joined<T>(
    thread: ScopedJoinHandle<std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    thread.join().unwrap_or_else(|_| Err(Failure::other("a thread ended")))
}

/// The guards that may pass in this run.
pub fn allowed(allow: &[Guard]) -> Allowed {
    let has = |guard| allow.contains(&guard);
    Allowed {
        empty_source: has(Guard::EmptySource),
        mass_deletion: has(Guard::MassDeletion),
        other_remote: has(Guard::OtherRemote),
        older_snapshot: has(Guard::OlderSnapshot),
        newer_snapshot: has(Guard::NewerSnapshot),
        no_kit: has(Guard::NoKit),
        foreign: has(Guard::Foreign),
        no_manifest: has(Guard::NoManifest),
        privileged: has(Guard::Privileged),
    }
}
