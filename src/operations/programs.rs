//! Whether what the configuration sets to work may be set to work: in whose hands its
//! files are, and whether it came with a restore.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::session::Session;
use super::{arrival, brought};
use crate::base::error::Result;
use crate::base::files::{is_absent, write_private};
use crate::base::shown::{one_line, path_of};
use crate::config::programs::{Kind, Program};
use crate::config::{Problem, Status};
use crate::host::trust;

type Checked<T> = std::result::Result<T, Problem>;

/// In the state directory: the digests of what this user has typed or confirmed, one a
/// line. It is made by the first restore of the configuration; before, all is typed.
const CONFIRMED: &str = "confirmed";

/// Refuses to run `programs` where somebody else could have chosen them. What came with
/// a restore is shown to a person, who may confirm it.
///
/// # Errors
/// A [`Problem`] with the command that mends it.
pub fn may_run(session: &Session, programs: &[Program]) -> Checked<()> {
    if let Some(sealed) = arrival::is_coming(session) {
        came(&session.state, sealed).and_then(|()| arrival::noted(session)).map_err(|error| {
            let hint = "Nothing was used.";
            Problem::new(Status::WarnMisconfigured, "poof.conf", error.message(), hint)
        })?;
    }
    if programs.iter().any(Program::runs) {
        trusted(session)?;
    }
    for program in programs {
        if let Some(file) = program.file_of_programs() {
            trusted_file(&program.place, file, Status::InvalidCloningConfig)?;
        }
    }
    let confirmed = Confirmed::read(&session.state);
    let unconfirmed: Vec<_> = programs.iter().filter(|program| !confirmed.has(program)).collect();
    let Some(first) = unconfirmed.first() else { return Ok(()) };
    if asked(session, &unconfirmed) {
        return Ok(());
    }
    let more = match unconfirmed.len() - 1 {
        0 => String::new(),
        more => format!(" ({more} more like it)"),
    };
    let what = format!("it came with a restore, and you have not confirmed it{more}");
    let hint = "Nothing of it was used. `poof verify` on a terminal shows all of it and asks.";
    Err(Problem::new(Status::WarnMisconfigured, &first.place, what, hint))
}

/// Shows them and asks whether they are to be used from now on.
fn asked(session: &Session, programs: &[&Program]) -> bool {
    if !session.report.interactive() {
        return false;
    }
    let lines = programs.iter().map(|program| format!("  {}\n", one_line(&program.told())));
    let question = format!(
        "This came with a restore of the configuration, and can act in your name:\n{}Is it all \
         yours, or as you want it?",
        lines.collect::<String>()
    );
    let yes = session.report.confirm(&question, false).unwrap_or(false);
    yes && confirm(session, programs)
}

fn confirm(session: &Session, programs: &[&Program]) -> bool {
    let mut known = confirmed(&session.state).unwrap_or_default();
    let (settings, others): (Vec<_>, Vec<_>) =
        programs.iter().copied().partition(|program| program.kind == Kind::Setting);
    known.extend(others.iter().map(|program| program.digest()));
    let noted = if others.is_empty() { Ok(()) } else { record(&session.state, &known) };
    match noted.and_then(|()| brought::accept(&session.state, &settings)) {
        Ok(()) => true,
        Err(error) => {
            session.report.warn(error.message());
            false
        }
    }
}

/// What this user has typed or confirmed, read once for all that is asked of.
pub struct Confirmed {
    programs: Option<BTreeSet<String>>,
    settings: brought::Known,
}

impl Confirmed {
    pub fn read(state: &Path) -> Self {
        Confirmed { programs: confirmed(state), settings: brought::Known::read(state) }
    }

    pub fn has(&self, program: &Program) -> bool {
        if program.kind == Kind::Setting {
            return self.settings.counts(program);
        }
        self.programs.as_ref().is_none_or(|known| known.contains(&program.digest()))
    }
}

/// None: no restore has touched the configuration.
fn confirmed(state: &Path) -> Option<BTreeSet<String>> {
    match fs::read_to_string(state.join(CONFIRMED)) {
        Ok(text) => Some(text.lines().map(str::to_owned).collect()),
        Err(error) if is_absent(&error) => None,
        // What cannot be read confirms nothing.
        Err(_) => Some(BTreeSet::new()),
    }
}

fn record(state: &Path, digests: &BTreeSet<String>) -> Result<()> {
    let lines: Vec<_> = digests.iter().map(|digest| format!("{digest}\n")).collect();
    write_private(&state.join(CONFIRMED), lines.concat().as_bytes())
}

/// Before anything of the configuration whose state is in `state` comes from a remote:
/// from here on only `typed` counts as confirmed.
///
/// # Errors
/// It cannot be noted, and the restore must not begin.
pub fn beware(state: &Path, typed: &[Program]) -> Result<()> {
    match confirmed(state) {
        Some(_) => Ok(()),
        None => record(state, &typed.iter().map(Program::digest).collect()),
    }
}

/// Of a profile whose state this is, and which came with a restore, nothing is confirmed.
/// `sealed`: nobody without the passwords can have written it.
///
/// # Errors
/// It cannot be noted.
pub fn came(state: &Path, sealed: bool) -> Result<()> {
    if !sealed {
        brought::beware(state, &[])?;
    }
    beware(state, &[])
}

/// From here on `typed` counts as confirmed and nothing else; unless it is `needed`, only
/// where something has to be confirmed at all.
///
/// # Errors
/// It cannot be noted.
pub fn only(session: &Session, typed: &[Program], needed: bool) -> Result<()> {
    if !needed && confirmed(&session.state).is_none() {
        return Ok(());
    }
    record(&session.state, &typed.iter().map(Program::digest).collect())
}

/// Whether nobody but root and this user can change one of both files: themselves, the
/// directories above them, links on the way and what they lead to.
///
/// # Errors
/// A [`Problem`] with the command that mends it.
pub fn trusted(session: &Session) -> Checked<()> {
    let files = [
        ("poof.conf", &session.files.poof, Status::InvalidPoofConfig),
        ("rclone-poof.conf", &session.files.rclone, Status::InvalidCloningConfig),
    ];
    files.into_iter().try_for_each(|(name, path, status)| trusted_file(name, path, status))
}

fn trusted_file(name: &str, path: &Path, status: Status) -> Checked<()> {
    let weak = trust::weak(path).map_err(|error| {
        let what = format!("cannot look at the way to {}: {error}", path_of(path));
        Problem::new(status, name, what, "Check owner and permissions of that path.")
    })?;
    let Some(weak) = weak else { return Ok(()) };
    let (at, who) = (path_of(&weak.path), weak.told());
    let what = format!("{at} {who}: so somebody else can choose what poof runs and sends");
    let hint =
        format!("`{}`, or keep it elsewhere, the configuration by `--confdir`.", weak.remedy());
    Err(Problem::new(status, name, what, hint))
}
