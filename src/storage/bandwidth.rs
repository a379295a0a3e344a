//! How many bytes a second go to the remote and come from it at most. It is one limit for
//! the whole process. See go/limit/limit.go.

use super::rclone::call::call;
use super::rclone::requests::Bandwidth;

/// # Errors
/// Why a text is neither a rate nor a timetable of rclone.
pub fn check(rate: &str) -> Result<(), String> {
    if rate.is_empty() {
        return Err("there is no rate in it".to_owned());
    }
    ask(Some(rate), true).map(drop)
}

/// Makes it the limit from now on; None: there is none.
///
/// # Errors
/// As [`check`].
pub fn set(rate: Option<&str>) -> Result<(), String> {
    ask(Some(rate.unwrap_or_default()), false).map(drop)
}

/// The limit of this moment, as rclone writes it; None: there is none.
pub fn now() -> Option<String> {
    ask(None, false).ok().flatten()
}

fn ask(rate: Option<&str>, check: bool) -> Result<Option<String>, String> {
    let rate = rate.map(str::to_owned);
    let reply = call(&Bandwidth { rate, check }).map_err(|failure| failure.text)?;
    if reply.wrong.is_empty() { Ok(reply.limited.then_some(reply.now)) } else { Err(reply.wrong) }
}
