//! What goes first when there is little time.

use super::filters;
use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::storage::filter::Filter;

/// The key in poof.conf.
const KEY: &str = "precious";

/// Patterns, the most precious first.
#[derive(Clone, Debug, Default)]
pub struct Precious(Vec<Filter>);

impl Precious {
    /// How many ranks it gives; what no pattern fits is of the last.
    pub fn ranks(&self) -> usize {
        self.0.len() + 1
    }

    /// The rank of a file by its path in its directory: that of the first pattern that fits it,
    /// or a directory above it.
    pub fn rank(&self, path: &[u8]) -> usize {
        let fits = |filter: &Filter| {
            let mut above = (0..path.len()).filter(|at| path[*at] == b'/').map(|at| &path[..at]);
            filter.excludes_file(path) || above.any(|dir| filter.excludes_directory(dir))
        };
        self.0.iter().position(fits).unwrap_or(self.0.len())
    }
}

/// # Errors
/// A [`Problem`] if it is no list of patterns.
pub fn precious(conf: &PoofConf) -> Result<Precious, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(Precious::default()) };
    let list = value.as_array().and_then(|list| {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        list.iter().map(text).collect::<Option<Vec<String>>>()
    });
    let Some(list) = list.filter(|list| list.iter().all(|text| !text.is_empty())) else {
        let hint = "As in [\"taxes/**\", \"*.kdbx\"], the most precious first.";
        return Err(Problem::of_key(KEY, "must be a list of patterns", hint));
    };
    let place = format!("poof.conf \"{KEY}\"");
    let filters = list
        .into_iter()
        .map(|pattern| Filter::new(&[pattern], &[]).map_err(|why| filters::refused(&place, why)));
    filters.collect::<Result<_, _>>().map(Precious)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Precious, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        precious(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_first_pattern_that_fits_says_the_rank() {
        let precious = of(r#", "precious": ["*.kdbx", "taxes/**", "/mail/"]"#).unwrap();
        assert_eq!(precious.ranks(), 4);
        for (path, rank) in [
            ("keys.kdbx", 0),
            ("taxes/keys.kdbx", 0),
            ("taxes/2026/a.pdf", 1),
            ("old/taxes/a.pdf", 1),
            ("mail/in/1", 2),
            ("old/mail/1", 3),
            ("other", 3),
        ] {
            assert_eq!(precious.rank(path.as_bytes()), rank, "{path}");
        }
        assert_eq!((of("").unwrap().ranks(), of("").unwrap().rank(b"a")), (1, 0));
    }

    #[test]
    fn what_is_no_list_of_patterns_is_refused() {
        for value in ["\"*.kdbx\"", "[1]", "[\"\"]", "[\"a[b\"]", "true"] {
            let problem = of(&format!(r#", "precious": {value}"#)).unwrap_err();
            assert!(problem.place.contains("precious"), "{value}");
        }
    }
}
