//! What has installed a program, and removes it with all that it has noted.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::tool;
use crate::base::shown::quoted;

/// A command that removes poof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uninstall {
    /// Who has installed it: the name of a program.
    pub by: &'static str,
    /// Who has to run the command.
    pub of_root: bool,
    settings: Vec<(&'static str, OsString)>,
    words: Vec<OsString>,
    /// What forgets the copy that is kept for the next installation.
    forget: Vec<OsString>,
    /// What it leaves: files, and directories that go if they are empty, the upper ones last.
    leavings: Vec<PathBuf>,
}

impl Uninstall {
    pub fn new(by: &'static str, words: impl IntoIterator<Item: Into<OsString>>) -> Self {
        let words = words.into_iter().map(Into::into).collect();
        Uninstall {
            by,
            of_root: false,
            settings: Vec::new(),
            words,
            forget: Vec::new(),
            leavings: Vec::new(),
        }
    }

    /// By `cargo install`, into this root.
    pub fn cargo(root: &Path) -> Self {
        let words = ["cargo", "uninstall", "--root"].map(OsString::from);
        Self::new("cargo", words.into_iter().chain([root.into(), "poof".into()]))
    }

    /// With a variable of the environment.
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// With an uv that forgets what it keeps of poof.
    pub fn forgetting(mut self, uv: impl Into<OsString>) -> Self {
        self.forget = vec![uv.into()];
        self.forget.extend(["cache", "clean", "poof"].map(OsString::from));
        self
    }

    pub fn leaving(mut self, leavings: impl IntoIterator<Item = PathBuf>) -> Self {
        self.leavings.extend(leavings);
        self
    }

    /// What it runs: a path, or a name on PATH.
    pub fn program(&self) -> Option<&Path> {
        self.words.first().map(Path::new)
    }

    /// For people: what removes it when typed.
    pub fn command(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.of_root.then(|| "sudo".to_owned()));
        words.extend((!self.settings.is_empty()).then(|| "env".to_owned()));
        let setting = |(name, value): &(&str, OsString)| format!("{name}={}", word(value));
        words.extend(self.settings.iter().map(setting));
        words.extend(self.words.iter().map(word));
        words.join(" ")
    }

    /// Removes it. Returns whether `program` is gone.
    pub fn run(&self, program: &Path) -> bool {
        // pip calls it a success as well if it knows of none.
        let done =
            !self.of_root && self.call(&self.words) && fs::symlink_metadata(program).is_err();
        if done {
            self.call(&self.forget);
            for path in &self.leavings {
                let _ = fs::remove_file(path).or_else(|_| fs::remove_dir(path));
            }
        }
        done
    }

    fn call(&self, words: &[OsString]) -> bool {
        let Some((program, rest)) = words.split_first() else { return false };
        let Some(program) = program.to_str() else { return false };
        let Ok(program) = tool::found(program, None) else { return false };
        let mut command = Command::new(program);
        // Python looks for modules in the working directory, and where these say.
        command.args(rest).current_dir("/").env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// A word for a shell, in quotes where it is a path.
fn word(word: &OsString) -> String {
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match word.to_str() {
        Some(text) if plain(text) => text.to_owned(),
        _ => quoted(Path::new(word)),
    }
}
