//! What a restore as root would give powers to. From a manifest that nothing seals,
//! anybody who writes to the bucket could give them.

use super::Restore;
use super::steps::{Dir, Step};
use crate::base::error::Error;
use crate::base::shown::name_of;
use crate::host::flags;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::model::entry::{Attributes, Entry, EntryKind};
use crate::tree::scan::attributes::{Power, flags_of};

const SETUID_OR_SETGID: u32 = 0o6000;
/// So many paths are listed.
const NAMED: usize = 5;

/// Attributes that only root can set: capabilities, labels of security modules, what a file
/// system of layers takes for the place of a content.
const OF_ROOT: [&[u8]; 2] = [b"security.", b"trusted."];

pub(super) fn is_of_root(name: &[u8]) -> bool {
    OF_ROOT.iter().any(|start| name.starts_with(start))
}

/// Whether an entry is a device, or a program that runs with more rights than who calls
/// it, or has an attribute or a lock that only root can set.
fn is_privileged(entry: &Entry) -> bool {
    let Attributes { mode, xattrs, .. } = &entry.attributes;
    let given = match entry.kind {
        EntryKind::CharDevice(_) | EntryKind::BlockDevice(_) => true,
        EntryKind::File(_) => mode & SETUID_OR_SETGID != 0,
        // On a directory these bits give no rights.
        EntryKind::Directory | EntryKind::Symlink { .. } | EntryKind::Fifo => false,
    };
    // On macOS a lock is its owner's own.
    let locked = !flags::ON_MACOS && flags::HERE.lock(flags_of(&entry.attributes));
    given || locked || xattrs.iter().any(|(name, _)| is_of_root(name))
}

impl Restore<'_> {
    /// Refuses devices, setuid and setgid programs, and attributes and locks of root's that
    /// this restore would bring. For a snapshot that neither a key nor this machine's memory vouches
    /// for.
    ///
    /// # Errors
    /// The refusal.
    pub fn gives_no_powers(&self, allowed: Allowed) -> Result<(), Error> {
        if self.power != Power::Root || allowed.privileged {
            return Ok(());
        }
        let set = self.steps.directories.iter().filter(|dir| dir.new || dir.differs);
        let set = set.map(|Dir { entry, .. }| entry);
        let changed = self.steps.paths.iter().map(|Step { entry, .. }| entry).chain(set);
        let found: Vec<_> = changed.filter(|entry| is_privileged(entry)).collect();
        if found.is_empty() {
            return Ok(());
        }
        let mut paths: Vec<_> = found
            .iter()
            .take(NAMED)
            .map(|entry| match entry.path.as_slice() {
                b"" => ".".to_owned(),
                path => name_of(path).into_owned(),
            })
            .collect();
        if found.len() > NAMED {
            paths.push(format!("{} more", found.len() - NAMED));
        }
        let what = format!(
            "{}: the snapshot would bring {} with special rights: {}",
            self.name(),
            if found.len() == 1 { "1 path".to_owned() } else { format!("{} paths", found.len()) },
            paths.join(", ")
        );
        let hint = "They are devices, programs that run with more rights than who starts them, or \
                    have attributes or locks that only root can set. The bucket is not encrypted: whoever can write to it could have put them \
                    there.";
        Err(refuse(what, hint, "privileged"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::model::entry::FileData;

    #[test]
    fn what_gives_rights_is_told_from_what_does_not() {
        let file = EntryKind::File(FileData { size: 1, content: None, sparse: false });
        let link = EntryKind::Symlink { target: b"/bin/sh".to_vec() };
        let entry = |kind: &EntryKind, mode, xattr: &[u8]| Entry {
            path: b"x".to_vec(),
            kind: kind.clone(),
            attributes: Attributes {
                mode,
                xattrs: vec![(xattr.to_vec(), vec![1])],
                ..Attributes::default()
            },
            hard_link: None,
            stored: None,
            local: None,
        };
        for (kind, mode, xattr, privileged) in [
            (&file, 0o755, &b"user.x"[..], false),
            (&file, 0o4755, b"user.x", true),
            (&file, 0o2755, b"user.x", true),
            (&file, 0o1755, b"user.x", false),
            (&file, 0o755, b"security.capability", true),
            (&file, 0o755, b"security.selinux", true),
            (&file, 0o755, b"trusted.overlay.redirect", true),
            (&file, 0o755, b"system.posix_acl_access", false),
            (&EntryKind::Directory, 0o755, b"trusted.overlay.opaque", true),
            (&EntryKind::Directory, 0o2775, b"user.x", false),
            (&EntryKind::CharDevice(1), 0o600, b"user.x", true),
            (&EntryKind::BlockDevice(1), 0o600, b"user.x", true),
            (&EntryKind::Fifo, 0o666, b"user.x", false),
            (&link, 0o777, b"user.x", false),
        ] {
            let entry = entry(kind, mode, xattr);
            assert_eq!(is_privileged(&entry), privileged, "{entry:?}");
        }
        for (flags, privileged) in [("immutable", true), ("append-only", true), ("nodump", false)] {
            for kind in [&file, &EntryKind::Directory] {
                let mut entry = entry(kind, 0o755, flags::LINUX.attribute);
                entry.attributes.xattrs[0].1 = flags.into();
                assert_eq!(is_privileged(&entry), privileged && !flags::ON_MACOS, "{entry:?}");
            }
        }
    }
}
