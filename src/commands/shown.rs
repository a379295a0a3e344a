//! Shows a configuration file. Whoever has seen both files has what a kit holds.

use std::path::Path;

use crate::operations::recovery::readiness;
use crate::operations::{Session, offer};
use crate::report::Volume;

pub fn show(session: &Session, file: &Path, text: &[u8]) {
    offer::show(session, file, text);
    if session.report.volume() > Volume::Silent {
        readiness::note_shown(session, file);
    }
}
