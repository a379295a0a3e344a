//! What runs without a person in front of it say: a file that never grows beyond a
//! bound, or, where somebody else keeps it, standard error with the time before each line.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::error::{Error, Kind, Result};
use super::files;
use super::shown::path_of;
use super::units::stamp;

/// A file of this size, in bytes, is put aside.
const LARGEST: u64 = 1 << 20;
/// So many are kept, the one at work among them.
const FILES: usize = 3;

/// Takes lines; one that cannot be written is lost, which must not end a backup.
pub enum Log {
    File {
        path: PathBuf,
        at_work: Mutex<Option<(File, u64)>>,
    },
    /// A file of the user's, who sees to its size.
    Appended(Mutex<File>),
    StandardError,
}

impl Log {
    /// Goes on with the file at `path`, which only its owner can read, or begins it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        files::create_private_dir(&files::parent(path))?;
        let opened = open(path).map_err(|error| Error::io("open", path, &error))?;
        Ok(Log::File { path: path.to_path_buf(), at_work: Mutex::new(Some(opened)) })
    }

    /// Goes on with a file that the user has named, which only they can read then.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn appended(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.create(true).append(true).mode(0o600).open(path).and_then(|file| {
            if file.metadata()?.is_file() {
                file.set_permissions(Permissions::from_mode(0o600))?;
            }
            Ok(file)
        });
        let file = opened.map_err(|error| {
            let what =
                format!("cannot write to the file of --log-file, {}: {error}", path_of(path));
            Error::new(Kind::Usage, what)
                .hint("Name a file of yours in a directory that is there; nothing was done.")
        })?;
        Ok(Log::Appended(Mutex::new(file)))
    }

    /// Writes one line, with the time. What is no character of a line is spelt out: names
    /// of files may hold anything.
    pub fn line(&self, text: &str) {
        let mut line = format!("{} ", stamp());
        for c in text.chars() {
            if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
        }
        line.push('\n');
        match self {
            Log::StandardError => {
                let _ = io::stderr().lock().write_all(line.as_bytes());
            }
            Log::Appended(file) => {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let _ = file.write_all(line.as_bytes());
            }
            Log::File { path, at_work } => {
                let mut at_work = at_work.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let size = at_work.as_ref().map_or(0, |(_, size)| *size);
                let more = line.len() as u64;
                if size > 0 && size + more > LARGEST {
                    *at_work = put_aside(path).and_then(|()| open(path)).ok();
                }
                if let Some((file, size)) = &mut *at_work
                    && file.write_all(line.as_bytes()).is_ok()
                {
                    *size += more;
                }
            }
        }
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// `log.1` becomes `log.2`, `log` becomes `log.1`; what was the last is gone.
fn put_aside(path: &Path) -> io::Result<()> {
    for number in (1..FILES).rev() {
        let from = if number == 1 { path.to_path_buf() } else { numbered(path, number - 1) };
        match fs::rename(from, numbered(path, number)) {
            Err(error) if !files::is_absent(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The log at `path` and what was put aside of it, there or not.
pub fn all(path: &Path) -> impl Iterator<Item = PathBuf> {
    let older = (1..FILES).map(|number| numbered(path, number));
    std::iter::once(path.to_path_buf()).chain(older.collect::<Vec<_>>())
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Keeps a file that a program before us writes below the bound: what is too long loses its
/// older half. For one that is appended to, line by line.
///
/// # Errors
/// It cannot be read or written.
pub fn bound(path: &Path) -> io::Result<()> {
    // Not through a link: the place may be one that others write to.
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = options.read(true).write(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    let is_own = meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw();
    if !is_own || meta.len() <= LARGEST {
        return Ok(());
    }
    let mut half = Vec::new();
    file.seek(SeekFrom::End(-(LARGEST / 2).cast_signed()))?;
    file.read_to_end(&mut half)?;
    let begin = half.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&half[begin..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_keeps_the_newest_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log/run.log");
        let much = "x".repeat(1000);
        for part in 0..5 {
            // Each run opens it anew.
            let log = Log::open(&path).unwrap();
            for i in 0..1000 {
                log.line(&format!("{part}.{i} {much}"));
            }
        }
        let all: Vec<_> = fs::read_dir(dir.path().join("log")).unwrap().flatten().collect();
        assert_eq!(all.len(), FILES);
        for entry in all {
            assert!(entry.metadata().unwrap().len() <= LARGEST);
            assert!(!files::readable_by_others(&entry.path()));
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.lines().last().unwrap().contains(" 4.999 x"));
        let older = fs::read_to_string(numbered(&path, 1)).unwrap();
        let number = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
        let (last, first) = (older.lines().last().unwrap(), text.lines().next().unwrap());
        let follows = format!("4.{}", number(last)[2..].parse::<u32>().unwrap() + 1);
        assert_eq!(number(first), follows, "no line is lost between two files");
    }

    #[test]
    fn a_name_cannot_make_up_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        Log::open(&path).unwrap().line("data/a\n2026-01-01 all is well\u{1b}[2J");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.ends_with("data/a\\n2026-01-01 all is well\\u{1b}[2J\n"), "{text}");
    }

    #[test]
    fn a_file_that_others_append_to_is_cut_at_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("err.dat");
        let lines = (0..200_000).map(|i| i.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        fs::write(&path, &lines).unwrap();
        let mut launchd = OpenOptions::new().append(true).open(&path).unwrap();
        bound(&path).unwrap();
        launchd.write_all(b"next\n").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= LARGEST / 2 + 5 && lines.contains(&text[..text.len() - 5]));
        assert!(text.ends_with("\n199999\nnext\n"));
        assert!(text.lines().next().unwrap().len() == 6, "no torn line");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(bound(&link).is_err());
    }
}
