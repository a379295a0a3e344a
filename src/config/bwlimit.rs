//! How many bytes a second poof sends and receives at most.

use super::poof_conf::PoofConf;
use super::status::Problem;
use crate::storage::bandwidth;

/// The key in poof.conf.
pub const KEY: &str = "bwlimit";

/// How a rate, or a timetable, is written.
pub const EXAMPLE: &str = "2M, 1M:off (UP:DOWN), or 08:00,512k 19:00,10M 23:00,off";

/// None: nobody has said, and there is no limit.
///
/// # Errors
/// A [`Problem`] if it is neither a rate nor a timetable of rclone.
pub fn bwlimit(conf: &PoofConf) -> Result<Option<String>, Problem> {
    let Some(value) = conf.get(KEY) else { return Ok(None) };
    let wrong = |what: String| {
        let hint = format!("Write it like one of these: {EXAMPLE}.");
        Problem::of_key(KEY, what, hint)
    };
    let Some(rate) = value.as_str() else { return Err(wrong("must be a text".to_owned())) };
    match bandwidth::check(rate) {
        Ok(()) => Ok(Some(rate.to_owned())),
        // rclone's own words are those of a programmer.
        Err(_) => Err(wrong("is no rate and no timetable".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(more: &str) -> Result<Option<String>, Problem> {
        let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
        bwlimit(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn there_is_no_limit_unless_poof_conf_has_a_rate_or_a_timetable() {
        assert_eq!(of("").unwrap(), None);
        for rate in ["off", "2M", "512", "1M:off", "08:00,512k 19:00,10M 23:00,off"] {
            assert_eq!(of(&format!(", \"bwlimit\": \"{rate}\"")).unwrap().as_deref(), Some(rate));
        }
        for value in ["2", "\"\"", "\" \"", "\"fast\"", "\"25:00,1M\"", "[]", "true"] {
            let problem = of(&format!(", \"bwlimit\": {value}")).unwrap_err();
            let said = format!("{problem:?}");
            assert!(said.contains("bwlimit") && said.contains("08:00,512k"), "{value}: {said}");
        }
    }
}
