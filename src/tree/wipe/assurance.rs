//! What overwriting a file once achieves on a file system, said honestly. The facts
//! are those of the kernel's documentation of each (Documentation/filesystems) and
//! of searches of raw devices (tests/it/residue.rs), whose table is in docs/wiping.md.

use crate::host::mounts::{JOURNALED, Mount};

/// Something that can be said of a wipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Achieved {
    InPlace,
    Journaled,
    Inline,
    CopiesOnWrite,
    Reflinks,
    Snapshots,
    Memory,
    Elsewhere,
    Flash,
    Encrypted,
    Indexed,
    Unknown,
}

impl Achieved {
    pub fn text(self) -> &'static str {
        match self {
            Achieved::InPlace => "overwritten in place; the file system may still hold names",
            Achieved::Journaled => "the journal of the file system may hold content for a while",
            Achieved::Inline => "content within inodes may stay in the journal for a while",
            Achieved::CopiesOnWrite => {
                "the file system copies on write: the old content stays until its space is used \
                 again"
            }
            Achieved::Reflinks => "what shares its blocks with a copy stays in that copy",
            Achieved::Snapshots => "snapshots may hold it",
            Achieved::Memory => "it was in memory; swap space may hold it",
            Achieved::Elsewhere => "a server or another program holds it, and decides",
            Achieved::Flash => "a solid-state disk may keep old content",
            Achieved::Encrypted => "the volume is encrypted: what remains on the disk is too",
            Achieved::Indexed => {
                "the system may hold versions of documents, and words of them in the index of \
                 Spotlight"
            }
            Achieved::Unknown => "what this file system does is not known",
        }
    }

    /// The word for `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Achieved::InPlace => "in-place",
            Achieved::Journaled => "journal",
            Achieved::Inline => "inline",
            Achieved::CopiesOnWrite => "copy-on-write",
            Achieved::Reflinks => "reflinks",
            Achieved::Snapshots => "snapshots",
            Achieved::Memory => "memory",
            Achieved::Elsewhere => "elsewhere",
            Achieved::Flash => "flash",
            Achieved::Encrypted => "encrypted",
            Achieved::Indexed => "indexed",
            Achieved::Unknown => "unknown",
        }
    }
}

/// What a wipe achieves on `mount`.
pub fn achieved(mount: Option<&Mount>) -> Vec<Achieved> {
    use Achieved::{
        CopiesOnWrite, Elsewhere, Encrypted, Flash, InPlace, Indexed, Journaled, Memory, Reflinks,
        Snapshots, Unknown,
    };
    let Some(mount) = mount else { return vec![Unknown] };
    let has = |option: &str| mount.options.iter().any(|o| o == option);
    let mut said = match mount.kind.as_str() {
        "ext3" | "ext4" if has(JOURNALED) => vec![InPlace, Journaled],
        "ext2" | "ext3" | "ext4" | "vfat" | "exfat" | "msdos" | "ntfs" | "ntfs3" | "hfsplus"
        | "jfs" | "ufs" => vec![InPlace],
        "xfs" => vec![InPlace, Reflinks],
        // What was written before the option was set copies nevertheless.
        "btrfs" if has("nodatacow") => vec![InPlace, Reflinks, Snapshots],
        "btrfs" | "zfs" | "bcachefs" | "nilfs2" => vec![CopiesOnWrite, Snapshots],
        // Of macOS, with `.DocumentRevisions-V100` and `.Spotlight-V100`.
        "apfs" => vec![CopiesOnWrite, Snapshots, Indexed],
        "hfs" => vec![InPlace, Indexed],
        "f2fs" | "ubifs" | "jffs2" => vec![CopiesOnWrite],
        "tmpfs" | "ramfs" => return vec![Memory],
        "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afpfs" | "webdav" | "9p" | "virtiofs"
        | "ceph" | "afs" | "macfuse" | "osxfuse" => return vec![Elsewhere],
        // A disk whose driver is a program: ntfs-3g, exfat-fuse.
        kind if kind == "fuseblk" || kind.starts_with("fuse") && mount.disk.is_here => {
            vec![InPlace]
        }
        kind if kind.starts_with("fuse") => return vec![Elsewhere],
        _ => vec![Unknown],
    };
    if mount.disk.is_volume && !said.contains(&Snapshots) {
        said.push(Snapshots);
    }
    if mount.disk.rotates == Some(false) {
        said.push(Flash);
    }
    if mount.disk.is_encrypted {
        said.push(Encrypted);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mounts::Disk;
    use Achieved::*;

    #[test]
    fn each_file_system_is_told_what_it_is() {
        let says = |kind: &str, options: &[&str], disk: Disk| {
            let options = options.iter().map(|option| (*option).to_owned()).collect();
            let (point, kind) = ("/".to_owned(), kind.to_owned());
            achieved(Some(&Mount { point, kind, options, disk }))
        };
        let disk = Disk { rotates: Some(true), ..Disk::default() };
        assert_eq!(says("ext4", &["rw"], disk), [InPlace]);
        assert_eq!(says("ext4", &["data=journal"], disk), [InPlace, Journaled]);
        assert_eq!(says("xfs", &[], disk), [InPlace, Reflinks]);
        assert_eq!(says("btrfs", &[], disk), [CopiesOnWrite, Snapshots]);
        assert_eq!(says("btrfs", &["nodatacow"], disk), [InPlace, Reflinks, Snapshots]);
        assert_eq!(says("tmpfs", &[], disk), [Memory]);
        assert_eq!(says("fuse.sshfs", &[], disk), [Elsewhere]);
        let here = Disk { is_here: true, ..disk };
        assert_eq!(says("fuseblk", &[], here), [InPlace]);
        assert_eq!(says("fuse.exfat", &[], here), [InPlace]);
        assert_eq!(says("fuseblk", &[], Disk { rotates: Some(false), ..here }), [InPlace, Flash]);
        assert_eq!(says("overlay", &[], disk), [Unknown]);
        assert_eq!(says("apfs", &[], here), [CopiesOnWrite, Snapshots, Indexed]);
        assert_eq!(says("hfs", &[], here), [InPlace, Indexed]);
        assert_eq!(says("smbfs", &[], disk), [Elsewhere]);
        let flash = Disk { rotates: Some(false), is_encrypted: true, is_volume: true, ..disk };
        assert_eq!(says("ext4", &[], flash), [InPlace, Snapshots, Flash, Encrypted]);
        assert_eq!(achieved(None), [Unknown]);
    }
}
