//! How often a run of the schedule looks whether everything comes back.

use std::time::Duration;

use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::base::units::span;

/// The key in poof.conf.
pub const KEY: &str = "rehearse";

/// None: never.
///
/// # Errors
/// A [`Problem`] if it is no length of time.
pub fn rehearse(conf: &PoofConf) -> Result<Option<Duration>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    let time = value.as_str().and_then(span).filter(|time| !time.is_zero());
    time.map(Some).ok_or_else(|| {
        Problem::of_key(
            KEY,
            "must be a length of time in weeks, days or hours",
            "Write it like \"30d\".",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_unless_poof_conf_says_so() {
        let of = |more: &str| {
            let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
            rehearse(&PoofConf::parse(text.as_bytes()).unwrap())
        };
        assert_eq!(of("").unwrap(), None);
        assert_eq!(of(r#", "rehearse": "2d""#).unwrap(), Some(Duration::from_hours(48)));
        for value in ["30", "\"0d\"", "\"often\"", "true"] {
            let problem = of(&format!(r#", "rehearse": {value}"#)).unwrap_err();
            assert!(problem.place.contains("rehearse"), "{value}");
        }
    }
}
