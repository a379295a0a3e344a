//! The phrase of a kit: from a file, or from a person.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Context;
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;

/// More than any phrase or secret has, in bytes.
const LONGEST: u64 = 64 << 10;

/// The phrase in the first line of a file; `-` is standard input.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn from_file(path: &Path) -> Result<Secret> {
    let phrase = line_of(path)?;
    if phrase.expose().trim().is_empty() {
        return Err(Error::new(Kind::Usage, "the phrase is empty")
            .hint("It is the first line of the file."));
    }
    Ok(phrase)
}

/// The first line of a file, with its end; `-` is standard input.
///
/// # Errors
/// It cannot be read.
pub fn line_of(path: &Path) -> Result<Secret> {
    let mut line = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LONGEST).read_line(&mut line)
    } else {
        File::open(path).and_then(|file| BufReader::new(file.take(LONGEST)).read_line(&mut line))
    };
    let line = Secret::new(line);
    read.map_err(|error| Error::io("read", path, &error).with_kind(Kind::Usage))?;
    Ok(line)
}

/// Asks for the phrase on the terminal, where it does not show.
///
/// # Errors
/// There is no terminal, or nothing was typed.
pub fn ask(context: &Context, question: &str) -> Result<Secret> {
    let none = || {
        Error::new(Kind::Usage, "there is nobody to ask for the phrase")
            .hint("`--phrase-file FILE` gives it (`-`: standard input).")
    };
    if !context.terminal.interactive() {
        return Err(none());
    }
    let typed = rpassword::prompt_password(format!("{question}: ")).map_err(|_| none())?;
    let phrase = Secret::new(typed);
    if phrase.expose().trim().is_empty() { Err(Error::interrupted()) } else { Ok(phrase) }
}
