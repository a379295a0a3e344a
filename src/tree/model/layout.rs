//! Where things of a tree are on the remote, in clear: the files below its name,
//! as rclone would lay them out, and poof's own records below `.poof/`.

use data_encoding::HEXLOWER;

use super::entry::{Entry, EntryKind};
use super::inventory::Inventory;
use super::path::{Below, LocalPath, ObjectName};
use crate::base::error::{Kind, Result};
use crate::storage::store::object_name;

/// Poof's own records.
pub const RECORDS: &str = ".poof";

/// Where what earlier snapshots hold is kept, for `"keep"`. It is beside the records and no
/// listing of these shows it: there may be more of it than of anything else.
pub const KEPT: &str = ".poof/kept";

/// Where the bundles of all trees are, for `"bundle"`.
pub const BUNDLES: &str = ".poof/bundles";

/// Where objects are among the records of a tree whose names the remote cannot
/// hold.
pub const ODD: &str = "odd";

/// The name of the marker among the records of a tree.
pub const MARKER: &str = "state";

/// The names of a tree on the remote.
#[derive(Clone, Debug)]
pub struct Names {
    tree: String,
}

impl Names {
    pub fn new(tree: &str) -> Self {
        Names { tree: tree.to_owned() }
    }

    /// The tree's own name.
    pub fn tree(&self) -> &str {
        &self.tree
    }

    /// The object of an entry below the tree's name.
    ///
    /// # Errors
    /// rclone does not answer.
    pub fn object(entry: &Entry) -> Result<ObjectName> {
        let name = Names::encoded(&LocalPath::new(&entry.path))?;
        Ok(match entry.kind {
            EntryKind::Symlink { .. } => {
                ObjectName::told([name.as_bytes(), ObjectName::LINK].concat())
            }
            _ => name,
        })
    }

    /// The name on the remote of a file or a directory.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn encoded(path: &LocalPath) -> Result<ObjectName> {
        let name = object_name(path.as_bytes())
            .map_err(|failure| failure.into_error("name an object", Kind::Unexpected))?;
        Ok(ObjectName::told(name))
    }

    /// Where something is here that has this name on the remote; None if the name may be an
    /// encoded one.
    pub fn decoded(name: &ObjectName) -> Option<LocalPath> {
        let path = LocalPath::new(name.as_bytes());
        (Names::encoded(&path).ok()? == *name).then_some(path)
    }

    /// Whether a regular file's own name reads like a link's object: stock rclone
    /// would make a link of it.
    pub fn reads_like_a_link(entry: &Entry) -> bool {
        entry.file().is_some() && entry.path.ends_with(ObjectName::LINK)
    }

    /// Where the object of an entry is stored, from the top of the bucket.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn place(&self, entry: &Entry, odd: bool) -> Result<Vec<u8>> {
        if odd {
            let name = Names::odd(&entry.path);
            return Ok(format!("{}/{name}", self.odd_dir()).into_bytes());
        }
        Ok(self.full(Names::object(entry)?.as_bytes()))
    }

    /// Where that is stored which the snapshot says of an entry, from the top of the bucket.
    ///
    /// # Errors
    /// As [`Names::object`].
    pub fn holding(&self, entry: &Entry) -> Result<Vec<u8>> {
        match entry.member() {
            Some(member) => Ok(self.bundle_place(member.bundle).into_bytes()),
            None => self.place(entry, entry.is_odd()),
        }
    }

    /// Where a bundle is, from the top of the bucket.
    pub fn bundle_place(&self, number: u64) -> String {
        format!("{}/{}", self.bundles(), Names::bundle(number))
    }

    /// The directory [`ODD`] among the records of this tree.
    pub fn odd_dir(&self) -> String {
        format!("{}/{ODD}", self.records())
    }

    /// The object of an entry whose own name the remote cannot hold, in the
    /// directory [`ODD`] among the records of its tree.
    pub fn odd(path: &[u8]) -> String {
        HEXLOWER.encode(&blake3::hash(path).as_bytes()[..16])
    }

    /// Where objects are tried whose names no file has, below [`Names::odd_dir`].
    pub const PROBES: &'static str = "probe/";

    /// Whether an object below [`Names::odd_dir`] is what is left of such a try.
    pub fn is_probe(name: &[u8]) -> bool {
        name.starts_with(Names::PROBES.as_bytes())
    }

    /// An object, from the top of the bucket.
    pub fn full(&self, name: &[u8]) -> Vec<u8> {
        [self.tree.as_bytes(), b"/", name].concat()
    }

    /// The directory of the records of this tree.
    pub fn records(&self) -> String {
        format!("{RECORDS}/trees/{}", self.tree)
    }

    /// The directory of what is kept for the earlier snapshots of this tree.
    pub fn kept(&self) -> String {
        format!("{KEPT}/{}", self.tree)
    }

    /// Where a backup that makes this generation keeps what it replaces and removes.
    pub fn kept_by(&self, generation: u64) -> String {
        format!("{}/{generation:010}", self.kept())
    }

    /// The directory of the bundles of this tree.
    pub fn bundles(&self) -> String {
        format!("{BUNDLES}/{}", self.tree)
    }

    /// A bundle in that directory.
    pub fn bundle(number: u64) -> String {
        format!("{number:010}.zip")
    }

    /// The number of the bundle that has this name there; None if none is called so.
    pub fn bundle_number(name: &[u8]) -> Option<u64> {
        Names::generation(name.strip_suffix(b".zip")?)
    }

    /// Among the records of a tree: since which generation what is replaced is kept.
    pub const KEEPS: &'static str = "keep";

    /// Where the heads are among the records of a tree.
    pub const HEADS: &'static str = "head";

    /// The head of a generation, among the records of its tree.
    pub fn head(generation: u64) -> String {
        format!("{}/{generation:010}", Names::HEADS)
    }

    /// The generation whose head has this name below [`Names::HEADS`]. [`Names::head`]
    /// gives ten digits; an object with any other name is no head, and no run stops at it.
    pub fn generation(name: &[u8]) -> Option<u64> {
        let digits = name.len() == 10 && name.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(name).ok().filter(|_| digits)?.parse().ok()
    }

    /// The generations whose heads a listing of [`Names::HEADS`] shows.
    pub fn generations(heads: &Inventory) -> impl Iterator<Item = u64> {
        heads.names().filter_map(|name| Names::generation(&name))
    }

    /// A shard, among the records of its tree.
    pub fn shard(id: &[u8; 32]) -> String {
        format!("shard/{}", HEXLOWER.encode(&id[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::manifest::LAST;

    #[test]
    fn what_is_not_named_as_a_head_is_none() {
        for number in [0, 1, 17, LAST] {
            let name = Names::head(number);
            let name = name.strip_prefix("head/").unwrap();
            assert_eq!(Names::generation(name.as_bytes()), Some(number));
        }
        for other in [
            "18446744073709551615",
            "10000000000",
            "00000000001",
            "1",
            "+000000001",
            "-000000001",
            " 000000001",
            "000000001/x",
            "",
        ] {
            assert_eq!(Names::generation(other.as_bytes()), None, "{other}");
        }
    }
}
