//! How often a schedule runs, and when its scheduler calls.

use std::fmt;
use std::str::FromStr;

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// Minutes between two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(u32);

impl Interval {
    /// What the Python poof had.
    pub const DEFAULT: Interval = Interval(6 * HOUR);
    pub const RANGE: &str = "15m to 7d";
    const SHORTEST: u32 = 15;
    const LONGEST: u32 = 7 * DAY;
    /// Nothing is called oftener, whatever the interval.
    const FINEST: u32 = 5;

    /// The minutes of each hour at which a scheduler calls, at most `distance` apart.
    ///
    /// That is oftener than the interval, and poof decides (`--every`): so what was
    /// skipped (on battery, without a network) or has failed is made up for soon, and
    /// not an interval later. Each moment of the interval is among them, or up to five
    /// minutes before one of them.
    pub fn calls(self, distance: u32) -> Vec<u32> {
        let step = gcd(self.0, distance).max(Self::FINEST);
        (0..HOUR).step_by(step as usize).collect()
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minutes = || {
            let text = text.trim();
            let unit = match text.chars().last()? {
                'm' => 1,
                'h' => HOUR,
                'd' => DAY,
                _ => return None,
            };
            let number = &text[..text.len() - 1];
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = number.parse().ok().filter(|_| is_number)?;
            number.checked_mul(unit).filter(|m| (Self::SHORTEST..=Self::LONGEST).contains(m))
        };
        let refusal = || format!("expected {}, such as 30m, 6h or 1d", Self::RANGE);
        minutes().map(Interval).ok_or_else(refusal)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes.is_multiple_of(DAY) => write!(f, "{}d", minutes / DAY),
            minutes if minutes.is_multiple_of(HOUR) => write!(f, "{}h", minutes / HOUR),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Interval {
        text.parse().unwrap()
    }

    #[test]
    fn an_interval_reads_as_it_is_written() {
        for text in ["15m", "90m", "6h", "1d", "7d"] {
            assert_eq!(of(text).to_string(), text);
        }
        assert_eq!(of("120m").to_string(), "2h");
        assert_eq!(of("24h").to_string(), "1d");
        assert_eq!(Interval::DEFAULT.to_string(), "6h");
    }

    #[test]
    fn what_is_out_of_range_or_no_interval_is_told_the_range() {
        for text in ["14m", "8d", "169h", "6", "h", "", "-6h", "+6h", "6w", "1.5h", "4294967295d"] {
            let error = text.parse::<Interval>().unwrap_err();
            assert!(error.contains("15m to 7d"), "{text}: {error}");
        }
    }

    #[test]
    fn calls_are_no_oftener_than_they_need_to_be() {
        assert_eq!(of("6h").calls(60), [0]);
        assert_eq!(of("90m").calls(60), [0, 30]);
        assert_eq!(of("15m").calls(60), [0, 15, 30, 45]);
        assert_eq!(of("6h").calls(15), [0, 15, 30, 45]);
        assert_eq!(of("16m").calls(60).len(), 12);
    }

    #[test]
    fn every_interval_finds_each_of_its_moments_or_a_call_soon_after() {
        for distance in [15, 60] {
            for minutes in Interval::SHORTEST..=Interval::LONGEST {
                let calls = Interval(minutes).calls(distance);
                let step = HOUR / u32::try_from(calls.len()).unwrap();
                assert!(calls.windows(2).all(|pair| pair[1] - pair[0] == step), "{minutes}");
                assert!(step >= Interval::FINEST && step <= minutes.min(distance), "{minutes}");
                // How long the moment has to wait for a call.
                assert!((step - minutes % step) % step < Interval::FINEST, "{minutes}");
            }
        }
    }
}
