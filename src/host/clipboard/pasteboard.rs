//! The calls to the clipboard of macOS, its general pasteboard.

use std::sync::{Mutex, PoisonError};
use std::thread;

use super::turn::{Board, Turn};
use super::{Secret, WATCH};
use crate::host::macos::pasteboard::General;

/// Also lets one thread in at a time: `AppKit` promises nothing about several.
static TURN: Mutex<Turn> = Mutex::new(Turn::NONE);

/// Puts `text` there, marked as secret and for this Mac alone; returns when something else
/// was copied.
///
/// The copies of the text in memory are not overwritten; they end with the process.
pub fn offer(text: &Secret) -> Result<(), String> {
    on(|turn, board| turn.take(board, text.expose()))??;
    while offers(text) {
        thread::sleep(WATCH);
    }
    Ok(())
}

/// Whether a paste would give what this process has put there.
pub fn offers(_: &Secret) -> bool {
    on(|turn, board| turn.lasts(board)).unwrap_or(false)
}

/// Takes it away, if it is still there.
pub fn clear() {
    let _ = on(Turn::end);
}

fn on<T>(act: impl FnOnce(&mut Turn, &General) -> T) -> Result<T, String> {
    let mut turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let board =
        General::find().ok_or("there is no desktop here, nobody is logged in at the screen")?;
    Ok(act(&mut turn, &board))
}

impl Board for General {
    fn number(&self) -> isize {
        General::number(self)
    }

    fn put(&self, text: &str) -> Result<isize, String> {
        General::put(self, text)
    }

    fn clear(&self) {
        General::clear(self);
    }
}
