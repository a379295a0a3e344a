//! The old and the new passwords of an encrypted remote, in a file beside rclone-poof.conf
//! until the change is done. No walk sees that file: a backup under the old passwords would
//! tell the new ones to whoever has the old.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::config::{PoofConf, RcloneConf, RcloneFile};
use crate::host::erase::{FillPattern, Replaced};
use crate::operations::secrets::{file_password, in_time, rclone_file};
use crate::operations::session::Session;
use crate::operations::{encryption, own_files, section};
use crate::tree::remote::identity::successor;

/// A section that is no remote, and its keys.
const PROGRESS: &str = "rekey";
const EMPTIED: &str = "emptied";
const GIVEN_UP: &str = "given_up";

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
        if !own_files::is_rekeying(session) {
            return Ok(None);
        }
        let path = own_files::passwords(session);
        let file = RcloneFile::load(&path, || file_password(session, Some(poof)));
        let file =
            in_time(file).map_err(|error| unfit(&path, &format!("cannot be read: {error}")))?;
        let rclone = in_time(rclone_file(session, Some(poof)))?;
        let at = |conf: &RcloneConf, section: &str| conf.get(section, "remote").map(str::to_owned);
        for name in names(section) {
            if !file.conf.has(&name) {
                return Err(unfit(&path, &format!("is not of the section [{section}]")));
            }
            if at(&file.conf, &name) != at(&rclone.conf, section) {
                return Err(unfit(&path, "is of another bucket"));
            }
        }
        are_in_the_file(poof, section)?;
        Ok(Some(Change { path, section: section.to_owned(), file }))
    }

    /// A new one, with random passwords.
    ///
    /// # Errors
    /// rclone-poof.conf has such sections already, or there are no random numbers, or the file
    /// cannot be written.
    pub fn begin(session: &Session, poof: &PoofConf, section: &str) -> Result<Self> {
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
        let (path, section) = (own_files::passwords(session), section.to_owned());
        let change = Change { path, section, file };
        change.save()?;
        Ok(change)
    }

    /// The two sections, old and new.
    pub fn sections(&self) -> RcloneConf {
        let mut sections = RcloneConf::default();
        for name in self.names() {
            sections.fill(&name, &self.file.conf.values(&name), &encryption::KEYS);
        }
        sections
    }

    /// Whether nothing was left under the old passwords but poof's own records.
    pub fn is_emptied(&self) -> bool {
        self.file.conf.get(PROGRESS, EMPTIED).is_some()
    }

    /// Notes that.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_emptied(&mut self) -> Result<()> {
        self.file.conf.set(PROGRESS, EMPTIED, "true");
        self.save()
    }

    /// Whether the change is given up: what is under the new passwords goes.
    pub fn is_given_up(&self) -> bool {
        self.file.conf.get(PROGRESS, GIVEN_UP).is_some()
    }

    /// Notes that.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_given_up(&mut self) -> Result<()> {
        self.file.conf.set(PROGRESS, GIVEN_UP, "true");
        self.save()
    }

    /// Their names.
    pub fn names(&self) -> [String; 2] {
        names(&self.section)
    }

    fn save(&self) -> Result<()> {
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
        let what = format!("does not have the passwords that [{}] has now", self.section);
        Err(unfit(&self.path, &what))
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

    /// Forgets the passwords that are not in use: the change is done, or given up.
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

/// A change that does not fit rclone-poof.conf as it is.
fn unfit(path: &Path, what: &str) -> Error {
    Error::config(format!("{}, of a `poof rekey` that is not done, {what}", path_of(path))).hint(
        "Nothing was changed. Put rclone-poof.conf and poof.conf back as they were then. That file \
         may have the only copy of passwords that something on the remote needs.",
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
