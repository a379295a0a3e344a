//! The process that stays behind, holds the text and takes it away in time.

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use super::{STAY, WATCH, answer, system};
use crate::base::secret::Secret;
use crate::base::terminal::{OutputOptions, Terminal};

/// Between looks at whether the text has arrived on the clipboard. Also before
/// the first one, which else would ask the program that we are replacing.
const LOOK: Duration = Duration::from_millis(10);

/// Reads a text from standard input, holds it on the clipboard until something
/// else is copied or ten minutes have passed, and answers with one line on
/// standard output as soon as it is held. Started by [`super::copy`].
pub fn hold() -> ExitCode {
    let text = match read_text() {
        Ok(text) => Arc::new(text),
        Err(error) => {
            report(Err(format!("cannot read the text: {error}")));
            return ExitCode::FAILURE;
        }
    };
    let (over, end) = mpsc::channel();
    if let Ok(mut signals) = Signals::new([SIGTERM]) {
        let over = over.clone();
        thread::spawn(move || signals.forever().next().map(|_| over.send(End::Asked)));
    }
    thread::spawn({
        let (text, over) = (Arc::clone(&text), over.clone());
        move || {
            report(system::offer(&text));
            over.send(End::Replaced)
        }
    });
    thread::spawn(move || {
        watch(&text);
        over.send(End::Replaced)
    });
    // Only then: what replaced our text may be the same text, of another poof.
    if !matches!(end.recv_timeout(STAY), Ok(End::Replaced)) {
        system::clear();
    }
    ExitCode::SUCCESS
}

/// Why the text is not held any longer, before its time.
enum End {
    /// Something else was copied, or the desktop is gone.
    Replaced,
    /// poof removes itself.
    Asked,
}

fn read_text() -> io::Result<Secret> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(Secret::new(text))
}

/// Answers when the text is on the clipboard, and returns when it is not there
/// any more.
fn watch(text: &Secret) {
    // Neither X11 nor Wayland confirms an offer; a paste of our own does.
    loop {
        thread::sleep(LOOK);
        if system::offers(text) {
            break;
        }
    }
    if !report(Ok(())) {
        // poof was interrupted, so nobody was told that a secret is here.
        return system::clear();
    }
    // The end of an X server does not end arboard's wait (3.7): its thread for
    // requests stops without a word to the one that waits.
    while system::offers(text) {
        thread::sleep(WATCH);
    }
}

/// Whether the line was taken. poof reads the first one only, so each thread
/// may report what it learns.
fn report(outcome: Result<(), String>) -> bool {
    let terminal = Terminal::new(OutputOptions::default());
    terminal.result(&answer::write(outcome));
    terminal.check_stdout().is_ok()
}
