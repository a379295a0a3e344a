//! Where a run that nobody watches says what it does.

use std::path::PathBuf;

use crate::base::log::{Log, bound};
use crate::base::shown::path_of;
use crate::host::erase::{self, FillPattern};
use crate::host::paths::{System, run_logs};
use crate::operations::secret_cache::SecretCache;
use crate::operations::session::Session;

/// The same session with a terminal that keeps a log. On macOS launchd keeps what is said,
/// in files that grow for ever: they are cut here.
pub fn unwatched(session: &Session) -> Session {
    let paths = logs(session);
    let log = match System::current() {
        System::Xdg => paths.first().map(|path| Log::open(path)),
        System::MacOs => {
            for path in &paths {
                // It need not be there.
                bound(path).unwrap_or_default();
            }
            None
        }
    };
    let log = log.unwrap_or(Ok(Log::StandardError)).unwrap_or_else(|error| {
        session.report.warn(error.message());
        Log::StandardError
    });
    Session {
        report: session.report.kept_in(log),
        layout: session.layout.clone(),
        files: session.files.clone(),
        state: session.state.clone(),
        secret_cache: SecretCache::default(),
        bwlimit: session.bwlimit.clone(),
    }
}

/// Wipes the log: it has names of files, and they are gone.
pub fn forget(session: &Session) {
    let Ok(noise) = FillPattern::new() else { return };
    for path in logs(session) {
        for path in crate::base::log::all(&path).filter(|path| path.is_file()) {
            if let Err(error) = erase::file(&path, &noise) {
                session.report.warn(&format!("cannot wipe {}: {error}", path_of(&path)));
            }
        }
    }
}

fn logs(session: &Session) -> Vec<PathBuf> {
    run_logs(System::current(), &session.layout.home, &session.state, session.id())
}
