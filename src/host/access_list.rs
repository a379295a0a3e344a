//! The access control list of a file: who beside its owner may do what.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Who is named there, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    User(u32),
    Group(u32),
}

/// Those whom the access control list of a file names, and its group if it says something
/// of that; empty without one.
pub fn of(path: &Path) -> Vec<(Named, u32)> {
    let mut bytes = [0_u8; 4096];
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    match rustix::fs::getxattr(path, "system.posix_acl_access", &mut bytes) {
        Ok(size) => {
            let gid = fs::metadata(path).map(|found| found.gid()).unwrap_or_default();
            read(&bytes[..size], gid)
        }
        Err(_) => Vec::new(),
    }
}

/// The entries of an access control list as Linux keeps it (`linux/posix_acl_xattr.h`).
fn read(bytes: &[u8], gid: u32) -> Vec<(Named, u32)> {
    const USER: u16 = 0x02;
    const GROUP_OWNER: u16 = 0x04;
    const GROUP: u16 = 0x08;
    const MASK: u16 = 0x10;
    let entries = bytes.get(4..).unwrap_or_default().chunks_exact(8).map(|entry| {
        let half = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
        (half(0), u32::from(half(2)), id)
    });
    let mask = entries.clone().find(|entry| entry.0 == MASK).map_or(0o7, |entry| entry.1);
    entries
        .filter_map(|(tag, bits, id)| match tag {
            USER => Some((Named::User(id), bits & mask)),
            GROUP => Some((Named::Group(id), bits & mask)),
            GROUP_OWNER => Some((Named::Group(gid), bits & mask)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: u32 = 1001;

    #[test]
    fn a_list_is_read_with_its_mask() {
        // setfacl -m u:1001:rwx,m::rx
        let entry = |tag: u16, bits: u16, id: u32| {
            let halves = [tag.to_le_bytes(), bits.to_le_bytes()].concat();
            [halves, id.to_le_bytes().to_vec()].concat()
        };
        let none = u32::MAX;
        let entries = [
            entry(1, 7, none),
            entry(2, 7, OTHER),
            entry(4, 7, none),
            entry(16, 5, none),
            entry(32, 0, none),
        ];
        let bytes = [2_u32.to_le_bytes().to_vec(), entries.concat()].concat();
        assert_eq!(read(&bytes, 9), [(Named::User(OTHER), 5), (Named::Group(9), 5)]);
        assert_eq!(read(b"\x02", 9), []);
    }
}
