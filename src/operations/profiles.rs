//! The configurations of one user: the usual one, and a profile for each place beside it.

use std::path::PathBuf;

use super::session::{self, Session};
use crate::base::error::{Error, Result};
use crate::config::{Files, Profile};
use crate::host::schedule::Scheduler;

/// A configuration of this user.
pub struct Configuration {
    /// None: it is the usual one.
    profile: Option<Profile>,
    /// What the session of it has.
    pub session: Session,
}

impl Configuration {
    /// Within a sentence.
    pub fn told(&self) -> String {
        match &self.profile {
            Some(profile) => format!("the profile {profile}"),
            None => "the usual configuration".to_owned(),
        }
    }

    /// None: it is the usual one.
    pub fn name(&self) -> Option<&str> {
        self.profile.as_ref().map(Profile::name)
    }

    /// The same once more.
    pub fn again(&self, session: &Session) -> Self {
        let profile = self.profile.clone();
        Configuration { profile, session: session.beside(&self.session.files) }
    }

    pub fn is(&self, other: &Self) -> bool {
        self.session.files == other.session.files
    }

    /// Where its files are.
    pub fn dir(&self) -> PathBuf {
        self.session.files.dir.clone()
    }

    /// A command of poof on it, whichever configuration is in use.
    pub fn command(&self, words: &str) -> String {
        let options = match &self.profile {
            Some(_) => self.session.options(),
            None => vec!["--confdir".into(), self.dir()],
        };
        format!("poof {} {words}", session::words(&options))
    }
}

/// The usual configuration and all profiles, as far as they are here, but the one in use.
pub fn others(session: &Session) -> Vec<Configuration> {
    let layout = &session.layout;
    let usual = Files::resolve(&layout.config, None, None, None);
    let profiles = Profile::all(layout).into_iter();
    let profiles = profiles.map(|profile| (profile.files(layout), Some(profile)));
    let all = usual.are_there().then_some((usual, None)).into_iter().chain(profiles);
    let others = all.filter(|(files, _)| *files != session.files);
    let other = |(files, profile)| Configuration { profile, session: session.beside(&files) };
    others.map(other).collect()
}

/// A profile that is not here is a name that somebody has mistyped. `rests`: what is left of
/// one is enough.
///
/// # Errors
/// There is none of this name.
pub fn is_there(session: &Session, rests: bool) -> Result<()> {
    let Some(profile) = session.profile().filter(|_| !session.files.are_there()) else {
        return Ok(());
    };
    let scheduler = || Scheduler::of_this_user(&session.layout, &session.state);
    if rests && (session.state.exists() || matches!(scheduler().found(), Ok(Some(_)))) {
        return Ok(());
    }
    let known = Profile::all(&session.layout);
    let known: Vec<_> = known.iter().map(Profile::name).collect();
    let known = match known.as_slice() {
        [] => "There is none yet.".to_owned(),
        names => format!("There are: {}.", names.join(", ")),
    };
    let hint = format!("{known} `poof init` sets it up, or `poof cconfig` and `poof add DIR`.");
    Err(Error::config(format!("there is no profile {profile}")).hint(hint))
}

/// Whether this user has profiles, and no usual configuration, which is in use.
pub fn are_all(session: &Session) -> bool {
    let is_usual = session.id().is_none();
    is_usual && !session.files.are_there() && !Profile::all(&session.layout).is_empty()
}

/// Who has profiles alone has to say which one is meant.
///
/// # Errors
/// That.
pub fn is_meant(session: &Session) -> Result<()> {
    if !are_all(session) {
        return Ok(());
    }
    let others = others(session);
    let Some(first) = others.first() else { return Ok(()) };
    let names: Vec<_> = others.iter().filter_map(Configuration::name).collect();
    let hint = format!(
        "`poof init` sets it up. Profiles that are here: {}. For a profile: `{}`.",
        names.join(", "),
        first.command("status")
    );
    Err(Error::config("there is no usual configuration").hint(hint))
}
