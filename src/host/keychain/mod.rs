//! The system's keychain: the login keychain of macOS; elsewhere the Secret Service
//! (of GNOME, KDE or a password manager) over D-Bus. The kernel's keyring (keyutils) is not
//! used: it forgets with the next start, and what was moved there would be lost.
//!
//! Without the feature `keychain` there is none, and each call says so.

use std::path::Path;

use crate::base::shown::quoted;

#[cfg(any(not(feature = "keychain"), test))]
mod absent;
#[cfg(feature = "keychain")]
mod system;

#[cfg(not(feature = "keychain"))]
use absent as system;

pub use system::{get, remove, set};

/// Under which all entries lie; the attribute `service` of an item.
pub const SERVICE: &str = "poof";

/// Why an entry cannot be had, stored or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    pub what: String,
    pub hint: &'static str,
}

/// The command that removes an entry.
pub fn removal(entry: &str) -> String {
    let entry = quoted(Path::new(entry));
    if cfg!(target_os = "macos") {
        format!("security delete-generic-password -s {SERVICE} -a {entry}")
    } else {
        format!("secret-tool clear service {SERVICE} username {entry}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_removes_an_entry_takes_any_name() {
        assert!(removal("it's").ends_with(r"'it'\''s'"));
    }
}
