//! rclone-poof.conf as it lies on the disk: in clear, or encrypted by rclone with a
//! password (`rclone config encryption set`). What was encrypted is so again when it is
//! written; in clear it exists in memory only.

use std::path::Path;
use std::sync::Arc;

use super::rclone_conf::{RcloneConf, is_encrypted};
use super::status::{Problem, Status};
use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::secret::Secret;
use crate::storage::configuration;

const FILE: &str = "rclone-poof.conf";

/// The file: what it says, and the password that it is encrypted with, if it is.
pub struct RcloneFile {
    pub conf: RcloneConf,
    password: Option<Arc<Secret>>,
}

impl RcloneFile {
    /// Reads the file; `password` is asked only if it is encrypted.
    ///
    /// # Errors
    /// A [`Problem`]: it is missing or not what rclone reads, or there is no password, or
    /// another one.
    pub fn load(
        path: &Path,
        password: impl FnOnce() -> std::result::Result<Arc<Secret>, Problem>,
    ) -> std::result::Result<Self, Problem> {
        Self::parse(&RcloneConf::read(path)?, password)
    }

    /// The same of the bytes of the file.
    ///
    /// # Errors
    /// Those of [`RcloneFile::load`].
    pub fn parse(
        bytes: &[u8],
        password: impl FnOnce() -> std::result::Result<Arc<Secret>, Problem>,
    ) -> std::result::Result<Self, Problem> {
        if !is_encrypted(bytes) {
            return Ok(RcloneFile { conf: RcloneConf::parse(bytes)?, password: None });
        }
        let password = password()?;
        let text = unlock(bytes, &password)?;
        Ok(RcloneFile {
            conf: RcloneConf::parse(text.expose().as_bytes())?,
            password: Some(password),
        })
    }

    /// A new file, in clear.
    pub fn new(conf: RcloneConf) -> Self {
        RcloneFile { conf, password: None }
    }

    /// Another file, encrypted with the same password, if this one is.
    #[must_use]
    pub fn beside(&self, conf: RcloneConf) -> Self {
        RcloneFile { conf, password: self.password.clone() }
    }

    /// The password of an encrypted file.
    pub fn password(&self) -> Option<&Arc<Secret>> {
        self.password.as_ref()
    }

    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_private(path, &self.to_bytes()?)
    }

    /// As it is to lie on the disk.
    ///
    /// # Errors
    /// It cannot be encrypted.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = self.conf.text();
        let Some(password) = &self.password else { return Ok(text.into_bytes()) };
        let text = Secret::new(text);
        let locked = configuration::encrypt(text.expose(), password.expose());
        let locked = locked.map_err(|failure| {
            Error::unexpected(format!("cannot encrypt rclone-poof.conf: {}", failure.text))
        })?;
        Ok(locked.into_bytes())
    }
}

/// The text of an encrypted file.
///
/// # Errors
/// A [`Problem`]: it is another password, or the file is damaged.
pub fn unlock(bytes: &[u8], password: &Secret) -> std::result::Result<Secret, Problem> {
    let invalid =
        |what: &str, hint: &str| Problem::new(Status::InvalidCloningConfig, FILE, what, hint);
    let damaged = || invalid("the file is encrypted and damaged", "Restore it from a copy.");
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let unlocked = configuration::unlock(text, password.expose()).map_err(|_| damaged())?;
    if unlocked.opened {
        return Ok(unlocked.text.into());
    }
    Err(invalid(
        "the file is encrypted, and does not open with this password",
        "It is the one that `rclone config encryption set` was given.",
    ))
}
