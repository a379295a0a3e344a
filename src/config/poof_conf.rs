//! poof.conf, as the Python poof writes it: bucket, confFile, paths, remote.
//! Keys that this poof does not know are kept.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::python_json;
use super::secrets::{self, Declared};
use super::status::{Problem, Status, read, unmarked};
use crate::base::error::{Error, Result};
use crate::base::files::write_private;

const FILE: &str = "poof.conf";

/// The name of the only directory in a new file: nobody has filled it in.
pub const PLACEHOLDER: &str = "unittest";

/// poof.conf: every key has the right type, though not yet a sensible value.
#[derive(Clone, Debug, PartialEq)]
pub struct PoofConf {
    document: Map<String, Value>,
}

impl PoofConf {
    /// A new configuration for `user`, of which nothing is filled in.
    ///
    /// # Errors
    /// The operating system gave no random numbers.
    pub fn scaffold(path: &Path, dir: &Path, user: &str) -> Result<Self> {
        let mut random = [0_u8; 6];
        getrandom::fill(&mut random)
            .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
        let id = data_encoding::HEXLOWER.encode(&random);
        let document = json!({
            "bucket": format!("poofbackup-{}-{id}", bucket_label(user)),
            "confFile": path.to_string_lossy(),
            "paths": { dir.to_string_lossy(): PLACEHOLDER },
            "remote": "poof-backup",
        });
        match document {
            Value::Object(document) => Ok(PoofConf { document }),
            _ => Err(Error::unexpected("the scaffold is not an object")),
        }
    }

    /// # Errors
    /// A [`Problem`] if the file is missing, not JSON or of another shape.
    pub fn load(path: &Path) -> std::result::Result<Self, Problem> {
        Self::parse(&read(path, FILE, Status::InvalidPoofConfig, "`poof config` creates it.")?)
    }

    /// # Errors
    /// A [`Problem`] that says where the text goes wrong and never quotes it.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, Problem> {
        let bytes = unmarked(bytes, FILE, Status::InvalidPoofConfig)?;
        let document: Value = serde_json::from_slice(bytes).map_err(|error| {
            // serde_json's words for syntax errors name what was expected and
            // quote nothing; at a Value there are no others.
            invalid(format!("invalid JSON: {error}"), "Correct it at that place.")
        })?;
        let Value::Object(document) = document else {
            return Err(invalid("it is not a JSON object", "It begins with { and ends with }."));
        };
        let secrets = document.get("secrets").map_or(Ok(vec![]), secrets::parse).err();
        let shapes = misshapen(&document).into_iter().map(|(_, problem)| problem);
        let problems = repeated(bytes).into_iter().chain(shapes).chain(secrets);
        Problem::all(problems).map_or(Ok(PoofConf { document }), Err)
    }

    /// What can be understood of a text that [`PoofConf::parse`] does not take: without the
    /// keys that have the wrong type. None: it is no JSON.
    pub fn parse_in_part(bytes: &[u8]) -> Option<Self> {
        let bytes = unmarked(bytes, FILE, Status::InvalidPoofConfig).ok()?;
        let Ok(Value::Object(mut document)) = serde_json::from_slice(bytes) else { return None };
        for (key, _) in misshapen(&document) {
            document.remove(key);
        }
        Some(PoofConf { document })
    }

    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_private(path, &self.to_vec())
    }

    pub fn bucket(&self) -> &str {
        self.text("bucket")
    }

    /// The section of rclone-poof.conf in use.
    pub fn remote(&self) -> &str {
        self.text("remote")
    }

    #[must_use]
    pub fn with_remote(&self, remote: &str) -> Self {
        self.with("remote", Some(remote))
    }

    /// The same with this text for a key; None: without the key.
    #[must_use]
    pub fn with(&self, key: &str, text: Option<&str>) -> Self {
        self.with_value(key, text.map(Value::from))
    }

    /// The same with this value for a key; None: without the key.
    #[must_use]
    pub fn with_value(&self, key: &str, value: Option<Value>) -> Self {
        let mut changed = self.clone();
        match value {
            Some(value) => changed.document.insert(key.to_owned(), value),
            None => changed.document.remove(key),
        };
        changed
    }

    /// The same with a directory under this name; None: without it.
    #[must_use]
    pub fn with_path(&self, local: &str, name: Option<&str>) -> Self {
        let mut changed = self.clone();
        if let Some(Value::Object(paths)) = changed.document.get_mut("paths") {
            // However it is written.
            paths.retain(|key, _| Path::new(key) != Path::new(local));
            if let Some(name) = name {
                paths.insert(local.to_owned(), Value::String(name.to_owned()));
            }
        }
        changed
    }

    /// The same for another machine: each directory where `place` says, and the file
    /// itself at `file`.
    #[must_use]
    pub fn moved(&self, place: impl Fn(&str) -> String, file: &str) -> Self {
        let mut changed = self.clone();
        let paths = self.document.get("paths").and_then(Value::as_object);
        let paths = paths.into_iter().flatten();
        let moved: Map<_, _> = paths.map(|(local, name)| (place(local), name.clone())).collect();
        changed.document.insert("paths".to_owned(), Value::Object(moved));
        changed.document.insert("confFile".to_owned(), Value::String(file.to_owned()));
        changed
    }

    /// What stands in no file of poof's, by name.
    pub fn secrets(&self) -> Vec<Declared> {
        // Was read before, by `parse`.
        let secrets = self.document.get("secrets");
        secrets.and_then(|secrets| secrets::parse(secrets).ok()).unwrap_or_default()
    }

    /// The same with this for the secret of that name; None: without it.
    #[must_use]
    pub fn with_secret(&self, name: &str, source: Option<Value>) -> Self {
        let mut changed = self.clone();
        let mut secrets = match changed.document.remove("secrets") {
            Some(Value::Object(secrets)) => secrets,
            _ => Map::new(),
        };
        match source {
            Some(source) => secrets.insert(name.to_owned(), source),
            None => secrets.remove(name),
        };
        if !secrets.is_empty() {
            changed.document.insert("secrets".to_owned(), Value::Object(secrets));
        }
        changed
    }

    /// Its text.
    pub fn to_vec(&self) -> Vec<u8> {
        python_json::to_vec(&Value::Object(self.document.clone()))
    }

    /// The keys that it has, known or not.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.document.keys().map(String::as_str)
    }

    /// A key that the Python poof does not know, if it is set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.document.get(key).filter(|value| !value.is_null())
    }

    /// Local directory and name on the remote, in the order of the file.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths = self.document.get("paths").and_then(Value::as_object);
        paths
            .into_iter()
            .flatten()
            .filter_map(|(local, name)| Some((local.as_str(), name.as_str()?)))
    }

    /// Patterns, in rclone's filter syntax, of what is left out.
    pub fn exclude(&self) -> Vec<String> {
        self.list("exclude")
    }

    /// Names of files whose directories are left out.
    pub fn exclude_if_present(&self) -> Vec<String> {
        self.list("exclude_if_present")
    }

    fn list(&self, key: &str) -> Vec<String> {
        let list = self.document.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    fn text(&self, key: &str) -> &str {
        self.document.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Keys that are missing, or of another type than they must be.
fn misshapen(document: &Map<String, Value>) -> Vec<(&'static str, Problem)> {
    let mut problems = Vec::new();
    for key in ["bucket", "remote"] {
        match document.get(key) {
            Some(Value::String(text)) if !text.trim().is_empty() => {}
            Some(_) => {
                let what = format!("\"{key}\" must be a text that is not empty");
                problems.push((key, invalid(what, "Write it between double quotes.")));
            }
            None => problems.push((key, missing(key))),
        }
    }
    match document.get("paths") {
        Some(Value::Object(paths)) if paths.values().all(Value::is_string) => {}
        Some(_) => {
            let what = "\"paths\" must be an object of texts";
            let hint = "Write \"/local/directory\": \"name-on-the-remote\".";
            problems.push(("paths", invalid(what, hint)));
        }
        None => problems.push(("paths", missing("paths"))),
    }
    let is_list =
        |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    for key in ["exclude", "exclude_if_present"] {
        if document.get(key).is_some_and(|value| !is_list(value)) {
            let what = format!("\"{key}\" must be a list of texts");
            problems.push((key, invalid(what, "Write [\"node_modules/\", \"*.tmp\"].")));
        }
    }
    problems
}

/// Keys that an object has more than once, of which JSON parsers keep the last.
fn repeated(bytes: &[u8]) -> Vec<Problem> {
    let twice = |what: String| invalid(what, "Only the last one would count; remove the other.");
    let Ok(Keys(top)) = serde_json::from_slice(bytes) else { return Vec::new() };
    let mut problems: Vec<_> = again(top.iter().map(|(key, _)| key))
        .map(|key| twice(format!("{key:?} stands there twice")))
        .collect();
    for (key, value) in &top {
        let Ok(Keys(inner)) = serde_json::from_str(value.get()) else { continue };
        let more = again(inner.iter().map(|(key, _)| key));
        problems.extend(more.map(|inner| twice(format!("{inner:?} stands in {key:?} twice"))));
    }
    problems
}

/// Of `keys` those that were there before.
fn again<'a>(keys: impl Iterator<Item = &'a String>) -> impl Iterator<Item = &'a String> {
    let mut seen = HashSet::new();
    keys.filter(move |key| !seen.insert(*key))
}

/// The keys of an object, repeated ones too, with what each is set to.
struct Keys(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    keys.push(entry);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn invalid(what: impl Into<String>, hint: &str) -> Problem {
    Problem::new(Status::InvalidPoofConfig, FILE, what, hint)
}

fn missing(key: &str) -> Problem {
    Problem::new(
        Status::ErrorMissingKey,
        format!("{FILE} \"{key}\""),
        "the key is missing",
        "Each poof.conf has \"bucket\", \"remote\", and \"paths\".",
    )
}

/// `user` as a part of a bucket name: lower-case letters, digits and hyphens
/// (Amazon S3, bucket naming rules).
fn bucket_label(user: &str) -> String {
    let label: String = user
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(30)
        .collect();
    let label = label.trim_matches('-');
    if label.is_empty() { "user".to_owned() } else { label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_the_one_of_the_python_poof() {
        let conf = PoofConf::scaffold(Path::new("/c/poof.conf"), Path::new("/c"), "joe").unwrap();
        let text =
            String::from_utf8(python_json::to_vec(&Value::Object(conf.document.clone()))).unwrap();
        let id = conf.bucket().strip_prefix("poofbackup-joe-").unwrap();
        assert!(id.len() == 12 && id.chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(
            text.replace(id, "ID"),
            "{\n  \"bucket\": \"poofbackup-joe-ID\",\n  \"confFile\": \"/c/poof.conf\",\n  \
             \"paths\": {\n    \"/c\": \"unittest\"\n  },\n  \"remote\": \"poof-backup\"\n}"
        );
    }

    #[test]
    fn invalid_json_is_located_and_not_quoted() {
        let problem = PoofConf::parse(b"{\n  \"bucket\": hunter2\n}").unwrap_err();
        assert_eq!(problem.status, Status::InvalidPoofConfig);
        assert!(problem.what.contains("line 2 column 13"), "{}", problem.what);
        assert!(problem.what.contains("expected"), "{}", problem.what);
        assert!(!problem.what.contains("hunter2"));
    }

    #[test]
    fn wrong_types_are_named() {
        for (text, word) in [
            ("[]", "object"),
            (r#"{"bucket": 1}"#, "bucket"),
            (r#"{"bucket": "b", "remote": "r"}"#, "missing"),
            (r#"{"bucket": "b", "remote": "r", "paths": {"/a": 1}}"#, "paths"),
            (r#"{"bucket": " ", "remote": "r", "paths": {}}"#, "bucket"),
            (r#"{"bucket": "b", "remote": "r", "paths": {"/a": "x", "/a": "y"}}"#, "twice"),
            (r#"{"bucket": "b", "remote": "r", "paths": {}, "exclude": "*.o"}"#, "list of texts"),
            (
                r#"{"bucket": "b", "remote": "r", "paths": {}, "exclude_if_present": [1]}"#,
                "if_present",
            ),
        ] {
            let problem = PoofConf::parse(text.as_bytes()).unwrap_err();
            assert!(format!("{problem:?}").contains(word), "{text}");
        }
    }

    #[test]
    fn unknown_keys_survive_an_edit() {
        let text = br#"{"bucket":"b","remote":"r","paths":{},"mine":[1,{"x":null}]}"#;
        let conf = PoofConf::parse(text).unwrap().with_remote("other");
        let back = PoofConf::parse(&python_json::to_vec(&Value::Object(conf.document.clone())));
        assert_eq!(back.unwrap().document.get("mine"), Some(&json!([1, {"x": null}])));
    }

    #[test]
    fn a_secret_is_declared_beside_the_others_and_sorted() {
        let text = br#"{"bucket":"b","remote":"r","paths":{},"secrets":{"r.z":{"file":"/z"}}}"#;
        let conf = PoofConf::parse(text).unwrap();
        let conf = conf.with_secret("r.a", Some(json!({"keychain": "r.a"})));
        let text = String::from_utf8(conf.to_vec()).unwrap();
        let secrets =
            "\"secrets\": {\n    \"r.a\": {\n      \"keychain\": \"r.a\"\n    },\n    \"r.z\"";
        assert!(text.contains(secrets), "{text}");
        assert_eq!(PoofConf::parse(text.as_bytes()).unwrap().secrets().len(), 2);
        let without = conf.with_secret("r.a", None).with_secret("r.z", None);
        assert!(!without.document.contains_key("secrets"));
    }

    #[test]
    fn odd_user_names_make_valid_buckets() {
        assert_eq!(bucket_label("Joe_User"), "joe-user");
        assert_eq!(bucket_label("É"), "user");
    }
}
