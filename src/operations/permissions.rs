//! Warns of files with secrets that other users can read.

use std::path::Path;

use super::session::Session;
use crate::base::files;
use crate::base::shown::{path_of, quoted};

/// Warns of files that others than their owner can read.
pub fn warn_if_open(session: &Session) {
    for path in [&session.files.poof, &session.files.rclone] {
        warn_if_readable(session, path);
    }
}

/// Warns of a file with secrets that others than its owner can read.
pub fn warn_if_readable(session: &Session, path: &Path) {
    if files::readable_by_others(path) {
        let (shown, path) = (path_of(path), quoted(path));
        session.report.warn(&format!("{shown} can be read by others; fix: chmod 600 {path}"));
    }
}
