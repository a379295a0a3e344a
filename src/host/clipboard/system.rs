//! The calls to the clipboard of X11 and Wayland.

use arboard::{Clipboard, Error, SetExtLinux as _};
use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// Offers `text`, marked as secret; returns when something else was copied.
///
/// The copies that arboard makes of the text are not overwritten in memory;
/// they end with the process.
pub fn offer(text: &Secret) -> Result<(), String> {
    let set = || {
        // Not `wait_until`: on Wayland arboard 3.7 ignores it and returns at once.
        Clipboard::new()?.set().exclude_from_history().wait().text(text.expose())
    };
    set().map_err(|error| reason(&error))
}

/// Whether a paste would give `text` now.
pub fn offers(text: &Secret) -> bool {
    let pasted = Clipboard::new().and_then(|mut clipboard| clipboard.get_text());
    pasted.map(Zeroizing::new).is_ok_and(|pasted| *pasted == text.expose())
}

/// Empties the clipboard as far as the desktop is still there.
///
/// The end of the process that offers does that too, but to some desktops it
/// looks like a crash, after which they keep what was offered.
pub fn clear() {
    let _ = Clipboard::new().and_then(|mut clipboard| clipboard.clear());
}

/// What `error` says, as a part of a sentence.
fn reason(error: &Error) -> String {
    match error {
        Error::Unknown { description } => description.clone(),
        known => known.to_string().trim_end_matches('.').to_owned(),
    }
}
