//! What went wrong on the remote side, as far as poof acts on it.

use std::str::FromStr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

use crate::base::error::{Error, Kind};

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
    /// No answer: name, route, port, TLS or time.
    Unreachable,
    /// rclone's configuration does not make sense.
    Config,
    /// The remote cannot hold an object of that name.
    Name,
    /// It was to be stored where nothing is, and something is there.
    Taken,
    /// What the remote held under that name is gone, or is something else now.
    Lost,
    /// It was sent, and the server does not show that it holds it.
    Unproven,
    Other,
}

impl FailureKind {
    /// Whether trying again can help.
    pub fn is_worth_retrying(self) -> bool {
        matches!(
            self,
            FailureKind::Other
                | FailureKind::Unreachable
                | FailureKind::Missing
                | FailureKind::Lost
                | FailureKind::Unproven
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
}

impl Failure {
    pub fn other(text: &str) -> Self {
        Failure {
            kind: FailureKind::Other,
            host: String::new(),
            code: String::new(),
            text: text.to_owned(),
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

    /// The failure as an error of `otherwise` kind, unless it has a kind of
    /// its own. `doing` completes "cannot …".
    pub fn into_error(self, doing: &str, otherwise: Kind) -> Error {
        let Failure { kind, host, code, text } = self;
        let at = if host.is_empty() { String::new() } else { format!(" at {host}") };
        match kind {
            FailureKind::Stopped => Error::interrupted(),
            FailureKind::Unreachable => {
                Error::new(Kind::Remote, format!("cannot {doing}: no answer{at}: {text}"))
                    .hint("Is this machine online, and is the endpoint in rclone-poof.conf right?")
            }
            FailureKind::Denied => {
                Error::new(Kind::Remote, format!("cannot {doing}: refused{at}: {text}"))
                    .hint(denied_hint(&code))
            }
            FailureKind::Forbidden => Error::new(otherwise, format!("cannot {doing}: {text}"))
                .hint("Check owner and permissions of that path."),
            FailureKind::Full => {
                Error::new(Kind::Incomplete, format!("cannot {doing}: no space left: {text}"))
                    .hint("Free some space, or raise the quota, and run it again.")
            }
            FailureKind::Config => Error::config(format!("cannot {doing}: {text}"))
                .hint("`poof verify` says what is wrong with rclone-poof.conf."),
            FailureKind::Missing
            | FailureKind::Name
            | FailureKind::Taken
            | FailureKind::Lost
            | FailureKind::Unproven
            | FailureKind::Other => Error::new(otherwise, format!("cannot {doing}: {text}")),
        }
    }
}

fn denied_hint(code: &str) -> &'static str {
    match code {
        "InvalidAccessKeyId" => "Check access_key_id in rclone-poof.conf (`poof cconfig`).",
        "SignatureDoesNotMatch" => "Check secret_access_key in rclone-poof.conf (`poof cconfig`).",
        "RequestTimeTooSkewed" => "Set this machine's clock.",
        _ => "Check the credentials in rclone-poof.conf and what they permit on that bucket.",
    }
}
