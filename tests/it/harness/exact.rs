//! The comparison of trees that forgives nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use walkdir::WalkDir;

use super::tree::{Snapshot, assert_same_content};

/// How much more than before a sparse file may take on the disk.
const SLACK: u64 = 256 << 10;

/// Makes `to` an exact copy of `from`, by the hand of another.
pub fn copy_exactly(from: &Path, to: &Path) {
    let mut rsync = Command::new("rsync");
    rsync.args(["-aHAXS", "--delete", "--modify-window=-1"]).arg(from.join("")).arg(to);
    assert!(rsync.status().unwrap().success());
}

/// Content, type, mode, owner, group, times, extended attributes, ACLs and hard
/// links are the same in `found`, and nothing else is there; a hole is still a
/// hole.
#[track_caller]
pub fn assert_exact(expected: &Path, found: &Path) {
    assert_same_content(&Snapshot::of(expected), &Snapshot::of(found));
    let lines = unlike(expected, found);
    let shown = lines.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "{} attributes differ:\n{shown}", lines.len());
    let slashed = |path: &Path| [path.as_os_str().as_bytes(), b"/"].concat();
    let out = Command::new("rsync")
        .args(["-aHAXn", "--delete", "--itemize-changes", "--modify-window=-1"])
        .args([OsStr::from_bytes(&slashed(expected)), OsStr::from_bytes(&slashed(found))])
        .output()
        .expect("rsync is missing: run `make test-tools`");
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\n", "\n");
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert!(out.status.success() && stdout.is_empty(), "rsync would change:\n{stdout}{stderr}");
}

/// What rsync does not compare, or not to the nanosecond.
fn unlike(expected: &Path, found: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in WalkDir::new(expected).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(expected).unwrap();
        let (a, b) = (entry.metadata().unwrap(), fs::symlink_metadata(found.join(path)).unwrap());
        let name = path.as_os_str().as_bytes().escape_ascii();
        let mut differ =
            |what: &str, a: i128, b: i128| lines.push(format!("{name}: {what} {a} became {b}"));
        let time =
            |m: &fs::Metadata| i128::from(m.mtime()) * 1_000_000_000 + i128::from(m.mtime_nsec());
        for (what, a, b) in [
            ("time", time(&a), time(&b)),
            ("mode", a.mode().into(), b.mode().into()),
            ("owner", a.uid().into(), b.uid().into()),
            ("group", a.gid().into(), b.gid().into()),
        ] {
            if a != b {
                differ(what, a, b);
            }
        }
        if a.is_file() && a.nlink() != b.nlink() {
            differ("links", a.nlink().into(), b.nlink().into());
        }
        if a.is_file() && a.blocks() * 512 + SLACK < b.blocks() * 512 {
            differ("blocks", a.blocks().into(), b.blocks().into());
        }
    }
    lines
}
