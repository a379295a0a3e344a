//! The hash tree of RFC 6962 (section 2.1), over leaves that come one after the other: no more
//! of it is in memory than a hash for each of its levels.

use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// What a leaf and what a node begins with, so that neither can stand for the other.
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

#[derive(Default)]
pub struct HashTree {
    leaves: u64,
    /// The roots of the whole trees that the leaves make so far, the largest first.
    whole: Vec<Hash>,
}

impl HashTree {
    /// Adds a leaf, whose data comes in parts.
    pub fn add(&mut self, parts: &[&[u8]]) {
        let mut leaf = Sha256::new_with_prefix(LEAF);
        for part in parts {
            leaf.update(part);
        }
        let mut hash: Hash = leaf.finalize().into();
        // As many trees become one as the number of leaves before has ones at its end.
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.whole.pop() {
                hash = node(&left, &hash);
            }
        }
        self.whole.push(hash);
        self.leaves += 1;
    }

    pub fn root(self) -> Hash {
        let right_to_left = self.whole.into_iter().rev();
        right_to_left
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix(NODE).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// Of the tests of Certificate Transparency, which RFC 6962 is of: the root of the first
    /// leaf, of the first two, and so on.
    const KNOWN: [(&str, &str); 8] = [
        ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    #[test]
    fn the_root_is_that_of_rfc_6962() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(HEXLOWER.encode(&HashTree::default().root()), empty);
        for count in 1..=KNOWN.len() {
            let mut tree = HashTree::default();
            for (leaf, _) in &KNOWN[..count] {
                tree.add(&[&HEXLOWER.decode(leaf.as_bytes()).unwrap()]);
            }
            assert_eq!(HEXLOWER.encode(&tree.root()), KNOWN[count - 1].1, "{count} leaves");
        }
    }

    #[test]
    fn as_many_leaves_as_there_are_take_a_hash_for_each_level() {
        let mut tree = HashTree::default();
        for number in 0..1_u64 << 16 {
            assert!(tree.whole.len() <= 16);
            tree.add(&[&number.to_be_bytes(), b"x"]);
        }
        assert_eq!((tree.leaves, tree.whole.len()), (1 << 16, 1));
    }
}
