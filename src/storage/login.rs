//! A login in the browser, which some remotes want before anything else.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::configuration;
use super::failure::Failure;
use super::rclone::call::call;
use super::rclone::login::{BeginLogin, Logins, StepLogin, StopLogin, Unsaved};
pub use super::rclone::login::{Choice, Kinds, Question, State, Step};

/// An interrupt goes unnoticed as long, in milliseconds.
const ATTENTION: u64 = 100;

/// The types of remotes that want a login.
///
/// # Errors
/// rclone does not answer.
pub fn kinds() -> Result<Kinds, Failure> {
    call(&Logins {})
}

/// Whether a type of remote wants a login.
pub fn is_wanted(kind: &str) -> bool {
    kinds().is_ok_and(|known| known.kinds.iter().any(|one| one == kind))
}

/// Why a login that was renewed in this run is not in rclone-poof.conf, if that is so.
pub fn unsaved() -> Option<String> {
    if !configuration::renews() {
        return None;
    }
    call(&Unsaved {}).ok().map(|unsaved| unsaved.why).filter(|why| !why.is_empty())
}

/// A login that is under way. It is stopped when this is dropped, and the port is free then.
pub struct Login {
    attention: u64,
}

impl Login {
    /// `values`: what the section says, passwords obscured. `listens`: the browser is on this
    /// machine. `person`: there is somebody to ask.
    ///
    /// # Errors
    /// The type wants none, or the port is taken.
    pub fn begin(
        kind: &str,
        section: &str,
        values: &BTreeMap<String, Zeroizing<String>>,
        listens: bool,
        person: bool,
    ) -> Result<Self, Failure> {
        call(&BeginLogin { kind, section, values, listens, person })
            .map(|_| Login { attention: ATTENTION })
    }

    /// What it waits for now. It is given the answer to the question, or what was pasted.
    ///
    /// # Errors
    /// It has failed.
    pub fn step(&self, answer: Option<&str>, pasted: Option<&str>) -> Result<Step, Failure> {
        call(&StepLogin { millis: self.attention, answer, pasted })
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        let _ = call(&StopLogin {});
    }
}
