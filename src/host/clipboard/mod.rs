//! The text of a configuration file on the clipboard. It holds secrets, so it
//! is marked as one: histories that know the mark leave it out, and it leaves by
//! itself. A Mac gives it to no other device.
//!
//! On X11 and Wayland a copied text lives in the process that offers it, and what the
//! pasteboard of macOS keeps somebody has to take away in time. poof is gone in a
//! moment, so a child of it ([`hold`]) stays behind; `launch` starts that child
//! and hears from it how it went.
//!
//! Without the feature `clipboard` nothing is copied, and the remark says why.

use std::env;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::base::secret::Secret;
use desktop::Desktop;

#[cfg(any(not(feature = "clipboard"), test))]
mod absent;
mod answer;
mod desktop;
mod hold;
mod holders;
mod launch;
#[cfg(all(target_os = "macos", feature = "clipboard"))]
mod pasteboard;
#[cfg(all(not(target_os = "macos"), feature = "clipboard"))]
mod system;
#[cfg(any(all(target_os = "macos", feature = "clipboard"), test))]
mod turn;

#[cfg(not(feature = "clipboard"))]
use absent as system;
#[cfg(all(target_os = "macos", feature = "clipboard"))]
use pasteboard as system;

pub use hold::hold;
pub use holders::let_go;

/// The argument with which poof starts itself as the holder. It is no command:
/// `main` looks for it before the command line is parsed.
pub const HOLD: &str = "__hold-clipboard";

/// How long the text stays if nothing replaces it: time to open an editor,
/// little enough that a secret is not pasted tomorrow.
const STAY: Duration = Duration::from_mins(10);

/// Between looks at whether it is still there: how long a secret may outlive
/// the desktop.
const WATCH: Duration = Duration::from_secs(2);

/// Why nothing is copied without the feature.
const NONE: &str = "this build of poof has no clipboard; `make install` builds one that has it";

/// The text is on the clipboard; Display says so to a person.
pub struct Copied;

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = STAY.as_secs() / 60;
        write!(f, "on the clipboard, marked as secret; it leaves after {minutes} minutes")
    }
}

/// Why the text is not on the clipboard, in one line. A remark: whoever has no
/// desktop still got the text printed.
pub struct Unavailable {
    reason: String,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not on the clipboard: {}", self.reason)
    }
}

/// Puts `text` on the clipboard, where it outlives poof, for a poof of this home directory.
/// Takes three seconds at the very most, even if the desktop hangs.
pub fn copy(text: &Secret, home: &Path) -> Result<Copied, Unavailable> {
    let copied = if cfg!(not(feature = "clipboard")) {
        Err(NONE.to_owned())
    } else if cfg!(target_os = "macos") {
        launch::launch(text, home)
    } else {
        copy_to(Desktop::find(|name| env::var_os(name)), text, home)
    };
    copied.map(|()| Copied).map_err(|reason| Unavailable { reason })
}

fn copy_to(desktop: Option<Desktop>, text: &Secret, home: &Path) -> Result<(), String> {
    let desktop =
        desktop.ok_or("there is no desktop here, neither WAYLAND_DISPLAY nor DISPLAY is set")?;
    launch::launch(text, home).map_err(|said| desktop.refusal(&said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_desktop_gets_a_remark_of_one_line() {
        let reason =
            copy_to(None, &Secret::new("x".to_owned()), Path::new("/home/joe")).err().unwrap();
        let remark = Unavailable { reason }.to_string();
        assert!(remark.starts_with("not on the clipboard: there is no desktop here"), "{remark}");
        assert_eq!(remark.lines().count(), 1);
    }

    #[test]
    fn the_user_is_told_how_long_the_secret_stays() {
        let held = Copied.to_string();
        assert_eq!(held, "on the clipboard, marked as secret; it leaves after 10 minutes");
    }
}
