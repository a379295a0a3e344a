//! Questions with choices, for a person in front of a terminal. They are written to
//! standard error. Esc goes back, Ctrl-C and a signal end everything.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use inquire::ui::RenderConfig;
use inquire::validator::{ErrorMessage, Validation};
use inquire::{
    Confirm, InquireError, MultiSelect, Password, PasswordDisplayMode, Select, Text,
    set_global_render_config,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::{Error, Result};
use super::interrupt;
use super::secret::Secret;
use super::shown::one_line;

/// As many choices are shown at once.
const PAGE: usize = 12;

/// What a text has to be; the error says what it should be instead.
pub type Check = fn(&str) -> std::result::Result<(), String>;

/// Whether questions are in colour.
pub fn colored(colored: bool) {
    set_global_render_config(if colored {
        RenderConfig::default_colored()
    } else {
        RenderConfig::empty()
    });
}

/// The number of one of `options`, the cursor on `start` first. None: back.
///
/// # Errors
/// The user interrupts.
pub fn one(question: &str, options: &[String], start: usize) -> Result<Option<usize>> {
    let (question, options) = (plain(question), plain_all(options));
    asked(move || {
        let start = start.min(options.len().saturating_sub(1));
        let prompt = Select::new(&question, options).with_page_size(PAGE);
        let prompt = prompt.with_help_message("↑↓ move, type to search, Enter takes it, Esc back");
        Ok(prompt.with_starting_cursor(start).raw_prompt()?.index)
    })
}

/// The numbers of any of `options`, those of `chosen` first. None: back.
///
/// # Errors
/// The user interrupts.
pub fn several(question: &str, options: &[String], chosen: &[usize]) -> Result<Option<Vec<usize>>> {
    let (question, options, chosen) = (plain(question), plain_all(options), chosen.to_vec());
    asked(move || {
        let prompt = MultiSelect::new(&question, options).with_page_size(PAGE);
        let prompt = prompt.with_help_message("Space chooses, Enter goes on, Esc back");
        // What was chosen is not said again: it may be many.
        let prompt = prompt.with_formatter(&|chosen| match chosen {
            [] => "none".to_owned(),
            [one] => one.value.clone(),
            more => format!("{} chosen", more.len()),
        });
        let chosen = prompt.with_default(&chosen).raw_prompt()?;
        Ok(chosen.into_iter().map(|option| option.index).collect())
    })
}

/// A line of text, `known` in it first; `help` may be empty. None: back.
///
/// # Errors
/// The user interrupts.
pub fn text(question: &str, known: &str, help: &str, check: Check) -> Result<Option<String>> {
    let (question, known, help) = (plain(question), known.to_owned(), plain(help));
    asked(move || {
        let valid =
            move |text: &str| Ok(validation(is_one_line(text).and_then(|()| check(text.trim()))));
        let mut prompt = Text::new(&question).with_initial_value(&known).with_validator(valid);
        if !help.is_empty() {
            prompt = prompt.with_help_message(&help);
        }
        prompt.prompt().map(|text| text.trim().to_owned())
    })
}

/// A secret, which does not show. It may be empty. None: back.
///
/// # Errors
/// The user interrupts.
pub fn secret(question: &str, help: &str) -> Result<Option<Secret>> {
    let (question, help) = (plain(question), plain(help));
    asked(move || {
        let mut prompt = Password::new(&question)
            .without_confirmation()
            .with_validator(|text: &str| Ok(validation(is_one_line(text))))
            .with_display_mode(PasswordDisplayMode::Hidden);
        if !help.is_empty() {
            prompt = prompt.with_help_message(&help);
        }
        prompt.prompt().map(|text| Secret::new(text.trim().to_owned()))
    })
}

/// Yes or no, Enter alone being `usual`. None: back.
///
/// # Errors
/// The user interrupts.
pub fn yes(question: &str, usual: bool) -> Result<Option<bool>> {
    let question = plain(question);
    asked(move || Confirm::new(&question).with_default(usual).prompt())
}

/// Shows a secret on a page of its own until the user has written it down. It stays in no
/// part of the terminal.
///
/// # Errors
/// The user interrupts.
pub fn written_down(what: &str, secret: &Secret) -> Result<()> {
    let _page = Page::open();
    // A closed terminal answers no question either.
    let _ = write!(io::stderr().lock(), "{}\r\n\r\n    {}\r\n\r\n", plain(what), secret.expose());
    while yes("Have you written it down?", true)? != Some(true) {}
    Ok(())
}

/// The other screen that terminals have, which leaves nothing behind.
struct Page;

impl Page {
    fn open() -> Self {
        let _ = crossterm::execute!(
            io::stderr(),
            crossterm::terminal::EnterAlternateScreen,
            crossterm::cursor::MoveTo(0, 0)
        );
        Page
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = crossterm::execute!(io::stderr(), crossterm::terminal::LeaveAlternateScreen);
    }
}

/// A paste may bring several lines, of which rclone would make one value. Nobody sees them
/// in a secret.
fn is_one_line(text: &str) -> std::result::Result<(), String> {
    if text.trim().contains(['\n', '\r']) {
        return Err(
            "These are several lines. Delete them, and give one value at a time.".to_owned()
        );
    }
    Ok(())
}

/// What a check says, as the library wants it.
fn validation(checked: std::result::Result<(), String>) -> Validation {
    match checked {
        Ok(()) => Validation::Valid,
        Err(wrong) => Validation::Invalid(ErrorMessage::Custom(wrong)),
    }
}

/// Any text will do.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps)] // a [`Check`]
pub fn anything(_: &str) -> std::result::Result<(), String> {
    Ok(())
}

/// # Errors
/// There is none.
pub fn something(text: &str) -> std::result::Result<(), String> {
    if text.is_empty() { Err("Type something, or Esc to go back.".to_owned()) } else { Ok(()) }
}

/// Has somebody else wait for keys: who waits for them hears of no signal.
fn asked<T: Send + 'static>(
    ask: impl FnOnce() -> std::result::Result<T, InquireError> + Send + 'static,
) -> Result<Option<T>> {
    interrupt::check()?;
    let (sender, answer) = mpsc::channel();
    thread::spawn(move || sender.send(ask()));
    loop {
        return match answer.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(given)) => Ok(Some(given)),
            Ok(Err(InquireError::OperationCanceled)) => Ok(None),
            Ok(Err(InquireError::OperationInterrupted)) => Err(Error::interrupted()),
            Ok(Err(error)) => {
                Err(Error::unexpected(format!("cannot ask on this terminal: {error}")))
            }
            // Who waits for keys of a terminal that is gone would wait for ever.
            Err(RecvTimeoutError::Timeout) if is_gone() => Err(Error::interrupted()),
            Err(RecvTimeoutError::Timeout) => {
                interrupt::check().inspect_err(|_| restore())?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                restore();
                Err(Error::unexpected("cannot ask on this terminal"))
            }
        };
    }
}

/// Whether the terminal was closed: a process in the background hears of that by no signal.
fn is_gone() -> bool {
    let input = io::stdin();
    let mut ready = [PollFd::new(&input, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut ready, Some(&now)).is_ok() && ready[0].revents().contains(PollFlags::HUP)
}

/// Leaves the terminal as it was: the question is still open.
fn restore() {
    let _ = crossterm::terminal::disable_raw_mode();
    let _ = crossterm::execute!(
        io::stderr(),
        crossterm::cursor::Show,
        crossterm::event::DisableBracketedPaste,
        crossterm::style::Print("\r\n")
    );
}

/// Names of files may hold what steers a terminal.
fn plain(text: &str) -> String {
    one_line(text).into_owned()
}

fn plain_all(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| plain(text)).collect()
}
