//! A desktop session with a real keychain: a D-Bus of its own and GNOME Keyring, whose
//! file lies in the home directory of the sandbox, encrypted, and outlives the session.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;

use super::command::Command;
use super::sandbox::Sandbox;

/// Opens the login keychain of the sandbox, whatever it is called.
const PHRASE: &str = "of the login";

/// A line of the shell in a new session; `poof` is on its PATH.
pub fn session(sandbox: &Sandbox, line: &str) -> Command {
    let unlock = format!(
        "printf '{PHRASE}' | gnome-keyring-daemon --unlock --components=secrets >&2 && {{ {line}; }}"
    );
    locked_session(sandbox, &unlock)
}

/// The same with a keychain that nobody has unlocked, nor can: there is no display.
pub fn locked_session(sandbox: &Sandbox, line: &str) -> Command {
    let runtime = sandbox.home().with_file_name("runtime");
    DirBuilder::new().recursive(true).mode(0o700).create(&runtime).unwrap();
    let poof = sandbox.bin().join("poof");
    if fs::symlink_metadata(&poof).is_err() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_poof"), poof).unwrap();
    }
    let session = sandbox.program("dbus-run-session").args(["--", "sh", "-c", line]);
    session.env("XDG_RUNTIME_DIR", runtime)
}
