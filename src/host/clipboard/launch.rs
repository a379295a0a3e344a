//! Starts the holder and hears from it whether the text is on the clipboard.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{HOLD, answer};
use crate::base::secret::Secret;

/// A desktop that takes longer is not worth the wait. A display at which nobody
/// listens refuses at once; this is for one that listens and says nothing.
const PATIENCE: Duration = Duration::from_secs(3);

/// Leaves a process behind that holds `text` for a poof of this home directory, by which
/// [`super::let_go`] knows it.
///
/// # Errors
/// The reason why the text is not held; then no process is left.
pub fn launch(text: &Secret, home: &Path) -> Result<(), String> {
    let mut holder = holder(home).map_err(|error| format!("cannot start its holder: {error}"))?;
    let outcome = converse(&mut holder, text);
    if outcome.is_err() {
        // Fails if it is gone already, which is what we want.
        let _ = holder.kill();
        let _ = holder.wait();
    }
    outcome
}

fn holder(home: &Path) -> io::Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command
        .arg(HOLD)
        .arg(home)
        // Else no file system that we stand on could be unmounted meanwhile.
        .current_dir("/")
        // Pipes for the text, because arguments and environments can be read by others.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // `Command::process_group` would need no `unsafe`, but leaves the child with the
    // terminal of poof, and what closes a terminal may end all that is on it.
    // SAFETY: setsid is async-signal-safe and touches no memory. It cannot fail, because a
    // forked child leads no process group.
    unsafe {
        command.pre_exec(|| {
            libc::setsid();
            Ok(())
        });
    }
    command.spawn()
}

/// Hands the text over and waits for the answer, but not for ever.
fn converse(holder: &mut Child, text: &Secret) -> Result<(), String> {
    let (Some(input), Some(output)) = (holder.stdin.take(), holder.stdout.take()) else {
        return answer::read("");
    };
    thread::scope(|scope| {
        let (tell, answer) = mpsc::channel();
        scope.spawn(move || tell.send(ask(input, output, text)));
        answer.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            // Also frees the thread, which the scope waits for.
            let _ = holder.kill();
            Err("no answer".to_owned())
        })
    })
}

fn ask(mut input: ChildStdin, output: ChildStdout, text: &Secret) -> Result<(), String> {
    let mut line = String::new();
    let sent = input.write_all(text.expose().as_bytes());
    drop(input);
    // Even if it did not take all of the text: it may say why.
    let _ = BufReader::new(output).read_line(&mut line);
    answer::read(&line).and(sent.map_err(|error| error.to_string()))
}
