//! The editor of the user.

use std::env;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::interrupt;

/// Who is asked where no variable names an editor: the first is Debian's choice of the user.
const USUAL: &str = "editor";
const LAST: &str = "vi";

/// Opens `file` in the editor that VISUAL or EDITOR names, and waits until it is closed.
/// Both may have arguments, which the shell takes apart, as for git and crontab.
///
/// # Errors
/// There is none, or it fails.
pub fn open(file: &Path) -> Result<()> {
    let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let named = set("VISUAL").or_else(|| set("EDITOR"));
    let editor = named.unwrap_or_else(|| format!("$(command -v {USUAL} || echo {LAST})"));
    let mut editing = Command::new("/bin/sh")
        .arg("-c")
        // Ctrl-C is for the editor, and the shell would end with it.
        .arg(format!("trap : INT; {editor} \"$1\""))
        .arg("sh")
        .arg(file)
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    loop {
        // Ctrl-C in an editor is for the editor.
        interrupt::forget();
        match editing.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(failed(&format!("it ended with {status}"))),
            Ok(None) => sleep(Duration::from_millis(20)),
            Err(error) => return Err(failed(&error.to_string())),
        }
    }
}

fn failed(why: &str) -> Error {
    Error::config(format!("the editor did not do it: {why}"))
        .hint("EDITOR names another one: EDITOR=nano poof edit")
}
