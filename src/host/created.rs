//! When a file was made: macOS keeps it, shows it and lets it be set. Linux lets nobody
//! set it.

use rustix::fs::Stat;

use super::flags::ON_MACOS;

/// Under this name it is among the extended attributes in a manifest, as text. No attribute
/// of a disk comes there under it.
pub const ATTRIBUTE: &[u8] = b"poof.created";

/// Seconds since 1970, and nanoseconds on top of them.
pub type Created = (i64, u32);

/// As a manifest has it: `1577934245.000000000`.
pub fn written((seconds, nanos): Created) -> String {
    format!("{seconds}.{nanos:09}")
}

/// What [`written`] wrote; nothing else is one.
pub fn read(text: &[u8]) -> Option<Created> {
    let (seconds, nanos) = std::str::from_utf8(text).ok()?.split_once('.')?;
    let created = (seconds.parse().ok()?, nanos.parse().ok()?);
    (written(created).as_bytes() == text && created.1 < 1_000_000_000).then_some(created)
}

/// What fstat(2) of a Mac says. A disk that keeps none leaves it at 1970, or a second before.
fn known(seconds: i64, nanos: i64) -> Option<Created> {
    let nanos = u32::try_from(nanos).ok()?;
    (!matches!((seconds, nanos), (0 | -1, 0))).then_some((seconds, nanos))
}

/// That of a file, if this system lets it be set as well.
pub fn of(stat: &Stat) -> Option<Created> {
    #[cfg(target_os = "macos")]
    let (seconds, nanos) = (stat.st_birthtime, stat.st_birthtime_nsec);
    #[cfg(not(target_os = "macos"))]
    let (seconds, nanos) = {
        let _ = stat;
        (0, 0)
    };
    known(seconds, nanos)
}

/// What a manifest has as `text`, if this system can set it.
pub fn settable(text: &[u8]) -> Option<Created> {
    if ON_MACOS { read(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        for (created, text) in [
            ((1_577_934_245, 0), "1577934245.000000000"),
            ((1_577_934_245, 123_456_789), "1577934245.123456789"),
            ((-2, 500_000_000), "-2.500000000"),
            ((i64::MIN, 1), "-9223372036854775808.000000001"),
            ((0, 7), "0.000000007"),
        ] {
            assert_eq!(written(created), text);
            assert_eq!(read(text.as_bytes()), Some(created));
        }
        for odd in [
            "",
            ".",
            "1",
            "1.",
            ".000000001",
            "1.5",
            "+1.000000000",
            "01.000000000",
            "1.0000000000",
            "1.1000000000",
            "-0.000000000",
            "9223372036854775808.000000000",
            "1.000000000 ",
            "2020-01-02T03:04:05Z",
        ] {
            assert_eq!(read(odd.as_bytes()), None, "{odd}");
        }
        assert_eq!(read(b"\xff.000000000"), None);
    }

    #[test]
    fn a_disk_that_keeps_none_says_so_with_the_beginning_of_time() {
        for none in [(0, 0), (-1, 0), (5, -1)] {
            assert_eq!(known(none.0, none.1), None, "{none:?}");
        }
        // Also before 1970.
        for created in [(1_577_934_245, 1), (0, 1), (-2, 0)] {
            assert_eq!(known(created.0, created.1.into()), Some(created));
        }
    }

    #[test]
    fn only_a_mac_sets_one() {
        assert_eq!(settable(b"5.000000000").is_some(), ON_MACOS);
    }
}
