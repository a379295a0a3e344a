//! The encrypted remote: a crypt section with random passwords on top of the storage.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Session, section};
use crate::base::error::{Error, Result};
use crate::base::secret::Secret;
use crate::config::rclone_conf::CRYPT;
use crate::config::{PoofConf, RcloneConf};
use crate::host::disk;

/// A crypt section of rclone-poof.conf.
pub struct Section {
    pub name: String,
    /// It was made, or completed, just now.
    pub is_new: bool,
}

/// The keys of such a section, in the order in which they are written.
pub const KEYS: [&str; 5] = ["type", "remote", "filename_encoding", "password", "password2"];

/// Adds what an encrypted remote needs to `rclone`, which is not saved. One that is
/// complete stays as it is.
///
/// # Errors
/// There is no storage to put it on, or rclone refuses the values.
pub fn add(session: &Session, poof: &PoofConf, rclone: &mut RcloneConf) -> Result<Section> {
    let name = crypt_section(rclone).unwrap_or_else(|| CRYPT.to_owned());
    let kept = rclone.values(&name);
    let secrets = poof.secrets();
    let has = |key: &str| {
        kept.get(key).is_some_and(|v| !v.is_empty() && !v.starts_with("BOGUS-"))
            || secrets.iter().any(|secret| secret.place() == Some((&name, key)))
    };
    if has("password") && has("remote") {
        return Ok(Section { name, is_new: false });
    }
    let mut parameters = BTreeMap::new();
    let storage = poof.remote();
    if !has("remote") {
        if storage == name || !rclone.has(storage) {
            return Err(Error::config(format!("rclone-poof.conf has no section [{storage}]"))
                .hint("`poof cconfig` makes the storage remote that encryption sits on."));
        }
        parameters.insert("remote".to_owned(), format!("{storage}:{}", poof.bucket()));
    }
    if !has("password")
        && !has("filename_encoding")
        && let Some(encoding) = name_encoding(rclone, poof)
    {
        parameters.insert("filename_encoding".to_owned(), encoding.to_owned());
    }
    for key in ["password", "password2"] {
        // A second password beside one in use would be another key.
        if !has("password") {
            let secret = Secret::random()
                .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
            parameters.insert(key.to_owned(), secret.expose().to_owned());
        }
    }
    let made = section::create(session, &name, "crypt", parameters)?;
    rclone.fill(&name, &made, &KEYS);
    Ok(Section { name, is_new: true })
}

/// The encoding of encrypted names that leaves the longest of them room on the
/// remote (rclone.org/crypt, "filename encoding"): base64 where the case of letters
/// is kept, which a disk is asked for; base32768 where characters are counted and
/// not bytes. None: rclone's own choice, which fits everywhere and holds 143 bytes
/// instead of 175.
fn name_encoding(rclone: &RcloneConf, poof: &PoofConf) -> Option<&'static str> {
    const KEEP_CASE: [&str; 9] = [
        "s3",
        "b2",
        "google cloud storage",
        "azureblob",
        "swift",
        "drive",
        "oracleobjectstorage",
        "qingstor",
        "storj",
    ];
    const COUNT_CHARACTERS: [&str; 2] = ["onedrive", "dropbox"];
    let storage = poof.remote();
    match rclone.kind(storage)? {
        kind if KEEP_CASE.contains(&kind) => Some("base64"),
        kind if COUNT_CHARACTERS.contains(&kind) => Some("base32768"),
        "alias" => of_disk(Path::new(rclone.get(storage, "remote")?)),
        "local" => of_disk(Path::new(poof.bucket()).parent()?),
        _ => None,
    }
}

/// An alias of another remote is no disk.
fn of_disk(dir: &Path) -> Option<&'static str> {
    (dir.is_absolute() && disk::keeps_case(dir).unwrap_or(false)).then_some("base64")
}

/// The crypt section that is there already.
pub fn crypt_section(rclone: &RcloneConf) -> Option<String> {
    rclone.sections().find(|section| rclone.kind(section) == Some("crypt")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_where_the_remote_keeps_their_case() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let conf = |kind: &str| {
            let text = format!("[poof-backup]\ntype = {kind}\nremote = {path}\n");
            RcloneConf::parse(text.as_bytes()).unwrap()
        };
        let text = r#"{"bucket": "b", "confFile": "/c", "paths": {}, "remote": "poof-backup"}"#;
        let poof = PoofConf::parse(text.as_bytes()).unwrap();
        for (kind, encoding) in [
            ("s3", Some("base64")),
            ("onedrive", Some("base32768")),
            ("webdav", None),
            ("local", None),
        ] {
            assert_eq!(name_encoding(&conf(kind), &poof), encoding, "{kind}");
        }
        let keeps = dir.path().join("Probe");
        std::fs::write(&keeps, "").unwrap();
        let expected = (!dir.path().join("probe").exists()).then_some("base64");
        assert_eq!(name_encoding(&conf("alias"), &poof), expected);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left there");
    }
}
