//! All that a configuration sets to work in the name of whoever runs poof: programs, and
//! addresses that are told how a run went. Where secrets are sent counts as well.

use std::path::Path;

use super::hooks::Hooks;
use super::poof_conf::PoofConf;
use super::rclone_conf::RcloneConf;
use super::schedule::Schedule;
use super::secrets::{Declared, Source};

/// Settings of rclone's that have a program run which a file names, or PATH: the
/// `credential_process` of AWS, and `az` of Azure.
const INDIRECT: [&str; 2] = ["shared_credentials_file", "use_az"];
/// What rclone writes itself from time to time.
const REFRESHED: [&str; 1] = ["token"];
/// Settings of rclone's that are command lines.
const COMMANDS: [&str; 5] =
    ["ssh", "bearer_token_command", "password_command", "metadata_mapper", "name_transform"];
/// The settings that say where a section leads.
const PLACES: [&str; 16] = [
    "type",
    "provider",
    "endpoint",
    "url",
    "host",
    "port",
    "server",
    "remote",
    "region",
    "auth_url",
    "token_url",
    "auth",
    "user",
    "http_proxy",
    "override.http_proxy",
    "bucket",
];

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hook,
    Secret,
    Alert,
    Ping,
    /// A program that rclone runs.
    Remote,
    /// Where a section leads whose secret comes from elsewhere.
    Place,
    /// Where data is read and sent: a directory, a bucket, a setting of a remote.
    Setting,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub kind: Kind,
    /// Where it is written: `poof.conf "before"`.
    pub place: String,
    words: Vec<String>,
}

impl Program {
    fn new(kind: Kind, place: impl Into<String>, words: Vec<String>) -> Self {
        Program { kind, place: place.into(), words }
    }

    pub fn hook(when: &str, argv: &[String]) -> Self {
        Program::new(Kind::Hook, format!("poof.conf \"{when}\""), argv.to_vec())
    }

    pub fn alert(argv: &[String]) -> Self {
        Program::new(Kind::Alert, "poof.conf \"alert_command\"", argv.to_vec())
    }

    pub fn ping(key: &str, url: &str) -> Self {
        Program::new(Kind::Ping, format!("poof.conf \"{key}\""), vec![url.to_owned()])
    }

    /// That of a secret, if it is a command.
    pub fn secret(declared: &Declared) -> Option<Self> {
        let Source::Command(argv) = &declared.source else { return None };
        Some(Program::new(Kind::Secret, declared.told(), argv.clone()))
    }

    /// Whether it is a program, and not a place.
    pub fn runs(&self) -> bool {
        !matches!(self.kind, Kind::Ping | Kind::Place | Kind::Setting)
    }

    /// All of it, for the person who is to judge it. Of an address the path is the key.
    pub fn told(&self) -> String {
        let Program { place, words, .. } = self;
        match (self.kind, words.first()) {
            (Kind::Ping, Some(url)) => format!("{place}: {}", host(url)),
            // Any setting of a remote may be a secret.
            (Kind::Setting, _) if place.starts_with("rclone") => place.clone(),
            _ => format!("{place}: {}", words.join(" ")),
        }
    }

    /// The same without what may hold a secret.
    pub fn named(&self) -> String {
        format!("{}: {}", self.place, self.words.first().map_or("", |word| first(word)))
    }

    /// A file in which programs are named that rclone runs.
    pub fn file_of_programs(&self) -> Option<&Path> {
        let names = self.kind == Kind::Remote && self.place.ends_with(".shared_credentials_file");
        self.words.first().filter(|_| names).map(Path::new)
    }

    /// The full paths among its words.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let words = self.words.iter().flat_map(|word| word.split(' '));
        words.map(Path::new).filter(|path| path.is_absolute())
    }

    /// What tells it from every other.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("poof 2026 confirmed program");
        for word in std::iter::once(&self.place).chain(&self.words) {
            hasher.update(&(word.len() as u64).to_le_bytes());
            hasher.update(word.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Settings of rclone's are one text.
fn first(word: &str) -> &str {
    word.split(' ').next().unwrap_or_default()
}

fn host(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let host = &url[start..end];
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

/// Those of poof.conf.
pub fn of_poof(conf: &PoofConf) -> Vec<Program> {
    let mut found = Vec::new();
    if let Ok(hooks) = Hooks::of(conf) {
        found.extend(hooks.before.iter().map(|argv| Program::hook("before", argv)));
        found.extend(hooks.after.iter().map(|argv| Program::hook("after", argv)));
    }
    found.extend(conf.secrets().iter().filter_map(Program::secret));
    if let Ok(schedule) = Schedule::of(conf) {
        found.extend(schedule.alert_command.as_deref().map(Program::alert));
        let urls = [("ping_url", &schedule.ping_url), ("ping_fail_url", &schedule.ping_fail_url)];
        let urls = urls.into_iter().filter_map(|(key, url)| Some((key, url.as_ref()?)));
        found.extend(urls.map(|(key, url)| Program::ping(key, url.expose())));
    }
    found
}

/// Those of rclone-poof.conf, and the places of the sections that get secrets of poof.conf.
pub fn of_rclone(conf: &RcloneConf, secrets: &[Declared]) -> Vec<Program> {
    let mut found = Vec::new();
    for section in conf.sections() {
        for (key, value) in conf.values(section) {
            let name = key.trim_start_matches("override.").trim_start_matches("global.");
            let is_off = value.is_empty() || value == "false";
            if runs(name) && !is_off || is_in_connection(&value) {
                let place = format!("rclone-poof.conf [{section}].{key}");
                found.push(Program::new(Kind::Remote, place, vec![value]));
            }
        }
        let of_section = |secret: &&Declared| secret.place().is_some_and(|at| at.0 == section);
        if secrets.iter().any(|secret| of_section(&secret)) {
            let values = conf.values(section);
            let leads =
                PLACES.iter().filter_map(|key| Some(format!("{key} = {}", values.get(*key)?)));
            let place = format!("rclone-poof.conf [{section}]");
            found.push(Program::new(Kind::Place, place, leads.collect()));
        }
    }
    found
}

/// All that says which directories and which remote are used, each by itself.
pub fn settings(poof: &PoofConf, rclone: &RcloneConf) -> Vec<Program> {
    let new = |place: String, words: &[&str]| {
        Program::new(Kind::Setting, place, words.iter().map(ToString::to_string).collect())
    };
    let mut found = vec![
        new("poof.conf \"bucket\"".to_owned(), &[poof.bucket()]),
        new("poof.conf \"remote\"".to_owned(), &[poof.remote()]),
    ];
    found.extend(
        poof.paths().map(|(local, name)| new(format!("poof.conf paths {local:?}"), &[name])),
    );
    for section in rclone.sections() {
        let values = rclone.values(section).into_iter();
        let lasting = values.filter(|(key, _)| !REFRESHED.contains(&key.as_str()));
        found.extend(
            lasting
                .map(|(key, value)| new(format!("rclone-poof.conf [{section}].{key}"), &[&value])),
        );
    }
    found
}

fn runs(key: &str) -> bool {
    COMMANDS.contains(&key) || INDIRECT.contains(&key)
}

/// Whether a connection string (`:sftp,ssh="…":path`) holds a command line.
fn is_in_connection(value: &str) -> bool {
    let mut parts = value.split(',').skip(1);
    parts.any(|part| {
        let key = part.split('=').next().unwrap_or_default().trim();
        let key = key.trim_start_matches("override.").trim_start_matches("global.");
        runs(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poof(keys: &str) -> PoofConf {
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{}}{keys}}}"#);
        PoofConf::parse(text.as_bytes()).unwrap()
    }

    fn told(programs: &[Program]) -> Vec<String> {
        programs.iter().map(Program::told).collect()
    }

    #[test]
    fn everything_that_is_run_or_called_is_found() {
        assert_eq!(of_poof(&poof("")), []);
        let conf = poof(
            r#","before":["a","b"],"after":[["c"],["d"]],
              "secrets":{"s.k":{"command":["e","f"]},"s.l":{"file":"/x"}},
              "schedule":{"alert_command":["g"],"ping_url":"https://u:p@h/key","ping_fail_url":"http://i"}"#,
        );
        let wanted = [
            "poof.conf \"before\": a b",
            "poof.conf \"after\": c",
            "poof.conf \"after\": d",
            "poof.conf secrets \"s.k\": e f",
            "poof.conf \"alert_command\": g",
            "poof.conf \"ping_url\": h",
            "poof.conf \"ping_fail_url\": i",
        ];
        assert_eq!(told(&of_poof(&conf)), wanted);
    }

    #[test]
    fn what_rclone_would_run_and_where_secrets_go_is_found() {
        let text = "[s]\ntype = webdav\nurl = https://h\nbearer_token_command = get it\n\
                    [t]\ntype = sftp\nssh = ssh -p 2 h\n[u]\ntype = s3\n\
                    [v]\ntype = alias\nremote = :sftp,host=h,ssh=\"sh -c x\":/y\n\
                    [w]\ntype = crypt\nremote = s:b\noverride.metadata_mapper = m\n\
                    [x]\nshared_credentials_file = /f\nuse_az = false\n[y]\nuse_az = true\n";
        let conf = RcloneConf::parse(text.as_bytes()).unwrap();
        let secrets = poof(r#","secrets":{"s.pass":{"file":"/x"}}"#).secrets();
        let wanted = [
            "rclone-poof.conf [s].bearer_token_command: get it",
            "rclone-poof.conf [s]: type = webdav url = https://h",
            "rclone-poof.conf [t].ssh: ssh -p 2 h",
            "rclone-poof.conf [v].remote: :sftp,host=h,ssh=\"sh -c x\":/y",
            "rclone-poof.conf [w].override.metadata_mapper: m",
            "rclone-poof.conf [x].shared_credentials_file: /f",
            "rclone-poof.conf [y].use_az: true",
        ];
        assert_eq!(told(&of_rclone(&conf, &secrets)), wanted);
    }

    #[test]
    fn where_data_is_read_and_sent_is_found_setting_by_setting() {
        let conf = "[s]\ntype = s3\nsecret_access_key = hunter2\ntoken = t\n";
        let conf = RcloneConf::parse(conf.as_bytes()).unwrap();
        let wanted = [
            "poof.conf \"bucket\": b",
            "poof.conf \"remote\": r",
            "rclone-poof.conf [s].secret_access_key",
            "rclone-poof.conf [s].type",
        ];
        assert_eq!(told(&settings(&poof(""), &conf)), wanted);
    }

    #[test]
    fn no_two_have_the_same_digest() {
        let argv = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let all = [
            Program::hook("before", &argv(&["a", "b"])),
            Program::hook("before", &argv(&["ab"])),
            Program::hook("before", &argv(&["a b"])),
            Program::hook("after", &argv(&["a", "b"])),
            Program::alert(&argv(&["a", "b"])),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other.digest() != one.digest()), "{one:?}");
        }
    }
}
