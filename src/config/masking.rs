//! Configuration files as they are shown: without the values that nobody should see over a
//! shoulder, in a recording, or in a log.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::rclone_conf::{RcloneConf, is_encrypted};
use super::{python_json, secrets};
use crate::storage::configuration::{self, RemoteOption};

/// What is shown of a secret.
const MASK: &str = "********";

/// What a new file has in the place of keys.
const PLACEHOLDER: &str = "BOGUS-";

/// A setting within a value: of a connection string (`:s3,secret_access_key=x:bucket`), or of
/// a query that signs what it asks for.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"([A-Za-z_-]+)=("[^"]*"|'[^']*'|[^,;&:#\s"']+)"#).ok());

/// The name and the password of an address.
static USERINFO: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(://[^/@\s:"]*:)([^/@\s"]+)@"#).ok());

/// Whether nobody should see the value of a setting. rclone also counts names of accounts
/// and servers among what it leaves out of a report.
pub fn is_secret(key: &str, option: Option<&RemoteOption>) -> bool {
    const WORDS: [&str; 6] = ["pass", "secret", "token", "key", "credential", "mnemonic"];
    const WHOLE: [&str; 4] = ["sas_url", "connection_string", "headers", "2fa"];
    const FILES: [&str; 4] = ["_url", "_file", "key_use_agent", "known_hosts"];
    let by_name = WORDS.iter().any(|word| key.contains(word))
        && !FILES.iter().any(|file| key.ends_with(file));
    option.is_some_and(|option| option.is_password)
        || WHOLE.contains(&key)
        || by_name && option.is_none_or(|option| option.kind == "string")
}

/// rclone-poof.conf without its secrets; of a text that is no such file nothing but the keys.
/// An encrypted file shows none.
pub fn rclone_conf(text: &[u8]) -> Vec<u8> {
    if is_encrypted(text) {
        return text.to_vec();
    }
    let Ok(mut conf) = RcloneConf::parse(text) else { return keys_alone(text).into_bytes() };
    let types = configuration::types().unwrap_or_default();
    let before = conf.text();
    let sections: Vec<_> = conf.sections().map(str::to_owned).collect();
    for section in sections {
        let kind = conf.kind(&section).unwrap_or_default();
        let options = types.iter().find(|known| known.name == kind).map(|known| &known.options);
        for (key, value) in conf.values(&section) {
            let option = options.and_then(|options| options.iter().find(|o| o.name == key));
            let shown = if is_secret(&key, option) { whole(&value) } else { parts(&value) };
            if shown != value {
                conf.set(&section, &key, &shown);
            }
        }
    }
    let masked: String = conf.text().split_inclusive('\n').map(comment).collect();
    // What nothing was taken from stays as it is, to the last byte.
    if masked == before { text.to_vec() } else { masked.into_bytes() }
}

/// poof.conf without the passwords of addresses, without the paths of those that a monitor has
/// given out, and without what somebody has written in the
/// place of a source of secrets.
pub fn poof_conf(text: &[u8]) -> Vec<u8> {
    let Ok(document) = serde_json::from_slice::<Value>(text) else {
        let shown = String::from_utf8_lossy(text);
        let masked = parts(&shown);
        return if masked == shown { text.to_vec() } else { masked.into_bytes() };
    };
    let mut masked = document.clone();
    match masked.get_mut("secrets") {
        Some(Value::Object(entries)) => {
            let wrong = entries.iter_mut().filter(|(name, entry)| {
                let entry: &Value = entry;
                secrets::entry(name, entry).is_err()
            });
            wrong.for_each(|(_, entry)| texts(entry, &whole));
        }
        Some(wrong) => texts(wrong, &whole),
        None => {}
    }
    // Whoever knows the path can report in the place of poof.
    for key in ["ping_url", "ping_fail_url"] {
        if let Some(url) = masked.get_mut("schedule").and_then(|schedule| schedule.get_mut(key)) {
            texts(url, &host);
        }
    }
    texts(&mut masked, &parts);
    if masked == document { text.to_vec() } else { python_json::to_vec(&masked) }
}

/// Changes each text in a value.
fn texts(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(list) => list.iter_mut().for_each(|inner| texts(inner, change)),
        Value::Object(map) => map.values_mut().for_each(|inner| texts(inner, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value that is secret as a whole.
fn whole(value: &str) -> String {
    let is_none = value.is_empty() || value.starts_with(PLACEHOLDER);
    if is_none { value.to_owned() } else { MASK.to_owned() }
}

/// An address, and nothing of it behind the host.
fn host(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    match url[start..].find(['/', '?', '#']) {
        Some(at) => format!("{}/{MASK}", &url[..start + at]),
        None => url.to_owned(),
    }
}

/// A value that may have a secret in it.
fn parts(value: &str) -> String {
    let pair = |found: &Captures| {
        let name = found[1].to_lowercase();
        let is_one = is_secret(&name, None) || name == "sig" || name == "signature";
        if is_one { format!("{}={MASK}", &found[1]) } else { found[0].to_owned() }
    };
    // Both are constants that compile, as the tests show.
    let Some((pairs, userinfo)) = PAIR.as_ref().zip(USERINFO.as_ref()) else {
        return MASK.to_owned();
    };
    let value = pairs.replace_all(value, pair);
    userinfo.replace_all(&value, format!("${{1}}{MASK}@")).into_owned()
}

/// A line that may be a comment, with a setting in it that is out of use.
fn comment(line: &str) -> String {
    let body = line.trim_start();
    if !body.starts_with(['#', ';']) {
        return line.to_owned();
    }
    let end = line.strip_suffix('\n').map_or("", |_| "\n");
    match line.split_once(['=', ':']) {
        Some((key, value)) if is_secret(key.trim_matches(['#', ';', ' ', '\t']), None) => {
            let mark = &line[key.len()..=key.len()];
            format!("{key}{mark} {}{end}", whole(value.trim()))
        }
        _ => parts(line),
    }
}

/// A text of which nobody knows what is secret in it.
fn keys_alone(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let shown = |line: &str| {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('[') && trimmed.ends_with(']') {
            return format!("{line}\n");
        }
        let key = trimmed.split(|c: char| "=:".contains(c) || c.is_whitespace()).next();
        format!("{} = {MASK}\n", key.unwrap_or_default())
    };
    text.lines().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::configuration::types;

    fn shown(text: &str) -> String {
        String::from_utf8(rclone_conf(text.as_bytes())).unwrap()
    }

    #[test]
    fn every_password_of_every_type_is_a_secret() {
        for kind in types().unwrap() {
            for option in kind.options.iter().filter(|option| option.is_password) {
                assert!(is_secret(&option.name, Some(option)), "{} {}", kind.name, option.name);
            }
        }
        for (key, is) in [
            ("secret_access_key", true),
            ("token", true),
            ("key_file", false),
            ("token_url", false),
        ] {
            assert_eq!(is_secret(key, None), is, "{key}");
        }
    }

    #[test]
    fn no_secret_is_shown_wherever_it_is_written() {
        let text = "# mine\n#secret_access_key = hunter2\n; pass: hunter2\n[r]\ntype = s3\n\
                    region=eu-west-1\nsecret_access_key=hunter2\nsession_token = \"hunter2\"\n\
                    endpoint = https://joe:hunter2@h:9000\n\
                    override.http_proxy = http://joe:hunter2@proxy:3128\n\n[c]\ntype = alias\n\
                    remote = :sftp,host=h,pass=hunter2:dir\n[w]\ntype = webdav\n\
                    headers = Authorization,Bearer hunter2\nbearer_token = hunter2\n\
                    [a]\ntype = azureblob\nsas_url = https://h/c?sv=1&sig=hunter2\n\
                    connection_string = AccountKey=hunter2\n[o]\ntype = nothing\npassword = hunter2\n\
                    url = https://h/c?sv=1&sig=hunter2\n# see https://joe:hunter2@h\n";
        let shown = shown(text);
        assert!(!shown.contains("hunter2"), "{shown}");
        for line in [
            "# mine",
            "region=eu-west-1",
            "secret_access_key=********",
            "endpoint = https://joe:********@h:9000",
            "remote = :sftp,host=h,pass=********:dir",
        ] {
            assert!(shown.lines().any(|one| one == line), "{line}: {shown}");
        }
        assert_eq!(shown.lines().count(), text.lines().count());
    }

    #[test]
    fn a_file_without_secrets_is_shown_as_it_is() {
        let scaffold = RcloneConf::scaffold().text();
        for text in [
            scaffold.as_str(),
            "[r]\r\ntype = alias\r\nremote = /x=y\n# end",
            "# Encrypted\n\nRCLONE_ENCRYPT_V0:\nkey=abc",
            "",
        ] {
            assert_eq!(shown(text), text);
        }
        let text = "{ \"bucket\":\"b\",\"remote\":\"r\",\"paths\":{}, \"x\": \"\u{fc}\"}\n";
        assert_eq!(poof_conf(text.as_bytes()), text.as_bytes());
        assert_eq!(poof_conf(b"{\xff"), b"{\xff");
    }

    #[test]
    fn of_a_torn_file_the_keys_alone_are_shown() {
        let text = "[r]\ntype = s3\nsecret_access_key hunter2\n# hunter2\nx=hunter2\n[hunter2\n";
        let shown = shown(text);
        let shown = shown.replace("[hunter2", "");
        assert!(
            !shown.contains("hunter2") && shown.contains("secret_access_key = ****"),
            "{shown}"
        );
        assert!(!String::from_utf8_lossy(&rclone_conf(b"[r]\npass = hunter2\xff")).contains("er2"));
    }

    #[test]
    fn poof_conf_hides_passwords_of_addresses_and_what_is_no_source() {
        let text = br#"{"bucket":"b","remote":"r","paths":{},"secrets":{"a.b":"hunter2",
            "a.c":{"value":["hunter2"]},"a.d":{"file":"/d"}},
            "schedule":{"ping_url":"https://joe:hunter2@h/hunter2"},"after":["curl",
            "https://joe:hunter2@h/x"]}"#;
        let shown = String::from_utf8(poof_conf(text)).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("\"/d\""), "{shown}");
        assert!(shown.contains("https://joe:********@h/x"), "{shown}");
        assert!(shown.contains("https://joe:********@h/********\""), "{shown}");
        assert!(
            !String::from_utf8_lossy(&poof_conf(b"{\"x\": \"ftp://j:hunter2@h\"")).contains("er2")
        );
    }
}
