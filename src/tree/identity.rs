//! Which store this is: a random number in the bucket, remembered on this machine.
//! Another bucket, an emptied one, or wrong passwords are recognised by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::guard::{Allowed, refuse};
use super::inventory::Inventory;
use super::manifest::Key;
use super::objects::RECORDS;
use super::records;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::storage::failure::Failure;
use crate::storage::job::Unwatched;
use crate::storage::store::Store;

pub(super) const NAME: &str = "identity";

/// What the bucket says.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    format: u32,
    id: String,
}

/// What this machine remembers of a remote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    id: String,
    /// Size and tag of the object: as long as a listing shows these, there is no
    /// need to read it.
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

/// The store that this machine knows under the name of a remote, unverified.
pub fn remembered_id(state: &Path, remote: &str) -> Option<String> {
    remembered(&path(state)).remove(remote).map(|known| known.id)
}

fn path(state: &Path) -> PathBuf {
    state.join("identities.json")
}

/// What cannot be read is not remembered; the bucket says it again.
fn remembered(path: &Path) -> BTreeMap<String, Known> {
    let bytes = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Identities<'_> {
    /// Looks whether this is the store that this machine knows. `records` lists
    /// poof's own records.
    ///
    /// # Errors
    /// It is another one, which `allowed` may let pass, or it fails.
    pub fn check(&self, records: &Inventory, allowed: Allowed) -> Result<Found> {
        let known = remembered(&path(self.state)).get(self.remote).cloned();
        let shown = records.look(NAME.as_bytes());
        let fingerprint = self.key.fingerprint();
        let other = |what: String| {
            if allowed.other_remote {
                return Found::new();
            }
            let hint = "Is it the right bucket, with the right passwords?";
            Err(refuse(what, hint, "other-remote"))
        };
        let Some(shown) = shown else {
            return match known {
                None => Found::new(),
                Some(_) => other(format!(
                    "{} is not the store that this machine knows: its identity is gone",
                    self.remote
                )),
            };
        };
        if known.as_ref().is_some_and(|k| k.shown == shown && k.key == fingerprint) {
            return Ok(Found::known(known.map(|k| k.id).unwrap_or_default()));
        }
        let Some(found) = self.read()? else {
            return other(format!(
                "the identity of {} cannot be read with these passwords",
                self.remote
            ));
        };
        match known {
            Some(known) if known.id != found.id && !allowed.other_remote => {
                other(format!("{} is another store than this machine knows", self.remote))
            }
            _ => {
                self.remember(Known { id: found.id.clone(), shown, key: fingerprint })?;
                Ok(Found::known(found.id))
            }
        }
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
        let mut shown = records::put(self.store, vec![record], &mut Unwatched).map_err(fail)?;
        let Some(shown) = shown.pop().flatten() else {
            let what = format!("cannot write to {}: what was written is not there", self.remote);
            return Err(Error::new(Kind::Incomplete, what));
        };
        self.remember(Known { id: identity.id, shown, key: self.key.fingerprint() })
    }

    /// None if it is not readable as what it should be.
    fn read(&self) -> Result<Option<Identity>> {
        let name = format!("{RECORDS}/{NAME}");
        let mut read = records::read(self.store, &[name], self.state, &mut Unwatched)?;
        let bytes = read.pop().and_then(std::result::Result::ok);
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn remember(&self, known: Known) -> Result<()> {
        let path = path(self.state);
        let mut all = remembered(&path);
        if all.get(self.remote) == Some(&known) {
            return Ok(());
        }
        all.insert(self.remote.to_owned(), known);
        let text = serde_json::to_vec(&all).map_err(|e| Error::unexpected(e.to_string()))?;
        write_private(&path, &text)
    }
}
