//! How operations are heard: they tell events and ask questions, and know nothing of a
//! terminal. [`Terminal`] says the events to people ([`human`]) and, with `--json`, to
//! programs ([`event`]); the tests of operations have a listener of their own.

mod commands;
pub mod event;
mod human;
pub mod lists;
pub mod note;
mod pace;
pub mod progress;
mod screen;
mod scrub;

use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::log::Log;
use crate::base::secret::Secret;
use crate::base::terminal::Terminal;
pub use crate::base::terminal::Volume;
use commands::{addressed, is_of_user, with_options};
pub use event::{Bytes, Event};
pub use note::{Note, Tone, TreeNote};

/// Hears what an operation has to say, and answers what it asks.
pub trait Report: Send + Sync {
    fn tell(&self, event: &Event);

    /// From here on each command of poof that a text shows has these options.
    fn address(&self, _options: &str) {}

    /// From here on texts have these names, which may be of several lines.
    fn shows(&self, _names: &[&str]) {}

    /// Tells an error that the work survives, or ends with.
    fn error(&self, error: &Error);

    /// Asks a question that `yes` answers beforehand. Where nobody can be asked the answer
    /// is no.
    ///
    /// # Errors
    /// The user interrupts instead of answering.
    fn confirm(&self, question: &str, yes: bool) -> Result<bool>;

    /// Asks for a line of text; None: there is nobody who can be asked, or no more to come.
    ///
    /// # Errors
    /// The user interrupts instead of answering.
    fn ask(&self, question: &str) -> Result<Option<String>>;

    /// Columns and rows of the terminal on which results are seen, if they are.
    fn seen_on(&self) -> Option<(u16, u16)>;

    /// Whether there is a person who can be asked.
    fn interactive(&self) -> bool;

    /// Whether results go to a file or to a program, as the text that they are.
    fn is_redirected(&self) -> bool;

    /// Shows a secret that a person has to write down, if there is one.
    fn show_secret(&self, what: &str, secret: &Secret);

    fn shows_progress(&self) -> bool;

    fn volume(&self) -> Volume;

    /// The same for a run that nobody watches: nothing is asked, and all is kept in `log`.
    fn kept_in(&self, log: Log) -> Arc<dyn Report>;
}

/// What is said to people alone. What carries data is a [`Note`], and a fixed sentence is the
/// only text that an operation may have of its own: the compiler knows no other `'static`.
impl dyn Report + '_ {
    pub fn say(&self, note: Note) {
        self.tell(&Event::Note(note));
    }

    pub fn say_of(&self, tree: &str, what: TreeNote) {
        self.say(Note::Tree { tree: tree.to_owned(), what });
    }

    pub fn result(&self, text: &'static str) {
        self.say(Note::Fixed(Tone::Result, text));
    }

    pub fn note(&self, text: &'static str) {
        self.say(Note::Fixed(Tone::Note, text));
    }

    pub fn done(&self, text: &'static str) {
        self.say(Note::Fixed(Tone::Done, text));
    }

    /// A warning is for programs as well.
    pub fn warn(&self, message: &str) {
        self.tell(&Event::Warning { message: message.to_owned() });
    }
}

/// Hears nothing and answers nothing: for a command inside of another.
pub struct Silent;

impl Report for Silent {
    fn tell(&self, _event: &Event) {}

    fn error(&self, _error: &Error) {}

    fn confirm(&self, _question: &str, yes: bool) -> Result<bool> {
        Ok(yes)
    }

    fn ask(&self, _question: &str) -> Result<Option<String>> {
        Ok(None)
    }

    fn seen_on(&self) -> Option<(u16, u16)> {
        None
    }

    fn interactive(&self) -> bool {
        false
    }

    fn is_redirected(&self) -> bool {
        false
    }

    fn show_secret(&self, _what: &str, _secret: &Secret) {}

    fn shows_progress(&self) -> bool {
        false
    }

    fn volume(&self) -> Volume {
        Volume::Silent
    }

    fn kept_in(&self, _log: Log) -> Arc<dyn Report> {
        Arc::new(Silent)
    }
}

impl Report for Terminal {
    fn address(&self, options: &str) {
        Terminal::address(self, options);
    }

    fn shows(&self, names: &[&str]) {
        Terminal::shows(self, names.iter().copied());
    }

    fn tell(&self, event: &Event) {
        let addressed = addressed(event, &self.options());
        let event = addressed.as_ref().unwrap_or(event);
        if let Some((tone, text)) = human::said(event) {
            let text = if is_of_user(event) { text } else { with_options(&text, &self.options()) };
            match tone {
                Tone::Result => self.result(&text),
                Tone::Verbatim => self.verbatim(&text),
                Tone::Note => self.note(&text),
                Tone::Done => self.done(&text),
                Tone::Detail => self.detail(&text, Volume::Verbose),
                Tone::Rclone => self.detail(&text, Volume::Rclone),
                Tone::Warning => {
                    self.warn(&text);
                    if !matches!(event, Event::Warning { .. }) {
                        self.line(&Event::Warning { message: text });
                    }
                }
            }
        }
        self.line(event);
    }

    fn error(&self, error: &Error) {
        let options = self.options();
        let mut told = Error::new(error.kind(), with_options(error.message(), &options));
        if let Some(hint) = error.hint_text() {
            told = told.hint(with_options(hint, &options));
        }
        Terminal::error(self, &told);
        self.line(&Event::error(&told));
    }

    fn confirm(&self, question: &str, yes: bool) -> Result<bool> {
        Terminal::confirm(self, &with_options(question, &self.options()), yes)
    }

    fn ask(&self, question: &str) -> Result<Option<String>> {
        Terminal::ask(self, question)
    }

    fn seen_on(&self) -> Option<(u16, u16)> {
        self.shows_results().then(screen::size)
    }

    fn interactive(&self) -> bool {
        Terminal::interactive(self)
    }

    fn is_redirected(&self) -> bool {
        Terminal::is_redirected(self)
    }

    fn show_secret(&self, what: &str, secret: &Secret) {
        Terminal::show_secret(self, what, secret);
    }

    fn shows_progress(&self) -> bool {
        Terminal::shows_progress(self)
    }

    fn volume(&self) -> Volume {
        Terminal::volume(self)
    }

    fn kept_in(&self, log: Log) -> Arc<dyn Report> {
        Arc::new(Terminal::kept_in(self, log))
    }
}

impl Terminal {
    /// The line of `--json`, if that is wanted.
    fn line(&self, event: &Event) {
        if self.is_json()
            && let Some(line) = event.line()
        {
            self.json(&line);
        }
    }
}
