//! Numbers as people read them.

use std::time::Duration;

use indicatif::{BinaryBytes, HumanCount};

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
}
