//! Whether somebody who lets poof remove itself can come back: what is noted of
//! kits that were written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Context;
use crate::base::error::{Error, Result};
use crate::base::files::write_private;

/// What is noted, in the state directory.
#[derive(Default, Serialize, Deserialize)]
struct Notes {
    kit: Option<KitNote>,
}

/// A kit that was written.
#[derive(Clone, Serialize, Deserialize)]
pub struct KitNote {
    /// Seconds since 1970.
    pub made: u64,
    pub path: PathBuf,
    /// Of the configuration that it holds.
    fingerprint: String,
}

fn path(context: &Context) -> PathBuf {
    context.state.join("farewell.json")
}

fn save(context: &Context, notes: &Notes) -> Result<()> {
    let text = serde_json::to_vec(notes).map_err(|e| Error::unexpected(e.to_string()))?;
    write_private(&path(context), &text)
}

/// Recognises a file without saying what is in it.
fn fingerprint(path: &Path) -> Option<String> {
    let hash =
        blake3::derive_key("poof 2026 fingerprint of a configuration", &fs::read(path).ok()?);
    Some(data_encoding::HEXLOWER.encode(&hash[..16]))
}

fn of_both(context: &Context) -> Option<String> {
    let (poof, rclone) = (fingerprint(&context.files.poof)?, fingerprint(&context.files.rclone)?);
    Some(format!("{poof}{rclone}"))
}

/// A kit of the configuration as it is was written to `path`.
///
/// # Errors
/// The state cannot be written.
pub fn note_kit(context: &Context, path: &Path) -> Result<()> {
    let made = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let kit =
        of_both(context).map(|fingerprint| KitNote { made, path: path.to_path_buf(), fingerprint });
    save(context, &Notes { kit })
}
