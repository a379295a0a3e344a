//! What a configuration says that lets somebody on the way read or change what is sent, and
//! which of rclone's own settings a section may change.

use std::net::IpAddr;

use super::poof_conf::PoofConf;
use super::rclone_conf::RcloneConf;
use super::status::{Problem, Status};

/// Of rclone's global settings those that a section may set, as `override.NAME` or
/// `global.NAME`: the network and the pace. Others change what is sent or proven
/// (`dry_run`, `ignore_checksum`), run programs (`metadata_mapper`) or write secrets to
/// a log (`dump`).
const ALLOWED: [&str; 30] = [
    "buffer_size",
    "bwlimit",
    "bwlimit_file",
    "ca_cert",
    "checkers",
    "client_cert",
    "client_key",
    "client_pass",
    "contimeout",
    "disable_http2",
    "disable_http_keep_alives",
    "expect_continue_timeout",
    "fast_list",
    "http_proxy",
    "list_cutoff",
    "low_level_retries",
    "max_buffer_memory",
    "max_connections",
    "multi_thread_chunk_size",
    "multi_thread_cutoff",
    "multi_thread_streams",
    "multi_thread_write_buffer_size",
    "no_check_certificate",
    "no_gzip_encoding",
    "timeout",
    "tpslimit",
    "tpslimit_burst",
    "transfers",
    "use_cookies",
    "user_agent",
];

/// The name of a global setting, if a key is one.
pub(super) fn global(key: &str) -> Option<&str> {
    key.strip_prefix("override.").or_else(|| key.strip_prefix("global."))
}

/// Key and value of everything that a section sets, those within connection strings
/// (`:sftp,host=h:path`) as well.
pub(super) fn settings(conf: &RcloneConf, section: &str) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (place, value) in conf.values(section) {
        for part in value.split(',').skip(1) {
            // A key alone is true; behind it the path may begin.
            let alone = || (part.split(':').next().unwrap_or(part), "true");
            let (key, inner) = part.split_once('=').unwrap_or_else(alone);
            let inner = inner.trim_matches(['"', '\'']).trim_end_matches(':');
            all.push((place.clone(), key.trim().to_owned(), inner.to_owned()));
        }
        all.push((place.clone(), place, value));
    }
    all
}

/// The global settings that a section changes and may not. Settings of a remote itself, such
/// as `versions`, are not among them.
pub fn forbidden(conf: &RcloneConf, section: &str, known: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let settings = settings(conf, section).into_iter();
    let wrong = settings.filter(|(_, key, _)| {
        global(key).is_some_and(|name| known(name) && !ALLOWED.contains(&name))
    });
    wrong
        .map(|(place, key, _)| {
            let line = conf.line_of(section, &place).map(|line| format!(" (line {line})"));
            let place = format!("rclone-poof.conf [{section}].{place}{}", line.unwrap_or_default());
            let what = format!("{key} would change what poof relies on");
            let hint = format!("Remove it. Allowed are the network and the pace: {}.", allowed());
            Problem::new(Status::InvalidCloningConfig, place, what, hint)
        })
        .collect()
}

fn allowed() -> String {
    ALLOWED.join(", ")
}

/// One thing that weakens the way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insecure {
    pub place: String,
    pub what: String,
}

/// What weakens it in the sections in use, and on the way to the monitor.
pub fn of(poof: &PoofConf, rclone: &RcloneConf) -> Vec<Insecure> {
    let mut found = of_rclone(rclone, &reached(rclone, poof.remote()));
    found.extend(of_poof(poof));
    found.dedup();
    found
}

/// The section in use, those that it rests on, however it names them, and those that rest on it.
pub fn reached<'a>(conf: &'a RcloneConf, active: &'a str) -> Vec<&'a str> {
    let mentions = |one: &str, other: &str| {
        // `name:path`, or with settings over it `name,key=value:path`.
        let names = [format!("{other}:"), format!("{other},")];
        let begins = |value: &str, at: usize| {
            !value[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.+@".contains(c))
        };
        let mut values = conf.values(one).into_values();
        values.any(|value| {
            let mut at = names.iter().flat_map(|name| value.match_indices(name.as_str()));
            at.any(|(at, _)| begins(&value, at))
        })
    };
    let mut found = vec![active];
    let mut at = 0;
    while let Some(&one) = found.get(at) {
        at += 1;
        for other in conf.sections() {
            if !found.contains(&other) && (mentions(one, other) || mentions(other, one)) {
                found.push(other);
            }
        }
    }
    found
}

fn of_rclone(conf: &RcloneConf, sections: &[&str]) -> Vec<Insecure> {
    let mut found = Vec::new();
    for section in sections {
        let at = |key: &str| format!("rclone-poof.conf [{section}].{key}");
        for (place, key, value) in settings(conf, section) {
            let name = global(&key).unwrap_or(&key);
            if name == "no_check_certificate" && is_set(&value) {
                found.push(Insecure { place: at(&place), what: UNCHECKED.to_owned() });
            } else if name != "http_proxy" && is_clear(&value) {
                found.push(Insecure { place: at(&place), what: CLEAR.to_owned() });
            }
        }
        let on = |key| conf.get(section, key).is_some_and(is_set);
        let host = conf.get(section, "host").unwrap_or_default();
        if conf.kind(section) == Some("ftp") && !on("tls") && !on("explicit_tls") && !is_here(host)
        {
            found.push(Insecure { place: at("explicit_tls"), what: CLEAR.to_owned() });
        }
    }
    found
}

/// What weakens the way to the monitor: whoever reads its address can report in our name.
fn of_poof(conf: &PoofConf) -> Vec<Insecure> {
    let section = conf.get("schedule");
    ["ping_url", "ping_fail_url"]
        .into_iter()
        .filter(|key| section.and_then(|s| s.get(key)?.as_str()).is_some_and(is_clear))
        .map(|key| Insecure {
            place: format!("poof.conf \"schedule\" \"{key}\""),
            what: CLEAR.to_owned(),
        })
        .collect()
}

const UNCHECKED: &str = "the certificate of the server is not checked: whoever is on the way can \
                         be the server, read what is not encrypted, and take the credentials";
const CLEAR: &str = "the connection is not encrypted: whoever is on the way reads what is not \
                     encrypted by itself, and can take the credentials";

/// As rclone reads a flag: what is no false word is not harmless.
fn is_set(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "false" | "f" | "0")
}

/// Whether an address is without TLS and leads off this machine.
fn is_clear(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let mut rest = lower.as_str();
    while let Some(start) = rest.find("http://") {
        rest = &rest[start + "http://".len()..];
        let end = rest.find(['/', '?', '#', '"', '\'', ',']).unwrap_or(rest.len());
        let host = rest[..end].rsplit('@').next().unwrap_or_default();
        let host = match host.strip_prefix('[').and_then(|six| six.split_once(']')) {
            Some((six, _)) => six,
            None => host.split(':').next().unwrap_or_default(),
        };
        if !is_here(host) {
            return true;
        }
    }
    false
}

fn is_here(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(section: &str) -> Vec<String> {
        let conf = RcloneConf::parse(format!("[s]\n{section}").as_bytes()).unwrap();
        let found = of_rclone(&conf, &["s"]).into_iter();
        found.map(|one| one.place.replace("rclone-poof.conf [s].", "")).collect()
    }

    #[test]
    fn a_table_of_what_weakens_the_way() {
        for (section, wanted) in [
            ("type = s3\nendpoint = https://h\n", &[][..]),
            ("type = s3\nendpoint = h:9000\n", &[]),
            ("type = s3\nendpoint = http://127.0.0.1:9000\n", &[]),
            ("type = s3\nendpoint = http://[::1]:9000/x\n", &[]),
            ("type = webdav\nurl = http://localhost/x\n", &[]),
            ("type = s3\nendpoint = http://nas:9000\n", &["endpoint"]),
            ("type = s3\nendpoint = HTTP://192.168.0.7\n", &["endpoint"]),
            ("type = webdav\nurl = http://127.0.0.1@evil/x\n", &["url"]),
            ("type = webdav\nurl = http://127.0.0.1.evil/x\n", &["url"]),
            (
                "type = s3\noverride.no_check_certificate = true\n",
                &["override.no_check_certificate"],
            ),
            ("type = s3\nglobal.no_check_certificate = 1\n", &["global.no_check_certificate"]),
            ("type = s3\noverride.no_check_certificate = false\n", &[]),
            ("type = s3\noverride.http_proxy = http://proxy:3128\n", &[]),
            (
                "type = ftp\nhost = h\nno_check_certificate = true\ntls = true\n",
                &["no_check_certificate"],
            ),
            ("type = ftp\nhost = h\n", &["explicit_tls"]),
            ("type = ftp\nhost = 127.0.0.1\n", &[]),
            ("type = ftp\nhost = h\nexplicit_tls = true\n", &[]),
            ("type = alias\nremote = :webdav,url=\"http://h/\":x\n", &["remote"]),
            ("type = alias\nremote = b,override.no_check_certificate:x\n", &["remote"]),
            ("type = alias\nremote = b,override.no_check_certificate=true:x\n", &["remote"]),
        ] {
            let found = places(section);
            // One setting may be seen twice: in the string and as a part of it.
            let mut found: Vec<_> = found.iter().map(String::as_str).collect();
            found.dedup();
            assert_eq!(found, wanted, "{section}");
        }
        let text = r#"{"bucket":"b","remote":"r","paths":{},"schedule":{"ping_url":"http://h/k"}}"#;
        assert_eq!(of_poof(&PoofConf::parse(text.as_bytes()).unwrap()).len(), 1);
    }

    #[test]
    fn the_sections_in_use_are_found_however_they_are_named() {
        let text = "[a]\ntype = union\nupstreams = b:x c:\n[b]\ntype = s3\n[c]\ntype = alias\n\
                    remote = d,x=y:z\n[d]\ntype = s3\n[e]\ntype = crypt\nremote = a:b\n[bb]\n\
                    type = s3\n[f]\ntype = alias\nremote = bb:\n";
        let conf = RcloneConf::parse(text.as_bytes()).unwrap();
        let mut found = reached(&conf, "a");
        found.sort_unstable();
        assert_eq!(found, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn a_table_of_global_settings() {
        for (section, count) in [
            (
                "override.ca_cert = /x\nglobal.bwlimit = 1M\noverride.no_check_certificate = true\n",
                0,
            ),
            ("override.dry_run = true\n", 1),
            ("global.metadata_mapper = x\nglobal.dump = bodies\n", 2),
            ("remote = :s3,global.ignore_checksum=true:b\n", 1),
            // Not rclone's, and told elsewhere.
            ("override.versions = 1\n", 0),
        ] {
            let conf = RcloneConf::parse(format!("[s]\ntype = s3\n{section}").as_bytes()).unwrap();
            let found = forbidden(&conf, "s", &|name| name != "versions");
            assert_eq!(found.len(), count, "{section}: {found:?}");
        }
    }
}
