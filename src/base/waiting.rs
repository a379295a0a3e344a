//! That a run waits for the remote, said in one line: on a terminal in the place of the
//! file that is on the way, elsewhere once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::units::clock;

/// What nothing comes through from, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub time: Duration,
    /// It answers, with errors.
    pub answers: bool,
}

/// Hears what is waited for, and whether the progress shows it already.
type Speaker = dyn Fn(Waiting, bool) + Send + Sync;

static SPEAKER: OnceLock<Box<Speaker>> = OnceLock::new();
static NOW: Mutex<Option<Waiting>> = Mutex::new(None);
static IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Who tells people and programs of it.
pub fn announce(speaker: impl Fn(Waiting, bool) + Send + Sync + 'static) {
    let _ = SPEAKER.set(Box::new(speaker));
}

/// Whether the progress shows it, so that no line is needed.
pub fn shown(is_shown: bool) {
    IS_SHOWN.store(is_shown, Ordering::Relaxed);
}

/// Takes note of how it is now.
pub fn note(waiting: Option<Waiting>) {
    let mut now = NOW.lock().unwrap_or_else(PoisonError::into_inner);
    if let (None, Some(waiting), Some(speaker)) = (*now, waiting, SPEAKER.get()) {
        speaker(waiting, IS_SHOWN.load(Ordering::Relaxed));
    }
    *now = waiting;
}

/// The line, if there is anything to wait for.
pub fn text() -> Option<String> {
    NOW.lock().unwrap_or_else(PoisonError::into_inner).map(Waiting::text)
}

impl Waiting {
    pub fn place(self) -> &'static str {
        if self.answers { "server" } else { "network" }
    }

    pub fn text(self) -> String {
        format!("waiting for the {}, {}", self.place(), clock(self.time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_for_what_and_how_long() {
        let waiting = Waiting { time: Duration::from_secs(12), answers: false };
        assert_eq!(waiting.text(), "waiting for the network, 0:12");
        let waiting = Waiting { answers: true, ..waiting };
        assert_eq!(waiting.text(), "waiting for the server, 0:12");
    }
}
