//! What follows once both files are written: the schedule, the kit, the first backup.

use std::path::{Path, PathBuf};

use super::directories::expanded;
use super::times::{self, Every};
use crate::base::error::{Error, Kind, Result};
use crate::base::prompts::{anything, one, text, written_down, yes};
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::host::schedule::Scheduler;
use crate::kit::new_phrase;
use crate::operations::recovery::kit::{self, Phrase, Request};
use crate::operations::set_up::{Answers, found};
use crate::operations::{Outcome, Session, backup, schedule};

const KIT: &str = "poof-kit.txt";

/// So many words of the phrase are asked for.
const ASKED: usize = 2;

/// Esc skips a step: each can be done later, by the command that poof then names.
pub fn all(session: &Session, answers: &Answers, level: Option<u8>) -> Result<Outcome> {
    scheduled(session)?;
    let written = recovery(session, answers)?;
    let outcome = if yes("Make the first backup now?", true)? == Some(true) {
        let outcome = backup::run(session, &backup::Request::default())?;
        if let Some(kit) = written.filter(|_| outcome.kind.is_none()) {
            session.report.note("The kit is written once more: it now knows the backup as well.");
            write(session, &kit)?;
        }
        outcome
    } else {
        session.report.note("`poof backup` makes the first backup.");
        Outcome::default()
    };
    session.report.note(
        "A second place for backups, such as a disk beside a cloud, is a profile of its own: `poof \
         --profile NAME init`.",
    );
    if level.is_some_and(|level| level % 2 == 0) {
        session.report.note(
            "`poof upload --dry-run` shows what an upload would wipe here once all is proven. \
             `poof upload` does it.",
        );
    }
    Ok(outcome.with("changed", true))
}

fn scheduled(session: &Session) -> Result<()> {
    let scheduler = Scheduler::of_this_user(&session.layout, &session.state);
    let kind = match scheduler.choose() {
        Ok((kind, _)) => kind,
        Err(error) => {
            session.report.error(&error);
            return Ok(());
        }
    };
    let found = schedule::found(session);
    let every = match times::every(found.as_ref().and_then(|found| found.every))? {
        Every::Time(every) => every,
        Every::Never if found.is_some() => {
            return schedule::remove(session).map(drop);
        }
        Every::Unsaid if found.is_some() => {
            session.report.note("The schedule stays as it is.");
            return Ok(());
        }
        Every::Never | Every::Unsaid => {
            session.report.note("`poof lconfig` lets backups run by themselves.");
            return Ok(());
        }
    };
    let lock = session.lock()?;
    if let Err(error) = schedule::install(session, kind, every, false) {
        if error.kind() == Kind::Interrupted {
            return Err(error);
        }
        session.report.error(&error);
    }
    drop(lock);
    Ok(())
}

/// The kit, and the proof that its phrase was written down. Returns how it was written.
fn recovery(session: &Session, answers: &Answers) -> Result<Option<Request>> {
    session.report.note(if answers.encrypted {
        "Without a recovery kit nobody reads the backup once this machine is gone. It holds the \
         passwords, encrypted with a phrase. Keep both away from this machine."
    } else {
        "A recovery kit brings everything back to a new machine. It holds the keys, encrypted with \
         a phrase."
    });
    let Some(path) = place(answers)? else {
        session.report.note("`poof kit FILE` writes it later.");
        return Ok(None);
    };
    let phrase = new_phrase()?;
    written_down(
        "The phrase of your recovery kit. Write it down; it is shown this once:",
        &phrase,
    )?;
    while !is_written_down(&phrase)? {
        written_down("That was another word. The phrase once more:", &phrase)?;
    }
    let request = Request {
        file: Some(path),
        page: None,
        phrase: Phrase::Given(phrase),
        qr: false,
        yes: false,
    };
    Ok(write(session, &request)?.then_some(request))
}

/// Writes the kit. Returns whether that went well.
fn write(session: &Session, request: &Request) -> Result<bool> {
    match kit::run(session, request) {
        Err(error) if error.kind() == Kind::Interrupted => Err(error),
        Err(error) => {
            session.report.error(&error);
            session.report.note("`poof kit FILE` writes it later.");
            Ok(false)
        }
        Ok(_) => Ok(true),
    }
}

/// Where the kit goes. None: nowhere yet.
fn place(answers: &Answers) -> Result<Option<PathBuf>> {
    let backups = answers.place.as_ref().and_then(|place| place.settings.get("remote"));
    let disks = found::disks().into_iter().map(|disk| disk.point);
    // The disk of the backups is lost with them.
    let disks: Vec<_> =
        disks.filter(|disk| backups.is_none_or(|backups| disk != Path::new(backups))).collect();
    let mut options: Vec<_> =
        disks.iter().map(|disk| path_of(&disk.join(KIT)).into_owned()).collect();
    options.push("Another file …".to_owned());
    options.push("Not now".to_owned());
    let start = if answers.encrypted { 0 } else { options.len() - 1 };
    match one("Where should the recovery kit go?", &options, start)? {
        Some(chosen) if chosen < disks.len() => Ok(Some(disks[chosen].join(KIT))),
        Some(chosen) if chosen == disks.len() => {
            let check = |path: &str| {
                let path = expanded(path);
                let dir = path.parent().filter(|_| path.is_absolute() && !path.is_dir());
                let is_place = dir.is_some_and(Path::is_dir);
                let wrong = "Type the full path of a new file in a directory that is there.";
                if is_place { Ok(()) } else { Err(wrong.to_owned()) }
            };
            let typed = text("File:", &format!("~/{KIT}"), "A full path", check)?;
            Ok(typed.map(|path| expanded(&path)))
        }
        _ => Ok(None),
    }
}

/// Asks for words of the phrase. Esc shows the phrase once more.
fn is_written_down(phrase: &Secret) -> Result<bool> {
    let words: Vec<_> = phrase.expose().split_whitespace().collect();
    for number in numbers(words.len())? {
        let typed = text(&format!("Word {} of the phrase:", number + 1), "", "", anything)?;
        if typed.as_deref().map(str::to_lowercase).as_deref() != Some(words[number]) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which of `count` words are asked for, in their order.
fn numbers(count: usize) -> Result<Vec<usize>> {
    let mut all: Vec<_> = (0..count).collect();
    let mut random = vec![0_u8; count];
    getrandom::fill(&mut random)
        .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
    all.sort_by_key(|number| random[*number]);
    all.truncate(ASKED);
    all.sort_unstable();
    Ok(all)
}
