//! Files that are here in name only: their content is in a cloud (iCloud Drive and
//! what else stores "online only"), and a read would fetch it, or fail. Such a file
//! is not backed up by reading what is not there, and never wiped.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use rustix::fs::Stat;

use super::macos::flags;
use crate::host::flags::ON_MACOS;

/// `SF_DATALESS` of sys/stat.h: the content, or what a directory holds, is not here.
const DATALESS: u32 = 0x4000_0000;

/// What is said of one.
pub const WHY: &str = "its content is only in the cloud: let the system download it (in Finder: \
                       Download Now, or Keep Downloaded), or exclude it";

/// Whether the flags of a file or directory say that its content is elsewhere.
fn is_dataless(flags: u32) -> bool {
    flags & DATALESS != 0
}

/// Whether what lies there is elsewhere.
pub fn is_elsewhere(stat: &Stat) -> bool {
    is_dataless(flags::of(stat))
}

/// The name of the file for which `stub` stands: before macOS 14, iCloud Drive put
/// `.NAME.icloud` in the place of NAME, a small binary property list, which begins
/// with `head`.
fn stands_for<'a>(stub: &'a [u8], head: &[u8]) -> Option<&'a [u8]> {
    let name = stub.strip_prefix(b".")?.strip_suffix(b".icloud")?;
    (!name.is_empty() && head.starts_with(b"bplist00")).then_some(name)
}

/// Takes the stubs out of the names in a directory. Returns for which names they
/// stand: a snapshot may have the file under that.
pub fn take_stubs(dir: &OwnedFd, names: &mut Vec<CString>) -> Vec<CString> {
    if !ON_MACOS {
        // Elsewhere it is a file like any other.
        return Vec::new();
    }
    stubs_among(names, |name| disk_head(dir, name))
}

fn stubs_among(
    names: &mut Vec<CString>,
    head: impl Fn(&CString) -> Option<Vec<u8>>,
) -> Vec<CString> {
    let mut stubs = Vec::new();
    names.retain(|name| {
        let stub = name.to_bytes();
        // Only what may be one is opened.
        if !stub.starts_with(b".") || !stub.ends_with(b".icloud") {
            return true;
        }
        let head = head(name).unwrap_or_default();
        let real = stands_for(stub, &head).and_then(|name| CString::new(name).ok());
        let is_none = real.is_none();
        stubs.extend(real);
        is_none
    });
    stubs
}

/// The first bytes of a file.
fn disk_head(dir: &OwnedFd, name: &CString) -> Option<Vec<u8>> {
    use crate::host::disk;
    use rustix::fs::OFlags;
    use std::fs::File;
    use std::io::Read;
    let file = File::from(disk::open_here(dir, name, OFlags::RDONLY).ok()?);
    let mut head = Vec::new();
    file.take(8).read_to_end(&mut head).ok()?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataless_file_or_directory_is_elsewhere_whatever_else_is_set() {
        assert!(is_dataless(DATALESS) && is_dataless(DATALESS | 0x8020));
        // SF_ARCHIVED, SF_IMMUTABLE, SF_RESTRICTED, SF_FIRMLINK, UF_COMPRESSED.
        assert!(!is_dataless(0x0001_0000 | 0x0002_0000 | 0x0008_0000 | 0x0080_0000 | 0x20));
    }

    #[test]
    fn a_stub_stands_for_a_file_only_if_it_is_one() {
        let stub = |name: &str, head: &[u8]| stands_for(name.as_bytes(), head).map(<[u8]>::to_vec);
        assert_eq!(stub(".thesis.pdf.icloud", b"bplist00"), Some(b"thesis.pdf".to_vec()));
        assert_eq!(stub("..hidden.icloud", b"bplist00"), Some(b".hidden".to_vec()));
        assert_eq!(stub(".notes.icloud", b"my notes"), None, "somebody's own file");
        assert_eq!(stub("thesis.pdf.icloud", b"bplist00"), None);
        assert_eq!(stub(".icloud", b"bplist00"), None);
    }

    #[test]
    fn stubs_are_taken_out_of_the_names_and_nothing_else_is_opened() {
        let name = |name: &str| CString::new(name).unwrap();
        let mut names = [".a.icloud", ".mine.icloud", "b.icloud", ".bashrc"].map(name).to_vec();
        let head = |name: &CString| match name.to_str().unwrap() {
            ".a.icloud" => Some(b"bplist00".to_vec()),
            ".mine.icloud" => None,
            other => panic!("{other} was opened"),
        };
        assert_eq!(stubs_among(&mut names, head), [name("a")]);
        assert_eq!(names, [".mine.icloud", "b.icloud", ".bashrc"].map(name));
    }
}
