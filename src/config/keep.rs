//! For how long what a backup replaces and removes is kept on the remote.

use std::time::Duration;

use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::base::units::span;

/// The key in poof.conf.
pub const KEY: &str = "keep";

/// None: nobody has said. Nothing is kept then, and what is kept stays.
///
/// # Errors
/// A [`Problem`] if it is no length of time.
pub fn keep(conf: &PoofConf) -> Result<Option<Duration>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    value.as_str().and_then(span).map(Some).ok_or_else(|| {
        Problem::of_key(
            KEY,
            "must be a length of time in weeks, days or hours",
            "Write it like \"30d\".",
        )
    })
}

/// How many minutes it is, if it is written so that months or days may be meant: `30m`.
pub fn in_minutes(conf: &PoofConf) -> Option<&str> {
    let number = conf.get(KEY)?.as_str()?.trim().strip_suffix('m')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Option<Duration>, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        keep(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn nothing_is_kept_unless_poof_conf_says_for_how_long() {
        assert_eq!(of("").unwrap(), None);
        assert_eq!(of(r#", "keep": "30d""#).unwrap(), Some(Duration::from_hours(30 * 24)));
        assert_eq!(of(r#", "keep": "2w""#).unwrap(), Some(Duration::from_hours(14 * 24)));
        assert_eq!(of(r#", "keep": "0s""#).unwrap(), Some(Duration::ZERO));
        for value in ["30", "\"soon\"", "[]", "\"1mo\"", "\"1y\"", "\"-3d\"", "true"] {
            let problem = of(&format!(r#", "keep": {value}"#)).unwrap_err();
            assert!(format!("{problem:?}").contains("keep"), "{value}");
        }
    }

    #[test]
    fn minutes_may_be_a_mistake() {
        let minutes = |value: &str| {
            let text =
                format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}, "keep": {value}}}"#);
            in_minutes(&PoofConf::parse(text.as_bytes()).unwrap()).map(str::to_owned)
        };
        assert_eq!(minutes("\"30m\"").as_deref(), Some("30"));
        for value in ["\"30d\"", "\"1h 30m\"", "\"30min\"", "\"0s\"", "30"] {
            assert_eq!(minutes(value), None, "{value}");
        }
    }
}
