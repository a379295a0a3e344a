//! Inventories, made of listings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::inventory::Inventory;
use super::objects::Names;
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Watch;
use crate::storage::store::{Bytes, Shown, Store};

/// Lists the objects below `dir`.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn list(store: &Store, dir: &str, watch: &mut dyn Watch) -> Result<Inventory, Failure> {
    let mut inventory = Inventory::default();
    match store.list(dir, watch, |shown| inventory.add(shown)) {
        Err(failure) if failure.kind != FailureKind::Missing => return Err(failure),
        // A directory that does not exist holds nothing.
        _ => {}
    }
    inventory.sort();
    Ok(inventory)
}

/// Which of the objects the server still shows, by single requests or by a
/// listing, whichever costs less.
///
/// # Errors
/// The remote cannot be reached, or refuses.
pub fn still_there(
    store: &Store,
    names: &Names,
    gone: &[Vec<u8>],
    watch: &mut dyn Watch,
) -> Result<Vec<PathBuf>, Failure> {
    const FEW: usize = 16;
    let path = |name: &Vec<u8>| OsStr::from_bytes(name).into();
    if gone.len() <= FEW {
        let full: Vec<_> = gone.iter().map(|name| Bytes(names.full(name))).collect();
        let there = store.look(&full, watch)?.into_iter().filter(|shown| shown.failure.is_none());
        let name = |shown: Shown| gone.get(usize::try_from(shown.id).ok()?).map(path);
        return Ok(there.filter_map(name).collect());
    }
    let inventory = list(store, names.tree(), watch)?;
    Ok(gone.iter().filter(|name| inventory.look(name).is_some()).map(path).collect())
}
