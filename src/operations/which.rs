//! Which snapshot is meant: the newest, or that of a time or of a number.

use std::path::Path;

use crate::base::error::{Error, Kind, Result};
use crate::base::shown::typed;
use crate::base::units::{date, moment};

#[derive(Clone, Copy, Default)]
pub enum Which {
    #[default]
    Newest,
    /// The last one that was made by then, in seconds since 1970.
    At(u64),
    /// The one with this number.
    Number(u64),
}

impl Which {
    /// What was typed with `--at`.
    ///
    /// # Errors
    /// It is no time.
    pub fn of(text: Option<&str>) -> Result<Self> {
        let Some(text) = text else { return Ok(Which::Newest) };
        let what = || {
            Error::new(Kind::Usage, format!("{text:?} is no time")).hint(
                "Write a date (2026-11-24), a date and time (\"2026-11-24 17:20\", RFC 3339), an \
                 age (yesterday, 3d, 6h), or the number of a snapshot.",
            )
        };
        // A date without dashes has eight digits.
        let is_number = text.len() < 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number).map(Which::Number);
        number.or_else(|| moment(text).map(Which::At)).ok_or_else(what)
    }

    /// Whether a snapshot is the one that is meant, if no newer one is.
    pub fn is(self, generation: u64, made: u64) -> bool {
        match self {
            Which::Newest => true,
            Which::At(time) => made <= time,
            Which::Number(number) => generation == number,
        }
    }

    /// Refuses another than the newest, where there is no manifest.
    ///
    /// # Errors
    /// The refusal.
    pub fn is_newest_of(self, tree: &str) -> Result<()> {
        match self {
            Which::Newest => Ok(()),
            Which::At(_) | Which::Number(_) => {
                let what =
                    format!("{tree} has no manifest on the remote, and so no earlier snapshot");
                Err(Error::new(Kind::Incomplete, what)
                    .hint("Without `--at` you see what is there now."))
            }
        }
    }
}

/// Why a tree has no such snapshot. When its `oldest` was made is in seconds since 1970.
pub fn no_snapshot(tree: &str, which: Which, oldest: u64) -> Error {
    let what = match which {
        Which::At(time) => format!("{tree} has no snapshot from {} or before", date(time)),
        Which::Number(number) => format!("{tree} has no snapshot {number}"),
        Which::Newest => format!("{tree} has no snapshot"),
    };
    Error::new(Kind::Incomplete, what).hint(format!(
        "Its oldest one is from {}: `poof history {}`.",
        date(oldest),
        typed(Path::new(tree))
    ))
}

/// Why a snapshot that is there is none.
pub fn unusable(tree: &str, number: u64) -> Error {
    let what = format!("snapshot {number} of {tree} cannot be used: its manifest is damaged");
    Error::guard(what).hint("`poof check` finds what can be restored.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_that_of_a_snapshot_and_a_date_is_none() {
        assert!(matches!(Which::of(Some("17")), Ok(Which::Number(17))));
        assert!(matches!(Which::of(Some("2026-11-24")), Ok(Which::At(_))));
        assert!(matches!(Which::of(Some("3d")), Ok(Which::At(_))));
        assert!(matches!(Which::of(None), Ok(Which::Newest)));
        for text in ["", "soon", "-1", "1.5"] {
            assert!(Which::of(Some(text)).is_err(), "{text}");
        }
    }
}
