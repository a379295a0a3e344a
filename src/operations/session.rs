//! What every operation is given.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use super::secret_cache::SecretCache;
use crate::base::error::Result;
use crate::config::Files;
use crate::host::lock::{self, Lock};
use crate::host::paths::{self, Layout};
use crate::host::scratch;
use crate::report::Report;

/// Where the files of the configuration are, as far as options say so.
#[derive(Default)]
pub struct Given {
    pub confdir: Option<PathBuf>,
    pub poofconf: Option<PathBuf>,
    pub rcloneconf: Option<PathBuf>,
}

pub struct Session {
    /// Hears what is done.
    pub report: Arc<dyn Report>,
    pub layout: Layout,
    pub files: Files,
    /// The state of this configuration.
    pub state: PathBuf,
    /// The secrets of this run.
    pub secret_cache: SecretCache,
}

impl Session {
    /// # Errors
    /// The user has no home directory.
    pub fn new(given: Given, report: Arc<dyn Report>) -> Result<Self> {
        let layout = paths::of_this_user()?;
        let files = Files::resolve(
            &layout.config,
            of(given.confdir, "POOF_CONFDIR").as_deref(),
            of(given.poofconf, "POOF_POOFCONF").as_deref(),
            of(given.rcloneconf, "POOF_RCLONECONF").as_deref(),
        );
        let default = Files::resolve(&layout.config, None, None, None);
        let state = if files == default {
            layout.state.clone()
        } else {
            layout.state.join(format!("{:016x}", fingerprint(&files)))
        };
        Ok(Session { report, layout, files, state, secret_cache: SecretCache::default() })
    }

    /// Tells this configuration from others; None: it is the usual one.
    pub fn id(&self) -> Option<&str> {
        let id = self.state.strip_prefix(&self.layout.state).ok()?.to_str()?;
        (!id.is_empty()).then_some(id)
    }

    /// Keeps every other poof off this configuration while it lives.
    ///
    /// # Errors
    /// Another poof is at work.
    pub fn lock(&self) -> Result<Lock> {
        let lock = lock::acquire(&self.state)?;
        // What a command that only looked, and was killed, has left names files. What cannot
        // be wiped is told by the next upload.
        let _ = scratch::sweep(&self.state);
        Ok(lock)
    }

    /// The same for a run that may be none: a dry one is in nobody's way.
    ///
    /// # Errors
    /// Another poof is at work.
    pub fn lock_unless(&self, dry_run: bool) -> Result<Option<Lock>> {
        if dry_run { Ok(None) } else { self.lock().map(Some) }
    }
}

/// The option, else the variable. One that is set to nothing counts as not set.
fn of(option: Option<PathBuf>, variable: &str) -> Option<PathBuf> {
    let of_environment = || env::var_os(variable).filter(|value| !value.is_empty());
    option.or_else(|| of_environment().map(PathBuf::from))
}

/// Tells configurations apart whose state must not be mixed.
fn fingerprint(files: &Files) -> u64 {
    // DefaultHasher::new() has fixed keys: the same files, the same state.
    let mut hasher = DefaultHasher::new();
    files.poof.hash(&mut hasher);
    files.rclone.hash(&mut hasher);
    hasher.finish()
}
