//! One section of rclone-poof.conf, with what poof.conf says about its secrets.

use crate::base::shown::path_of;
use std::path::{Path, PathBuf};

use super::rclone_conf::RcloneConf;
use super::secrets::Declared;
use super::status::{Problem, Status};
use super::trees::Directory;
use crate::storage::login;
use crate::storage::remote::Remote;

/// A place seen through the crypt remote `section`.
pub fn encrypted(plain: &Remote, rclone: &RcloneConf, section: &str) -> Remote {
    let says = |key, value| rclone.get(section, key).is_some_and(|said| said == value);
    let clear = says("filename_encryption", "off")
        || says("filename_encryption", "obfuscate")
        || says("directory_name_encryption", "false");
    plain.encrypted(section).with_clear_names(clear)
}

/// The keys without which a section cannot work, and placeholders left in it.
pub fn check_section(rclone: &RcloneConf, secrets: &[Declared], section: &str) -> Vec<Problem> {
    let elsewhere = |key: &str| secrets.iter().any(|s| s.place() == Some((section, key)));
    let place = |key: &str| format!("rclone-poof.conf [{section}].{key}");
    let missing = |key: &str| {
        Problem::new(
            Status::ErrorMissingKey,
            place(key),
            "the key is missing",
            "Add it; `poof cconfig` shows the file.",
        )
    };
    let Some(kind) = rclone.kind(section) else { return vec![missing("type")] };
    let values = rclone.values(section);
    let left = values.iter().filter(|(key, value)| value.starts_with("BOGUS-") && !elsewhere(key));
    let left = left.map(|(key, _)| {
        Problem::new(
            Status::WarnMisconfigured,
            place(key),
            "a placeholder is still there",
            "Replace it by your own, e.g. with `poof cconfig KEY=VALUE`.",
        )
    });
    let required: &[&str] = match kind {
        "crypt" => &["remote", "password"],
        "alias" => &["remote"],
        "s3" if rclone.get(section, "env_auth") != Some("true") => {
            &["access_key_id", "secret_access_key"]
        }
        _ => &[],
    };
    let lacking =
        |key: &&str| rclone.get(section, key).is_none_or(str::is_empty) && !elsewhere(key);
    left.chain(required.iter().copied().filter(lacking).map(missing)).collect()
}

/// A secret must have its section, and a source that neither goes to the remote nor
/// with an upload.
pub fn check_secret(
    rclone: &RcloneConf,
    secret: &Declared,
    directories: &[Directory],
    real: impl Fn(&Path) -> PathBuf,
) -> Result<(), Problem> {
    if let Some((section, _)) = secret.place()
        && !rclone.has(section)
    {
        return Err(secret.problem(
            Status::InvalidPoofConfig,
            &format!("rclone-poof.conf has no section [{section}]"),
            "Name one of its sections: \"SECTION.KEY\".",
        ));
    }
    if let Some((section, "token")) = secret.place()
        && rclone.kind(section).is_some_and(login::is_wanted)
    {
        return Err(secret.problem(
            Status::InvalidPoofConfig,
            "a run renews the token of a login, and cannot write it there",
            "Remove this entry from poof.conf, and log in: `poof login`.",
        ));
    }
    let holds = |tree: &&Directory| secret.lies_in(&real(&tree.local), &real);
    match directories.iter().find(holds) {
        None => Ok(()),
        Some(Directory { local, .. }) => Err(secret.problem(
            Status::WarnMisconfigured,
            &format!("its source is in {}, which is backed up", path_of(local)),
            "A copy would lie on the remote, and an upload would wipe it: keep it elsewhere.",
        )),
    }
}
