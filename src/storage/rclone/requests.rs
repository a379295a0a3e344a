//! The calls that poof makes, each with its parameters and its reply. Names and
//! meanings are those of rclone's rc API (rclone.org/rc) and of `go/calls`.

use serde::{Deserialize, Serialize};

use super::call::Call;
pub use super::settings::{Filter, Settings};
use crate::storage::job::{LogLine, Stats};
use crate::storage::messages::{Abilities, DirectoryNames, Listed, Operation, Versions};

/// A reply of which nothing is needed.
#[derive(Deserialize)]
pub struct Nothing {}

/// Defines a request with its method and its reply.
macro_rules! request {
    ($(#[$doc:meta])* $name:ident => $method:literal, $reply:ty { $($(#[$attr:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$attr])* pub $field: $type),* }
        impl Call for $name {
            const METHOD: &'static str = $method;
            type Reply = $reply;
        }
    };
}

request!(
    /// Names the directories in one of a store; an empty `dir` is its top.
    ListDirectories => "poof/dirs", DirectoryNames { fs: String, crypt: String, dir: String }
);

request!(
    /// Makes a directory or bucket.
    MakeDirectory => "operations/mkdir", Nothing { fs: String, remote: String }
);

request!(
    /// Removes the empty directories at and below `remote`.
    RemoveEmptyDirectories => "operations/rmdirs", Nothing {
        fs: String,
        remote: String,
        leave_root: bool,
    }
);

request!(
    /// Removes a directory with everything in it.
    Purge => "operations/purge", Nothing { fs: String, remote: String }
);

request!(
    /// Removes one object.
    DeleteFile => "operations/deletefile", Nothing { fs: String, remote: String }
);

request!(
    /// Stores a small object; `data` is base64.
    PutObject => "poof/put", Nothing { fs: String, remote: String, data: String }
);

request!(
    /// Reads a small object of at most `limit` bytes.
    GetObject => "poof/get", ObjectData { fs: String, remote: String, limit: u64 }
);

#[derive(Deserialize)]
pub struct ObjectData {
    /// base64
    pub data: String,
}

request!(
    /// `sync/sync` or `sync/copy` that reports what it decides for each file to
    /// the file descriptor `report`. See go/calls/mirror.go.
    Mirror => "poof/mirror", Nothing {
        src_fs: String,
        dst_fs: String,
        operation: Operation,
        report: i32,
        create_empty_src_dirs: bool,
    }
);

request!(
    /// Reports every object below a directory. See go/calls/store.go, as for the
    /// next four; `jobs` and `report` are file descriptors.
    ListStore => "poof/list", Listed {
        fs: String, crypt: String, dir: String, without: String, marks: Vec<String>, report: i32,
    }
);

request!(
    LookStore => "poof/look", Nothing {
        fs: String, crypt: String, jobs: i32, report: i32, width: u32,
    }
);

request!(
    RemoveStore => "poof/remove", Nothing {
        fs: String, crypt: String, jobs: i32, report: i32, width: u32,
    }
);

request!(
    SendStore => "poof/send", Nothing {
        fs: String, crypt: String, root: i32, notes: String, jobs: i32, report: i32,
        width: u32,
    }
);

request!(
    CopyStore => "poof/copy", Nothing {
        fs: String, crypt: String, jobs: i32, report: i32, width: u32,
    }
);

request!(
    MoveStore => "poof/move", Nothing {
        fs: String, crypt: String, jobs: i32, report: i32, width: u32,
    }
);

request!(
    /// What a remote can do with objects by itself.
    AskAbilities => "poof/can", Abilities { fs: String, crypt: String }
);

request!(
    FetchStore => "poof/fetch", Nothing {
        fs: String, crypt: String, dir: i32, jobs: i32, report: i32, width: u32,
    }
);

request!(
    /// Aborts what earlier runs began to upload in parts and noted in `dirs`.
    AbandonUploads => "poof/abandon", Nothing { fs: String, crypt: String, dirs: Vec<String> }
);

request!(
    /// How long a run waits for a network that is away.
    SetPatience => "poof/patience", Nothing { seconds: u64 }
);

request!(
    /// The storage class of small objects; empty: that of all others.
    SetSmallClass => "poof/class", Nothing { small: String }
);

request!(
    /// How many bytes a second go at most. No rate: only asks.
    Bandwidth => "poof/bwlimit", InForce {
        #[serde(skip_serializing_if = "Option::is_none")]
        rate: Option<String>,
        check: bool,
    }
);

#[derive(Deserialize)]
pub struct InForce {
    /// Why the rate is none; else empty.
    pub wrong: String,
    pub now: String,
    pub limited: bool,
}

request!(
    /// Until when this run has the lock on the remote, in seconds since 1970 (0: there is
    /// none), or that it is gone.
    SetLease => "poof/lease", Nothing { until: u64, lost: bool }
);

request!(
    /// The name of the object of a local path, both base64.
    NameOf => "poof/name", ObjectName { path: String }
);

#[derive(Deserialize)]
pub struct ObjectName {
    pub remote: String,
}

request!(
    /// Counts what a bucket keeps of what was deleted below a directory. See
    /// go/calls/versions.go.
    CountVersions => "poof/versions", Versions { fs: String, dir: String }
);

request!(
    /// Tells a monitor how a run went. See go/calls/ping.go.
    Ping => "poof/ping", Nothing { url: String, body: String }
);

request!(
    /// What rclone logged since the last call.
    DrainLog => "poof/log", Log {}
);

#[derive(Deserialize)]
pub struct Log {
    pub lines: Option<Vec<LogLine>>,
}

request!(
    /// The state of a job, once it has ended or `millis` milliseconds have passed.
    AwaitJob => "poof/wait", Job { jobid: u64, millis: u32 }
);

#[derive(Deserialize)]
pub struct Job {
    pub finished: bool,
    /// Set only if the job ended outside of the envelope.
    pub error: String,
    pub output: Option<serde_json::Value>,
    /// Seconds since when nothing has come through from the remote, if that is so.
    #[serde(default)]
    pub waiting: Option<u64>,
    /// It answers, with errors.
    #[serde(default)]
    pub answered: bool,
}

request!(
    /// Asks a job to stop; it ends soon after.
    JobStop => "job/stop", Nothing { jobid: u64 }
);

request!(
    /// Progress of the jobs of a group.
    GetStats => "core/stats", Stats { group: String }
);

request!(
    /// Forgets a group.
    DeleteStats => "core/stats-delete", Nothing { group: String }
);
