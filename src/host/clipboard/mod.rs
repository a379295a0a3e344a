//! The text of a configuration file on the clipboard. It holds secrets, so it
//! is marked as one: histories that know the mark leave it out, and on X11 and
//! Wayland it leaves by itself.
//!
//! There, a copied text lives in the process that offers it. poof is gone in a
//! moment, so a child of it ([`hold`]) stays behind; `launch` starts that child
//! and hears from it how it went. The pasteboard of macOS keeps the text itself.

use std::fmt;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, thread};

use crate::base::secret::Secret;
use desktop::Desktop;

mod answer;
mod desktop;
mod hold;
mod launch;
mod system;

pub use hold::hold;

/// The argument with which poof starts itself as the holder. It is no command:
/// `main` looks for it before the command line is parsed.
pub const HOLD: &str = "__hold-clipboard";

/// How long the text stays if nothing replaces it: time to open an editor,
/// little enough that a secret is not pasted tomorrow.
const STAY: Duration = Duration::from_mins(10);

/// The text is on the clipboard; Display says so to a person.
pub struct Copied {
    stay: Option<Duration>,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("on the clipboard, marked as secret")?;
        match self.stay {
            Some(stay) => write!(f, "; it leaves after {} minutes", stay.as_secs() / 60),
            None => f.write_str("; it stays until the next copy"),
        }
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

/// Puts `text` on the clipboard, where it outlives poof. Takes three seconds at
/// the very most, even if the desktop hangs.
pub fn copy(text: &Secret) -> Result<Copied, Unavailable> {
    let copied = if cfg!(target_os = "macos") {
        system::offer(text).map(|()| Copied { stay: None }).map_err(|error| system::reason(&error))
    } else {
        copy_to(Desktop::find(|name| env::var_os(name)), text)
    };
    copied.map_err(|reason| Unavailable { reason })
}

/// Asks the processes that hold a text for a poof of this home directory to let go of
/// it, and waits until they have, for a second at most. The pasteboard of macOS keeps
/// what it has.
pub fn let_go(home: &Path) {
    use rustix::process::{Pid, Signal, kill_process};
    let holders: Vec<_> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| is_holder(process, home))
        .collect();
    for process in &holders {
        let pid = process.file_name().and_then(|name| name.to_str()?.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // One of another user's is not for this one to end.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
    for _ in 0..50 {
        if !holders.iter().any(|process| is_holder(process, home)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process, as /proc shows it, holds a text for a poof of this home directory.
fn is_holder(process: &Path, home: &Path) -> bool {
    let read = |name: &str| fs::read(process.join(name)).unwrap_or_default();
    let (line, environment) = (read("cmdline"), read("environ"));
    let home = [b"HOME=", home.as_os_str().as_encoded_bytes()].concat();
    line.split(|byte| *byte == 0).nth(1) == Some(HOLD.as_bytes())
        && environment.split(|byte| *byte == 0).any(|setting| setting == home)
}

fn copy_to(desktop: Option<Desktop>, text: &Secret) -> Result<Copied, String> {
    let desktop =
        desktop.ok_or("there is no desktop here, neither WAYLAND_DISPLAY nor DISPLAY is set")?;
    launch::launch(text).map_err(|said| desktop.refusal(&said))?;
    Ok(Copied { stay: Some(STAY) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_desktop_gets_a_remark_of_one_line() {
        let reason = copy_to(None, &Secret::new("x".to_owned())).err().unwrap();
        let remark = Unavailable { reason }.to_string();
        assert!(remark.starts_with("not on the clipboard: there is no desktop here"), "{remark}");
        assert_eq!(remark.lines().count(), 1);
    }

    #[test]
    fn the_user_is_told_how_long_the_secret_stays() {
        let held = Copied { stay: Some(STAY) }.to_string();
        assert_eq!(held, "on the clipboard, marked as secret; it leaves after 10 minutes");
        let kept = Copied { stay: None }.to_string();
        assert!(kept.ends_with("it stays until the next copy"));
    }
}
