//! The heads of all snapshots, as a run has seen them.

use std::collections::BTreeMap;

use crate::tree::model::inventory::Inventory;
use crate::tree::remote::metadata_store::Look;

/// The heads of some trees, as a listing shows them.
pub(super) type Heads = BTreeMap<Vec<u8>, Look>;

/// The name of the tree that a head belongs to.
pub(super) fn tree_of(head: &[u8]) -> Option<String> {
    let name = String::from_utf8_lossy(head);
    Some(name.strip_prefix("trees/")?.rsplit_once("/head/")?.0.to_owned())
}

pub(super) fn heads(records: &Inventory, trees: &[String]) -> Heads {
    let mut heads = Heads::new();
    for tree in trees {
        let prefix = format!("trees/{tree}/head/");
        let names = records.names().filter(|name| name.starts_with(prefix.as_bytes()));
        heads.extend(names.filter_map(|name| records.look(&name).map(|seen| (name, seen))));
    }
    heads
}
