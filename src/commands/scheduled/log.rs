//! Where a run that nobody watches says what it does.

use std::path::PathBuf;

use crate::base::log::{Log, bound};
use crate::base::shown::path_of;
use crate::commands::Context;
use crate::commands::secrets::Wallet;
use crate::host::erase::{self, Noise};
use crate::host::paths::{System, run_logs};

/// The same context with a terminal that keeps a log. On macOS launchd keeps what is said,
/// in files that grow for ever: they are cut here.
pub fn unwatched(context: &Context) -> Context {
    let paths = logs(context);
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
        context.terminal.warn(error.message());
        Log::StandardError
    });
    Context {
        terminal: context.terminal.kept_in(log),
        layout: context.layout.clone(),
        files: context.files.clone(),
        state: context.state.clone(),
        wallet: Wallet::default(),
    }
}

/// Wipes the log: it names files, and they are gone.
pub fn forget(context: &Context) {
    let Ok(noise) = Noise::new() else { return };
    for path in logs(context) {
        for path in crate::base::log::all(&path).filter(|path| path.is_file()) {
            if let Err(error) = erase::file(&path, &noise) {
                context.terminal.warn(&format!("cannot wipe {}: {error}", path_of(&path)));
            }
        }
    }
}

fn logs(context: &Context) -> Vec<PathBuf> {
    run_logs(System::current(), &context.layout.home, &context.state, context.id())
}
