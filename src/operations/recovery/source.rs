//! Where a kit is read from: a file, standard input, or a person who types its lines.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::page;
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::host::plain::read_file;
use crate::kit::lines::{Lines, Read, Unfit, ranges};
use crate::kit::{Closed, Kit, LARGEST, is_text};
use crate::operations::session::Session;
use crate::report::{Note, Report};

/// Where a kit is.
pub enum Source {
    File(PathBuf),
    /// Standard input.
    Input,
    /// A person types it.
    Typed,
}

/// A kit that is not opened yet.
pub enum Sealed {
    Text(Vec<u8>),
    /// What the lines hold.
    Paper(Vec<u8>),
}

impl Sealed {
    pub fn open(&self, phrase: &Secret) -> std::result::Result<Kit, Closed> {
        match self {
            Sealed::Text(text) => Kit::open(text, phrase),
            Sealed::Paper(short) => Kit::open_from_paper(short, phrase),
        }
    }
}

/// Reads a kit.
///
/// # Errors
/// It cannot be read, is none, or is not whole.
pub fn read(session: &Session, source: &Source) -> Result<Sealed> {
    let report = &*session.report;
    match source {
        Source::File(path) => {
            let unread = |error| Error::io("read", path, &error).with_kind(Kind::Config);
            of_bytes(report, read_file(path, LARGEST).map_err(unread)?)
        }
        Source::Input => {
            let unread = |error| Error::io("read", Path::new("-"), &error).with_kind(Kind::Config);
            let mut bytes = Vec::new();
            io::stdin().lock().take(LARGEST).read_to_end(&mut bytes).map_err(unread)?;
            of_bytes(report, bytes)
        }
        Source::Typed => typed(report),
    }
}

/// What a file is: the text of a kit, or lines of one in whatever is around them.
pub fn of_bytes(report: &dyn Report, bytes: Vec<u8>) -> Result<Sealed> {
    if is_text(&bytes) {
        return Ok(Sealed::Text(bytes));
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = Lines::default();
    let read = lines.read(&page::text(&text), None);
    if lines.is_empty() && read.wrong.is_empty() {
        return Err(Closed::Damaged("it does not begin as a kit does").into());
    }
    if !read.others.is_empty() {
        return Err(mixed(&read.others));
    }
    // Another copy of the line may be right.
    let is_bad = |number: Option<u16>| number.is_none_or(|number| !lines.has(number));
    let wrong: Vec<_> = read.wrong.iter().filter(|wrong| is_bad(wrong.number)).collect();
    let numbers: Vec<_> = wrong.iter().filter_map(|wrong| wrong.number).collect();
    let lacks = lines.lacks(&numbers);
    if lacks.is_none() && numbers.is_empty() {
        return whole(&lines);
    }
    for wrong in &wrong {
        report.warn(&wrong.told());
    }
    let bad = match numbers.as_slice() {
        [] => None,
        [one] => Some(format!("line {one} is wrong")),
        some => Some(format!("lines {} are wrong", ranges(some))),
    };
    let what: Vec<_> = bad.into_iter().chain(lacks).collect();
    Err(Error::config(format!("the kit is not whole: {}", what.join(", and ")))
        .hint("Correct the text, and run it again. `poof return --type` takes line by line."))
}

fn mixed(others: &[u16]) -> Error {
    let which = match others {
        [one] => format!("line {one} is"),
        some => format!("lines {} are", ranges(some)),
    };
    Error::config(format!("these are two kits: {which} of another kit than the first line"))
        .hint("Give the lines or codes of one page.")
}

fn whole(lines: &Lines) -> Result<Sealed> {
    match lines.bytes() {
        Ok(bytes) => Ok(Sealed::Paper(bytes)),
        Err(Unfit::Newer) => Err(Closed::Newer { version: None }.into()),
        Err(Unfit::Mixed) => Err(Error::config("these are lines of two kits")
            .hint("Give the lines or codes of one page.")),
    }
}

/// Line by line, in any order. What was typed is not lost by one empty line too many.
fn typed(report: &dyn Report) -> Result<Sealed> {
    if !report.interactive() {
        return Err(Error::new(Kind::Usage, "there is nobody to type the kit")
            .hint("`poof return FILE` reads its lines, and `poof return -` standard input."));
    }
    report.note(
        "Type the numbered lines of the kit. Small letters, any blanks, and any order will do; a \
         point ends.",
    );
    let mut lines = Lines::default();
    let mut warned = false;
    while let Some(next) = next(&lines) {
        let of = lines.total().map(|total| format!(" of {total}")).unwrap_or_default();
        let answer = report.ask(&format!("line {next}{of}: "))?;
        let answer = answer.as_deref().map_or(".", str::trim);
        if !matches!(answer, "" | ".") {
            warned = false;
            tell(report, &lines.read(answer, Some(next)));
            continue;
        }
        let lacks = lines.lacks(&[]).unwrap_or_default();
        if answer == "." || warned {
            return Err(Error::config(format!("the kit is not whole: {lacks}"))
                .hint("Nothing was changed. `poof return --type` begins anew."));
        }
        report.say(Note::LinesLack(lacks));
        warned = true;
    }
    report.done("All lines are here.");
    whole(&lines)
}

/// The number of the next line; None: all are here.
fn next(lines: &Lines) -> Option<u16> {
    let missing = lines.missing();
    match (missing.first(), lines.total()) {
        (Some(first), _) => Some(*first),
        (None, Some(_)) => None,
        (None, None) => Some(lines.highest() + 1),
    }
}

fn tell(report: &dyn Report, read: &Read) {
    for wrong in &read.wrong {
        report.say(Note::LineRefused { what: wrong.told() });
    }
    for other in &read.others {
        let what = format!("line {other} is of another kit than the lines before");
        report.say(Note::LineRefused { what });
    }
}
