//! The only way to standard output and standard error.

use std::borrow::Cow;
use std::env;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::error::{Error, Result};
use super::interrupt;
use super::log::Log;
use super::secret::Secret;
use super::shown::{harmless_with, unruly};

/// How much and in which form a command speaks.
#[derive(Clone, Copy, Default)]
pub struct OutputOptions {
    /// Standard output is one JSON object a line; people's text goes to
    /// standard error.
    pub json: bool,
    pub volume: Volume,
    pub color: bool,
}

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Volume {
    /// Nothing at all: a command inside of another.
    Silent,
    /// Results, warnings and errors.
    Quiet,
    #[default]
    Normal,
    /// Also each file that is sent or removed.
    Verbose,
    /// Also what rclone has to say.
    Rclone,
}

/// Standard output and standard error of this run.
pub struct Terminal {
    voice: OutputOptions,
    broken: Mutex<Option<io::Error>>,
    /// Nobody sits in front of it: what it says is kept.
    log: Option<Log>,
    /// In each command that a text shows.
    options: Mutex<String>,
    /// Names that a text shows on one line, though they have several.
    unruly: Mutex<Vec<String>>,
    /// What goes to standard error goes there as well.
    copy: Option<Arc<Log>>,
}

#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Green,
    Yellow,
    Red,
}

impl Terminal {
    pub fn new(voice: OutputOptions) -> Self {
        Terminal {
            voice,
            broken: Mutex::new(None),
            log: None,
            options: Mutex::default(),
            unruly: Mutex::default(),
            copy: None,
        }
    }

    /// The same, with a file that has what goes to standard error, too.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn copied_to(self, path: Option<&Path>) -> Result<Self> {
        let copy = path.map(Log::appended).transpose()?.map(Arc::new);
        Ok(Terminal { copy, ..self })
    }

    /// The same for a run that nobody watches: nothing is asked, all is kept in `log`, and
    /// standard error hears of what deserves a look, unless it is the log itself.
    #[must_use]
    pub fn kept_in(&self, log: Log) -> Self {
        let volume = match self.voice.volume {
            Volume::Normal => Volume::Quiet,
            other => other,
        };
        let kept = Terminal::new(OutputOptions { volume, ..self.voice });
        kept.address(&self.options());
        kept.unruly.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&self.unruly());
        Terminal { log: Some(log), copy: self.copy.clone(), ..kept }
    }

    /// What each command that a text shows is to have from here on.
    pub fn address(&self, options: &str) {
        options.clone_into(&mut self.options.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn options(&self) -> String {
        self.options.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Names that texts show from here on.
    pub fn shows<'a>(&self, names: impl Iterator<Item = &'a str>) {
        *self.unruly.lock().unwrap_or_else(PoisonError::into_inner) = unruly(names);
    }

    fn unruly(&self) -> Vec<String> {
        self.unruly.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Text that a terminal shows and does not obey.
    fn harmless<'a>(&self, text: &'a str) -> Cow<'a, str> {
        harmless_with(text, &self.unruly())
    }

    pub fn volume(&self) -> Volume {
        self.voice.volume
    }

    /// Whether to show progress: only to a person who did not ask for quiet.
    pub fn shows_progress(&self) -> bool {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        self.interactive() && self.voice.volume >= Volume::Normal && !dumb
    }

    /// A result: the text for which the command was called. With `--json` it is in
    /// an event as well; nobody who also asked for quiet needs it twice.
    pub fn result(&self, text: &str) {
        if !self.voice.json {
            self.keep(text);
            // What is in a file or a pipe gets to a terminal later.
            self.to_stdout(&self.harmless(text));
        } else if self.voice.volume >= Volume::Normal {
            self.to_stderr(text, Paint::Plain);
        }
    }

    /// The same of a text that is to be used as it is: the content of a file.
    pub fn verbatim(&self, text: &str) {
        if self.voice.json || io::stdout().is_terminal() {
            return self.result(text);
        }
        self.keep(text);
        self.to_stdout(text);
    }

    /// What a person likes to know while it happens.
    pub fn note(&self, text: &str) {
        self.beside(text, Paint::Plain);
    }

    /// The good end of something.
    pub fn done(&self, text: &str) {
        self.beside(text, Paint::Green);
    }

    /// Something that deserves a look, though the command goes on.
    pub fn warn(&self, text: &str) {
        self.to_stderr(&format!("warning: {text}"), Paint::Yellow);
    }

    /// A secret that a person has to write down: on a terminal or nowhere.
    pub fn show_secret(&self, what: &str, secret: &Secret) {
        if self.interactive() {
            // In no file.
            self.print(&format!("{what}\n\n    {}\n", secret.expose()), Paint::Plain);
        }
    }

    /// What is shown from this volume on.
    pub fn detail(&self, text: &str, from: Volume) {
        if self.voice.volume >= from {
            self.to_stderr(text, Paint::Plain);
        }
    }

    pub fn error(&self, error: &Error) {
        self.to_stderr(&format!("poof: {}", error.message()), Paint::Red);
        if let Some(hint) = error.hint_text() {
            self.to_stderr(&format!("      {hint}"), Paint::Plain);
        }
    }

    pub fn is_json(&self) -> bool {
        self.voice.json
    }

    /// One JSON object, on a line of standard output.
    pub fn json(&self, object: &str) {
        self.to_stdout(object);
    }

    /// Text for standard output exactly as it is, without a newline of ours.
    pub fn raw(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let outcome = out.write_all(bytes).and_then(|()| out.flush());
        self.remember(outcome);
    }

    /// Asks a question that `yes` answers beforehand. Off a terminal the
    /// answer is no.
    ///
    /// # Errors
    /// The user interrupts instead of answering.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<bool> {
        if yes || !self.interactive() {
            return Ok(yes);
        }
        let answer = self.typed(&format!("{question} [y/N] "))?;
        Ok(answer.is_some_and(|line| matches!(line.trim(), "y" | "Y" | "yes" | "Yes")))
    }

    /// Asks for a line of text; None off a terminal, and at the end of what is typed.
    ///
    /// # Errors
    /// The user interrupts instead of answering.
    pub fn ask(&self, question: &str) -> Result<Option<String>> {
        if self.interactive() { self.typed(question) } else { Ok(None) }
    }

    fn typed(&self, prompt: &str) -> Result<Option<String>> {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{}", self.harmless(prompt)).and_then(|()| err.flush());
        drop(err);
        // Reading goes on after a signal (SA_RESTART), so somebody else reads.
        let (sender, answer) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = sender.send(read.ok().filter(|size| *size > 0).map(|_| line));
        });
        loop {
            match answer.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => return Ok(line),
                Err(_) => interrupt::check()?,
            }
        }
    }

    /// Whether a person sees results on a terminal.
    pub fn shows_results(&self) -> bool {
        self.interactive() && (self.voice.json || io::stdout().is_terminal())
    }

    /// Whether results go to a file or to a program, as the text that they are.
    pub fn is_redirected(&self) -> bool {
        !self.voice.json && !io::stdout().is_terminal()
    }

    /// Whether a person sits in front who can be asked and shown progress.
    pub fn interactive(&self) -> bool {
        self.log.is_none() && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// # Errors
    /// Standard output could not take what was written to it.
    pub fn check_stdout(&self) -> Result<()> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match &*broken {
            None => Ok(()),
            Some(error) => {
                Err(Error::unexpected(format!("cannot write to standard output: {error}"))
                    .hint("Was it closed, or is the disk behind it full?"))
            }
        }
    }

    fn to_stdout(&self, text: &str) {
        self.raw(format!("{text}\n").as_bytes());
    }

    /// What not everybody wants to hear.
    fn beside(&self, text: &str, paint: Paint) {
        if self.voice.volume >= Volume::Normal {
            self.to_stderr(text, paint);
        } else {
            self.keep(text);
        }
    }

    fn keep(&self, text: &str) {
        if let Some(log) = &self.log {
            log.line(text);
        }
    }

    fn to_stderr(&self, text: &str, paint: Paint) {
        self.keep(text);
        if let Some(copy) = &self.copy {
            self.harmless(text).lines().for_each(|line| copy.line(line));
        }
        if !matches!(self.log, Some(Log::StandardError)) {
            self.print(text, paint);
        }
    }

    fn print(&self, text: &str, paint: Paint) {
        let (on, off) = match paint {
            _ if !self.voice.color => ("", ""),
            Paint::Plain => ("", ""),
            Paint::Green => ("\x1b[32m", "\x1b[0m"),
            Paint::Yellow => ("\x1b[33m", "\x1b[0m"),
            Paint::Red => ("\x1b[31m", "\x1b[0m"),
        };
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "{on}{}{off}", self.harmless(text));
    }

    fn remember(&self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert(error);
        }
    }
}
