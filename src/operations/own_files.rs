//! Where poof's own files are in a tree: what a wipe, a restore and a backup treat by itself.

use std::path::{Path, PathBuf};
use std::{env, fs};

use data_encoding::HEXLOWER;

use super::profiles::{self, Configuration};
use super::session::Session;
use crate::base::files::SECRETS;
use crate::config::Files;
use crate::config::trees::Directory;
use crate::host::machine::Machine;

/// Where the passwords of a change are that is not done, see `rekey`.
pub fn passwords(session: &Session) -> PathBuf {
    let name = session.files.rclone.file_name().unwrap_or_default().to_string_lossy();
    session.files.rclone.with_file_name(format!("{SECRETS}rekey-{name}"))
}

/// Whether such a change was begun.
pub fn is_rekeying(session: &Session) -> bool {
    passwords(session).symlink_metadata().is_ok()
}

/// Where the configuration in use is below a directory.
pub fn in_use(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    let Files { dir, poof, rclone } = &session.files;
    inside(&directory.local, [dir, poof, rclone])
}

/// Where any configuration of this user is below a directory: those beside the one in use are
/// not for this one to wipe or to restore.
pub fn configurations(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    let mut all = in_use(session, directory);
    all.extend(of_others(session, directory));
    all
}

/// The other configurations that are below a directory.
pub fn others_in(session: &Session, root: &Path) -> Vec<Configuration> {
    let mut others = profiles::others(session);
    others.retain(|other| !inside(root, [&other.dir()]).is_empty());
    others
}

/// Where they are, relative to it.
fn of_others(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    let others = profiles::others(session);
    let dirs: Vec<_> = others.iter().map(Configuration::dir).collect();
    inside(&directory.local, &dirs)
}

/// What a wipe leaves alone below a directory: that, and poof itself.
pub fn spared(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    let program = env::current_exe().unwrap_or_default();
    let mut spared = configurations(session, directory);
    spared.extend(inside(&directory.local, [&session.layout.state, &program]));
    spared
}

/// Where what poof remembers of this machine is below a directory. It is nothing that
/// another time or machine could know better.
pub fn state(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    inside(&directory.local, [&session.layout.state])
}

/// What poof needs while it runs and nothing beside it: what a wipe leaves alone below a
/// directory where poof removes itself afterwards.
pub fn needed(session: &Session, directory: &Directory) -> Vec<Vec<u8>> {
    let program = env::current_exe().unwrap_or_default();
    let mut needed = inside(&directory.local, [&session.layout.state, &program]);
    needed.extend(configuration(session, &directory.local));
    needed.extend(of_others(session, directory));
    needed
}

/// The place of this machine alone for the directory of its configuration; None for all
/// others.
pub fn place_of_its_own(
    session: &Session,
    machine: &Machine,
    directory: &Directory,
) -> Option<Directory> {
    let Directory { local, name } = directory;
    let suffix = format!("-{}", &HEXLOWER.encode(&machine.id)[..8]);
    let own = in_use(session, directory).iter().any(Vec::is_empty);
    (own && !name.ends_with(&suffix))
        .then(|| Directory { local: local.clone(), name: format!("{name}{suffix}") })
}

/// The files of all configurations as far as they are below `root`, relative to it. A link
/// counts as well as its target.
pub fn configuration(session: &Session, root: &Path) -> Vec<Vec<u8>> {
    let others = profiles::others(session);
    let all = others.iter().map(|other| &other.session.files).chain([&session.files]);
    let files: Vec<_> = all.flat_map(|Files { poof, rclone, .. }| [poof, rclone]).collect();
    let link = |path: &PathBuf| Some(real(path.parent()?).join(path.file_name()?));
    let links: Vec<_> = files.iter().filter_map(|path| link(path)).collect();
    let mut found = inside(root, files);
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
