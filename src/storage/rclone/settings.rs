//! What goes with a call: rclone's own settings, for this call alone.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// rclone's `_config` for one call. The names are those of `fs.ConfigInfo`;
/// `go/calls` refuses one that rclone does not know.
#[allow(clippy::struct_excessive_bools)] // rclone's own
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkers: Option<u32>,
    pub low_level_retries: u32,
    #[serde(serialize_with = "go_duration")]
    pub connect_timeout: Duration,
    #[serde(serialize_with = "go_duration")]
    pub timeout: Duration,
    /// One listing of the whole prefix instead of one a directory.
    #[serde(rename = "UseListR")]
    pub use_list_r: bool,
    pub dry_run: bool,
    pub size_only: bool,
    /// Two names that differ only in their Unicode normal form are two files.
    pub no_unicode_normalization: bool,
    /// 0: large files are not cut into streams of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_thread_streams: Option<u32>,
    pub log_level: &'static str,
}

impl Settings {
    /// For a look at the remote before the work begins: a dead endpoint has
    /// its verdict within ten seconds (with rclone's defaults it takes 400).
    /// The s3 backend tries twice whatever is set (`SetRetries` in backend/s3).
    pub fn probe() -> Self {
        Settings {
            low_level_retries: 1,
            connect_timeout: Duration::from_secs(4),
            timeout: Duration::from_secs(4),
            log_level: "NOTICE",
            ..Settings::default()
        }
    }

    /// For the work itself, with so many transfers at once.
    pub fn work(transfers: u32) -> Self {
        Settings {
            transfers: Some(transfers),
            checkers: Some(transfers.max(16)),
            low_level_retries: 3,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_mins(1),
            use_list_r: true,
            no_unicode_normalization: true,
            log_level: "NOTICE",
            ..Settings::default()
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn go_duration<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{}ms", time.as_millis()))
}

/// rclone's `_filter` for one call.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// A file with the paths to take, each ended by a NUL.
    #[serde(rename = "FilesFrom0", skip_serializing_if = "Vec::is_empty")]
    pub files_from0: Vec<String>,
}
