//! What went wrong on the remote side, as far as poof acts on it.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

use super::remedy;
use crate::base::error::{Error, Kind};
use crate::base::shown::one_line;

/// The kinds that `go/calls/failure.go` tells apart.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// Stopped because the user asked for it.
    Stopped,
    /// The bucket, directory or object does not exist.
    Missing,
    /// The server refused.
    Denied,
    /// The permissions of a file or directory on this machine refuse.
    Forbidden,
    /// No space or quota left.
    Full,
    /// No answer: name, route, port or time.
    Unreachable,
    /// The certificate of the server is not trusted.
    Untrusted,
    /// The server answers, with errors of its own.
    Failing,
    /// rclone's configuration does not make sense.
    Config,
    /// The remote cannot hold an object of that name.
    Name,
    /// It was to be stored where nothing is, and something is there.
    Taken,
    /// Another machine may have the lock on the remote.
    Overtaken,
    /// The remote cannot do that by itself.
    Unable,
    /// What the remote held under that name is gone, or is something else now.
    Lost,
    /// It was sent, and the server does not show that it holds it.
    Unproven,
    Other,
}

impl FailureKind {
    /// Whether trying again can help. What the weather does is none of it: `go/weather`
    /// has tried each request for as long as that makes sense.
    pub fn is_worth_retrying(self) -> bool {
        matches!(
            self,
            FailureKind::Other | FailureKind::Missing | FailureKind::Lost | FailureKind::Unproven
        )
    }
}

impl FromStr for FailureKind {
    type Err = ();

    /// The kind by the name that Go gives it.
    fn from_str(name: &str) -> Result<Self, ()> {
        let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        FailureKind::deserialize(name).map_err(|_| ())
    }
}

/// A failure of a call; the text is for people and holds no secret.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    #[serde(default)]
    pub host: String,
    /// The server's own code, e.g. `NoSuchBucket`; may be empty.
    #[serde(default)]
    pub code: String,
    pub text: String,
    /// A file on this machine failed, and the remote has no part in it.
    #[serde(default)]
    pub here: bool,
}

impl Failure {
    pub fn other(text: &str) -> Self {
        Failure {
            kind: FailureKind::Other,
            host: String::new(),
            code: String::new(),
            text: text.to_owned(),
            here: false,
        }
    }

    /// A reply that is not what the method promises. Its text is not kept: it
    /// may hold anything.
    pub fn reply(method: &str) -> Self {
        Failure::other(&format!("rclone gave an unexpected reply to {method}"))
    }

    /// Whether trying again can help.
    pub fn is_worth_retrying(&self) -> bool {
        self.kind.is_worth_retrying()
    }

    /// Whether it is about single files, not about the remote as a whole.
    pub fn concerns_files(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Other
                | FailureKind::Missing
                | FailureKind::Denied
                | FailureKind::Forbidden
        )
    }

    /// Whether the remote has answered, and what it has is not what it should be.
    pub fn is_of_the_object(&self) -> bool {
        !self.here && matches!(self.kind, FailureKind::Missing | FailureKind::Lost)
    }

    /// The failure as an error of `otherwise` kind, unless it has a kind of
    /// its own. `doing` completes "cannot …".
    pub fn into_error(self, doing: &str, otherwise: Kind) -> Error {
        if self.here {
            return self.of_this_disk(doing);
        }
        let Failure { kind, host, code, text, .. } = self;
        // A server says in it what it likes.
        let text = one_line(&text).into_owned();
        let of = if host.is_empty() { String::new() } else { format!(" of {host}") };
        let at = if host.is_empty() { String::new() } else { format!(" at {host}") };
        match kind {
            FailureKind::Stopped => Error::interrupted(),
            FailureKind::Unreachable => {
                Error::new(Kind::Remote, format!("cannot {doing}: no answer{at}: {text}"))
                    .hint(remedy::UNREACHABLE)
            }
            FailureKind::Failing => {
                let what = format!("cannot {doing}: the server fails{at}: {text}");
                Error::new(Kind::Remote, what)
                    .hint("Run it again later. If that lasts, ask whoever runs the server.")
            }
            FailureKind::Denied => {
                Error::new(Kind::Remote, format!("cannot {doing}: refused{at}: {text}"))
                    .hint(remedy::refused(&code, &text))
            }
            FailureKind::Untrusted => Error::new(
                Kind::Remote,
                format!("cannot {doing}: the certificate{of} is not trusted: {text}"),
            )
            .hint(remedy::untrusted(&code)),
            FailureKind::Forbidden => Error::new(otherwise, format!("cannot {doing}: {text}"))
                .hint(remedy::forbidden(&code)),
            FailureKind::Full => {
                Error::new(Kind::Incomplete, format!("cannot {doing}: no space left: {text}"))
                    .hint("Free some space, or raise the quota, and run it again.")
            }
            FailureKind::Config => Error::config(format!("cannot {doing}: {text}"))
                .hint("Correct that setting: `poof edit rclone-poof.conf`."),
            FailureKind::Overtaken => Error::new(Kind::Busy, text)
                .hint("What was sent is there, nothing was removed. Run it again."),
            FailureKind::Missing
            | FailureKind::Name
            | FailureKind::Taken
            | FailureKind::Unable
            | FailureKind::Lost
            | FailureKind::Unproven
            | FailureKind::Other => {
                let error = Error::new(otherwise, format!("cannot {doing}: {text}"));
                match remedy::setting(&code, &text) {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            }
        }
    }
}

impl Failure {
    /// Something on this machine failed: nothing is wrong with the remote.
    fn of_this_disk(self, doing: &str) -> Error {
        let hint = match self.kind {
            FailureKind::Full => "Free some space on that disk. The remote is as it was.",
            FailureKind::Forbidden => "Check owner and permissions of that path.",
            _ => "It is a path on this machine. The remote is as it was.",
        };
        Error::unexpected(format!("cannot {doing}: {}", one_line(&self.text))).hint(hint)
    }
}
