//! What lies in a local directory, before rclone reads it: enough to notice an
//! empty or missing one, and to name what rclone would pass over in silence.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// What a local directory holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// Regular files and symbolic links.
    pub entries: u64,
    /// What will not be on the remote, and why.
    pub left_out: Vec<LeftOut>,
}

/// Something that stays behind.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub path: PathBuf,
    pub why: String,
    /// Whether that is a loss: a socket holds nothing that could be kept.
    pub loss: bool,
}

/// Walks `root`, which is followed if it is a link; links inside are not.
///
/// # Errors
/// `root` is missing, no directory, or cannot be read.
pub fn scan(root: &Path) -> io::Result<Scan> {
    // read_dir says "not a directory" and "permission denied" for the root.
    fs::read_dir(root)?;
    let mut scan = Scan::default();
    for entry in WalkDir::new(root).min_depth(1) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() || entry.path_is_symlink() => {
                scan.entries += 1;
            }
            Ok(entry) => {
                let socket = entry.file_type().is_socket();
                let why = if socket { "it is a socket" } else { "it is a FIFO or a device" };
                scan.left_out.push(LeftOut {
                    path: entry.into_path(),
                    why: why.to_owned(),
                    loss: !socket,
                });
            }
            Err(error) => scan.left_out.push(LeftOut {
                path: error.path().unwrap_or(root).to_path_buf(),
                why: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                loss: true,
            }),
        }
    }
    Ok(scan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn links_count_and_what_cannot_be_sent_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/file"), "x").unwrap();
        symlink("/", dir.path().join("link")).unwrap();
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let scan = scan(dir.path()).unwrap();
        assert_eq!(scan.entries, 2);
        assert_eq!(scan.left_out.len(), 1);
        assert_eq!(scan.left_out[0].path, dir.path().join("socket"));
    }

    #[test]
    fn a_root_that_is_a_link_is_followed_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        fs::write(dir.path().join("real/file"), "x").unwrap();
        symlink("real", dir.path().join("root")).unwrap();
        assert_eq!(scan(&dir.path().join("root")).unwrap().entries, 1);
    }

    #[test]
    fn a_missing_root_and_a_file_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert!(scan(&dir.path().join("none")).is_err());
        fs::write(dir.path().join("file"), "x").unwrap();
        assert!(scan(&dir.path().join("file")).is_err());
    }
}
