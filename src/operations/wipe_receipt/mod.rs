//! A wipe receipt: a small signed text that says what an upload has wiped, for somebody who
//! asks for it later. It has no name of a file, and nothing that leads to the data. (What an
//! installation has made is another receipt: `host::receipt`.)

mod signing;
mod text;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};

use super::outcome::Outcome;
use super::own_files;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::files::{make_all_private, parent};
use crate::base::shown::{name_of, path_of};
use crate::base::units::now;
use crate::config::Ready;
use crate::config::trees::Directory;
use crate::host::scrub::takes_files;
use crate::report::{Bytes, Event};
use text::Facts;

/// One that is to be written.
pub struct WipeReceipt {
    path: PathBuf,
    /// When the run began, in seconds since 1970.
    begun: u64,
    encrypted: bool,
    /// How many there are in poof.conf.
    directories: usize,
}

impl WipeReceipt {
    /// Looks whether it can be written to `path`, and stays there.
    ///
    /// # Errors
    /// It cannot, or it would not.
    pub fn to(session: &Session, path: &Path, ready: &Ready, begun: u64) -> Result<Self> {
        // The current directory may be one that is about to go.
        let path = path::absolute(path).map_err(|error| Error::io("write", path, &error))?;
        is_free(&path)?;
        let directories = ready.directories();
        stays(session, &path, directories)?;
        let encrypted = ready.remote().is_encrypted();
        Ok(WipeReceipt { path, begun, encrypted, directories: directories.len() })
    }

    /// Says where it would be.
    pub fn preview(&self, session: &Session) {
        for path in [&self.path, &beside(&self.path)] {
            let path = Bytes::path(path.as_os_str().as_bytes());
            session.report.tell(&Event::WouldWrite { path });
        }
    }

    /// Writes it, as the last of all. `stopped`: why the run ends before its end, with all
    /// wiped.
    pub fn write(&self, session: &Session, outcome: &mut Outcome, stopped: Option<&Error>) {
        let kind = stopped.map(Error::kind).or(outcome.kind);
        let signed = signing::sign(|public_key| {
            let WipeReceipt { begun, encrypted, directories, .. } = *self;
            let (ended, run) = (now(), &outcome.wipe);
            text::of(&Facts { public_key, begun, ended, encrypted, directories, kind, run })
        });
        let put = signed.and_then(|signed| {
            let (text, signature) = (signed.text.as_bytes(), signed.signature.as_bytes());
            // A signature alone is no receipt.
            let files = [(&*beside(&self.path), signature), (&*self.path, text)];
            make_all_private(&files).map(|()| signed.public_key)
        });
        match put {
            Ok(public_key) => {
                let path = Bytes::path(self.path.as_os_str().as_bytes());
                session.report.tell(&Event::Receipt { public_key, path });
            }
            Err(error) => {
                let what = format!("no wipe receipt was written: {}", error.message());
                let hint = "What was wiped is wiped. No later run can write that receipt.";
                session.report.error(&Error::unexpected(what).hint(hint));
                outcome.worsen(Kind::Unexpected);
            }
        }
    }
}

/// Where the signature is.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(signing::SUFFIX);
    name.into()
}

fn wrong(path: &Path, why: &str, hint: &'static str) -> Error {
    let what = format!("no wipe receipt can be written to {}: {why}", path_of(path));
    Error::new(Kind::Usage, what).hint(hint)
}

/// Whether nothing is there, and something can be.
fn is_free(path: &Path) -> Result<()> {
    let is_name = path.file_name().is_some() && !path.as_os_str().as_bytes().ends_with(b"/");
    if !is_name || path.is_dir() {
        return Err(wrong(path, "this is a directory", "Give the name of a new file in it."));
    }
    for path in [path, &beside(path)] {
        if path.symlink_metadata().is_ok() {
            let hint = "A receipt replaces nothing. Give the name of a new file.";
            return Err(wrong(path, "it is there already", hint));
        }
    }
    if !takes_files(&parent(path)) {
        let why = "you cannot make a file in that directory";
        return Err(wrong(path, why, "Give a file in a directory in which you can write."));
    }
    Ok(())
}

/// Whether neither the wipe of the directories nor poof's own removal takes it along.
fn stays(session: &Session, path: &Path, directories: &[Directory]) -> Result<()> {
    const HINT: &str = "Give a file outside of these directories.";
    let place = fs::canonicalize(parent(path))
        .map_err(|error| Error::io("write", path, &error).with_kind(Kind::Usage))?;
    let inside = |dir: &Path| place.starts_with(own_files::real(dir));
    if let Some(tree) = directories.iter().find(|tree| inside(&tree.local)) {
        let tree = name_of(tree.name.as_bytes());
        let why = format!("it would be in {tree}, which poof wipes");
        return Err(wrong(path, &why, HINT));
    }
    if [&session.files.dir, &session.layout.state, &session.state].iter().any(|dir| inside(dir)) {
        return Err(wrong(path, "that is a directory of poof's own", HINT));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("receipt");
        is_free(&path).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the look leaves nothing");
        fs::write(beside(&path), "").unwrap();
        for path in [&path, &dir.path().to_path_buf(), &dir.path().join("none/receipt")] {
            assert_eq!(is_free(path).unwrap_err().kind(), Kind::Usage, "{path:?}");
        }
        // A link that leads nowhere is there.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(is_free(&link).is_err());
    }
}
