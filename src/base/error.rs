//! One error type: what happened, to what, and what to do next. Its kind is
//! the exit code, in the one table that exists of them.

use super::shown::path_of;
use std::fmt;
use std::io;
use std::path::Path;

pub type Result<T> = std::result::Result<T, Error>;

/// Why a command did not do all that it promises. The order is that of
/// precedence when several trees fail in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Wiped, but something remains.
    Residue,
    /// Sent, but not all of it is proven.
    Unproven,
    /// Something could not be read, sent or fetched; the rest is safe.
    Incomplete,
    /// A guard refused before anything changed.
    Guard,
    /// The remote is unreachable or refused the credentials.
    Remote,
    /// The configuration is missing or invalid.
    Config,
    /// Another poof is at work on this configuration.
    Busy,
    Usage,
    Unexpected,
    Interrupted,
}

impl Kind {
    pub const fn exit_code(self) -> u8 {
        match self {
            Kind::Unexpected => 1,
            Kind::Usage => 2,
            Kind::Config => 3,
            Kind::Remote => 4,
            Kind::Incomplete => 5,
            Kind::Unproven => 6,
            Kind::Guard => 7,
            Kind::Busy => 8,
            Kind::Residue => 9,
            Kind::Interrupted => 130,
        }
    }

    /// One word for it, for hooks and for what is noted of a run.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Unexpected => "failed",
            Kind::Usage => "usage",
            Kind::Config => "configuration",
            Kind::Remote => "remote",
            Kind::Incomplete => "incomplete",
            Kind::Unproven => "unproven",
            Kind::Guard => "refused",
            Kind::Busy => "busy",
            Kind::Residue => "residue",
            Kind::Interrupted => "interrupted",
        }
    }

    /// All of them, in the order of their exit codes.
    pub const ALL: [Kind; 10] = [
        Kind::Unexpected,
        Kind::Usage,
        Kind::Config,
        Kind::Remote,
        Kind::Incomplete,
        Kind::Unproven,
        Kind::Guard,
        Kind::Busy,
        Kind::Residue,
        Kind::Interrupted,
    ];

    /// What help, manual and docs/exit-codes.md say of it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Kind::Unexpected => "unexpected failure",
            Kind::Usage => "wrong usage",
            Kind::Config => "configuration missing or invalid",
            Kind::Remote => "remote unreachable, or it refused the credentials",
            Kind::Incomplete => {
                "incomplete: something could not be read, sent or fetched; the rest is safe; \
                 nothing was wiped because of it"
            }
            Kind::Unproven => "sent, but not all of it proven: the unproven was not wiped",
            Kind::Guard => "a guard refused: nothing that it refused was changed",
            Kind::Busy => {
                "another poof is at work: on this configuration, or from another machine on the \
                 same tree"
            }
            Kind::Residue => "wiped, but residue remains: named path by path",
            Kind::Interrupted => "interrupted; safe to run again",
        }
    }
}

/// What exit code 0 means.
pub const DONE: &str = "done, everything proven that the command promises";

/// What a guard says that refused a whole command.
pub const UNCHANGED: &str = "Nothing was changed.";

/// A failure that a person can act on.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), hint: None }
    }

    pub fn config(message: impl Into<String>) -> Self {
        Error::new(Kind::Config, message)
    }

    pub fn guard(message: impl Into<String>) -> Self {
        Error::new(Kind::Guard, message)
    }

    pub fn unexpected(message: impl Into<String>) -> Self {
        Error::new(Kind::Unexpected, message)
    }

    pub fn interrupted() -> Self {
        Error::new(Kind::Interrupted, "interrupted").hint("Nothing is broken; run it again.")
    }

    /// `what` could not be done to `path`.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => Some("Check owner and permissions of that path."),
            io::ErrorKind::NotFound => Some("Nothing is at that path: check how it is written."),
            io::ErrorKind::StorageFull => Some("Free some space on that disk."),
            io::ErrorKind::ReadOnlyFilesystem => Some("That disk is mounted read-only."),
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Some("Something else is in the way at that path; move it.")
            }
            _ => None,
        };
        Error {
            kind: Kind::Unexpected,
            message: format!("cannot {what} {}: {error}", path_of(path)),
            hint: hint.map(str::to_owned),
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same where it concerns one tree of several: the others go on, and nobody is
    /// told that nothing has changed.
    #[must_use]
    pub fn of_tree(mut self, tree: &str) -> Self {
        let narrower = format!("Nothing of {tree} was changed.");
        self.hint = self.hint.map(|hint| hint.replace(UNCHANGED, &narrower));
        self
    }

    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_exit_code_of_the_contract() {
        let table = [
            (Kind::Unexpected, 1),
            (Kind::Usage, 2),
            (Kind::Config, 3),
            (Kind::Remote, 4),
            (Kind::Incomplete, 5),
            (Kind::Unproven, 6),
            (Kind::Guard, 7),
            (Kind::Busy, 8),
            (Kind::Residue, 9),
            (Kind::Interrupted, 130),
        ];
        for (kind, code) in table {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
        }
        assert_eq!(Kind::ALL, table.map(|(kind, _)| kind));
    }

    #[test]
    fn a_guard_outranks_an_incomplete_tree_and_an_interrupt_outranks_all() {
        assert!(Kind::Guard > Kind::Incomplete);
        assert!(Kind::Interrupted > Kind::Unexpected);
    }
}
