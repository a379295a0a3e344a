//! The words in which `verify` speaks: those of the Python poof.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::base::error::Error;
use crate::base::files::is_absent;
use crate::base::shown::{path_of, quoted};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    MissingConfigFile,
    InvalidPoofConfig,
    InvalidCloningConfig,
    WarnMisconfigured,
    ErrorMissingKey,
    EncryptionEnabled,
    EncryptionDisabled,
    LaunchdEnabled,
    LaunchdDisabled,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Ok => "PoofStatus.OK",
            Status::MissingConfigFile => "PoofStatus.MISSING_CONFIG_FILE",
            Status::InvalidPoofConfig => "PoofStatus.INVALID_POOF_CONFIG",
            Status::InvalidCloningConfig => "PoofStatus.INVALID_CLONING_CONFIG",
            Status::WarnMisconfigured => "PoofStatus.WARN_MISCONFIGURED",
            Status::ErrorMissingKey => "PoofStatus.ERROR_MISSING_KEY",
            Status::EncryptionEnabled => "PoofStatus.ENCRYPTION_ENABLED",
            Status::EncryptionDisabled => "PoofStatus.ENCRYPTION_DISABLED",
            Status::LaunchdEnabled => "PoofStatus.LAUNCHD_ENABLED",
            Status::LaunchdDisabled => "PoofStatus.LAUNCHD_DISABLED",
        })
    }
}

impl Status {
    /// The word alone: `OK`.
    pub fn word(self) -> String {
        self.to_string().trim_start_matches("PoofStatus.").to_owned()
    }
}

/// Something in the configuration that keeps poof from working with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: Status,
    /// Where: `poof.conf paths`, `rclone-poof.conf [poof-backup].type`.
    pub place: String,
    /// What is wrong there; never the value of a secret.
    pub what: String,
    /// What to do about it.
    pub hint: String,
    /// Further mistakes in the same files.
    pub more: Vec<Problem>,
}

impl Problem {
    pub fn new(
        status: Status,
        place: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (place, what, hint) = (place.into(), what.into(), hint.into());
        Problem { status, place, what, hint, more: Vec::new() }
    }

    /// A key of poof.conf whose value is wrong.
    pub fn of_key(key: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Problem::new(Status::InvalidPoofConfig, format!("poof.conf \"{key}\""), what, hint)
    }

    /// Several as one, if there is any: who corrects a file wants to know all at once.
    pub fn all(problems: impl IntoIterator<Item = Problem>) -> Option<Self> {
        let mut problems = problems.into_iter();
        let mut first = problems.next()?;
        for mut other in problems {
            let more = std::mem::take(&mut other.more);
            first.more.push(other);
            first.more.extend(more);
        }
        Some(first)
    }

    /// This one and those with it.
    pub fn each(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(self).chain(&self.more)
    }

    /// The same, each by itself.
    pub fn apart(mut self) -> Vec<Problem> {
        let more = std::mem::take(&mut self.more);
        std::iter::once(self).chain(more).collect()
    }

    pub fn into_error(self) -> Error {
        let Problem { place, what, hint, more, .. } = &self;
        if more.is_empty() {
            let hint = match self.editor() {
                Some(file) if !hint.contains('`') => {
                    format!("{hint} `poof edit {file}` opens the file.")
                }
                _ => hint.clone(),
            };
            return Error::config(format!("{place}: {what}")).hint(hint.trim_start());
        }
        let lines = self
            .each()
            .map(|Problem { place, what, hint, .. }| format!("\n  {place}: {what}. {hint}"));
        let lines = lines.collect::<Vec<_>>().concat();
        let count = 1 + more.len();
        let error = Error::config(format!("the configuration has {count} mistakes:{lines}"));
        let mut files: Vec<_> = self.each().filter_map(Problem::editor).collect();
        files.sort_unstable();
        files.dedup();
        if files.is_empty() {
            return error;
        }
        let commands: Vec<_> = files.iter().map(|file| format!("`poof edit {file}`")).collect();
        error.hint(format!("To correct them: {}.", commands.join(", ")))
    }

    /// The file that has it.
    pub fn file(&self) -> Option<&'static str> {
        let files = ["poof.conf", "rclone-poof.conf"];
        files.into_iter().find(|file| self.place.split(' ').next() == Some(file))
    }

    /// The file that an editor has to open.
    fn editor(&self) -> Option<&'static str> {
        self.file().filter(|_| self.status != Status::MissingConfigFile)
    }
}

/// The text of the configuration file `name` without the mark that Windows puts before it.
///
/// # Errors
/// A [`Problem`] of status `invalid`: it is UTF-16, as Windows writes it. Neither rclone
/// nor the Python poof reads that.
pub(super) fn unmarked<'a>(
    bytes: &'a [u8],
    name: &str,
    invalid: Status,
) -> Result<&'a [u8], Problem> {
    // With its mark, or without one two characters of ASCII.
    let is_utf16 = matches!(
        bytes,
        [0xff, 0xfe, ..]
            | [0xfe, 0xff, ..]
            | [0, 1..=255, 0, 1..=255, ..]
            | [1..=255, 0, 1..=255, 0, ..]
    );
    if is_utf16 {
        let hint = format!(
            "Save it as UTF-8: `iconv -f UTF-16 -t UTF-8 {name} >new`, then `mv new {name}`."
        );
        return Err(Problem::new(invalid, name, "the file is UTF-16", hint));
    }
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// What to do about a file that cannot be read.
fn owned(path: &Path) -> String {
    // Root can read every file: whoever comes here is somebody else.
    if fs::metadata(path).is_ok_and(|found| found.uid() == 0) {
        format!("It belongs to root: `sudo chown \"$USER\" {}`.", quoted(path))
    } else {
        format!("If it is yours: `chmod u+rw {}`.", quoted(path))
    }
}

/// The bytes of the configuration file `name` at `path`.
///
/// # Errors
/// A [`Problem`]: it is missing, with `remedy` for that, or of status `invalid`
/// if it cannot be read.
pub(super) fn read(
    path: &Path,
    name: &str,
    invalid: Status,
    remedy: &str,
) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| {
        let shown = path_of(path);
        if is_absent(&error) {
            let what = format!("{shown} does not exist");
            Problem::new(Status::MissingConfigFile, name, what, remedy)
        } else {
            let what = format!("cannot read {shown}: {error}");
            Problem::new(invalid, name, what, owned(path))
        }
    })
}
