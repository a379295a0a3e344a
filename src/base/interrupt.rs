//! The one interrupt. Ctrl-C, SIGTERM and a closed terminal set a flag; whoever works asks for it
//! between two steps and stops cleanly. A second Ctrl-C ends the process at once.
//!
//! A command that was given a time sets the same flag when that is up.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::error::{Error, Kind, Result};

static PENDING: OnceLock<Arc<AtomicBool>> = OnceLock::new();

fn pending() -> &'static Arc<AtomicBool> {
    PENDING.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// Takes over SIGINT, SIGTERM and SIGHUP.
///
/// # Errors
/// The operating system refused the handlers.
pub fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let code = i32::from(Kind::Interrupted.exit_code());
        // The order matters: the shutdown looks at the flag before it is set.
        flag::register_conditional_shutdown(signal, code, Arc::clone(pending()))
            .and_then(|_| flag::register(signal, Arc::clone(pending())))
            .map_err(|error| Error::unexpected(format!("cannot handle signals: {error}")))?;
    }
    Ok(())
}

static TIME_IS_UP: AtomicBool = AtomicBool::new(false);

/// Stops this process in the same way as the user would, at that moment.
pub fn at(end: Instant) {
    thread::spawn(move || {
        thread::sleep(end.saturating_duration_since(Instant::now()));
        TIME_IS_UP.store(true, Ordering::Relaxed);
        pending().store(true, Ordering::Relaxed);
    });
}

/// Whether that moment has come.
pub fn time_is_up() -> bool {
    TIME_IS_UP.load(Ordering::Relaxed)
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    pending().load(Ordering::Relaxed)
}

/// # Errors
/// [`Kind::Interrupted`] if the user asked to stop.
pub fn check() -> Result<()> {
    if requested() { Err(Error::interrupted()) } else { Ok(()) }
}

/// Forgets that the user asked to stop: it was said to a program that runs in front of this
/// one.
pub fn forget() {
    pending().store(false, Ordering::Relaxed);
}

/// Waits, but not for one who asked to stop.
///
/// # Errors
/// [`Kind::Interrupted`] if the user asked to stop.
pub fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        check()?;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}
