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

/// `12,345`
pub fn number(count: u64) -> String {
    HumanCount(count).to_string()
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

/// `2026-11-24 17:20:05`, in the time zone of this machine.
pub fn date_with_seconds(since: i64) -> String {
    let time = jiff::Timestamp::from_second(since).unwrap_or_default();
    let time = jiff::ZonedDateTime::new(time, jiff::tz::TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
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

/// A moment as people write it, in seconds since 1970: RFC 3339, a date and a time of this
/// machine's time zone, a date (its last second), `now`, `today`, `yesterday`, or an age: `3d`,
/// `6h` ago. Nothing if it is none.
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim();
    let ago = |time: Duration| now().checked_sub(time.as_secs());
    match text {
        "now" | "today" => return Some(now()),
        "yesterday" => return ago(Duration::from_hours(24)),
        _ => {}
    }
    if let Some(time) = span(text) {
        return ago(time);
    }
    let second = |time: jiff::Timestamp| u64::try_from(time.as_second()).ok();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return second(time);
    }
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let zone = jiff::tz::TimeZone::system();
    // A date means all of it, a minute as well: what was made in it counts.
    let end = match (text.len(), text.matches(':').count()) {
        (10, 0) => time.date().at(23, 59, 59, 0),
        (_, 1) => time.checked_add(Span::new().seconds(59)).ok()?,
        _ => time,
    };
    second(end.to_zoned_datetime(zone).ok()?.timestamp())
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
    fn moments_are_read_as_people_write_them() {
        let at = |text: &str| moment(text).unwrap();
        assert_eq!(at("2026-11-24T17:20:05Z"), 1_795_540_805);
        assert_eq!(at("2026-11-24T18:20:05+01:00"), 1_795_540_805);
        assert_eq!(at("2026-11-24") + 1, at("2026-11-25 00:00:00"));
        assert_eq!(at("2026-11-24 17:20"), at("2026-11-24 17:20:59"));
        assert!(now() - at("3d") - 3 * 86_400 < 5 && at("yesterday") < at("now"));
        // The minute that `date` shows is one that is read.
        assert!(at(&date(1_795_540_805)) >= 1_795_540_805);
        for text in ["", "soon", "2026-13-01", "-3d", "17:20", "2026-11"] {
            assert_eq!(moment(text), None, "{text}");
        }
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
