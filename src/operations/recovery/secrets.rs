//! What the configuration of a kit becomes on this machine: a secret that its source
//! gives here as well, or that this machine's keychain takes, stays out of the files; any
//! other goes into rclone-poof.conf, so that everything works again.

use std::sync::Arc;

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::secret::Secret;
use crate::config::locked::unlock;
use crate::config::rclone_conf::is_encrypted;
use crate::config::secrets::{Declared, FILE_PASSWORD, Source};
use crate::config::{PoofConf, RcloneFile};
use crate::host::keychain;
use crate::kit::{Kept, Kit};
use crate::operations::secrets::{file_password, had, in_time, resolve_one};
use crate::operations::session::Session;
use crate::report::Note;

/// Both files as they are to be here.
pub struct Unpacked {
    pub poof: PoofConf,
    pub rclone: Vec<u8>,
    /// Of an encrypted rclone-poof.conf.
    password: Option<Arc<Secret>>,
}

impl Unpacked {
    /// Whether `there` says the same as rclone-poof.conf: encrypted anew, a text does not
    /// look the same.
    pub fn is_rclone(&self, there: &[u8]) -> bool {
        let plain = |text: &[u8]| {
            let password = self.password.as_ref().filter(|_| is_encrypted(text))?;
            unlock(text, password).ok()
        };
        let same = || Some(plain(there)?.expose() == plain(&self.rclone)?.expose());
        there == self.rclone || same().unwrap_or(false)
    }
}

/// Finds a place for each secret of the kit. `poof` is its poof.conf with the paths of
/// this machine; `made` takes the entries that are new in the keychain. None: nothing of this
/// machine is asked, and nothing is put there.
///
/// # Errors
/// The kit does not fit together, or the user interrupts.
pub fn unpack(
    session: &Session,
    kit: &Kit,
    mut poof: PoofConf,
    mut made: Option<&mut Vec<String>>,
) -> Result<Unpacked> {
    let text = kit.rclone_conf.as_bytes();
    let password = kit.secrets.get(FILE_PASSWORD);
    let password = password.map(|kept| Arc::new(kept.clear.clone().into()));
    if let Some(password) = &password {
        session.secret_cache.put(None, Arc::clone(password));
    }
    let mut rclone = text.to_vec();
    let sources = poof.secrets();
    if !sources.is_empty() {
        let mut file = in_time(RcloneFile::parse(text, || match &password {
            Some(password) => Ok(Arc::clone(password)),
            None => file_password(session, None),
        }))?;
        let mut filled = false;
        for (declared, kept) in
            sources.iter().filter_map(|source| Some((source, kit.secrets.get(&source.name)?)))
        {
            interrupt::check()?;
            if let Some(made) = made.as_deref_mut()
                && (is_here(session, declared, kept, &file)
                    || is_put(session, declared, kept, made))
            {
                continue;
            }
            poof = poof.with_secret(&declared.name, None);
            if let Some((section, key)) = declared.place() {
                file.conf.set(section, key, &kept.form);
                filled = true;
            }
            if made.is_some() {
                tell(session, declared);
            }
        }
        if filled {
            rclone = file.to_bytes()?;
        }
    }
    Ok(Unpacked { poof, rclone, password })
}

/// Whether the source of a secret gives it on this machine as well.
fn is_here(session: &Session, declared: &Declared, kept: &Kept, file: &RcloneFile) -> bool {
    let same = |found: &Secret| found.expose() == &**kept.clear;
    match declared.place() {
        None => had(session, declared).is_ok_and(|found| same(&found)),
        Some(_) => resolve_one(session, declared, &file.conf).is_ok_and(|found| same(&found.clear)),
    }
}

/// Puts what was in a keychain into that of this machine, if there is one and nothing
/// else is in its place.
fn is_put(session: &Session, declared: &Declared, kept: &Kept, made: &mut Vec<String>) -> bool {
    let Source::Keychain(entry) = &declared.source else { return false };
    let value = if declared.obscured { &kept.form } else { &kept.clear };
    let put = matches!(keychain::get(entry), Ok(None))
        && keychain::set(entry, &value.clone().into()).is_ok();
    if put {
        made.push(entry.clone());
        session.report.say(Note::InKeychain { secret: declared.name.clone() });
    }
    put
}

fn tell(session: &Session, declared: &Declared) {
    if declared.place().is_some() {
        session.report.say(Note::InTheFile { secret: declared.name.clone() });
    } else {
        session.report.warn(
            "rclone-poof.conf is encrypted, and where its password came from is not on this \
             machine: `poof secret set rclone-poof.conf` keeps it, `age --decrypt KIT` shows it",
        );
    }
}
