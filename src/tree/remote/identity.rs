//! Which store this is: a random number in the bucket, remembered on this machine.
//! Another bucket, an emptied one, or wrong passwords are recognised by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::known;
use super::metadata_store::{self, SMALL};
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{is_absent, write_private};
use crate::storage::failure::{Failure, FailureKind};
use crate::storage::job::Unwatched;
use crate::storage::store::Store;
use crate::tree::guard::{Allowed, refuse};
use crate::tree::manifest::Key;
use crate::tree::model::inventory::Inventory;
use crate::tree::model::layout::RECORDS;

pub(in crate::tree) const NAME: &str = "identity";

/// What the bucket says.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    format: u32,
    id: String,
}

/// The record, as it came back.
enum Read {
    Identity(Identity),
    /// It was listed, and then it was not there.
    Gone,
    /// It does not decrypt, or is something else.
    Damaged,
}

/// What this machine remembers of a remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    id: String,
    /// Size and tag of the object: as long as a listing shows these, there is no
    /// need to read it. Without a tag it shows nothing: all identities have one size.
    shown: (u64, String),
    /// Recognises the passwords with which it was read.
    key: String,
}

/// The identity of a store, and what this machine remembers of it.
pub struct Identities<'a> {
    pub store: &'a Store,
    pub key: &'a Key,
    /// The state directory of this configuration.
    pub state: &'a Path,
    /// The remote, as poof.conf has it.
    pub remote: &'a str,
}

/// The store, as a check found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In hexadecimal. What this machine keeps of a store is kept under it.
    pub id: String,
    /// The store does not say it yet.
    pub new: bool,
}

impl Found {
    fn known(id: String) -> Self {
        Found { id, new: false }
    }

    fn new() -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Error::unexpected(error.to_string()))?;
        Ok(Found { id: HEXLOWER.encode(&random), new: true })
    }
}

/// What seals poof's records in a store.
///
/// # Errors
/// The passwords in the configuration are not as rclone writes them.
pub fn key(store: &Store) -> std::result::Result<Key, Failure> {
    let secrets = store.secrets()?;
    Ok(secrets.map_or_else(Key::plain, |[secret, before]| Key::of_secrets(&secret, &before)))
}

/// The name under which a remote is known that is about to have other passwords: once it has
/// them it is no other store, for this machine has made that one itself.
pub fn successor(remote: &str) -> String {
    format!("{remote}-new")
}

/// The remote has the passwords of its successor now.
///
/// # Errors
/// The state cannot be read or written.
pub fn succeed(state: &Path, remote: &str) -> Result<()> {
    also_known(state, &successor(remote), remote)
}

/// Knows a remote under another name as well.
///
/// # Errors
/// The state cannot be read or written.
pub fn also_known(state: &Path, remote: &str, other: &str) -> Result<()> {
    let path = path(state);
    let mut all = remembered(&path)?;
    let Some(known) = all.get(remote).cloned() else { return Ok(()) };
    match all.insert(other.to_owned(), known.clone()) {
        Some(before) if before == known => Ok(()),
        _ => write(&path, &all),
    }
}

/// Forgets a remote.
///
/// # Errors
/// The state cannot be written.
pub fn forget(state: &Path, remote: &str) -> Result<()> {
    let path = path(state);
    let mut all = remembered(&path)?;
    if all.remove(remote).is_some() { write(&path, &all) } else { Ok(()) }
}

/// The store that this machine knows under the name of a remote, unverified.
pub fn remembered_id(state: &Path, remote: &str) -> Option<String> {
    remembered(&path(state)).ok()?.remove(remote).map(|known| known.id)
}

/// All stores that this machine knows, unverified.
pub fn remembered_ids(state: &Path) -> Vec<String> {
    let known = remembered(&path(state)).unwrap_or_default();
    known.into_values().map(|known| known.id).collect()
}

fn path(state: &Path) -> PathBuf {
    state.join("identities.json")
}

/// One that is damaged is not remembered; the bucket says it again.
///
/// # Errors
/// It is there and cannot be read. Another store must not pass for the known one then.
fn remembered(path: &Path) -> Result<BTreeMap<String, Known>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if is_absent(&error) => Ok(BTreeMap::new()),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

fn write(path: &Path, all: &BTreeMap<String, Known>) -> Result<()> {
    let text = serde_json::to_vec(all).map_err(|e| Error::unexpected(e.to_string()))?;
    write_private(path, &text)
}

impl Identities<'_> {
    /// What this machine knows of the remote, and of these passwords if it is about to have
    /// them.
    fn known(&self) -> Result<Option<Known>> {
        let mut all = remembered(&path(self.state))?;
        let fingerprint = self.key.fingerprint();
        let known = all.remove(self.remote);
        if known.as_ref().is_none_or(|known| known.key != fingerprint)
            && let Some(next) = all.remove(&successor(self.remote))
            && next.key == fingerprint
        {
            return Ok(Some(next));
        }
        Ok(known)
    }

    /// Looks whether this is the store that this machine knows. `records` lists
    /// poof's own records.
    ///
    /// # Errors
    /// It is another one, which `allowed` may accept, or it fails.
    pub fn check(&self, records: &Inventory, allowed: Allowed) -> Result<Found> {
        let known = self.known()?;
        let shown = records.look(NAME.as_bytes());
        let fingerprint = self.key.fingerprint();
        let other = |refusal: Error| if allowed.other_remote { Found::new() } else { Err(refusal) };
        let gone = || other(self.gone());
        let Some(shown) = shown else {
            if known.is_some() {
                return gone();
            }
            if known::trees(records).is_empty() {
                return Found::new();
            }
            let what = format!("{} has snapshots, and says no more which store it is", self.remote);
            let hint = "Somebody has removed the record `.poof/identity`.";
            return other(refuse(what, hint, "other-remote"));
        };
        let is_shown = |k: &Known| k.shown == shown && !shown.1.is_empty() && k.key == fingerprint;
        if let Some(known) = known.as_ref().filter(|known| is_shown(known)) {
            self.remember(known.clone())?;
            return Ok(Found::known(known.id.clone()));
        }
        let found = match self.read()? {
            Read::Identity(found) => found,
            Read::Gone => return gone(),
            Read::Damaged => return other(self.closed()),
        };
        match known {
            Some(known) if known.id != found.id && !allowed.other_remote => other(self.another()),
            _ => {
                self.remember(Known { id: found.id.clone(), shown, key: fingerprint })?;
                Ok(Found::known(found.id))
            }
        }
    }

    /// The same for one who only reads, and has listed nothing: the record itself is read,
    /// and nothing is remembered. A machine that knows no store can tell no other from it.
    ///
    /// # Errors
    /// As [`Identities::check`].
    pub fn confirm(&self, allowed: Allowed) -> Result<()> {
        let known = self.known()?;
        let Some(known) = known.filter(|_| !allowed.other_remote) else { return Ok(()) };
        match self.read()? {
            Read::Identity(found) if found.id == known.id => Ok(()),
            Read::Identity(_) => Err(self.another()),
            Read::Gone => Err(self.gone()),
            Read::Damaged => Err(self.closed()),
        }
    }

    fn gone(&self) -> Error {
        let what = format!(
            "nothing of poof's is at {}, where this machine has backed up before",
            self.remote
        );
        refuse(what, "Is it the right bucket or disk, and is it whole?", "other-remote")
    }

    fn another(&self) -> Error {
        let what = format!("{} is another store than this machine knows", self.remote);
        refuse(what, "Is it the right bucket, with the right passwords?", "other-remote")
    }

    fn closed(&self) -> Error {
        let what = format!("the identity of {} does not open", self.remote);
        let hint = "Are the passwords in rclone-poof.conf those of the backup?";
        refuse(what, hint, "other-remote")
    }

    /// Gives the store an identity.
    ///
    /// # Errors
    /// The remote or this machine's disk fails.
    pub fn create(&self, found: &Found) -> Result<()> {
        let identity = Identity { format: 1, id: found.id.clone() };
        let text = serde_json::to_vec(&identity).map_err(|e| Error::unexpected(e.to_string()))?;
        let record = (format!("{RECORDS}/{NAME}"), text);
        let fail = |failure: Failure| failure.into_error("mark the store", Kind::Remote);
        let mut shown =
            metadata_store::put(self.store, vec![record], &mut Unwatched).map_err(fail)?;
        let Some(shown) = shown.pop().flatten() else {
            let what = format!("cannot write to {}: what was written is not there", self.remote);
            return Err(Error::new(Kind::Incomplete, what));
        };
        self.remember(Known { id: identity.id, shown, key: self.key.fingerprint() })
    }

    /// # Errors
    /// It cannot be fetched. That says nothing about passwords.
    fn read(&self) -> Result<Read> {
        let name = format!("{RECORDS}/{NAME}");
        let mut read =
            metadata_store::read(self.store, &[name], SMALL, self.state, &mut Unwatched)?;
        Ok(match read.pop() {
            Some(Ok(bytes)) => serde_json::from_slice(&bytes).map_or(Read::Damaged, Read::Identity),
            Some(Err(failure)) if failure.kind == FailureKind::Lost => Read::Damaged,
            _ => Read::Gone,
        })
    }

    fn remember(&self, known: Known) -> Result<()> {
        let path = path(self.state);
        let mut all = remembered(&path)?;
        if all.get(self.remote) == Some(&known) {
            return Ok(());
        }
        all.insert(self.remote.to_owned(), known);
        write(&path, &all)
    }
}
