//! What a wipe would take, before it does.

use std::fs::File;

use serde_json::json;

use super::{Context, setup, show};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::units::{bytes, files};
use crate::config::trees::Directory;
use crate::host::mounts;
use crate::tree::entry::is_within;
use crate::tree::walk::{Found, Walk};
use crate::tree::wipe::achieved;

/// What lies in a directory.
#[derive(Default)]
struct Extent {
    files: u64,
    bytes: u64,
    /// What lies on other file systems.
    beyond: u64,
}

fn of(context: &Context, directory: &Directory) -> Result<Extent> {
    let mut extent = Extent::default();
    let spared = setup::in_use(context, directory);
    let Ok(walk) = Walk::new(&directory.local) else { return Ok(extent) };
    let mut device = None;
    for found in walk {
        interrupt::check()?;
        let Found::Entry(entry) = found else { continue };
        let here = *device.get_or_insert(entry.local.map(|local| local.dev));
        if entry.is_directory() || spared.iter().any(|spared| is_within(&entry.path, spared)) {
            continue;
        }
        if entry.local.map(|local| local.dev) != here {
            extent.beyond += 1;
            continue;
        }
        extent.files += 1;
        extent.bytes += entry.file().map_or(0, |data| data.size);
    }
    Ok(extent)
}

/// Number and bytes of the files that would go.
///
/// # Errors
/// An interrupt.
pub fn extent(context: &Context, directories: &[&Directory]) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    for directory in directories {
        let Extent { files, bytes, .. } = of(context, directory)?;
        total = (total.0 + files, total.1 + bytes);
    }
    Ok(total)
}

/// Says of each directory what would be wiped, and what that would achieve.
///
/// # Errors
/// An interrupt.
pub fn wipe(context: &Context, directories: &[&Directory]) -> Result<()> {
    let terminal = &context.terminal;
    for directory in directories {
        let Directory { local, name } = directory;
        let extent = of(context, directory)?;
        let mount = File::open(local).ok().and_then(|root| mounts::of(&root.into()));
        let said = achieved(mount.as_ref());
        let (count, size) = (files(extent.files), bytes(extent.bytes));
        let place = show::place(mount.as_ref());
        terminal.result(&format!(
            "x {name}: {count}, {size} would be wiped{place}: {}",
            show::said(&said)
        ));
        if extent.beyond > 0 {
            let count = files(extent.beyond);
            terminal.result(&format!("x {name}: {count} on other file systems would stay"));
        }
        let words: Vec<_> = said.iter().map(|said| said.word()).collect();
        terminal.event(&json!({
            "type": "wipe", "dry_run": true, "tree": name, "files": extent.files,
            "bytes": extent.bytes, "stay": extent.beyond,
            "mount": mount.as_ref().map(|m| &m.point), "filesystem": mount.as_ref().map(|m| &m.kind),
            "achieved": words,
        }));
    }
    Ok(())
}
