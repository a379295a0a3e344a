//! The trees that a bucket knows: those of which poof's own records tell.

use std::collections::BTreeSet;

use crate::base::error::Error;
use crate::base::units::date;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::MARKER;
use crate::tree::model::layout::ODD;

/// The names of the trees that have a record. `records` lists poof's own.
pub fn trees(records: &Inventory) -> BTreeSet<String> {
    let names = records.names().filter_map(|name| String::from_utf8(name).ok());
    names.filter_map(|name| Some(tree_of(name.strip_prefix("trees/")?)?.to_owned())).collect()
}

/// The tree of a record: its name comes before that of the record, and
/// may have slashes itself.
fn tree_of(record: &str) -> Option<&str> {
    let (rest, last) = record.rsplit_once('/')?;
    if last == MARKER {
        return Some(rest);
    }
    let (tree, kind) = rest.rsplit_once('/')?;
    let hex = |len| last.len() == len && last.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_record = match kind {
        "head" => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
        "shard" | ODD => hex(32),
        _ => false,
    };
    is_record.then_some(tree)
}

/// A tree of this machine and one that the bucket knows besides, of which one is in
/// the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    pub own: String,
    pub other: String,
}

/// The first of the trees `own` that is within one of the `known`, or around it.
/// `configured` are all of this machine.
pub fn nested(own: &[&str], configured: &[&str], known: &BTreeSet<String>) -> Option<Nested> {
    let others = known.iter().filter(|name| !configured.contains(&name.as_str()));
    let within = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    let mut pairs = others.flat_map(|other| own.iter().map(move |own| (*own, other)));
    let (own, other) = pairs.find(|(own, other)| within(own, other) || within(other, own))?;
    Some(Nested { own: own.to_owned(), other: other.clone() })
}

impl Nested {
    /// What is wrong.
    pub fn text(&self) -> String {
        let Nested { own, other } = self;
        let (inner, outer) = if own.len() > other.len() { (own, other) } else { (other, own) };
        format!(
            "the tree {inner} is within the tree {outer} on the remote: {own} is of this \
             poof.conf, {other} is not"
        )
    }
}

impl From<Nested> for Error {
    fn from(nested: Nested) -> Self {
        let Nested { own, other } = &nested;
        Error::config(nested.text()).hint(format!(
            "Nothing was changed. Another machine may use {other}: give {own} another name in \
             poof.conf. If no machine does, remove {other} and .poof/trees/{other} from the bucket \
             with rclone."
        ))
    }
}

/// What is below the name of a tree in a store of poof's without a manifest is no
/// snapshot: the first backup did not end, or the manifest is gone. `wiped` is when
/// the tree was wiped here, if it was.
///
/// # Errors
/// The refusal.
pub fn no_manifest(
    place: &str,
    wiped: Option<u64>,
    objects: bool,
    allowed: Allowed,
) -> Result<(), Error> {
    if allowed.no_manifest || wiped.is_none() && !objects {
        return Ok(());
    }
    let (what, hint) = match wiped {
        Some(since) => (
            format!("{place} was wiped here on {}, and its manifest is gone", date(since)),
            "Is it the right bucket? The word brings back what is there: nothing of it is \
             proven, and any of it may be missing or old.",
        ),
        None => (
            format!(
                "{place} has no manifest: its first backup did not end, or somebody has removed \
                 what tells of it"
            ),
            "`poof backup` on the machine that has the files completes it. The word makes this \
             machine equal to what is there: nothing of it is proven, and any of it may be \
             missing, old, or exchanged; `--keep-extra` then keeps what is here.",
        ),
    };
    Err(refuse(what, hint, "no-manifest"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::store::{Bytes, Shown};

    const HASH: &str = "00112233445566778899aabbccddeeff";

    fn known(records: &[&str]) -> Vec<String> {
        let mut inventory = Inventory::default();
        for name in records {
            let remote = Bytes(name.replace("HASH", HASH).into_bytes());
            inventory.add(Shown { remote, ..Shown::default() });
        }
        inventory.sort();
        trees(&inventory).into_iter().collect()
    }

    #[test]
    fn a_tree_is_known_by_each_kind_of_its_records() {
        for (record, tree) in [
            ("trees/a/head/0000000001", "a"),
            ("trees/a/b/shard/HASH", "a/b"),
            ("trees/a/odd/HASH", "a"),
            ("trees/a/state", "a"),
            // Names that read like those of records.
            ("trees/head/head/0000000001", "head"),
            ("trees/a/state/state", "a/state"),
            ("trees/a/head/head/0000000002", "a/head"),
        ] {
            assert_eq!(known(&[record]), [tree], "{record}");
        }
        let others =
            ["identity", "probe-1", "trees/a/head/x", "trees/a/odd/x", "trees/a", "trees/"];
        assert_eq!(known(&others), [""; 0]);
    }

    #[test]
    fn a_tree_is_nested_only_in_one_of_another_poof_conf() {
        let known = ["photos", "photos/phone", "other"].map(str::to_owned).into();
        let found = |own: &str, configured: &[&str]| {
            nested(&[own], configured, &known).map(|nested| nested.other)
        };
        assert_eq!(found("photos", &["photos"]).as_deref(), Some("photos/phone"));
        assert_eq!(found("photos/tablet", &["photos/tablet"]).as_deref(), Some("photos"));
        assert_eq!(found("photos2", &["photos2"]), None);
        assert_eq!(found("oth", &["oth"]), None);
        assert_eq!(found("photos", &["photos", "photos/phone"]), None, "poof.conf refuses that");
    }
}
