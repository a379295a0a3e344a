//! Fetches a secret from where poof.conf says that it is.

use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::secrets::{Declared, Source};
use super::status::{Problem, Status};
use crate::base::secret::Secret;
use crate::base::shown::path_of;
use crate::host::keychain;
use crate::host::output::{self, Trouble};
use crate::host::plain;

/// The most that a source may hold, in bytes. rclone's longest settings, the credentials
/// of a service account on one line, have 2 KiB.
const MOST: usize = 64 << 10;
/// How long a command may take; somebody may have to type a phrase into it.
const LIMIT: Duration = Duration::from_mins(1);

/// The secret, as the source holds it.
///
/// # Errors
/// A [`Problem`] that says which one cannot be had, from where and why.
pub fn fetch(declared: &Declared) -> Result<Secret, Problem> {
    match &declared.source {
        Source::Command(argv) => of_command(declared, argv),
        Source::File(path) => of_file(declared, path),
        Source::Keychain(entry) => of_keychain(declared, entry),
    }
}

fn of_command(declared: &Declared, argv: &[String]) -> Result<Secret, Problem> {
    let Some((program, words)) = argv.split_first() else {
        return Err(lacks(declared, "the command is empty", "Name a program."));
    };
    let by_hand = "Run it yourself to see why; poof shows nothing of what it prints.";
    let failed = |what: &str| lacks(declared, &format!("the command {program:?} {what}"), by_hand);
    let bytes = output::of(program, words, MOST, LIMIT).map_err(|trouble| match trouble {
        Trouble::System(error) if error.kind() == ErrorKind::NotFound => lacks(
            declared,
            &format!("there is no program {program:?}"),
            "Name it with its full path: a schedule has a PATH of its own.",
        ),
        Trouble::System(error) => failed(&format!("cannot be run: {error}")),
        Trouble::Failed(status) => failed(&match (status.code(), status.signal()) {
            (Some(code), _) => format!("failed with exit status {code}"),
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            _ => "failed".to_owned(),
        }),
        Trouble::TooLong => failed(&format!("prints more than {} KiB", MOST >> 10)),
        Trouble::OutOfTime => failed(&format!("did not end within {} seconds", LIMIT.as_secs())),
        Trouble::Interrupted => failed("was interrupted"),
    })?;
    first_line(&bytes).map_err(failed)
}

fn of_file(declared: &Declared, path: &Path) -> Result<Secret, Problem> {
    let failed = |what: &str, hint: &str| {
        lacks(declared, &format!("the file {} {what}", path_of(path)), hint)
    };
    let bytes = read(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => failed("is not a regular file", "Name one that is."),
        ErrorKind::InvalidData => {
            failed(&format!("has more than {} KiB", MOST >> 10), "Is it the right one?")
        }
        _ => failed(&format!("cannot be read: {error}"), "Check its path and permissions."),
    })?;
    first_line(&bytes).map_err(|what| failed(what, "Its first line is the secret."))
}

/// A pipe or a device may never end, so neither is even opened to wait.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
    plain::read_into(path, MOST as u64, &mut bytes)?;
    Ok(bytes)
}

fn of_keychain(declared: &Declared, entry: &str) -> Result<Secret, Problem> {
    match keychain::get(entry) {
        Ok(Some(value)) => {
            let failed = |what| {
                let hint = format!("`poof secret set {}` stores it anew.", declared.name);
                lacks(declared, &format!("the entry {entry:?} {what}"), &hint)
            };
            first_line(value.expose().as_bytes()).map_err(failed)
        }
        Ok(None) => Err(lacks(
            declared,
            &format!("the keychain has no entry {entry:?} of the service {:?}", keychain::SERVICE),
            &format!("`poof secret set {}` makes it.", declared.name),
        )),
        Err(unavailable) => Err(lacks(declared, &unavailable.what, unavailable.hint)),
    }
}

/// The first line, without its end.
///
/// # Errors
/// What is wrong with it.
pub fn first_line(bytes: &[u8]) -> Result<Secret, &'static str> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok("") => Err("begins with an empty line"),
        Ok(text) if text.chars().any(char::is_control) => Err("holds control characters"),
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err("holds no text"),
    }
}

fn lacks(declared: &Declared, what: &str, hint: &str) -> Problem {
    declared.problem(Status::ErrorMissingKey, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    fn declared(source: Source) -> Declared {
        Declared { name: "a.b".to_owned(), source, obscured: false }
    }

    fn file(path: &Path) -> Result<Secret, Problem> {
        fetch(&declared(Source::File(path.to_path_buf())))
    }

    #[test]
    fn the_first_line_counts_and_spaces_are_part_of_it() {
        for (text, line) in [
            ("x", "x"),
            ("x\n", "x"),
            ("x\r\ny\n", "x"),
            (" x y \nz", " x y "),
            ("ü=%(a)s\n\n", "ü=%(a)s"),
        ] {
            assert_eq!(first_line(text.as_bytes()).ok().unwrap().expose(), line);
        }
        for bad in [&b""[..], b"\n", b"\nx", b"a\x00b", b"a\x1b[0m", b"\xff", b"\r\n"] {
            assert!(first_line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_regular_file_of_sensible_size_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("good"), "hunter2\nmore\n").unwrap();
        fs::write(at("huge"), vec![b'x'; MOST + 1]).unwrap();
        fs::write(at("full"), vec![b'x'; MOST]).unwrap();
        symlink(at("good"), at("link")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        assert_eq!(file(&at("good")).ok().unwrap().expose(), "hunter2");
        assert_eq!(file(&at("link")).ok().unwrap().expose(), "hunter2");
        assert_eq!(file(&at("full")).ok().unwrap().expose().len(), MOST);
        for (name, word) in [
            ("huge", "more than 64 KiB"),
            ("pipe", "not a regular file"),
            (".", "not a regular file"),
            ("none", "cannot be read"),
        ] {
            let problem = file(&at(name)).err().unwrap();
            assert!(problem.what.contains(word), "{name}: {}", problem.what);
            assert_eq!(problem.status, Status::ErrorMissingKey);
            assert_eq!(problem.place, "poof.conf secrets \"a.b\"");
        }
        assert!(file(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_command_that_gives_none_says_why_and_not_what_it_printed() {
        let sh = |line: &str| {
            let argv = ["sh", "-c", line].map(str::to_owned).into();
            fetch(&declared(Source::Command(argv)))
        };
        assert_eq!(sh("echo hunter2; echo more").ok().unwrap().expose(), "hunter2");
        for (line, word) in [
            ("echo hunter2; echo hunter2 >&2; exit 3", "exit status 3"),
            ("echo hunter2; kill -9 $$", "signal 9"),
            ("echo; echo hunter2", "empty line"),
            ("yes hunter2", "more than 64 KiB"),
        ] {
            let problem = sh(line).err().unwrap();
            assert!(problem.what.contains(word), "{line}: {}", problem.what);
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
        let argv = vec!["no-such-program".to_owned()];
        let problem = fetch(&declared(Source::Command(argv))).err().unwrap();
        assert!(problem.what.contains("no program") && problem.hint.contains("full path"));
    }
}
