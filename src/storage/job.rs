//! Who watches work on the remote, and stops it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// Hears how a job goes on.
pub trait Watch {
    fn progress(&mut self, _stats: &Stats) {}
    fn log(&mut self, _line: &LogLine) {}
    /// Whether nobody needs the job any more.
    fn is_over(&self) -> bool {
        false
    }
    /// Whether the job stops when the user asks for it.
    fn stops(&self) -> bool {
        true
    }
    /// Whether there is no time to send anything more. What is on its way is broken off; all
    /// else goes on.
    fn sends_no_more(&self) -> bool {
        false
    }
}

/// Watches nothing.
pub struct Unwatched;

impl Watch for Unwatched {}

/// Lets a short job end that tidies up after an interrupt, if it ends in time.
pub struct Tidying {
    until: Instant,
}

impl Tidying {
    pub fn for_at_most(time: Duration) -> Self {
        Tidying { until: Instant::now() + time }
    }
}

impl Watch for Tidying {
    fn is_over(&self) -> bool {
        Instant::now() > self.until
    }

    fn stops(&self) -> bool {
        false
    }
}

/// Watches nothing but whether somebody has called it off.
pub struct Until<'a>(pub &'a AtomicBool);

impl Watch for Until<'_> {
    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Breaks off what is being sent once there is no time for it.
pub struct InTime<'a>(pub &'a mut dyn Watch);

impl Watch for InTime<'_> {
    fn progress(&mut self, stats: &Stats) {
        self.0.progress(stats);
    }

    fn log(&mut self, line: &LogLine) {
        self.0.log(line);
    }

    fn is_over(&self) -> bool {
        self.0.is_over() || self.0.sends_no_more()
    }

    fn stops(&self) -> bool {
        self.0.stops()
    }
}

/// A line of rclone's log.
#[derive(Deserialize)]
pub struct LogLine {
    /// ERROR, NOTICE or INFO.
    pub level: String,
    pub object: String,
    pub text: String,
}

/// Progress as rclone counts it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Of which job: each counts from zero.
    #[serde(skip)]
    pub job: u64,
    /// Bytes so far that the other side has, or that have come from it. It becomes less when
    /// something has to go again.
    pub bytes: u64,
    pub transferring: Option<Vec<Busy>>,
    pub checking: Option<Vec<Busy>>,
}

/// A file on the way: rclone describes a transfer and names a check.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Busy {
    Transfer { name: String },
    Check(String),
}

impl Busy {
    pub fn name(&self) -> &str {
        match self {
            Busy::Transfer { name } | Busy::Check(name) => name,
        }
    }
}
