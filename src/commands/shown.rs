//! Shows a configuration file. Whoever was given all of both files has what a kit holds.

use std::path::Path;

use crate::operations::recovery::readiness;
use crate::operations::{Session, offer};

/// What `poof config` and `poof cconfig` print of a file.
#[derive(Clone, Copy)]
pub enum Shown {
    /// All of it: it was asked for.
    Whole,
    /// All of it only for a script that reads the file, as those of the Python poof do.
    ForScripts,
    /// Nothing secret: the output of what changes a file ends in logs.
    Masked,
}

/// Prints `text`, which is that of `file`, and puts all of it on the clipboard. `mask` leaves
/// its secrets out.
pub fn show(session: &Session, file: &Path, text: &[u8], how: Shown, mask: fn(&[u8]) -> Vec<u8>) {
    let is_whole = match how {
        Shown::Whole => true,
        Shown::ForScripts => session.report.is_redirected(),
        Shown::Masked => false,
    };
    let printed = if is_whole { text.to_vec() } else { mask(text) };
    if offer::show(session, file, &printed, text) {
        readiness::note_shown(session, file);
    }
    if printed != text && file == session.files.rclone {
        session.report.note("Secrets are masked. `poof cconfig --show` prints them.");
    } else if printed != text {
        session.report.note("Secrets are masked. `poof config --show` prints them.");
    }
}
