//! Both files as they would be, in a directory of their own, where they can be tried.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Answers, KEEP, PLACEHOLDER, Place};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{create_private_dir, write_all_private};
use crate::base::shown::path_of;
use crate::config::bundle::with_bundle;
use crate::config::rclone_conf::STORAGE;
use crate::config::ready::storage_section;
use crate::config::secrets::Declared;
use crate::config::{Files, PoofConf, Problem, RcloneConf, RcloneFile, masking};
use crate::host::scratch::Scratch;
use crate::operations::secrets::{in_time, rclone_file};
use crate::operations::{
    Session, directories, encryption, keeping, loading, login, probe, section,
};
use crate::storage::remote::Remote;

/// Both files as the answers make them. Nothing of it is in force before [`Draft::save`].
pub struct Draft {
    /// That of a poof that knows these files alone.
    session: Session,
    /// The bytes of both files when the draft was made.
    before: [Option<Vec<u8>>; 2],
    /// Holds both files; wiped when the draft goes.
    _scratch: Scratch,
    /// Dropped after it.
    _fresh: Fresh,
}

/// Directories that were made for a draft. They go with it, unless something is in them.
struct Fresh(Vec<PathBuf>);

impl Fresh {
    /// Makes `dir` and what is missing above it.
    fn make(dir: &Path) -> Result<Self> {
        let missing = dir.ancestors().take_while(|dir| !dir.exists());
        let fresh = Fresh(missing.map(Path::to_path_buf).collect());
        create_private_dir(dir)?;
        Ok(fresh)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        for dir in &self.0 {
            // One that holds something is needed.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// How a remote has passed its trial.
pub struct Trial {
    /// None: it was there before.
    made: Option<Remote>,
    /// Why it cannot keep earlier states, if it cannot.
    pub keeps_nothing: Option<Error>,
}

impl Trial {
    /// Takes back what the trial has made, as far as nothing is in it.
    pub fn take_back(self) {
        // It is empty, and nobody is harmed if it stays.
        let _ = self.made.map(|remote| remote.remove_empty_bucket());
    }
}

impl Draft {
    /// Makes the files of the answers and of what is there.
    ///
    /// # Errors
    /// rclone refuses a setting, or the files cannot be written.
    pub fn make(session: &Session, answers: &Answers) -> Result<Self> {
        let before = [&session.files.poof, &session.files.rclone].map(|path| fs::read(path).ok());
        let io = |error: io::Error| Error::io("stage files in", &session.state, &error);
        let fresh = Fresh::make(&session.state)?;
        let scratch = Scratch::below(&session.state).map_err(io)?;
        let mut poof = poof_conf(session)?;
        let mut rclone = rclone_conf(session, &poof)?;
        poof = with_directories(session, &poof, answers).with(KEEP, answers.keep.as_deref());
        if let Some(wanted) = answers.bundle {
            poof = with_bundle(&poof, wanted);
        }
        let storage = storage_section(&poof, &rclone.conf).to_owned();
        let storage = if rclone.conf.has(&storage) { storage } else { STORAGE.to_owned() };
        if let Some(place) = &answers.place {
            put_place(session, &mut rclone.conf, &storage, place)?;
            let bucket = place.bucket.as_deref().unwrap_or(poof.bucket()).to_owned();
            poof = without_secrets_of(&storage, &poof).with("bucket", Some(&bucket));
        }
        // The encrypted remote moves with its storage, whatever its name, and only then.
        let in_use = poof.remote().to_owned();
        let in_use = Some(in_use).filter(|remote| rclone.conf.kind(remote) == Some("crypt"));
        let crypt = in_use.clone().or_else(|| encryption::crypt_section(&rclone.conf));
        let crypt = crypt.filter(|crypt| rclone.conf.get(crypt, "remote").is_some());
        if let Some(crypt) = crypt.filter(|_| answers.place.is_some()) {
            rclone.conf.set(&crypt, "remote", &format!("{storage}:{}", poof.bucket()));
        }
        if let Some(crypt) = in_use.filter(|_| answers.encrypted) {
            poof = poof.with_remote(&crypt);
        } else if answers.encrypted {
            poof = poof.with_remote(&storage);
            let crypt = encryption::add(session, &poof, &mut rclone.conf)?;
            poof = poof.with_remote(&crypt.name);
        } else {
            poof = poof.with_remote(&storage);
        }
        // Not the directory that is locked while it is in use: who saves a file locks its own.
        let dir = scratch.path().join("config");
        create_private_dir(&dir)?;
        let session = of_its_own(session, &dir);
        poof.save(&session.files.poof)?;
        rclone.save(&session.files.rclone)?;
        Ok(Draft { session, before, _scratch: scratch, _fresh: fresh })
    }

    /// Has the user log in to the provider. The settings of `place` get what that brings.
    ///
    /// # Errors
    /// The provider refuses, or nobody answers in time.
    pub fn log_in(&self, place: &mut Place) -> Result<()> {
        let (settings, wait) = (BTreeMap::new(), login::PATIENCE);
        let kind = Some(place.kind.clone());
        login::log_in(&self.session, &login::Request { kind, settings, no_browser: false, wait })?;
        let poof = PoofConf::load(&self.session.files.poof).map_err(Problem::into_error)?;
        let rclone = rclone_conf(&self.session, &poof)?.conf;
        let section = storage_section(&poof, &rclone).to_owned();
        // What is there is in clear, and rclone's form of it is not.
        for (key, value) in rclone.values(&section).into_iter().filter(|(key, _)| key != "type") {
            place.settings.entry(key).or_insert(value);
        }
        Ok(())
    }

    /// Lists, writes, reads and deletes on the remote.
    ///
    /// # Errors
    /// The files are wrong, or the remote cannot be reached or refuses.
    pub fn try_it(&self) -> Result<Trial> {
        let ready = loading::load(&self.session)?;
        let remote = ready.remote();
        let doing = format!("list {}", remote.name());
        let there = remote.top().map_err(|failure| failure.into_error(&doing, Kind::Remote))?;
        let mut trial = Trial { made: None, keeps_nothing: None };
        if !there.exists {
            trial.made = Some(remote.clone());
        }
        if let Err(error) = probe::remote(&self.session, &ready) {
            trial.take_back();
            return Err(error);
        }
        trial.keeps_nothing = keeping::works(&ready).err();
        Ok(trial)
    }

    /// poof.conf and rclone-poof.conf as they would be, without a secret.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn shown(&self) -> Result<[String; 2]> {
        let poof = PoofConf::load(&self.session.files.poof).map_err(Problem::into_error)?;
        let rclone = rclone_conf(&self.session, &poof)?;
        let poof = masking::poof_conf(&poof.to_vec());
        let rclone = masking::rclone_conf(rclone.conf.text().as_bytes());
        Ok([poof, rclone].map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Puts both files in place.
    ///
    /// # Errors
    /// They cannot be written, or somebody else has changed them in the meantime.
    pub fn save(&self, session: &Session) -> Result<()> {
        let _lock = session.lock()?;
        let paths = [&session.files.poof, &session.files.rclone];
        for (path, before) in paths.iter().zip(&self.before) {
            if fs::read(path).ok() != *before {
                let what = format!("{} was changed in the meantime", path_of(path));
                return Err(Error::config(what).hint("Nothing was written: `poof init` again."));
            }
        }
        let read = |from| fs::read(from).map_err(|error| Error::io("read", from, &error));
        let Files { poof, rclone, .. } = &self.session.files;
        let (poof, rclone) = (read(poof)?, read(rclone)?);
        // First the sections, then the file that names them.
        write_all_private(&[(&session.files.rclone, &rclone), (&session.files.poof, &poof)])
    }
}

/// poof.conf, or the one that a new user would have.
///
/// # Errors
/// It cannot be understood.
pub(super) fn poof_conf(session: &Session) -> Result<PoofConf> {
    if session.files.poof.exists() {
        PoofConf::load(&session.files.poof).map_err(Problem::into_error)
    } else {
        directories::scaffold(session)
    }
}

/// rclone-poof.conf, or an empty one.
///
/// # Errors
/// It cannot be understood, or its password is not known.
pub(super) fn rclone_conf(session: &Session, poof: &PoofConf) -> Result<RcloneFile> {
    if session.files.rclone.exists() {
        in_time(rclone_file(session, Some(poof)))
    } else {
        Ok(RcloneFile::new(RcloneConf::default()))
    }
}

/// The directories of the answers, and poof's own.
pub(super) fn with_directories(session: &Session, poof: &PoofConf, answers: &Answers) -> PoofConf {
    let own = session.files.dir.to_string_lossy().into_owned();
    let known: Vec<_> = poof.paths().map(|(local, _)| local.to_owned()).collect();
    let is_own = |local: &String| Path::new(local) == session.files.dir;
    let mut changed = poof.clone();
    for local in known.iter().filter(|local| !is_own(local)) {
        changed = changed.with_path(local, None);
    }
    let name = poof.paths().find(|(local, _)| is_own(&(*local).to_owned()));
    let name = name.map(|(_, name)| name).filter(|name| *name != PLACEHOLDER);
    changed = changed.with_path(&own, Some(name.unwrap_or(directories::OWN)));
    for directory in &answers.directories {
        changed = changed.with_path(&directory.local.to_string_lossy(), Some(&directory.name));
    }
    changed
}

/// Puts a place into its section, of which nothing else stays.
fn put_place(session: &Session, conf: &mut RcloneConf, storage: &str, place: &Place) -> Result<()> {
    let made = section::create(session, storage, &place.kind, place.settings.clone())?;
    let stale: Vec<_> = conf.keys(storage).map(str::to_owned).collect();
    for key in stale.iter().filter(|key| !made.contains_key(*key)) {
        conf.remove(storage, key);
    }
    let scaffold = RcloneConf::scaffold();
    let order: Vec<_> = scaffold.keys(STORAGE).collect();
    conf.fill(storage, &made, &order);
    Ok(())
}

/// Sources of secrets of the remote that was there before would be those of the new one.
fn without_secrets_of(section: &str, poof: &PoofConf) -> PoofConf {
    let is_of = |secret: &&Declared| secret.place().is_some_and(|(of, _)| of == section);
    let declared = poof.secrets();
    let stale = declared.iter().filter(is_of);
    stale.fold(poof.clone(), |poof, secret| poof.with_secret(&secret.name, None))
}

/// A session whose files and state are below `dir`.
fn of_its_own(session: &Session, dir: &Path) -> Session {
    Session {
        report: Arc::clone(&session.report),
        layout: session.layout.clone(),
        files: Files::resolve(dir, None, None, None),
        state: dir.join("state"),
        secret_cache: session.secret_cache.copy(),
        bwlimit: session.bwlimit.clone(),
    }
}
