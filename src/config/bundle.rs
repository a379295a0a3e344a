//! Whether small files go together into bundles, and up to which size.

use super::poof_conf::PoofConf;
use super::status::Problem;

/// The key in poof.conf.
pub const KEY: &str = "bundle";

/// Where `true` is all that is said, a file of up to so many bytes goes into a bundle.
const USUAL: u64 = 256 << 10;

/// A larger limit, in bytes, is none: see `tree::model::entry::LARGEST_MEMBER`.
const MOST: u64 = 16 << 20;

/// The size in bytes up to which a file goes into a bundle. None: no file does.
///
/// # Errors
/// A [`Problem`] if it is neither true nor false nor a size.
pub fn bundle(conf: &PoofConf) -> Result<Option<u64>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    match value.as_bool() {
        Some(wanted) => Ok(wanted.then_some(USUAL)),
        None => value.as_str().and_then(size).map(Some).ok_or_else(|| {
            Problem::of_key(
                KEY,
                "must be true, false, or a size of up to 16M",
                "Write true for files of up to 256K, or another size like \"1M\".",
            )
        }),
    }
}

/// The same with small files in bundles, or without. A size that somebody has written stays.
pub fn with_bundle(conf: &PoofConf, wanted: bool) -> PoofConf {
    let is_on = matches!(bundle(conf), Ok(Some(_)));
    match wanted {
        _ if is_on == wanted => conf.clone(),
        true => conf.with_value(KEY, Some(true.into())),
        false => conf.with_value(KEY, None),
    }
}

/// `N`, `NK` or `NM`, in bytes.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix(['K', 'k']) {
        Some(number) => (number, 1 << 10),
        None => text.strip_suffix(['M', 'm']).map_or((text, 1), |number| (number, 1 << 20)),
    };
    let size = number.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=MOST).contains(&size).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Option<u64>, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        bundle(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn an_answer_changes_only_what_it_is_about() {
        for (before, wanted, after) in [
            ("", true, ", \"bundle\": true"),
            ("", false, ""),
            (", \"bundle\": false", true, ", \"bundle\": true"),
            (", \"bundle\": false", false, ", \"bundle\": false"),
            (", \"bundle\": \"1M\"", true, ", \"bundle\": \"1M\""),
            (", \"bundle\": \"1M\"", false, ""),
        ] {
            let conf = |more: &str| {
                let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
                PoofConf::parse(text.as_bytes()).unwrap()
            };
            let changed = with_bundle(&conf(before), wanted);
            assert_eq!(changed.to_vec(), conf(after).to_vec(), "{before} {wanted}");
        }
    }

    #[test]
    fn nothing_is_bundled_unless_poof_conf_says_so() {
        assert_eq!(of("").unwrap(), None);
        for (value, limit) in [
            ("false", None),
            ("true", Some(256 << 10)),
            ("\"64K\"", Some(64 << 10)),
            ("\"1M\"", Some(1 << 20)),
            ("\"16m\"", Some(16 << 20)),
            ("\"4096\"", Some(4096)),
        ] {
            assert_eq!(of(&format!(r#", "bundle": {value}"#)).unwrap(), limit, "{value}");
        }
        for value in ["1", "\"yes\"", "\"0\"", "\"17M\"", "\"-1K\"", "\"1G\"", "[]", "\"\""] {
            let problem = of(&format!(r#", "bundle": {value}"#)).unwrap_err();
            assert!(format!("{problem:?}").contains("16M"), "{value}");
        }
    }
}
