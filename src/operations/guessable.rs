//! Passwords of an encrypted remote that a person has chosen: whoever has the bucket can
//! try as many as they like.

use super::recovery::phrase;
use super::secrets::Resolved;
use super::session::Session;
use crate::base::secret::Secret;
use crate::config::RcloneConf;
use crate::storage::configuration::describe;

/// Warns of each encrypted remote of rclone-poof.conf whose passwords can be guessed.
/// `secrets` are those that are elsewhere, as far as they are known.
pub fn warn(session: &Session, rclone: &RcloneConf, secrets: &[Resolved]) {
    for section in rclone.sections().filter(|name| rclone.kind(name) == Some("crypt")) {
        let weak = |key| {
            let elsewhere = secrets.iter().find(|secret| secret.is_of(section, key));
            match elsewhere {
                Some(secret) => Some(phrase::is_weak(&secret.clear)),
                None => Some(phrase::is_weak(&standing(rclone, section, key)?)),
            }
        };
        // The second is the salt of the first: a strong one is as good.
        if weak("password") == Some(true) && weak("password2").unwrap_or(true) {
            session.report.warn(&format!(
                "rclone-poof.conf [{section}]: who has the bucket can guess its password, which \
                 is neither four different words nor sixteen mixed characters; what was sent \
                 with it stays open to that. A section that `poof econfig` makes has passwords \
                 that nobody guesses; use it with another bucket"
            ));
        }
    }
}

/// The value in the file, in clear. None if there is none, or a placeholder.
fn standing(rclone: &RcloneConf, section: &str, key: &str) -> Option<Secret> {
    let value = rclone.get(section, key).filter(|value| !value.is_empty())?;
    let described = describe("crypt", key, value, true).ok();
    let described = described.filter(|described| !described.clear.is_empty())?;
    Some(described.clear.into())
}
