//! `"secrets"` of poof.conf: where the values come from that stand in no file of
//! poof's. No message quotes what stands there: it may be a secret that somebody
//! wrote into the wrong place.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::status::{Problem, Status};

/// The name under which the password of an encrypted rclone-poof.conf is found. (rclone
/// has no setting of the name `conf`.)
pub const FILE_PASSWORD: &str = "rclone-poof.conf";

/// What `ready` makes decisions with, and what is no secret.
const NO_SECRETS: [&str; 2] = ["type", "remote"];

/// One entry: what it is for, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// `SECTION.KEY`, or [`FILE_PASSWORD`].
    pub name: String,
    pub source: Source,
    /// The source holds what `rclone obscure` makes of the value, not the value.
    pub obscured: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A program and its arguments; the first line that it prints.
    Command(Vec<String>),
    /// The first line of a file.
    File(PathBuf),
    /// An entry of the system's keychain.
    Keychain(String),
}

impl Declared {
    /// Section and key of rclone-poof.conf; None: the password of that file.
    pub fn place(&self) -> Option<(&str, &str)> {
        place(&self.name)
    }

    /// For people: where it is declared.
    pub fn told(&self) -> String {
        told(&self.name)
    }

    /// A problem of this entry.
    pub fn problem(&self, status: Status, what: &str, hint: &str) -> Problem {
        Problem::new(status, self.told(), what, hint)
    }

    /// The first local path that the source names and that lies in `tree`.
    pub fn lies_in(&self, tree: &Path, real: impl Fn(&Path) -> PathBuf) -> bool {
        let within = |path: &Path| path.is_absolute() && real(path).starts_with(tree);
        match &self.source {
            Source::Command(argv) => argv.iter().any(|word| within(Path::new(word))),
            Source::File(path) => within(path),
            Source::Keychain(_) => false,
        }
    }
}

/// Section and key of a name. The names of sections may hold dots, those of keys do not.
pub fn place(name: &str) -> Option<(&str, &str)> {
    if name == FILE_PASSWORD { None } else { name.rsplit_once('.') }
}

fn told(name: &str) -> String {
    format!("poof.conf secrets {name:?}")
}

/// The entries of `"secrets"`.
///
/// # Errors
/// Those that are of another shape.
pub fn parse(secrets: &Value) -> Result<Vec<Declared>, Problem> {
    let Value::Object(entries) = secrets else {
        return Err(invalid(
            "poof.conf \"secrets\"".to_owned(),
            "it must be an object",
            "Write \"SECTION.KEY\": {\"command\": [\"pass\", \"show\", \"x\"]}.",
        ));
    };
    let (mut declared, mut wrong) = (Vec::new(), Vec::new());
    for (name, value) in entries {
        match entry(name, value) {
            Ok(one) => declared.push(one),
            Err(problem) => wrong.push(problem),
        }
    }
    Problem::all(wrong).map_or(Ok(declared), Err)
}

/// One of them.
///
/// # Errors
/// It is of another shape.
pub fn entry(name: &str, value: &Value) -> Result<Declared, Problem> {
    let wrong = |what: &str, hint: &str| invalid(told(name), what, hint);
    match place(name) {
        None if name != FILE_PASSWORD => {
            return Err(wrong("the name is not of the form SECTION.KEY", NAMES));
        }
        Some((section, key)) if section.is_empty() || key.is_empty() => {
            return Err(wrong("the name is not of the form SECTION.KEY", NAMES));
        }
        Some((_, key)) if NO_SECRETS.contains(&key) => {
            return Err(wrong("this is no secret", "It belongs into rclone-poof.conf."));
        }
        _ => {}
    }
    let shape = || wrong("it does not say where the secret comes from", SOURCES);
    let Value::Object(fields) = value else { return Err(shape()) };
    let obscured = match fields.get("obscured") {
        None => false,
        Some(Value::Bool(_)) if name == FILE_PASSWORD => {
            return Err(wrong(
                "\"obscured\" has no meaning here",
                "The password is given in clear.",
            ));
        }
        Some(Value::Bool(obscured)) => *obscured,
        Some(_) => return Err(wrong("\"obscured\" must be true or false", SOURCES)),
    };
    let mut sources = fields.iter().filter(|(field, _)| *field != "obscured");
    let (Some((kind, value)), None) = (sources.next(), sources.next()) else {
        return Err(shape());
    };
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let source = match (kind.as_str(), value) {
        ("command", Value::Array(words)) => {
            let argv: Option<Vec<_>> = words.iter().map(|word| word.as_str()).collect();
            let argv = argv.filter(|argv| argv.first().is_some_and(|program| !program.is_empty()));
            let argv = argv.filter(|argv| !argv.iter().any(|word| word.contains('\0')));
            let argv = argv.ok_or_else(|| wrong("\"command\" must be a list of texts", COMMAND))?;
            Source::Command(argv.into_iter().map(str::to_owned).collect())
        }
        ("command", _) => return Err(wrong("\"command\" must be a list of texts", COMMAND)),
        ("file", value) => match text(value).map(PathBuf::from) {
            Some(path) if path.is_absolute() => Source::File(path),
            _ => return Err(wrong("\"file\" must be a full path", "Write it from / on.")),
        },
        ("keychain", value) => match text(value) {
            Some(entry) => Source::Keychain(entry),
            None => return Err(wrong("\"keychain\" must be the name of an entry", SOURCES)),
        },
        _ => return Err(shape()),
    };
    Ok(Declared { name: name.to_owned(), source, obscured })
}

const NAMES: &str = "SECTION and KEY are those of rclone-poof.conf; \"rclone-poof.conf\" is the \
                     password of that file.";
const SOURCES: &str = "Write {\"command\": [\"pass\", \"show\", \"x\"]}, {\"file\": \"/path\"} or \
                       {\"keychain\": \"entry\"}.";
const COMMAND: &str = "Program and arguments one by one: [\"pass\", \"show\", \"x\"]. There is no \
                       shell; [\"sh\", \"-c\", \"…\"] is one.";

fn invalid(place: String, what: &str, hint: &str) -> Problem {
    Problem::new(Status::InvalidPoofConfig, place, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_source_is_read() {
        let all = parse(&json!({
            "my.remote.pass": {"file": "/run/x", "obscured": true},
            "poof-backup.secret_access_key": {"command": ["pass", "show", "x"]},
            "poof-crypt.password": {"keychain": "entry"},
            "rclone-poof.conf": {"file": "/p"},
        }));
        let all = all.unwrap();
        assert_eq!(all[0].place(), Some(("my.remote", "pass")));
        assert!(all[0].obscured && !all[1].obscured);
        assert_eq!(all[1].source, Source::Command(["pass", "show", "x"].map(str::to_owned).into()));
        assert_eq!(all[2].source, Source::Keychain("entry".to_owned()));
        assert_eq!(all[3].place(), None);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_quoted() {
        for (text, word) in [
            (json!("hunter2"), "object"),
            (json!({"x": {"file": "/hunter2"}}), "SECTION.KEY"),
            (json!({".x": {"file": "/hunter2"}}), "SECTION.KEY"),
            (json!({"a.type": {"file": "/hunter2"}}), "no secret"),
            (json!({"a.b": "hunter2"}), "where the secret comes from"),
            (json!({"a.b": {}}), "where the secret comes from"),
            (json!({"a.b": {"value": "hunter2"}}), "where the secret comes from"),
            (json!({"a.b": {"file": "/hunter2", "keychain": "x"}}), "where the secret comes from"),
            (json!({"a.b": {"command": "echo hunter2"}}), "list of texts"),
            (json!({"a.b": {"command": []}}), "list of texts"),
            (json!({"a.b": {"command": ["", "hunter2"]}}), "list of texts"),
            (json!({"a.b": {"command": ["hunter2", 1]}}), "list of texts"),
            (json!({"a.b": {"command": ["hunter2\u{0}"]}}), "list of texts"),
            (json!({"a.b": {"file": "hunter2"}}), "full path"),
            (json!({"a.b": {"keychain": ["hunter2"]}}), "name of an entry"),
            (json!({"a.b": {"file": "/hunter2", "obscured": "x"}}), "true or false"),
            (json!({"rclone-poof.conf": {"file": "/hunter2", "obscured": true}}), "no meaning"),
        ] {
            let problem = parse(&text).unwrap_err();
            assert_eq!(problem.status, Status::InvalidPoofConfig);
            assert!(problem.what.contains(word), "{text}: {}", problem.what);
            assert!(!format!("{problem:?}").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_source_within_a_tree_is_seen() {
        let all = parse(&json!({
            "a.b": {"file": "/t/key"}, "a.c": {"command": ["gpg", "-d", "/t/x.gpg"]},
            "a.d": {"command": ["t"]}, "a.e": {"file": "/tt"}, "a.f": {"keychain": "/t/x"},
        }));
        let inside = |d: &Declared| d.lies_in(Path::new("/t"), Path::to_path_buf);
        assert_eq!(
            all.unwrap().iter().map(inside).collect::<Vec<_>>(),
            [true, true, false, false, false]
        );
    }
}
