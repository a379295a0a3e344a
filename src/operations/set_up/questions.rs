//! What has to be asked of a remote: rclone's own options, in its own words.

use crate::base::error::{Error, Kind, Result};
use crate::config::masking::is_secret;
use crate::storage::configuration::{self, Example, RemoteOption, RemoteType};
use crate::storage::login;

/// A setting that is asked for.
#[allow(clippy::struct_excessive_bools)] // each is of its own
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub key: String,
    /// What it is, in a sentence.
    pub what: String,
    /// Values to choose from, each with what it means.
    pub choices: Vec<(String, String)>,
    /// Only one of the choices will do.
    pub is_exclusive: bool,
    pub is_secret: bool,
    pub is_required: bool,
    /// Yes or no.
    pub is_flag: bool,
    /// What rclone takes if nobody says.
    pub usual: String,
}

/// The settings of a type of remote.
#[derive(Default)]
pub struct Questions {
    /// Without them it does not work.
    pub needed: Vec<Question>,
    /// Others that people set.
    pub more: Vec<Question>,
    /// The rest.
    pub advanced: Vec<Question>,
}

/// All types of remotes of this build.
///
/// # Errors
/// rclone does not answer.
pub fn types() -> Result<Vec<RemoteType>> {
    let failed = |failure| -> Error {
        let _: crate::storage::failure::Failure = failure;
        Error::new(Kind::Unexpected, "rclone does not say which types of remotes it has")
    };
    configuration::types().map_err(failed)
}

/// Whether a person logs in with a browser: rclone then has a token.
pub fn needs_login(kind: &RemoteType) -> bool {
    login::is_wanted(&kind.name)
}

/// What the types are asked for that most people take; None: what rclone says is required.
fn essential(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "sftp" => Some(&["host", "user", "port", "key_file", "pass"]),
        "webdav" => Some(&["url", "vendor", "user", "pass"]),
        "smb" | "ftp" => Some(&["host", "user", "pass"]),
        "b2" | "azureblob" => Some(&["account", "key"]),
        "mega" | "protondrive" | "koofr" => Some(&["user", "password", "username"]),
        _ => None,
    }
}

/// The questions of a type, and of a `provider` where the type has several.
pub fn of(kind: &RemoteType, provider: &str) -> Questions {
    let mut questions = Questions::default();
    let essential = essential(&kind.name);
    let logs_in = needs_login(kind);
    let asked = kind.options.iter().filter(|option| option.hide & HIDDEN == 0);
    for option in asked.filter(|option| fits(&option.provider, provider)) {
        let question = question(option, provider);
        let is_needed = match essential {
            Some(keys) => keys.contains(&option.name.as_str()),
            None => option.required && option.name != PROVIDER,
        };
        // A login brings these.
        let is_of_login = logs_in && LOGIN.contains(&option.name.as_str());
        if is_needed && !is_of_login {
            questions.needed.push(question);
        } else if option.advanced || is_of_login {
            questions.advanced.push(question);
        } else if option.name != PROVIDER {
            questions.more.push(question);
        }
    }
    if let Some(keys) = essential {
        let place = |question: &Question| keys.iter().position(|key| *key == question.key);
        questions.needed.sort_by_key(place);
    }
    questions
}

/// The key that says which provider it is.
pub const PROVIDER: &str = "provider";
/// Bit of `hide`: whoever sets a remote up is not asked (fs.OptionHideConfigurator).
const HIDDEN: u8 = 2;
/// What a login fills in, or rclone has of its own.
const LOGIN: [&str; 6] =
    ["client_id", "client_secret", "token", "auth_url", "token_url", "client_credentials"];

/// The providers of S3, each with its name.
pub fn providers(s3: &RemoteType) -> Vec<(String, String)> {
    let option = s3.options.iter().find(|option| option.name == PROVIDER);
    option.map(|option| choices(option, "")).unwrap_or_default()
}

/// What S3 of a provider asks for: keys, where it is, and where the bucket is.
pub fn of_s3(s3: &RemoteType, provider: &str) -> Questions {
    let mut questions = of(s3, provider);
    let take = |list: &mut Vec<Question>, key: &str| {
        list.iter().position(|question| question.key == key).map(|at| list.remove(at))
    };
    let mut needed = Vec::new();
    for key in ["access_key_id", "secret_access_key", "region", "endpoint"] {
        let found = take(&mut questions.more, key);
        let found = found.or_else(|| take(&mut questions.advanced, key));
        let found = found.or_else(|| take(&mut questions.needed, key));
        let Some(mut question) = found else { continue };
        let is_wanted = match key {
            // Amazon has its own; others without a list of regions have none.
            "endpoint" => provider != "AWS",
            "region" => !question.choices.is_empty() && !is_free(&question),
            _ => true,
        };
        if is_wanted {
            question.is_required = key != "region";
            needed.push(question);
        } else {
            questions.more.push(question);
        }
    }
    questions.needed.splice(0..0, needed);
    questions
}

/// The list of a provider that has no regions of its own says so.
fn is_free(question: &Question) -> bool {
    question.choices.iter().all(|(value, _)| value.is_empty() || value == "other-v2-signature")
}

fn question(option: &RemoteOption, provider: &str) -> Question {
    let sentence = option.help.lines().next().unwrap_or_default().trim();
    Question {
        key: option.name.clone(),
        what: sentence.trim_end_matches('.').to_owned(),
        choices: choices(option, provider),
        is_exclusive: option.exclusive,
        is_secret: is_secret(&option.name, Some(option)) && !is_name(&option.name),
        is_required: option.required,
        is_flag: option.kind == "bool",
        usual: option.default_str.clone(),
    }
}

fn choices(option: &RemoteOption, provider: &str) -> Vec<(String, String)> {
    let fitting = option.examples.iter().filter(|example| fits(&example.provider, provider));
    let shown = |example: &Example| {
        let help = example.help.lines().next().unwrap_or_default();
        (example.value.clone(), help.trim_end_matches('.').to_owned())
    };
    fitting.map(shown).collect()
}

/// Whether what is of some providers is of this one: `AWS,Minio`, `!AWS,Minio`, or of all.
fn fits(of: &str, provider: &str) -> bool {
    match (of, of.strip_prefix('!')) {
        ("", _) => true,
        _ if provider.is_empty() => true,
        (_, Some(others)) => others.split(',').all(|other| other != provider),
        (these, None) => these.split(',').any(|this| this == provider),
    }
}

/// The name of a key is shown to whoever types it.
fn is_name(key: &str) -> bool {
    matches!(key, "access_key_id" | "key_pem")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> RemoteType {
        types().unwrap().into_iter().find(|kind| kind.name == name).unwrap()
    }

    fn keys(questions: &[Question]) -> Vec<&str> {
        questions.iter().map(|question| question.key.as_str()).collect()
    }

    #[test]
    fn amazon_is_asked_for_keys_and_a_region_and_others_for_their_server() {
        let s3 = kind("s3");
        let of = |provider: &str| of_s3(&s3, provider).needed;
        assert_eq!(keys(&of("AWS")), ["access_key_id", "secret_access_key", "region"]);
        assert_eq!(keys(&of("Minio")), ["access_key_id", "secret_access_key", "endpoint"]);
        let wasabi = of("Wasabi");
        let endpoint = wasabi.iter().find(|question| question.key == "endpoint").unwrap();
        assert!(endpoint.choices.iter().any(|(value, _)| value.contains("wasabisys.com")));
        assert!(!endpoint.choices.iter().any(|(value, _)| value.contains("amazonaws")));
        let amazon = of("AWS");
        assert!(amazon[2].choices.iter().any(|(value, _)| value == "eu-central-1"));
        assert!(!amazon[0].is_secret && amazon[1].is_secret);
        assert!(providers(&s3).iter().any(|(value, _)| value == "AWS"));
    }

    #[test]
    fn a_server_is_asked_for_what_people_know_of_it() {
        let sftp = of(&kind("sftp"), "");
        assert_eq!(keys(&sftp.needed), ["host", "user", "port", "key_file", "pass"]);
        let secrets: Vec<_> = sftp.needed.iter().map(|question| question.is_secret).collect();
        assert_eq!(secrets, [false, false, false, false, true]);
        let webdav = of(&kind("webdav"), "");
        assert_eq!(keys(&webdav.needed), ["url", "vendor", "user", "pass"]);
        assert!(webdav.needed[1].choices.iter().any(|(value, _)| value == "nextcloud"));
    }

    #[test]
    fn a_login_is_known_by_its_token_and_asks_for_nothing() {
        for name in ["drive", "dropbox", "onedrive", "box", "pcloud"] {
            let kind = kind(name);
            assert!(needs_login(&kind), "{name}");
            assert!(keys(&of(&kind, "").needed).is_empty(), "{name}");
        }
        for name in ["s3", "sftp", "b2", "webdav", "local"] {
            assert!(!needs_login(&kind(name)), "{name}");
        }
    }

    #[test]
    fn what_is_of_other_providers_is_left_out() {
        for (of, provider, is) in [
            ("", "AWS", true),
            ("AWS,Minio", "Minio", true),
            ("AWS,Minio", "Wasabi", false),
            ("!AWS,Minio", "Wasabi", true),
            ("!AWS,Minio", "AWS", false),
            ("AWS", "", true),
        ] {
            assert_eq!(fits(of, provider), is, "{of} {provider}");
        }
    }
}
