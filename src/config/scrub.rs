//! What an upload writes over, once it has wiped.

use super::poof_conf::PoofConf;
use super::status::Problem;

/// The key in poof.conf.
pub const KEY: &str = "scrub";

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrub {
    No,
    /// The journal, which holds file names.
    Names,
    /// That, and everything that is free.
    Free,
}

/// None: poof.conf says nothing of it.
///
/// # Errors
/// A [`Problem`] if it is another word.
pub fn scrub(conf: &PoofConf) -> Result<Option<Scrub>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    Ok(Some(match value.as_str() {
        Some("no") => Scrub::No,
        Some("names") => Scrub::Names,
        Some("free") => Scrub::Free,
        _ => {
            return Err(Problem::of_key(
                KEY,
                "must be \"no\", \"names\", or \"free\"",
                "Write \"no\", or remove the key for what poof does without it.",
            ));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_of_three_words_or_nothing() {
        let of = |more: &str| {
            let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
            scrub(&PoofConf::parse(text.as_bytes()).unwrap())
        };
        assert_eq!(of("").unwrap(), None);
        for (word, meant) in [("no", Scrub::No), ("names", Scrub::Names), ("free", Scrub::Free)] {
            assert_eq!(of(&format!(r#", "scrub": "{word}""#)).unwrap(), Some(meant));
        }
        for value in ["true", "\"all\"", "[]", "1"] {
            let problem = of(&format!(r#", "scrub": {value}"#)).unwrap_err();
            assert!(problem.place.contains("scrub"), "{value}");
        }
    }
}
