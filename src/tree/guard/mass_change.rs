//! The guard against what a ransom program leaves.

use std::path::Path;

use super::{Allowed, FEW, refuse};
use crate::base::error::Error;
use crate::base::shown::{name_of, typed};

/// What a directory has lost of the content of its last snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Files in the last snapshot.
    pub of: u64,
    /// Those that have other content.
    pub rewritten: u64,
    /// Those that were of some kind, and are noise now: about so many.
    pub lost: u64,
    /// The path of one of these here.
    pub example: Option<Vec<u8>>,
}

impl Losses {
    /// Whether more than half of the files have other content.
    pub fn are_of_most(&self) -> bool {
        self.rewritten > FEW && self.rewritten * 2 > self.of
    }
}

/// Whether `lost` of so many files are too many to have lost their kind: more than ten and
/// more than one in a hundred, or more than a hundred. Of those that a person encrypts in an
/// hour there are fewer, and a ransom program that is content with fewer needs weeks.
pub fn are_many(lost: u64, of: u64) -> bool {
    lost > FEW || lost > 10 && lost * 100 > of
}

/// What has become of most files, or of many that are noise now, must not replace what the
/// remote has of them.
///
/// # Errors
/// The refusal.
pub fn mass_change(tree: &str, losses: &Losses, allowed: Allowed) -> Result<(), Error> {
    let Losses { of, rewritten, lost, example } = losses;
    if allowed.mass_change {
        return Ok(());
    }
    let typed = typed(Path::new(tree));
    if losses.are_of_most() {
        let what =
            format!("{rewritten} of {of} files of {tree} have other content than in the snapshot");
        let hint = format!(
            "A ransom program leaves files so, and so does any program that rewrites more than \
             half of them. `poof diff {typed}` lists them; open some."
        );
        return Err(refuse(what, &hint, "mass-change"));
    }
    if are_many(*lost, *of) {
        let example = example.as_ref().map(|path| format!(", among them {}", name_of(path)));
        let what = format!(
            "about {lost} of {of} files of {tree} were readable and look encrypted now{}",
            example.unwrap_or_default()
        );
        let hint = format!(
            "A ransom program leaves files so. `poof diff {typed}` lists what differs; open some. \
             The snapshot still has the good ones: `poof download` brings them back, to a \
             machine that is clean."
        );
        return Err(refuse(what, &hint, "mass-change"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(of: u64, rewritten: u64, lost: u64) -> bool {
        let losses = Losses { of, rewritten, lost, example: Some(b"a\x1b".to_vec()) };
        let allowed = Allowed { mass_change: true, ..Allowed::default() };
        assert!(mass_change("docs", &losses, allowed).is_ok());
        mass_change("docs", &losses, Allowed::default()).is_err()
    }

    #[test]
    fn more_than_half_and_more_than_a_hundred_with_other_content_are_refused() {
        for (of, rewritten, refused) in [
            (1, 1, false),
            (100, 100, false),
            (101, 101, true),
            (202, 101, false),
            (201, 101, true),
        ] {
            assert_eq!(is_refused(of, rewritten, 0), refused, "{rewritten} of {of}");
        }
    }

    #[test]
    fn ten_files_or_one_in_a_hundred_may_have_lost_their_kind() {
        for (of, lost, refused) in [
            (10, 10, false),
            (11, 11, true),
            (1_099, 11, true),
            (1_100, 11, false),
            (2_000, 40, true),
            (2_000, 20, false),
            (2_000, 21, true),
            (1_000_000, 100, false),
            (1_000_000, 101, true),
        ] {
            assert_eq!(is_refused(of, lost, lost), refused, "{lost} of {of}");
        }
    }
}
