//! Which extended attributes are worth keeping, and which a system can have at all.

use rustix::io::Errno;

/// What the system makes by itself, keeps for itself, or uses to store the content:
/// where a file came from and which program may open it (a program can set neither,
/// and both say something of one machine), and compressed content, which is read as
/// if it were not. Kept is all else: the Finder's (`com.apple.FinderInfo`), resource
/// forks (`com.apple.ResourceFork`), tags and comments (`com.apple.metadata:…`), and
/// `com.apple.quarantine`, for what came from elsewhere still did.
const SYSTEMS: [&[u8]; 5] = [
    b"com.apple.provenance",
    b"com.apple.macl",
    b"com.apple.rootless",
    b"com.apple.decmpfs",
    b"com.apple.system.Security",
];

/// The resource fork, which macOS reads and writes like a file: in parts, without a word
/// if there is more, and a shorter one does not replace a longer one.
pub const RESOURCE_FORK: &[u8] = b"com.apple.ResourceFork";

/// What the system says of an attribute that is not there.
#[cfg(target_os = "macos")]
pub const ABSENT: Errno = Errno::NOATTR;
/// What the system says of an attribute that is not there.
#[cfg(not(target_os = "macos"))]
pub const ABSENT: Errno = Errno::NODATA;

/// Linux knows attributes in these name spaces and no others.
const LINUX: [&[u8]; 4] = [b"user.", b"system.", b"security.", b"trusted."];

/// Whether an attribute is the system's own affair.
pub fn is_systems(name: &[u8]) -> bool {
    SYSTEMS.contains(&name)
}

/// Whether macOS, or else Linux, can have an attribute of this name.
pub fn can_be(on_macos: bool, name: &[u8]) -> bool {
    let space = LINUX.iter().find(|space| name.starts_with(space));
    // ACLs and capabilities of Linux are nothing but bytes on macOS.
    if on_macos { space.is_none_or(|space| *space == b"user.") } else { space.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_programs_have_set_is_kept() {
        for name in [
            "com.apple.ResourceFork",
            "com.apple.FinderInfo",
            "com.apple.quarantine",
            "com.apple.metadata:_kMDItemUserTags",
            "com.apple.metadata:kMDItemWhereFroms",
            "com.apple.TextEncoding",
            "user.comment",
            "org.example.any",
        ] {
            assert!(!is_systems(name.as_bytes()) && can_be(true, name.as_bytes()), "{name}");
        }
        for name in ["com.apple.provenance", "com.apple.macl", "com.apple.decmpfs"] {
            assert!(is_systems(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn each_system_has_names_that_the_other_cannot_have() {
        for (name, macos, linux) in [
            ("com.apple.FinderInfo", true, false),
            ("poof.flags", true, false),
            ("user.xdg.origin.url", true, true),
            ("system.posix_acl_access", false, true),
            ("security.capability", false, true),
            ("trusted.overlay.opaque", false, true),
        ] {
            assert_eq!(can_be(true, name.as_bytes()), macos, "{name}");
            assert_eq!(can_be(false, name.as_bytes()), linux, "{name}");
        }
    }
}
