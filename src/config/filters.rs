//! What poof.conf leaves out of the directories.

use super::poof_conf::PoofConf;
use super::status::{Problem, Status};
use crate::storage::filter::{Filter, Refused};

const EXCLUDE: &str = "poof.conf \"exclude\"";
const IF_PRESENT: &str = "poof.conf \"exclude_if_present\"";

/// The filter of `exclude` and `exclude_if_present`.
///
/// # Errors
/// A [`Problem`] that names the first pattern or name that is none.
pub fn filter(poof: &PoofConf) -> Result<Filter, Problem> {
    let (exclude, if_present) = (poof.exclude(), poof.exclude_if_present());
    if exclude.iter().any(String::is_empty) {
        let what = "an empty pattern excludes nothing".to_owned();
        return Err(invalid(EXCLUDE, what, "Remove it."));
    }
    let is_name = |name: &String| {
        !name.is_empty() && !name.contains(['/', '\0']) && !matches!(name.as_str(), "." | "..")
    };
    if let Some(name) = if_present.iter().find(|name| !is_name(name)) {
        let what = format!("{name:?} is not the name of a file");
        let hint = "Name files such as \"CACHEDIR.TAG\"; paths and patterns go to \"exclude\".";
        return Err(invalid(IF_PRESENT, what, hint));
    }
    Filter::new(&exclude, &if_present).map_err(|why| refused(EXCLUDE, why))
}

/// Patterns at this `place` of poof.conf that are none.
pub(super) fn refused(place: &str, refused: Refused) -> Problem {
    match refused {
        Refused::Pattern(pattern, why) => {
            let what = format!("{pattern:?} is not a pattern of rclone's filters: {why}");
            let hint = "Correct it: * ? [abc] {a,b} ** as in https://rclone.org/filtering/; \\ \
                        before one of *?[]{} takes it as it is (in JSON: \\\\).";
            invalid(place, what, hint)
        }
        Refused::Rclone(failure) => {
            let what = format!("rclone cannot read the patterns: {}", failure.text);
            invalid(place, what, "Run it again.")
        }
    }
}

fn invalid(place: &str, what: String, hint: &str) -> Problem {
    Problem::new(Status::InvalidPoofConfig, place, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(keys: &str) -> Option<Problem> {
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{}},{keys}}}"#);
        filter(&PoofConf::parse(text.as_bytes()).unwrap()).err()
    }

    #[test]
    fn what_is_no_pattern_and_no_name_is_named_with_a_remedy() {
        for (keys, place, word) in [
            (r#""exclude": ["*.o", "a[b"]"#, EXCLUDE, "\"a[b\""),
            (r#""exclude": ["***"]"#, EXCLUDE, "too many stars"),
            (r#""exclude": [""]"#, EXCLUDE, "empty"),
            (r#""exclude_if_present": ["a/b"]"#, IF_PRESENT, "\"a/b\""),
            (r#""exclude_if_present": [".."]"#, IF_PRESENT, "\"..\""),
        ] {
            let problem = problem(keys).unwrap();
            assert_eq!(
                (problem.status, problem.place.as_str()),
                (Status::InvalidPoofConfig, place)
            );
            assert!(problem.what.contains(word) && !problem.hint.is_empty(), "{problem:?}");
        }
    }

    #[test]
    fn nothing_is_excluded_unless_asked_for() {
        for (keys, empty) in [
            (r#""exclude": [], "exclude_if_present": []"#, true),
            (r#""exclude": ["a"]"#, false),
            (r#""exclude_if_present": ["CACHEDIR.TAG"]"#, false),
        ] {
            let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{}},{keys}}}"#);
            let filter = filter(&PoofConf::parse(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(filter.is_empty(), empty, "{keys}");
        }
    }
}
