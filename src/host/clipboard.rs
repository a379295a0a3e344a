//! The clipboard for a text that holds secrets: marked so that histories leave
//! it out where the desktop knows how, and gone after a while.
//!
//! On X11 and Wayland a copied text lives in the process that copied it. So that
//! it can still be pasted when poof has ended, a child of poof holds it until
//! something else is copied or its time is over. macOS keeps it itself.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use arboard::Clipboard;

use super::paths::System;
use crate::base::secret::Secret;

/// The hidden argument that makes poof the holder of a text.
pub const HOLD: &str = "__hold-clipboard";

/// How long the holder keeps the text.
pub const HELD_FOR: Duration = Duration::from_mins(10);

/// How long to wait for the desktop.
const PATIENCE: Duration = Duration::from_secs(3);

/// Puts `text` on the clipboard.
///
/// # Errors
/// Why that is not possible, in words that complete "not on the clipboard: …".
pub fn copy(text: &Secret) -> Result<(), String> {
    if !has_desktop(System::current(), |name| env::var_os(name)) {
        return Err("there is no desktop here".to_owned());
    }
    match System::current() {
        System::MacOs => set(&mut open()?, text.expose(), false),
        System::Xdg => leave_to_holder(text),
    }
}

/// Whether there is a desktop that could have a clipboard.
fn has_desktop(system: System, env: impl Fn(&str) -> Option<OsString>) -> bool {
    let given = |name| env(name).is_some_and(|value| !value.is_empty());
    system == System::MacOs || given("DISPLAY") || given("WAYLAND_DISPLAY")
}

/// Starts the holder, gives it the text on its standard input, where no other
/// process can see it, and waits for its word.
fn leave_to_holder(text: &Secret) -> Result<(), String> {
    let start = || {
        let mut child = Command::new(env::current_exe()?)
            .arg(HOLD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        io::Result::Ok((child, stdin, stdout))
    };
    let (mut child, stdin, stdout) = start().map_err(|error| error.to_string())?;
    if let Some(mut stdin) = stdin {
        stdin.write_all(text.expose().as_bytes()).map_err(|error| error.to_string())?;
    }
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let _ = sender.send(read.map(|_| line));
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(Some(line)) if line == "held\n" => Ok(()),
        Ok(Some(line)) => Err(give_up(&mut child, line.trim())),
        _ => Err(give_up(&mut child, "the desktop does not answer")),
    }
}

fn give_up(child: &mut Child, why: &str) -> String {
    let _ = child.kill();
    let _ = child.wait();
    why.to_owned()
}

/// The holder: reads the text, takes the clipboard, says "held" or why not on
/// one line, and stays until its text is replaced or [`HELD_FOR`] is over.
pub fn hold() -> ExitCode {
    // In a session of its own it survives the terminal of poof, and in / it
    // keeps no disk from being unmounted. It works without both.
    let _ = rustix::process::setsid();
    let _ = env::set_current_dir("/");
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text).map_err(|error| error.to_string());
    let taken = read.and_then(|_| open()).and_then(|mut clipboard| {
        set(&mut clipboard, &text, false)?;
        Ok(clipboard)
    });
    let word = taken.as_ref().map_or_else(|why| why.replace('\n', " "), |_| "held".to_owned());
    let told = writeln!(io::stdout(), "{word}");
    let (Ok(mut clipboard), Ok(())) = (taken, told) else {
        return ExitCode::FAILURE;
    };
    let (sender, replaced) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(set(&mut clipboard, &text, true));
    });
    let _ = replaced.recv_timeout(HELD_FOR);
    ExitCode::SUCCESS
}

fn open() -> Result<Clipboard, String> {
    Clipboard::new().map_err(|error| error.to_string())
}

/// Sets the clipboard, marked as secret; with `wait` returns only when something
/// else has replaced it.
#[cfg_attr(target_os = "macos", allow(unused_variables))]
fn set(clipboard: &mut Clipboard, text: &str, wait: bool) -> Result<(), String> {
    #[cfg(target_os = "macos")]
    use arboard::SetExtApple;
    #[cfg(not(target_os = "macos"))]
    use arboard::SetExtLinux;

    let set = clipboard.set().exclude_from_history();
    #[cfg(not(target_os = "macos"))]
    let set = if wait { set.wait() } else { set };
    set.text(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktop_is_told_by_the_environment() {
        let only =
            |wanted: &'static str| move |name: &str| (name == wanted).then(|| OsString::from(":1"));
        assert!(has_desktop(System::Xdg, only("DISPLAY")));
        assert!(has_desktop(System::Xdg, only("WAYLAND_DISPLAY")));
        assert!(!has_desktop(System::Xdg, only("TERM")));
        assert!(!has_desktop(System::Xdg, |_| Some(OsString::new())));
        assert!(has_desktop(System::MacOs, |_| None));
    }
}
