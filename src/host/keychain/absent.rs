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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_says_that_it_is_the_build_which_has_none() {
        let secret = Secret::new("hunter2".to_owned());
        for refused in [get("x").err(), set("x", &secret).err(), remove("x").err()] {
            let Unavailable { what, hint } = refused.unwrap();
            assert_eq!(what, "this build of poof has no keychain");
            assert!(hint.contains("`make install`") && hint.contains("\"file\""), "{hint}");
        }
    }
}
