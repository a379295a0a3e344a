//! The keychain, called.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::{SERVICE, Unavailable};
use crate::base::interrupt;
use crate::base::secret::Secret;

/// How long somebody may take who is asked to unlock it.
const LIMIT: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(20);

/// The value of `entry`; None if there is no such entry.
///
/// # Errors
/// There is no keychain, or it stays locked.
pub fn get(entry: &str) -> Result<Option<Secret>, Unavailable> {
    with(entry, |entry| match entry.get_password() {
        Ok(value) => Ok(Some(Secret::new(value))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
}

/// Stores a value, in place of the one that `entry` had.
///
/// # Errors
/// As [`get`]; also if it does not read back.
pub fn set(entry: &str, value: &Secret) -> Result<(), Unavailable> {
    let kept = Zeroizing::new(value.expose().to_owned());
    with(entry, move |entry| entry.set_password(&kept))?;
    let back = get(entry)?;
    if back.is_some_and(|back| back.expose() == value.expose()) {
        return Ok(());
    }
    Err(unavailable("the keychain does not give back what it was given"))
}

/// Removes an entry. One that is not there is removed already.
///
/// # Errors
/// As [`get`].
pub fn remove(entry: &str) -> Result<(), Unavailable> {
    with(entry, |entry| match entry.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(error),
    })
}

/// Does something with an entry, on a thread of its own: a keychain that asks somebody
/// who is not there never answers.
fn with<T: Send + 'static>(
    entry: &str,
    work: impl FnOnce(&Entry) -> keyring_core::Result<T> + Send + 'static,
) -> Result<T, Unavailable> {
    let start = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let name = entry.to_owned();
    thread::spawn(move || {
        let done = open(&name).and_then(|entry| work(&entry));
        let _ = sender.send(done.map_err(|error| said(&error)));
    });
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Timeout) if start.elapsed() < LIMIT => {}
            Err(RecvTimeoutError::Timeout) => {
                return Err(unavailable("the keychain does not answer"));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(unavailable("the keychain has failed"));
            }
        }
        if interrupt::requested() {
            return Err(unavailable("interrupted"));
        }
    }
}

fn open(entry: &str) -> keyring_core::Result<Entry> {
    let store = store()?;
    if cfg!(target_os = "macos") {
        return Entry::new_in_store(&store, SERVICE, entry);
    }
    let label = format!("poof: {entry}");
    let modifiers = [("label", label.as_str())].into();
    Entry::new_in_store_with_modifiers(&store, SERVICE, entry, &modifiers)
}

#[cfg(target_os = "linux")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(target_os = "macos")]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    Ok(store)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NotSupportedByStore("no keychain of this system is known".to_owned()))
}

/// The words of an error that carry no data of the entry.
fn said(error: &Error) -> Unavailable {
    match error {
        Error::PlatformFailure(why) => unavailable(&format!("there is no keychain: {why}")),
        Error::NoStorageAccess(why) => unavailable(&format!("the keychain stays locked: {why}")),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => Unavailable {
            what: "the entry of the keychain is no text".to_owned(),
            hint: "Store it anew with `poof secret set`.",
        },
        Error::Ambiguous(_) => Unavailable {
            what: "the keychain has several entries of that name".to_owned(),
            hint: "Remove all but one of them.",
        },
        other => unavailable(&format!("there is no keychain: {other}")),
    }
}

fn unavailable(what: &str) -> Unavailable {
    Unavailable { what: what.to_owned(), hint: hint() }
}

fn hint() -> &'static str {
    if cfg!(target_os = "macos") {
        "Log in on the screen once, or `security unlock-keychain`; a \"command\" or a \"file\" in \
         poof.conf does without it."
    } else {
        "It takes a desktop session with GNOME Keyring, KWallet or KeePassXC, unlocked; on a \
         machine without one use a \"command\" or a \"file\" in poof.conf."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_carries_what_the_entry_holds() {
        let secret = b"hunter2".to_vec();
        for error in
            [Error::BadEncoding(secret.clone()), Error::BadDataFormat(secret, "hunter2".into())]
        {
            assert!(!format!("{:?}", said(&error)).contains("hunter2"));
        }
        assert!(said(&Error::NoDefaultStore).what.contains("no keychain"));
    }
}
