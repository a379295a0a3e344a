//! Random numbers of the system.

use std::io;

/// Fills all of it.
///
/// # Errors
/// The system has none.
pub fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}
