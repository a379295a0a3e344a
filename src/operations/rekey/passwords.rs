//! The old and the new passwords of an encrypted remote, in a file beside rclone-poof.conf
//! until the change is done. No walk sees that file: a backup under the old passwords would
//! tell the new ones to whoever has the old.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::base::shown::{path_of, quoted};
use crate::config::{PoofConf, RcloneConf, RcloneFile};
use crate::host::erase::{FillPattern, Replaced};
use crate::operations::secrets::{file_password, in_time, rclone_file};
use crate::operations::session::Session;
use crate::operations::{encryption, section};
use crate::tree::model::entry::PASSWORDS;
use crate::tree::remote::identity::successor;

/// What of a crypt section changes.
const KEYS: [&str; 2] = ["password", "password2"];

/// A change of passwords that was begun.
pub struct Change {
    path: PathBuf,
    /// The section of rclone-poof.conf.
    pub section: String,
    /// It with its old and with its new passwords, as two sections.
    file: RcloneFile,
}

/// Where the passwords of a change are.
pub fn path(session: &Session) -> PathBuf {
    let name = session.files.rclone.file_name().unwrap_or_default().to_string_lossy();
    session.files.rclone.with_file_name(format!("{PASSWORDS}{name}"))
}

/// Whether a change was begun and is not done.
pub fn is_begun(session: &Session) -> bool {
    path(session).symlink_metadata().is_ok()
}

/// The names of the two sections, which are in no file of the user's.
fn names(section: &str) -> [String; 2] {
    [format!("{section}-old"), successor(section)]
}

impl Change {
    /// The one that was begun for a section, if there is one.
    ///
    /// # Errors
    /// Its file cannot be read, or is of another section.
    pub fn begun(session: &Session, poof: &PoofConf, section: &str) -> Result<Option<Self>> {
        let path = path(session);
        if !is_begun(session) {
            return Ok(None);
        }
        let file = RcloneFile::load(&path, || file_password(session, Some(poof)));
        let file = in_time(file).map_err(|error| {
            let what = format!("{} cannot be read: {error}", path_of(&path));
            Error::config(what).hint(remedy(&path))
        })?;
        if names(section).iter().any(|name| !file.conf.has(name)) {
            let what = format!("{} is not of the section [{section}]", path_of(&path));
            return Err(Error::config(what).hint(remedy(&path)));
        }
        Ok(Some(Change { path, section: section.to_owned(), file }))
    }

    /// A new one, with random passwords, which is not saved.
    ///
    /// # Errors
    /// rclone-poof.conf has such sections already, or there are no random numbers.
    pub fn new(session: &Session, poof: &PoofConf, section: &str) -> Result<Self> {
        are_in_the_file(poof, section)?;
        let rclone = in_time(rclone_file(session, Some(poof)))?;
        let [old, new] = names(section);
        if let Some(taken) = [&old, &new].into_iter().find(|name| rclone.conf.has(name)) {
            let what = format!("rclone-poof.conf has a section [{taken}] already");
            return Err(Error::config(what).hint("Give that section another name."));
        }
        let current = rclone.conf.values(section);
        let mut parameters = current.clone();
        parameters.remove("type");
        for key in KEYS {
            let secret = Secret::random()
                .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
            parameters.insert(key.to_owned(), secret.expose().to_owned());
        }
        let made = section::create(session, &new, "crypt", parameters)?;
        let mut conf = RcloneConf::default();
        let order = encryption::KEYS;
        conf.fill(&old, &current, &order);
        conf.fill(&new, &made, &order);
        let file = rclone.beside(conf);
        Ok(Change { path: path(session), section: section.to_owned(), file })
    }

    /// The two sections, old and new.
    pub fn sections(&self) -> &RcloneConf {
        &self.file.conf
    }

    /// Their names.
    pub fn names(&self) -> [String; 2] {
        names(&self.section)
    }

    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<()> {
        self.file.save(&self.path)
    }

    /// Whether rclone-poof.conf has the new passwords.
    ///
    /// # Errors
    /// It has neither these nor the old ones.
    pub fn is_switched(&self, session: &Session, poof: &PoofConf) -> Result<bool> {
        let rclone = in_time(rclone_file(session, Some(poof)))?;
        let [old, new] = self.names();
        let has = |side: &str| {
            KEYS.iter()
                .all(|key| rclone.conf.get(&self.section, key) == self.file.conf.get(side, key))
        };
        if has(&new) || has(&old) {
            return Ok(has(&new));
        }
        let what = format!(
            "[{}] of rclone-poof.conf has neither the old passwords nor the new ones of {}",
            self.section,
            path_of(&self.path)
        );
        Err(Error::config(what).hint(remedy(&self.path)))
    }

    /// Puts the new passwords into rclone-poof.conf.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn switch(&self, session: &Session, poof: &PoofConf) -> Result<()> {
        let mut rclone = in_time(rclone_file(session, Some(poof)))?;
        let [_, new] = self.names();
        for key in KEYS {
            let value = self.file.conf.get(&new, key).unwrap_or_default().to_owned();
            rclone.conf.set(&self.section, key, &value);
        }
        rclone.save(&session.files.rclone)
    }

    /// Forgets the old passwords: the change is done.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn forget(self) -> Result<()> {
        let fail = |error| Error::io("remove", &self.path, &error).with_kind(Kind::Residue);
        let before = Replaced::at(&self.path);
        fs::remove_file(&self.path).map_err(fail)?;
        if let Ok(noise) = FillPattern::new() {
            before.erase(&noise);
        }
        Ok(())
    }
}

/// A file that nobody can go on with.
fn remedy(path: &Path) -> String {
    format!(
        "Put back the passwords that the last `poof kit` holds. To give the change up, and to \
         leave in the bucket what was sent under the other passwords: `rm {}`.",
        quoted(path)
    )
}

/// Refuses a section whose passwords are not in rclone-poof.conf.
fn are_in_the_file(poof: &PoofConf, section: &str) -> Result<()> {
    let elsewhere = poof.secrets().into_iter().find(|secret| {
        secret.place().is_some_and(|(of, key)| of == section && KEYS.contains(&key))
    });
    let Some(secret) = elsewhere else { return Ok(()) };
    let what = format!("{}: poof changes no password that is kept elsewhere", secret.told());
    Err(Error::config(what).hint(format!(
        "Put what `rclone obscure` makes of it into rclone-poof.conf, and remove {:?} from \
         \"secrets\": `poof edit poof.conf`.",
        secret.name
    )))
}
