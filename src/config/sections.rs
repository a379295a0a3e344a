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
pub fn encrypted(
    plain: &Remote,
    rclone: &RcloneConf,
    secrets: &[Declared],
    section: &str,
) -> Remote {
    plain.encrypted(section).with_clear_names(!hides_names(rclone, secrets, section))
}

/// Whether a crypt section encrypts all names, as far as it says so in a way that is known
/// here (rclone.org/crypt; Go's `strconv.ParseBool`). What else it says may mean that it does not:
/// then old and new, plain and encrypted objects share places.
pub fn hides_names(rclone: &RcloneConf, secrets: &[Declared], section: &str) -> bool {
    const TRUE: [&str; 6] = ["1", "t", "T", "true", "TRUE", "True"];
    let elsewhere = |key: &str| secrets.iter().any(|s| s.place() == Some((section, key)));
    let is_one = |key: &str, of: &dyn Fn(&str) -> bool| {
        !elsewhere(key) && rclone.get(section, key).is_none_or(|said| said.is_empty() || of(said))
    };
    is_one("filename_encryption", &|said| said.eq_ignore_ascii_case("standard"))
        && is_one("directory_name_encryption", &|said| TRUE.contains(&said))
}

/// The keys without which a section cannot work, and placeholders left in it.
///
/// `poof cconfig` sets those of the section `storage`.
pub fn check_section(
    rclone: &RcloneConf,
    secrets: &[Declared],
    section: &str,
    storage: &str,
) -> Vec<Problem> {
    let elsewhere = |key: &str| secrets.iter().any(|s| s.place() == Some((section, key)));
    let place = |key: &str| format!("rclone-poof.conf [{section}].{key}");
    let setting = |key: &str| {
        match (rclone.kind(section), key) {
        (Some("crypt"), "password") => {
            "A backup that is there needs its own, which the recovery kit has. For a new one: `poof \
             econfig`."
                .to_owned()
        }
        // It asks for the value.
        _ if section == storage && key == "secret_access_key" => format!("`poof cconfig {key}` asks for it."),
        (Some(_), _) if section == storage => format!("`poof cconfig {key}=VALUE` sets it."),
        _ => "Add it, or remove the section.".to_owned(),
    }
    };
    let missing = |key: &str| {
        Problem::new(Status::ErrorMissingKey, place(key), "the key is missing", setting(key))
    };
    let Some(kind) = rclone.kind(section) else { return vec![missing("type")] };
    let values = rclone.values(section);
    let left = values.iter().filter(|(key, value)| value.starts_with("BOGUS-") && !elsewhere(key));
    let left = left.map(|(key, _)| {
        Problem::new(
            Status::WarnMisconfigured,
            place(key),
            "a placeholder is still there",
            setting(key),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_hide_names_hides_them() {
        let hides = |text: &str| {
            let conf = RcloneConf::parse(format!("[c]\ntype = crypt\n{text}\n").as_bytes());
            hides_names(&conf.unwrap(), &[], "c")
        };
        for text in [
            "",
            "filename_encryption =",
            "filename_encryption = standard",
            "filename_encryption = Standard",
            "directory_name_encryption = true",
            "directory_name_encryption = T",
        ] {
            assert!(hides(text), "{text}");
        }
        for text in [
            "filename_encryption = off",
            "filename_encryption = OFF",
            "filename_encryption = obfuscate",
            "filename_encryption = new",
            "directory_name_encryption = false",
            "directory_name_encryption = False",
            "directory_name_encryption = 0",
            "directory_name_encryption = f",
            "directory_name_encryption = no",
        ] {
            assert!(!hides(text), "{text}");
        }
    }
}
