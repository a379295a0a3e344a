//! What a wipe would take, before it does.

use std::path::PathBuf;

use super::locks;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::config::trees::Directory;
use crate::host::mounts::{self, Mount};
use crate::operations::own_files;
use crate::operations::session::Session;
use crate::report::event::On;
use crate::report::{Bytes, Event};
use crate::storage::filter::Filter;
use crate::tree::model::entry::is_within;
use crate::tree::scan::root::{Root, Roots};
use crate::tree::scan::walk::{Found, Walk};
use crate::tree::wipe::{achieved, is_locked};

/// What is in a directory, on one mount.
#[derive(Default)]
struct Extent {
    files: u64,
    bytes: u64,
    /// Directories among them.
    locked: Vec<Vec<u8>>,
}

/// What is on the mount of the directory itself, and on others in it.
#[derive(Default)]
struct Extents {
    own: Extent,
    others: Vec<(PathBuf, Mount, Extent)>,
}

fn of(
    session: &Session,
    root: Option<&Root>,
    directory: &Directory,
    filter: &Filter,
) -> Result<Extents> {
    let Some(root) = root else { return Ok(Extents::default()) };
    let below = mounts::below(root.path()).into_iter();
    let others = below.map(|(path, mount)| (path, mount, Extent::default())).collect();
    let mut extents = Extents { others, ..Extents::default() };
    let spared = own_files::spared(session, directory);
    let Ok(walk) = Walk::new(root, filter) else { return Ok(extents) };
    for found in walk {
        interrupt::check()?;
        let Found::Entry(entry) = found else { continue };
        if spared.iter().any(|spared| is_within(&entry.path, spared)) {
            continue;
        }
        let others = extents.others.iter_mut();
        let on = others.filter(|(path, ..)| entry.as_path().starts_with(path));
        // The innermost.
        let on = on.max_by_key(|(path, ..)| path.as_os_str().len());
        let extent = on.map_or(&mut extents.own, |(.., extent)| extent);
        if is_locked(&entry) {
            extent.locked.push(entry.path.clone());
        }
        if entry.is_directory() {
            continue;
        }
        extent.files += 1;
        extent.bytes += entry.file().map_or(0, |data| data.size);
    }
    Ok(extents)
}

/// Number and bytes of the files that would go.
///
/// # Errors
/// An interrupt.
pub fn extent(
    session: &Session,
    roots: &Roots,
    directories: &[&Directory],
    filter: &Filter,
) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    for directory in directories {
        let root = roots.open(&directory.local).ok();
        let Extent { files, bytes, .. } = of(session, root.as_ref(), directory, filter)?.own;
        total = (total.0 + files, total.1 + bytes);
    }
    Ok(total)
}

/// Says of each directory and mount what would be wiped, and what that would
/// achieve.
///
/// # Errors
/// An interrupt.
pub fn wipe(
    session: &Session,
    roots: &Roots,
    directories: &[&Directory],
    filter: &Filter,
) -> Result<()> {
    for directory in directories {
        let Directory { local, name } = directory;
        let root = roots.open(local).ok();
        let Extents { own, others } = of(session, root.as_ref(), directory, filter)?;
        let mount = root.and_then(|root| mounts::of(root.handle()));
        session.report.tell(&Event::WouldWipe {
            tree: name.clone(),
            files: own.files,
            bytes: own.bytes,
            locked: own.locked.len(),
            achieved: achieved(mount.as_ref()),
            mount: On(mount),
        });
        locks::preview(session, name, &own.locked);
        for (path, mount, Extent { files, bytes, .. }) in others {
            session.report.tell(&Event::WouldStay {
                tree: name.clone(),
                files,
                bytes,
                mount: On(Some(mount)),
                path: Bytes::path(path.as_os_str().as_encoded_bytes()),
            });
        }
    }
    Ok(())
}
