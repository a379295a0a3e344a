//! Numbers as people read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{BinaryBytes, HumanCount};
use jiff::{Span, SpanTotal, Unit};

/// `1.50 MiB`
pub fn bytes(count: u64) -> String {
    BinaryBytes(count).to_string()
}

/// `1 file`, `12,345 files`
pub fn files(count: u64) -> String {
    let noun = if count == 1 { "file" } else { "files" };
    format!("{} {noun}", HumanCount(count))
}

/// `0:07`, `1:02:03`
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// `2026-11-24 17:20`, in the time zone of this machine. `since` is in seconds since
/// 1970.
pub fn date(since: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(since).unwrap_or(i64::MAX));
    let time = jiff::ZonedDateTime::new(time.unwrap_or_default(), jiff::tz::TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-24T17:20:05+01:00`: now, for a log.
pub fn stamp() -> String {
    let time = jiff::ZonedDateTime::now().strftime("%Y-%m-%dT%H:%M:%S%:z");
    time.to_string()
}

/// A length of time as people write it: `90s`, `15m`, `6h`, `7d`, `1h 30m`. Nothing, if it
/// is none, is negative or counts in months or years, whose length varies.
pub fn span(text: &str) -> Option<Duration> {
    let span: Span = text.trim().parse().ok()?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return None;
    }
    let total = span.total(SpanTotal::from(Unit::Second).days_are_24_hours()).ok()?;
    Duration::try_from_secs_f64(total).ok()
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_have_hours_only_when_needed() {
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn one_file_is_singular() {
        assert_eq!(files(1), "1 file");
        assert_eq!(files(12_345), "12,345 files");
    }

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("6h", 21_600), ("7d", 604_800), (" 1h 30m ", 5_400)]
        {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "6", "h", "-1h", "1 month", "1y", "soon"] {
            assert_eq!(span(text), None, "{text}");
        }
    }
}
