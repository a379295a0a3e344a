//! `poof demo`: the whole cycle on made-up files, in a directory of its own, with
//! another directory as the cloud. The commands are the real ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use walkdir::WalkDir;

use crate::base::error::{Error, Kind, Result};
use crate::base::files::write_private;
use crate::base::interrupt;
use crate::cli::{Cconfig, Verify};
use crate::commands::{cconfig, cryptoggle, econfig, verify};
use crate::config::{Files, Scrub};
use crate::host::paths::{System, layout};
use crate::host::scratch::DEMO;
use crate::operations::caution::Caution;
use crate::operations::secret_cache::SecretCache;
use crate::operations::{Outcome, Session, backup, download, upload};
use crate::report::{Event, Report, Silent};
use crate::tree::guard::Allowed;

pub fn run(session: &Session) -> Result<Outcome> {
    let prefix = format!("{DEMO}{}-", std::process::id());
    let scratch = tempfile::Builder::new().prefix(&prefix).tempdir().map_err(|error| {
        Error::unexpected(format!("cannot make a scratch directory: {error}"))
            .hint("Set TMPDIR to a directory that can be written.")
    })?;
    let demo = Demo::new(session, scratch.path());
    demo.tell("a scratch directory stands in for your machine, and one in it for the cloud");
    let original = demo.make_files()?;
    demo.tell(&format!("made {} files to play with", original.len()));
    demo.configure()?;
    demo.tell("configured: `poof config`, `poof cconfig --remote local PATH=…`");
    demo.cycle(&original, false)?;
    econfig::run(&demo.inner)?;
    cryptoggle::run(&demo.inner)?;
    demo.tell("switched to encryption: `poof econfig`, `poof cryptoggle`");
    demo.cycle(&original, true)?;
    drop(scratch);
    session.report.result("demo: everything came back whole, plain and encrypted");
    Ok(Outcome::default().with("files", original.len()))
}

/// Without the last step of level 4, in which poof removes itself.
fn upload() -> upload::Request {
    let caution = Caution { yes: true, ..Caution::default() };
    // The files are made up.
    let scrub = Some(Scrub::No);
    upload::Request { caution, keep_poof: true, scrub, ..Default::default() }
}

/// A path and what is there: content of a file, or target of a link.
type Content = BTreeMap<PathBuf, Vec<u8>>;

struct Demo<'a> {
    report: &'a dyn Report,
    /// The machine inside the scratch directory.
    inner: Session,
    data: PathBuf,
    cloud: PathBuf,
}

impl<'a> Demo<'a> {
    fn new(session: &'a Session, scratch: &Path) -> Self {
        let home = scratch.join("home");
        // The environment is not asked: no XDG directory of the user's.
        let layout = layout(System::Xdg, &home, |_| None);
        let inner = Session {
            report: Arc::new(Silent),
            files: Files::resolve(&layout.config, None, None, None),
            state: layout.state.clone(),
            layout,
            secret_cache: SecretCache::default(),
            bwlimit: session.bwlimit.clone(),
        };
        let (data, cloud) = (home.join("Documents"), scratch.join("cloud"));
        Demo { report: &*session.report, inner, data, cloud }
    }

    fn tell(&self, what: &str) {
        self.report.tell(&Event::Step { what: what.to_owned() });
    }

    fn make_files(&self) -> Result<Content> {
        let make = || -> std::io::Result<()> {
            for folder in ["letters", "photos/2026", "names"] {
                fs::create_dir_all(self.data.join(folder))?;
            }
            for i in 0..100_usize {
                fs::write(self.data.join(format!("letters/{i}.txt")), format!("letter {i}\n"))?;
                let photo = self.data.join(format!("photos/2026/{i}.raw"));
                fs::write(photo, i.to_le_bytes().repeat(i * 50))?;
            }
            fs::write(self.data.join("names/ünï 日本 ☂.txt"), "any name\n")?;
            fs::write(self.data.join("names/new\nline"), "even this one\n")?;
            fs::write(self.data.join("empty"), "")?;
            std::os::unix::fs::symlink("letters/1.txt", self.data.join("link"))?;
            fs::create_dir_all(&self.cloud)
        };
        make().and_then(|()| content(&self.data)).map_err(|e| Error::io("fill", &self.data, &e))
    }

    fn configure(&self) -> Result<()> {
        let files = &self.inner.files;
        let conf = json!({
            "bucket": "demo",
            "confFile": files.poof.to_string_lossy(),
            "paths": {
                self.data.to_string_lossy(): "Documents",
                files.dir.to_string_lossy(): "poof-config",
            },
            "remote": "poof-backup",
        });
        write_private(&files.poof, conf.to_string().as_bytes())?;
        let path = ("PATH".to_owned(), Some(self.cloud.to_string_lossy().into_owned()));
        let args = Cconfig { remote: Some("local".to_owned()), settings: vec![path], show: false };
        cconfig::run(&self.inner, &args)?;
        verify::run(&self.inner, &Verify { offline: false })?;
        Ok(())
    }

    /// Backup, upload and wipe, download, compare.
    fn cycle(&self, original: &Content, encrypted: bool) -> Result<()> {
        // The plain snapshots are in the bucket when the encrypted ones follow.
        let allowed = Allowed { other_remote: encrypted, ..Allowed::default() };
        let caution = Caution { allowed, ..Caution::default() };
        complete(&backup::run(&self.inner, &backup::Request { caution, ..Default::default() })?)?;
        self.tell("`poof backup`: the cloud holds a copy of every file");
        if encrypted {
            self.show_that_names_are_hidden(original)?;
        }
        complete(&upload::run(&self.inner, &upload())?)?;
        if self.data.exists() {
            return Err(Error::unexpected("something is left of what was wiped"));
        }
        self.tell("`poof upload`: proven to be there, and gone here");
        interrupt::check()?;
        complete(&download::run(&self.inner, &download::Request::default())?)?;
        let back = content(&self.data).map_err(|e| Error::io("read", &self.data, &e))?;
        if back != *original {
            return Err(Error::unexpected("what came back is not what was sent"));
        }
        self.tell("`poof download`: all are back, every byte the same");
        Ok(())
    }

    fn show_that_names_are_hidden(&self, original: &Content) -> Result<()> {
        let bucket = self.cloud.join("demo");
        let names: Vec<_> = fs::read_dir(&bucket)
            .map_err(|error| Error::io("list", &bucket, &error))?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !["Documents", "poof-config", ".poof"].contains(&name.as_str()))
            .collect();
        if names.iter().any(|name| original.contains_key(Path::new(name))) {
            return Err(Error::unexpected("a name is readable in the encrypted copy"));
        }
        self.tell(&format!("what the cloud sees of it: {}", names.join(", ")));
        Ok(())
    }
}

/// An outcome of which nothing is missing.
fn complete(outcome: &Outcome) -> Result<()> {
    match outcome.kind {
        None => Ok(()),
        Some(_) => Err(Error::new(Kind::Unexpected, "a step of the demo was not complete")),
    }
}

fn content(root: &Path) -> std::io::Result<Content> {
    let mut all = Content::new();
    for entry in WalkDir::new(root) {
        let entry = entry?;
        let bytes = if entry.path_is_symlink() {
            fs::read_link(entry.path())?.into_os_string().into_encoded_bytes()
        } else if entry.file_type().is_file() {
            fs::read(entry.path())?
        } else {
            continue;
        };
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
        all.insert(path.to_path_buf(), bytes);
    }
    Ok(all)
}
