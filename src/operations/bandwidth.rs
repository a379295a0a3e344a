//! The limit of the bandwidth: that of the command line, or that of poof.conf, which may
//! change while a run lasts.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::config::bwlimit::{EXAMPLE, bwlimit};
use crate::config::{PoofConf, Ready};
use crate::report::{Note, Report, Tone};
use crate::storage::bandwidth;

/// How often poof.conf is looked at.
const GLANCE: Duration = Duration::from_secs(2);

/// Checks the limit of the command line.
///
/// # Errors
/// It is neither a rate nor a timetable.
pub fn check(session: &Session) -> Result<()> {
    let Some(rate) = &session.bwlimit else { return Ok(()) };
    bandwidth::check(rate).map_err(|_| {
        let what = "--bwlimit is given no rate and no timetable";
        Error::new(Kind::Usage, what).hint(format!("Write it like one of these: {EXAMPLE}."))
    })
}

/// Puts the limit in force. That of poof.conf is looked at again and again until the process
/// ends; that of the command line stays.
pub fn obey(session: &Session, ready: &Ready) {
    // The set-up tries a draft first, which is another file.
    static GLANCES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let rate = session.bwlimit.as_deref().or(ready.bwlimit());
    // It has been checked.
    let _ = bandwidth::set(rate);
    let path = &session.files.poof;
    let mut glances = GLANCES.lock().unwrap_or_else(PoisonError::into_inner);
    if session.bwlimit.is_some() || glances.contains(path) {
        return;
    }
    glances.push(path.clone());
    let report = Arc::clone(&session.report);
    let mut glance = Glance::new(path, rate.map(str::to_owned));
    thread::spawn(move || {
        loop {
            thread::sleep(GLANCE);
            if let Some(seen) = glance.look() {
                take(&*report, seen);
            }
        }
    });
}

/// Says the limit of this moment, if there is one.
pub fn tell(report: &dyn Report, tone: Tone) {
    if let Some(now) = bandwidth::now() {
        report.say(Note::Bandwidth { tone, now: Some(now), is_new: false });
    }
}

fn take(report: &dyn Report, seen: Seen) {
    match seen {
        Seen::Rate(rate) => {
            let _ = bandwidth::set(rate.as_deref());
            let now = bandwidth::now();
            report.say(Note::Bandwidth { tone: Tone::Note, now, is_new: true });
        }
        Seen::Broken(why) => report.warn(&format!(
            "poof.conf has changed and is not valid, so the limit of the bandwidth stays: {why}. \
             Correct the file; `poof verify --offline` checks it."
        )),
    }
}

/// What a look at poof.conf has found.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Rate(Option<String>),
    Broken(String),
}

/// The file as it was seen last.
struct Glance {
    path: PathBuf,
    known: Option<Stamp>,
    rate: Option<String>,
    /// An editor may be at work: what is broken is looked at twice before it is said.
    doubted: bool,
}

/// Tells one state of a file from another.
type Stamp = (u64, u64, i64, i64, i64, i64);

fn stamp(meta: &Metadata) -> Stamp {
    (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec())
}

impl Glance {
    fn new(path: &Path, rate: Option<String>) -> Self {
        // The file may have changed since it was read: the first look reads it.
        Glance { path: path.to_path_buf(), known: None, rate, doubted: false }
    }

    /// What is new. A file that is not there says nothing: it is being replaced, or poof
    /// removes itself.
    fn look(&mut self) -> Option<Seen> {
        let now = stamp(&fs::metadata(&self.path).ok()?);
        if self.known == Some(now) {
            return None;
        }
        match PoofConf::load(&self.path).and_then(|conf| bwlimit(&conf)) {
            Ok(rate) => {
                (self.known, self.doubted) = (Some(now), false);
                let is_new = rate != self.rate;
                self.rate.clone_from(&rate);
                is_new.then_some(Seen::Rate(rate))
            }
            Err(_) if !self.doubted => {
                self.doubted = true;
                None
            }
            Err(problem) => {
                (self.known, self.doubted) = (Some(now), false);
                Some(Seen::Broken(problem.into_error().message().to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_limit_is_seen_and_a_broken_file_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("poof.conf");
        let write = |more: &str| {
            let next = dir.path().join("next");
            let text = format!(r#"{{"bucket": "b", "remote": "r", "paths": {{}}{more}}}"#);
            fs::write(&next, text).unwrap();
            fs::rename(next, &path).unwrap();
        };
        let mut glance = Glance::new(&path, None);
        assert_eq!(glance.look(), None, "it is not there");
        write("");
        assert_eq!(glance.look(), None);
        write(r#", "bwlimit": "2M""#);
        assert_eq!(glance.look(), Some(Seen::Rate(Some("2M".to_owned()))));
        assert_eq!(glance.look(), None);
        write(r#", "bwlimit": "2M", "keep": "30d""#);
        assert_eq!(glance.look(), None, "another key");
        for broken in [r#", "bwlimit": "fast""#, r#", "bwlimit": "1M"#] {
            write(broken);
            assert_eq!(glance.look(), None, "somebody may be writing");
            assert!(matches!(glance.look(), Some(Seen::Broken(_))), "{broken}");
            assert_eq!(glance.look(), None, "it is said once");
        }
        write("");
        assert_eq!(glance.look(), Some(Seen::Rate(None)));
    }
}
