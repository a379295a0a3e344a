//! `poof init`: a person answers a few questions, and everything is set up.

mod after;
mod directories;
mod place;
mod settings;
mod times;

use crate::base::error::{Error, Kind, Result};
use crate::base::prompts::{one, yes};
use crate::base::shown::path_of;
use crate::cli::Init;
use crate::operations::set_up::{self, Answers, Draft, Known, Trial};
use crate::operations::{Outcome, Session};
use crate::report::{Note, Tone};

/// From this level on nothing is sent in clear.
const ENCRYPTED: u8 = 3;

/// What is asked, one after the other. Esc leads to the one before.
#[derive(Clone, Copy)]
enum Step {
    Directories,
    Place,
    Encryption,
    /// Only if it is encrypted.
    Bundle,
    Keep,
}

impl Step {
    fn is_asked(self, answers: &Answers) -> bool {
        !matches!(self, Step::Bundle) || answers.encrypted
    }
}

/// How a trial of the answers ends.
enum Tried {
    /// They work, and may be written.
    Good(Box<Draft>, Trial),
    /// They are to be given anew.
    Again,
    /// The user has had enough.
    Left,
}

pub fn run(session: &Session, args: &Init) -> Result<Outcome> {
    if !session.report.interactive() {
        return Err(off_a_terminal());
    }
    let known = set_up::known(session)?;
    session.report.note(
        "This sets up a backup: what, where, and how. Nothing is written before you have seen it. \
         Esc goes back, Ctrl-C leaves.",
    );
    let mut answers = known.answers.clone();
    let mut steps = vec![Step::Directories, Step::Place, Step::Bundle, Step::Keep];
    match args.level {
        None => steps.insert(2, Step::Encryption),
        Some(level) => answers.encrypted = level >= ENCRYPTED,
    }
    let mut from = 0;
    let (draft, trial) = loop {
        if !ask(session, &known, &mut answers, &steps, from)? {
            return Ok(left(session));
        }
        match tried(session, &mut answers)? {
            Tried::Good(draft, trial) => break (draft, trial),
            // Where the backups go, most likely.
            Tried::Again => from = 1,
            Tried::Left => return Ok(left(session)),
        }
    };
    let agreed = agreed(session, &draft);
    if !matches!(agreed, Ok(true)) {
        trial.take_back();
        return agreed.map(|_| left(session));
    }
    let paths = [session.files.poof.clone(), session.files.rclone.clone()];
    let written = paths.map(|path| Note::Written { is_new: !path.exists(), path });
    if let Err(error) = draft.save(session) {
        trial.take_back();
        return Err(error);
    }
    for note in written {
        session.report.say(note);
    }
    drop(draft);
    after::all(session, &answers, args.level)
}

/// Asks from step number `from` on. Returns whether all was answered.
fn ask(
    session: &Session,
    known: &Known,
    answers: &mut Answers,
    steps: &[Step],
    from: usize,
) -> Result<bool> {
    let mut at = from;
    while let Some(step) = steps.get(at) {
        if !step.is_asked(answers) {
            at += 1;
            continue;
        }
        let given = match step {
            Step::Directories => directories::ask(session, answers)?,
            Step::Place => place::ask(session, known, answers)?,
            Step::Encryption => encryption(session, answers)?,
            Step::Bundle => bundle(session, known, answers)?,
            Step::Keep => times::keep(answers, known.place.is_none())?,
        };
        match (given, steps[..at].iter().rposition(|step| step.is_asked(answers))) {
            (Some(()), _) => at += 1,
            (None, Some(before)) => at = before,
            (None, None) => return Ok(false),
        }
    }
    Ok(true)
}

fn encryption(session: &Session, answers: &mut Answers) -> Result<Option<()>> {
    session.report.note(
        "Encryption hides names and contents from whoever can read the remote. The passwords are \
         made here, and only this machine has them: a recovery kit keeps a copy.",
    );
    // A disk is at home; a provider is not.
    let is_elsewhere = answers.place.as_ref().is_some_and(|place| place.kind != "alias");
    let usual = answers.encrypted || is_elsewhere;
    let answer = yes("Encrypt before anything leaves this machine?", usual)?;
    Ok(answer.map(|yes| {
        answers.encrypted = yes;
        // It is asked anew, and only of an encrypted remote.
        answers.bundle = answers.bundle.filter(|_| yes);
    }))
}

/// Proposes bundles. Whoever has an encrypted remote without them keeps it so by Enter alone.
fn bundle(session: &Session, known: &Known, answers: &mut Answers) -> Result<Option<()>> {
    session.report.note(
        "Small files can go together, in zip archives: faster and cheaper where there are many, and \
         nobody sees how large each is. rclone and unzip read these archives, too.",
    );
    let is_new = known.place.is_none() || !known.answers.encrypted;
    let usual = answers.bundle.unwrap_or(known.bundles || is_new);
    let answer = yes("Put small files together?", usual)?;
    Ok(answer.map(|yes| answers.bundle = Some(yes)))
}

/// Makes a draft of the answers and tries it.
fn tried(session: &Session, answers: &mut Answers) -> Result<Tried> {
    loop {
        let tried = draft(session, answers).and_then(|draft| {
            session.report.note("Trying it: list, write, read, and delete …");
            draft.try_it().map(|trial| (draft, trial))
        });
        let error = match tried {
            Ok((draft, trial)) => match &trial.keeps_nothing {
                Some(error) if answers.keep.is_some() => {
                    session.report.warn(error.message());
                    trial.take_back();
                    answers.keep = None;
                    session.report.note("It goes on without keeping earlier states.");
                    continue;
                }
                _ => return Ok(Tried::Good(Box::new(draft), trial)),
            },
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => error,
        };
        session.report.error(&set_up::before_it_is_written(error));
        let choices = ["Change the answers", "Try again", "Leave, and write nothing"];
        match one("It does not work yet.", &choices.map(str::to_owned), 0)? {
            Some(0) | None => return Ok(Tried::Again),
            Some(1) => {}
            Some(_) => return Ok(Tried::Left),
        }
    }
}

/// Both files, with the login that the remote wants.
fn draft(session: &Session, answers: &mut Answers) -> Result<Draft> {
    let draft = Draft::make(session, answers)?;
    if let Some(place) = &mut answers.place
        && place.wants_login()
    {
        draft.log_in(place)?;
    }
    Ok(draft)
}

/// Shows what would be written, and asks.
fn agreed(session: &Session, draft: &Draft) -> Result<bool> {
    let [poof, rclone] = draft.shown()?;
    let files = &session.files;
    for (path, text) in [(&files.poof, poof), (&files.rclone, rclone)] {
        let shown = format!("--- {}\n{}", path_of(path), text.trim_end());
        session.report.say(Note::Said(Tone::Note, shown));
    }
    Ok(yes("It works. Write these two files?", true)?.unwrap_or(false))
}

fn left(session: &Session) -> Outcome {
    session.report.note("Nothing was written.");
    Outcome::default().with("changed", false)
}

fn off_a_terminal() -> Error {
    Error::new(Kind::Usage, "`poof init` asks questions, and there is no terminal").hint(
        "Without one: `poof cconfig --remote local PATH=/media/disk` (or the keys of a cloud), `poof \
         add DIR`, `poof econfig`, `poof cryptoggle`, `poof verify`, `poof backup`, `poof lconfig`.",
    )
}
