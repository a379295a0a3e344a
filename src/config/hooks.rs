//! `"before"` and `"after"` of poof.conf: programs that run around a command.

use std::time::Duration;

use serde_json::Value;

use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::base::units::span;

/// How long each may take, unless `"hook_limit"` says otherwise: a dump of a database
/// takes minutes.
const LIMIT: Duration = Duration::from_mins(10);

/// Each hook is a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    pub before: Vec<Vec<String>>,
    pub after: Vec<Vec<String>>,
    /// For each of them.
    pub limit: Duration,
}

impl Hooks {
    /// # Errors
    /// A [`Problem`] that names the key.
    pub fn of(conf: &PoofConf) -> Result<Self, Problem> {
        let limit = match conf.get("hook_limit") {
            None => Ok(LIMIT),
            Some(value) => {
                value.as_str().and_then(span).filter(|limit| !limit.is_zero()).ok_or_else(|| {
                    Problem::of_key(
                        "hook_limit",
                        "must be a length of time",
                        "Write it like \"10m\".",
                    )
                })
            }
        };
        let commands = |key| conf.get(key).map_or(Ok(Vec::new()), |value| commands(key, value));
        match (commands("before"), commands("after"), limit) {
            (Ok(before), Ok(after), Ok(limit)) => Ok(Hooks { before, after, limit }),
            (before, after, limit) => {
                let wrong = [before.err(), after.err(), limit.err()].into_iter().flatten();
                let none = || Problem::of_key("before", "is wrong", "");
                Err(Problem::all(wrong).unwrap_or_else(none))
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// `["program", "argument"]`, or a list of such lists.
fn commands(key: &str, value: &Value) -> Result<Vec<Vec<String>>, Problem> {
    let wrong = || {
        let what = "must be a program with its arguments, or a list of such lists";
        Problem::of_key(key, what, "Write [\"program\", \"argument\"]; no shell is asked.")
    };
    let list = value.as_array().ok_or_else(wrong)?;
    if list.iter().any(Value::is_array) {
        list.iter().map(|one| argv(one).ok_or_else(wrong)).collect()
    } else if list.is_empty() {
        Ok(Vec::new())
    } else {
        Ok(vec![argv(value).ok_or_else(wrong)?])
    }
}

/// A program and its arguments.
pub fn argv(value: &Value) -> Option<Vec<String>> {
    let words = value.as_array()?.iter().map(|word| Some(word.as_str()?.to_owned()));
    let words: Vec<_> = words.collect::<Option<_>>()?;
    let sound = |word: &String| !word.contains('\0');
    (words.first().is_some_and(|program| !program.is_empty()) && words.iter().all(sound))
        .then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(keys: &str) -> Result<Hooks, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{keys}}}"#);
        Hooks::of(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_hook_is_a_program_or_several() {
        assert!(hooks("").unwrap().is_empty());
        assert!(hooks(r#", "before": [], "after": null"#).unwrap().is_empty());
        let one = hooks(r#", "before": ["a", "b c"]"#).unwrap();
        assert_eq!(one.before, [["a", "b c"]]);
        assert_eq!(one.limit, LIMIT);
        let more = hooks(r#", "after": [["a"], ["b", ""]], "hook_limit": "90s""#).unwrap();
        assert_eq!(more.after, [vec!["a"], vec!["b", ""]]);
        assert_eq!(more.limit, Duration::from_secs(90));
    }

    #[test]
    fn what_is_no_hook_is_named_and_not_quoted() {
        for (keys, key) in [
            (r#", "before": "hunter2 --now""#, "before"),
            (r#", "after": [["hunter2"], "b"]"#, "after"),
            (r#", "after": [1]"#, "after"),
            (r#", "before": [""]"#, "before"),
            (r#", "before": [[]]"#, "before"),
            (r#", "hook_limit": 10"#, "hook_limit"),
            (r#", "hook_limit": "0s""#, "hook_limit"),
        ] {
            let problem = hooks(keys).unwrap_err();
            assert!(problem.place.contains(key), "{keys}: {problem:?}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }
}
