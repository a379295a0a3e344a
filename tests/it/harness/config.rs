//! The two configuration files, as a person has them after `cconfig` and
//! `econfig`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::minio::{ACCESS_KEY, SECRET_KEY};

/// `rclone obscure 'the first pass word'`
const PASSWORD: &str = "aSRQD2rMmLUZjxfFXZcVtADq9Le2Gw7lzJTRuc30BdRSKtQ";
/// `rclone obscure 'another pass word'`
const OTHER_PASSWORD: &str = "P3JucdY7GPSrEMO5WX11rMZCqf7VxHuKLR3j9BJECAdh";
/// `rclone obscure 'and the salt'`
const PASSWORD2: &str = "-3wGpdAOLEN8dE1VElnuk5UIwhfakvugLE0QsQ";

/// What the configuration files say. Bucket and the two usual trees, the data
/// and the configuration directory, are the sandbox's to add.
#[derive(Clone)]
pub struct Config {
    endpoint: String,
    /// The directory that is used instead of a server.
    disk: Option<PathBuf>,
    crypt: bool,
    password: &'static str,
    remote: &'static str,
    trees: BTreeMap<PathBuf, String>,
    options: Vec<(String, String)>,
    crypt_options: Vec<(String, String)>,
}

impl Config {
    /// Files go to `endpoint` as they are.
    pub fn plain(endpoint: impl Into<String>) -> Self {
        Config {
            endpoint: endpoint.into(),
            disk: None,
            crypt: false,
            password: PASSWORD,
            remote: "poof-backup",
            trees: BTreeMap::new(),
            options: Vec::new(),
            crypt_options: Vec::new(),
        }
    }

    /// Files go to `endpoint` through the crypt remote.
    pub fn encrypted(endpoint: impl Into<String>) -> Self {
        Config { remote: "poof-crypt", ..Config::plain(endpoint).with_crypt() }
    }

    /// They go to a directory instead.
    pub fn on_disk(mut self, dir: &Path) -> Self {
        self.disk = Some(dir.to_owned());
        self
    }

    /// The crypt remote exists, in use or not.
    pub fn with_crypt(mut self) -> Self {
        self.crypt = true;
        self
    }

    /// One more tree.
    pub fn tree(mut self, local: impl Into<PathBuf>, name: &str) -> Self {
        self.trees.insert(local.into(), name.to_owned());
        self
    }

    /// One more line in the section of the storage remote.
    pub fn option(mut self, key: &str, value: &str) -> Self {
        self.options.push((key.to_owned(), value.to_owned()));
        self
    }

    /// One more line in the section of the crypt remote.
    pub fn crypt_option(mut self, key: &str, value: &str) -> Self {
        self.crypt_options.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Another password than everybody else has.
    pub fn other_password(mut self) -> Self {
        self.password = OTHER_PASSWORD;
        self
    }

    /// The text of poof.conf at `path`, as Python's json module writes it.
    pub(super) fn poof_conf(&self, path: &Path, bucket: &str) -> String {
        let trees: BTreeMap<_, _> =
            self.trees.iter().map(|(local, name)| (local.to_str().unwrap(), name)).collect();
        let document = json!({
            "bucket": bucket,
            "confFile": path.to_str().unwrap(),
            "paths": trees,
            "remote": self.remote,
        });
        let text = serde_json::to_string_pretty(&document).unwrap();
        // A scrub takes a second or ten for each upload where the machine has a large journal.
        text.replacen("  \"paths\"", "  \"scrub\": \"no\",\n  \"paths\"", 1)
    }

    /// The text of rclone-poof.conf.
    pub(super) fn rclone_conf(&self, bucket: &str) -> String {
        let mut text = match &self.disk {
            Some(dir) => format!("[poof-backup]\ntype = alias\nremote = {}\n", dir.display()),
            None => format!(
                "[poof-backup]\ntype = s3\nprovider = Minio\nenv_auth = false\n\
                 access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n\
                 endpoint = {}\nregion = us-east-1\nacl = private\n",
                self.endpoint
            ),
        };
        for (key, value) in &self.options {
            writeln!(text, "{key} = {value}").unwrap();
        }
        if self.crypt {
            write!(
                text,
                "\n[poof-crypt]\ntype = crypt\nremote = poof-backup:{bucket}\n\
                 password = {}\npassword2 = {PASSWORD2}\n",
                self.password
            )
            .unwrap();
            for (key, value) in &self.crypt_options {
                writeln!(text, "{key} = {value}").unwrap();
            }
        }
        text
    }
}
