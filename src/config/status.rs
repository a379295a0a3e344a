//! The words in which `verify` speaks: those of the Python poof.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::base::error::Error;
use crate::base::files::is_absent;

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
}

impl Problem {
    pub fn new(
        status: Status,
        place: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Problem { status, place: place.into(), what: what.into(), hint: hint.into() }
    }

    pub fn into_error(self) -> Error {
        let Problem { place, what, hint, .. } = self;
        Error::config(format!("{place}: {what}")).hint(hint)
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
        let shown = path.display();
        if is_absent(&error) {
            let what = format!("{shown} does not exist");
            Problem::new(Status::MissingConfigFile, name, what, remedy)
        } else {
            let what = format!("cannot read {shown}: {error}");
            Problem::new(invalid, name, what, "Check owner and permissions of that file.")
        }
    })
}
