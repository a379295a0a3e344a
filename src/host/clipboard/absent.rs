//! In place of the calls to a clipboard in a build that has none.

use super::NONE;
use crate::base::secret::Secret;

pub fn offer(_: &Secret) -> Result<(), String> {
    Err(NONE.to_owned())
}

pub fn offers(_: &Secret) -> bool {
    false
}

pub fn clear() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_and_the_reason_is_the_build() {
        let text = Secret::new("hunter2".to_owned());
        assert!(offer(&text).unwrap_err().starts_with("this build of poof has no clipboard"));
        assert!(!offers(&text));
        clear();
    }
}
