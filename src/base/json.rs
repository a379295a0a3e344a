//! How the lines of `--json` give a moment.

/// `2026-11-24T17:20:00Z`. `since` is in seconds since 1970.
pub fn time(since: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(since).unwrap_or(i64::MAX));
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// `2026-11-24T17:20:00.5Z`: with as many digits as it needs. Counted forward from the second.
pub fn precise((seconds, nanos): (i64, u32)) -> String {
    let nanos = i32::try_from(nanos).unwrap_or(0);
    let time = jiff::Timestamp::new(seconds, 0)
        .and_then(|time| time.checked_add(jiff::SignedDuration::new(0, nanos)));
    let end = if seconds < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    time.unwrap_or(end).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rfc_3339_in_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_795_540_800), "2026-11-24T17:20:00Z");
        assert!(time(u64::MAX).ends_with('Z'));
    }
}
