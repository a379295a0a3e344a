//! How fast work goes, and how long it takes yet. All are plain functions of the time and
//! of what is done.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::units::{bytes, clock};

/// The rate is that of so long: shorter, and each small file would be seen in it; longer, and
/// a line that has become slower would be seen late.
const SPAN: Duration = Duration::from_secs(15);
/// Before this much has passed nothing is said.
const LEAST: Duration = Duration::from_secs(1);
/// Small files arrive many at once. What comes next is not late before this has passed.
const LUMP: Duration = Duration::from_secs(3);

/// The last seconds of some work.
#[derive(Debug, Default)]
pub struct Pace {
    /// Times since the beginning, and the bytes that were done.
    samples: VecDeque<(Duration, u64)>,
    /// The last at which more was done than before.
    moved: Option<(Duration, u64)>,
}

impl Pace {
    /// So much is done at a time.
    pub fn note(&mut self, time: Duration, done: u64) {
        if self.samples.back().is_some_and(|(_, before)| *before != done) {
            if self.moved.is_none() {
                // What comes before the first bytes, a connection, says nothing of the rest.
                self.samples.clear();
            }
            self.moved = Some((time, done));
        }
        self.samples.push_back((time, done));
        while self.samples.get(1).is_some_and(|(second, _)| *second + SPAN <= time) {
            self.samples.pop_front();
        }
    }

    /// Bytes a second. None: too little has happened yet.
    pub fn rate(&self) -> Option<f64> {
        let ((begin, before), now) = (self.samples.front()?, self.samples.back()?);
        let moved = self.moved.as_ref().filter(|(time, _)| *time + LUMP > now.0);
        let (end, after) = moved.unwrap_or(now);
        let time = end.saturating_sub(*begin);
        #[allow(clippy::cast_precision_loss)] // nobody reads that many digits
        (time >= LEAST).then(|| after.saturating_sub(*before) as f64 / time.as_secs_f64())
    }

    /// How long it takes for so many bytes more. None: nobody knows.
    pub fn left(&self, more: u64) -> Option<Duration> {
        #[allow(clippy::cast_precision_loss)]
        let seconds = more as f64 / self.rate()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// `2.00 MiB/s`
    pub fn rate_text(&self) -> String {
        match self.rate() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(rate) => format!("{}/s", bytes(rate as u64)),
            None => "-".to_owned(),
        }
    }

    /// `0:44`
    pub fn left_text(&self, more: u64) -> String {
        match self.left(more) {
            Some(time) if time < Duration::from_hours(10) => clock(time),
            Some(time) if time < Duration::from_hours(1000) => {
                format!("{}h", time.as_secs() / 3600)
            }
            _ => "-".to_owned(),
        }
    }
}

/// Says every few minutes that it is time for a line.
#[derive(Debug)]
pub struct Beat {
    every: Duration,
    last: Duration,
}

impl Beat {
    pub fn every(every: Duration) -> Self {
        Beat { every, last: Duration::ZERO }
    }

    /// Whether a line is due at a time since the beginning.
    pub fn is_due(&mut self, time: Duration) -> bool {
        let is_due = time >= self.last + self.every;
        if is_due {
            self.last = time;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn seconds(tenths: u64) -> Duration {
        Duration::from_millis(tenths * 100)
    }

    #[test]
    fn at_steady_speed_the_rest_is_known_after_a_tenth() {
        // 100 MiB at 2 MiB/s: smoothly, in files of 20 KiB that arrive 128 at a time, and in
        // steps of 2 MiB.
        for step in [1, 2560 << 10, 2 * MIB] {
            let mut pace = Pace::default();
            for tenths in 0..=500 {
                let done = tenths * 2 * MIB / 10;
                pace.note(seconds(tenths), done / step * step);
                if tenths < 50 {
                    continue;
                }
                let (shown, left) = (pace.left(100 * MIB - done), seconds(500 - tenths));
                let shown = shown.unwrap().as_secs_f64();
                let off = (shown - left.as_secs_f64()).abs();
                assert!(off <= left.as_secs_f64() * 0.2 + 0.1, "{step}, {tenths}: {shown}");
            }
        }
    }

    #[test]
    fn the_time_before_the_first_bytes_says_nothing_of_the_rest() {
        // 50 MiB at 2 MiB/s, of which the first lump comes after two and a half seconds.
        for step in [1, 2560 << 10, MIB] {
            let mut pace = Pace::default();
            pace.note(seconds(0), 0);
            for tenths in 0..=275_u64 {
                let sent = tenths.saturating_sub(25) * 2 * MIB / 10;
                pace.note(seconds(tenths), sent / step * step);
                if tenths < 60 {
                    continue;
                }
                let (shown, left) = (pace.left(50 * MIB - sent), seconds(275 - tenths));
                let shown = shown.unwrap().as_secs_f64();
                let off = (shown - left.as_secs_f64()).abs();
                assert!(off <= left.as_secs_f64() * 0.2 + 0.1, "{step}, {tenths}: {shown}");
            }
        }
    }

    #[test]
    fn a_line_that_becomes_slower_is_seen_within_the_span() {
        let mut pace = Pace::default();
        for tenths in 0..=300 {
            pace.note(seconds(tenths), tenths * MIB);
        }
        for tenths in 301..=460 {
            pace.note(seconds(tenths), 300 * MIB + (tenths - 300) * MIB / 10);
        }
        assert_eq!(pace.rate_text(), "1.00 MiB/s");
        assert_eq!(pace.left_text(60 * MIB), "1:00");
    }

    #[test]
    fn nothing_is_said_before_anything_has_happened() {
        let mut pace = Pace::default();
        assert_eq!((pace.rate_text(), pace.left_text(1)), ("-".to_owned(), "-".to_owned()));
        pace.note(seconds(0), 0);
        pace.note(seconds(10), MIB);
        assert_eq!(pace.rate(), None);
        for tenths in 11..=300 {
            pace.note(seconds(tenths), MIB);
        }
        // It stands still.
        assert_eq!((pace.rate_text(), pace.left_text(1)), ("0 B/s".to_owned(), "-".to_owned()));
    }

    #[test]
    fn a_line_is_due_once_in_each_interval() {
        let mut beat = Beat::every(seconds(10));
        let due: Vec<_> = (0..50).filter(|tenths| beat.is_due(seconds(*tenths))).collect();
        assert_eq!(due, [10, 20, 30, 40]);
        // A machine that slept has one line, and not all that it missed.
        assert!(beat.is_due(seconds(500)) && !beat.is_due(seconds(509)));
    }
}
