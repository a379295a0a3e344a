//! Settings of a remote as the command line gives them. A value that is not there is asked
//! for, or is on standard input: the history of a shell keeps what is typed into it.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::base::typing::{self, Unseen};
use crate::config::keys;

/// A value that is a line of standard input.
const INPUT: &str = "-";
/// What `--remote local` needs, which is no setting of rclone.
const DIRECTORY: &str = "PATH";

/// A key, and its value if the command line has one.
pub type Given = (String, Option<String>);

/// All values. `kind` is the type of the remote, where it is known.
///
/// # Errors
/// A word is no setting, nobody is there to be asked, or a value is empty.
pub fn values(
    session: &Session,
    given: &[Given],
    kind: Option<&str>,
) -> Result<BTreeMap<String, String>> {
    let bare: Vec<&str> = given.iter().filter(|(_, value)| value.is_none()).map(key).collect();
    check(given, kind)?;
    if !bare.is_empty() && !session.report.interactive() {
        let words: Vec<_> = bare.iter().map(|key| format!("{key}={INPUT}")).collect();
        let (bare, words) = (bare.join(", "), words.join(" "));
        return Err(Error::new(Kind::Usage, format!("there is nobody to ask for {bare}")).hint(
            format!("`poof cconfig {words}` reads each value from a line of standard input."),
        ));
    }
    let value = |(key, value): &Given| {
        let value = match value.as_deref() {
            None | Some(INPUT) => unseen(session, key)?.expose().to_owned(),
            Some(value) => value.to_owned(),
        };
        Ok((key.clone(), value))
    };
    given.iter().map(value).collect()
}

fn key((key, _): &Given) -> &str {
    key
}

/// A word that is no key may be a secret whose key was forgotten: it is not shown.
fn check(given: &[Given], kind: Option<&str>) -> Result<()> {
    let Some(kind) = kind else { return Ok(()) };
    if let Some(problem) = keys::of_settings(kind, [].into_iter()).pop() {
        return Err(problem.into_error());
    }
    let is_wrong = |(key, value): &Given| {
        let is_setting = keys::of_settings(kind, [key.as_str()].into_iter()).is_empty();
        value.is_none() && key != DIRECTORY && !is_setting
    };
    let Some(at) = given.iter().position(is_wrong) else { return Ok(()) };
    let what = format!(
        "word {} of the settings has no value, and rclone has no such setting for a remote of type \
         {kind}",
        at + 1
    );
    Err(Error::new(Kind::Usage, what)
        .hint("`poof cconfig KEY=VALUE` sets it; `poof cconfig KEY` asks for the value."))
}

/// A line that nobody sees: a person types it, or it is on standard input.
fn unseen(session: &Session, key: &str) -> Result<Secret> {
    let _unseen = Unseen::begin();
    let report = &session.report;
    let line = if report.interactive() {
        report.ask(&format!("{key} (not shown): "))?.map(|line| Secret::from(Zeroizing::new(line)))
    } else {
        typing::line()?
    };
    let value = line.as_ref().map(|line| line.expose().trim()).unwrap_or_default();
    if value.is_empty() {
        let hint = if report.interactive() {
            format!("Nothing was changed. `poof cconfig {key}=` empties it.")
        } else {
            "Nothing was changed. Standard input has a line for each KEY=-.".to_owned()
        };
        return Err(Error::new(Kind::Usage, format!("the value of {key} is empty")).hint(hint));
    }
    Ok(Secret::new(value.to_owned()))
}
