//! How long a run waits for a network that is away.

use std::time::Duration;

use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::base::units::span;

/// The key in poof.conf.
pub const KEY: &str = "patience";

const USUAL: Duration = Duration::from_mins(15);

/// # Errors
/// A [`Problem`] if it is no length of time.
pub fn patience(conf: &PoofConf) -> Result<Duration, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(USUAL) };
    value
        .as_str()
        .and_then(span)
        .filter(|time| time.as_secs() > 0)
        .ok_or_else(|| Problem::of_key(KEY, "must be a length of time", "Write it like \"15m\"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Duration, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        patience(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn it_is_a_quarter_of_an_hour_unless_poof_conf_says_otherwise() {
        assert_eq!(of("").unwrap(), Duration::from_mins(15));
        assert_eq!(of(r#", "patience": "90s""#).unwrap(), Duration::from_secs(90));
        for value in ["15", "\"0s\"", "\"soon\"", "[]"] {
            let problem = of(&format!(r#", "patience": {value}"#)).unwrap_err();
            assert!(format!("{problem:?}").contains("patience"), "{value}");
        }
    }
}
