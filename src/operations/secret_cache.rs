//! The secrets that a run has fetched: nobody is asked twice for the same one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::secret::Secret;
use crate::config::secrets::Declared;

/// What was fetched in this run: nobody is asked twice for the same.
#[derive(Default)]
pub struct SecretCache(Mutex<Vec<(Option<Declared>, Arc<Secret>)>>);

impl SecretCache {
    /// The same secrets for another session.
    #[must_use]
    pub fn copy(&self) -> Self {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SecretCache(Mutex::new(held.clone()))
    }

    /// A secret that was fetched before.
    pub fn find(&self, declared: Option<&Declared>) -> Option<Arc<Secret>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = held.iter().filter(|(of, _)| of.as_ref() == declared);
        held.next().map(|(_, secret)| Arc::clone(secret))
    }

    /// Takes a secret in, as if it had been fetched; None is the password of
    /// rclone-poof.conf where poof.conf has no source for it.
    pub fn put(&self, declared: Option<Declared>, secret: Arc<Secret>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((declared, secret));
    }
}
