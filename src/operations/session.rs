//! What every operation is given.

use std::env;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::secret_cache::SecretCache;
use crate::base::error::{Error, Kind, Result};
use crate::base::shown;
use crate::config::{Files, Profile};
use crate::host::lock::{self, Lock};
use crate::host::paths::{self, Layout};
use crate::host::scratch;
use crate::report::Report;

/// Which configuration it is, as far as options say so.
#[derive(Default)]
pub struct Given {
    pub profile: Option<String>,
    pub confdir: Option<PathBuf>,
    pub poofconf: Option<PathBuf>,
    pub rcloneconf: Option<PathBuf>,
    /// Goes before what poof.conf says.
    pub bwlimit: Option<String>,
}

pub struct Session {
    /// Hears what is done.
    pub report: Arc<dyn Report>,
    pub layout: Layout,
    pub files: Files,
    /// The state of this configuration.
    pub state: PathBuf,
    /// The secrets of this run.
    pub secret_cache: SecretCache,
    /// The limit of the bandwidth, if the command line has one.
    pub bwlimit: Option<String>,
}

impl Session {
    /// # Errors
    /// The user has no home directory, or two configurations are named.
    pub fn new(given: Given, report: Arc<dyn Report>) -> Result<Self> {
        let layout = paths::of_this_user()?;
        let bwlimit = given.bwlimit.clone();
        let files = files(given, &layout.config, |profile| profile.files(&layout))?;
        Ok(Session { bwlimit, ..Session::on(layout, files, report) })
    }

    /// The same for these files. Who is told to type a command is told with what names them.
    pub fn on(layout: Layout, files: Files, report: Arc<dyn Report>) -> Self {
        let state = state(&layout, &files);
        let secret_cache = SecretCache::default();
        let session = Session { report, layout, files, state, secret_cache, bwlimit: None };
        session.report.address(&words(&session.options()));
        session
    }

    /// That of another configuration of this user, for a look at it.
    pub fn beside(&self, files: &Files) -> Self {
        Session {
            report: Arc::clone(&self.report),
            layout: self.layout.clone(),
            state: state(&self.layout, files),
            files: files.clone(),
            secret_cache: SecretCache::default(),
            bwlimit: None,
        }
    }

    /// What tells poof of this configuration, where that is needed.
    pub fn options(&self) -> Vec<PathBuf> {
        match self.profile() {
            Some(profile) => vec!["--profile".into(), profile.name().into()],
            None => options(&self.files, &self.layout.config),
        }
    }

    /// None: it is no profile.
    pub fn profile(&self) -> Option<Profile> {
        Profile::of_id(self.id()?)
    }

    /// Tells this configuration from others; None: it is the usual one.
    pub fn id(&self) -> Option<&str> {
        let id = self.state.strip_prefix(&self.layout.state).ok()?.to_str()?;
        (!id.is_empty()).then_some(id)
    }

    /// Keeps every other poof off this configuration while it lives.
    ///
    /// # Errors
    /// Another poof is at work.
    pub fn lock(&self) -> Result<Lock> {
        let lock = lock::acquire(&self.state)?;
        // What a command that only looked, and was killed, has left names files. What cannot
        // be wiped is told by the next upload.
        let _ = scratch::sweep(&self.state);
        Ok(lock)
    }

    /// The same for a run that may be none: a dry one is in nobody's way.
    ///
    /// # Errors
    /// Another poof is at work.
    pub fn lock_unless(&self, dry_run: bool) -> Result<Option<Lock>> {
        if dry_run { Ok(None) } else { self.lock().map(Some) }
    }
}

/// Where the state of a configuration is.
fn state(layout: &Layout, files: &Files) -> PathBuf {
    if *files == Files::resolve(&layout.config, None, None, None) {
        layout.state.clone()
    } else if let Some(profile) = Profile::of(files, layout) {
        profile.state(layout)
    } else {
        layout.state.join(format!("{:016x}", fingerprint(files)))
    }
}

/// An option goes before a variable, and a profile has files of its own.
fn files(given: Given, usual: &Path, of_profile: impl Fn(&Profile) -> Files) -> Result<Files> {
    let Given { profile, confdir, poofconf, rcloneconf, .. } = given;
    let by_option = [&confdir, &poofconf, &rcloneconf].iter().any(|path| path.is_some());
    if by_option && profile.is_some() {
        let what = "`--profile` and the path of a configuration are two configurations";
        return Err(Error::new(Kind::Usage, what).hint("Give one of them."));
    }
    let of_variable = variable("POOF_PROFILE").filter(|_| !by_option);
    let by_variable = profile.is_none() && of_variable.is_some();
    let profile = profile.or_else(|| Some(of_variable?.to_string_lossy().into_owned()));
    let profile = profile.map(|name| known(&name)).transpose()?;
    if let (Some(profile), false) = (&profile, by_variable) {
        return Ok(of_profile(profile));
    }
    let path = |option: Option<PathBuf>, name| option.or_else(|| variable(name));
    let [confdir, poofconf, rcloneconf] = [
        path(confdir, "POOF_CONFDIR"),
        path(poofconf, "POOF_POOFCONF"),
        path(rcloneconf, "POOF_RCLONECONF"),
    ];
    let is_given = [&confdir, &poofconf, &rcloneconf].iter().any(|path| path.is_some());
    let files =
        Files::resolve(usual, confdir.as_deref(), poofconf.as_deref(), rcloneconf.as_deref());
    match profile.map(|profile| of_profile(&profile)) {
        Some(own) if is_given && own != files => {
            let what = "POOF_PROFILE and POOF_CONFDIR, POOF_POOFCONF, or POOF_RCLONECONF are set, \
                        and are two configurations";
            Err(Error::new(Kind::Usage, what).hint("Unset one of them."))
        }
        Some(own) => Ok(own),
        None => Ok(files),
    }
}

fn known(name: &str) -> Result<Profile> {
    Profile::named(name).ok_or_else(|| {
        let name = shown::name_of(name.as_bytes()).into_owned();
        Error::new(Kind::Usage, format!("{name:?} cannot be the name of a profile")).hint(
            "A name has letters, digits, -, _, and dots, at most 64, and begins with a letter or a \
             digit.",
        )
    })
}

/// What tells poof of these files, as far as they are not in their usual place.
fn options(files: &Files, usual: &Path) -> Vec<PathBuf> {
    let plain = Files::resolve(usual, Some(&files.dir), None, None);
    let mut options = Vec::new();
    for (option, path, default) in [
        ("--confdir", &files.dir, usual),
        ("--poofconf", &files.poof, plain.poof.as_path()),
        ("--rcloneconf", &files.rclone, plain.rclone.as_path()),
    ] {
        if path != default {
            options.extend([PathBuf::from(option), path.clone()]);
        }
    }
    options
}

/// As a person types them.
pub fn words(options: &[PathBuf]) -> String {
    options.iter().map(|path| shown::typed(path)).collect::<Vec<_>>().join(" ")
}

/// One that is set to nothing counts as not set.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Tells configurations apart whose state must not be mixed.
fn fingerprint(files: &Files) -> u64 {
    // DefaultHasher::new() has fixed keys: the same files, the same state.
    let mut hasher = DefaultHasher::new();
    files.poof.hash(&mut hasher);
    files.rclone.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_in_its_usual_place_is_named() {
        let usual = Path::new("/home/joe/.config/poof");
        let of = |dir: Option<&str>, poof: Option<&str>| {
            options(&Files::resolve(usual, dir.map(Path::new), poof.map(Path::new), None), usual)
        };
        assert_eq!(of(None, None), [""; 0].map(PathBuf::from));
        assert_eq!(of(Some("/c"), None), ["--confdir", "/c"].map(PathBuf::from));
        let both = ["--confdir", "/c", "--poofconf", "/c/mine"].map(PathBuf::from);
        assert_eq!(of(Some("/c"), Some("mine")), both);
        assert_eq!(words(&both), "--confdir /c --poofconf /c/mine");
        assert_eq!(words(&["--confdir".into(), "/c d".into()]), "--confdir '/c d'");
    }
}
