//! In place of the keychain in a build that has none.

use super::Unavailable;
use crate::base::secret::Secret;

pub fn get(_: &str) -> Result<Option<Secret>, Unavailable> {
    Err(none())
}

pub fn set(_: &str, _: &Secret) -> Result<(), Unavailable> {
    Err(none())
}

pub fn remove(_: &str) -> Result<(), Unavailable> {
    Err(none())
}

fn none() -> Unavailable {
    Unavailable {
        what: "this build of poof has no keychain".to_owned(),
        hint: "`make install` builds one that has it; a \"command\" or a \"file\" in poof.conf \
               does without it.",
    }
}
