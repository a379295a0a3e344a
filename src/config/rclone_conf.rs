//! rclone-poof.conf: an ordinary rclone configuration.

use std::collections::BTreeMap;
use std::path::Path;

use super::ini::{Document, Malformed};
use super::status::{Problem, Status, read, unmarked};

const FILE: &str = "rclone-poof.conf";

/// The name of the storage remote that poof makes.
pub const STORAGE: &str = "poof-backup";
/// The name of the crypt remote that poof makes.
pub const CRYPT: &str = "poof-crypt";

/// What a new file holds: the scaffold of the Python poof.
const SCAFFOLD: [(&str, &str); 12] = [
    ("type", "s3"),
    ("provider", "AWS"),
    ("env_auth", "false"),
    ("access_key_id", "BOGUS-KEY-USE-YOURS"),
    ("secret_access_key", "BOGUS-SECRET-KEY-USE-YOURS"),
    ("region", "eu-west-1"),
    ("location_constraint", "eu-west-1"),
    ("acl", "private"),
    ("storage_class", "STANDARD_IA"),
    ("chunk_size", "8M"),
    ("upload_concurrency", "2"),
    ("server_side_encryption", "AES256"),
];

/// A configuration of rclone that can be read; its values need not make sense.
#[derive(Clone, Debug, Default)]
pub struct RcloneConf {
    document: Document,
}

impl RcloneConf {
    /// A new file with an S3 remote, of which nothing is filled in.
    pub fn scaffold() -> Self {
        let mut document = Document::default();
        for (key, value) in SCAFFOLD {
            document.set(STORAGE, key, value);
        }
        // Python's configparser ends each section with an empty line.
        document.push_blank();
        RcloneConf { document }
    }

    /// # Errors
    /// A [`Problem`] if the file is missing, unreadable, encrypted or not INI.
    pub fn load(path: &Path) -> std::result::Result<Self, Problem> {
        Self::parse(&Self::read(path)?)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// A [`Problem`] if the file is missing or unreadable.
    pub fn read(path: &Path) -> std::result::Result<Vec<u8>, Problem> {
        read(path, FILE, Status::InvalidCloningConfig, "`poof cconfig` creates it.")
    }

    /// # Errors
    /// A [`Problem`] that says where the text goes wrong and never quotes it.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, Problem> {
        let bytes = unmarked(bytes, FILE, Status::InvalidCloningConfig)?;
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            invalid(format!("line {line} is not UTF-8"), "Save the file as UTF-8.")
        })?;
        if is_encrypted(bytes) {
            return Err(invalid("the file is encrypted", "`poof verify` asks for its password."));
        }
        match Document::parse(text) {
            Ok(document) => Ok(RcloneConf { document }),
            Err(wrong) => {
                let wrong = wrong.into_iter().map(|Malformed { line, expected }| {
                    let what = format!("line {line}: expected {expected}");
                    invalid(what, "Correct that line.")
                });
                let none = || invalid("it is not read", "Correct it.");
                Err(Problem::all(wrong).unwrap_or_else(none))
            }
        }
    }

    /// Its text, with the comments and the order of whoever wrote it.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Sets a key, in its place or behind the last of the section.
    pub fn set(&mut self, section: &str, key: &str, value: &str) {
        self.document.set(section, key, value);
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, section: &str, key: &str) -> bool {
        self.document.remove(section, key)
    }

    /// Whether a section is the scaffold still: nobody has given it keys.
    pub fn is_placeholder(&self, section: &str) -> bool {
        let is_bogus =
            |key| self.get(section, key).is_some_and(|value| value.starts_with("BOGUS-"));
        is_bogus("access_key_id") && is_bogus("secret_access_key")
    }

    /// Removes the keys of a section. Its header and the comments stay.
    pub fn clear(&mut self, section: &str) {
        let keys: Vec<_> = self.keys(section).map(str::to_owned).collect();
        for key in keys {
            self.remove(section, &key);
        }
    }

    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.document.sections()
    }

    pub fn has(&self, section: &str) -> bool {
        self.document.has_section(section)
    }

    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.document.get(section, key)
    }

    /// The line of a key in the file, counted from 1.
    pub fn line_of(&self, section: &str, key: &str) -> Option<usize> {
        self.document.line_of(section, key)
    }

    /// The remote type of a section.
    pub fn kind(&self, section: &str) -> Option<&str> {
        self.get(section, "type")
    }

    /// The values of a section, as rclone would be given them.
    pub fn values(&self, section: &str) -> BTreeMap<String, String> {
        self.document.pairs(section).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    /// The keys of a section, in the order of the file.
    pub fn keys<'a>(&'a self, section: &str) -> impl Iterator<Item = &'a str> {
        self.document.pairs(section).map(|(key, _)| key)
    }

    /// Sets what differs from `values`: keys that `order` names first and in its
    /// order, the rest by name.
    pub fn fill(&mut self, section: &str, values: &BTreeMap<String, String>, order: &[&str]) {
        let named = order.iter().filter_map(|key| values.get_key_value(*key));
        let rest = values.iter().filter(|(key, _)| !order.contains(&key.as_str()));
        for (key, value) in named.chain(rest) {
            if self.get(section, key) != Some(value) {
                self.document.set(section, key, value);
            }
        }
    }
}

/// Whether it is the text of a file that rclone has encrypted. As rclone has it, the
/// first line counts that is no comment.
pub fn is_encrypted(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first =
        lines.find(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b";"));
    first.is_some_and(|line| line.starts_with(b"RCLONE_ENCRYPT_V"))
}

fn invalid(what: impl Into<String>, hint: &str) -> Problem {
    Problem::new(Status::InvalidCloningConfig, FILE, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_located_and_its_key_is_not_shown() {
        let torn = b"[poof-backup]\ntype = s3\nsecret_access_key AKIAHUNTER2\n";
        let problem = RcloneConf::parse(torn).unwrap_err();
        assert_eq!(problem.status, Status::InvalidCloningConfig);
        assert!(problem.what.contains("line 3"), "{}", problem.what);
        assert!(!format!("{problem:?}").contains("HUNTER2"));
    }

    #[test]
    fn bytes_that_are_no_text_and_encrypted_files_are_named() {
        assert!(RcloneConf::parse(b"[a]\n\xff").unwrap_err().what.contains("line 2"));
        let locked = b"# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nabc";
        assert!(RcloneConf::parse(locked).unwrap_err().what.contains("encrypted"));
    }

    #[test]
    fn a_new_file_is_the_one_of_the_python_poof() {
        let text = RcloneConf::scaffold().document.to_string();
        assert!(text.starts_with("[poof-backup]\ntype = s3\nprovider = AWS\nenv_auth = false\n"));
        assert!(text.ends_with("server_side_encryption = AES256\n\n"));
    }

    #[test]
    fn a_placeholder_gives_way_and_what_was_written_beside_it_stays() {
        let mut conf = RcloneConf::scaffold();
        assert!(conf.is_placeholder(STORAGE) && !conf.is_placeholder("other"));
        conf.document.set(STORAGE, "access_key_id", "MINE");
        assert!(!conf.is_placeholder(STORAGE));
        let text = "# mine\n[r]\n# of it\ntype = s3\nregion = x\n\n[o]\ntype = s3\n";
        let mut conf = RcloneConf::parse(text.as_bytes()).unwrap();
        conf.clear("r");
        conf.set("r", "type", "drive");
        assert_eq!(conf.text(), "# mine\n[r]\ntype = drive\n# of it\n\n[o]\ntype = s3\n");
    }

    #[test]
    fn filling_keeps_the_order_asked_for() {
        let mut conf = RcloneConf::default();
        let values = [("b", "2"), ("type", "s3"), ("a", "1")];
        let values = values.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
        conf.fill("r", &values, &["type"]);
        assert_eq!(conf.document.to_string(), "[r]\ntype = s3\na = 1\nb = 2\n");
    }
}
