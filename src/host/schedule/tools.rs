//! The programs that keep schedules: launchctl, systemctl, crontab.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::super::tool;
use crate::base::error::{Error, Result};

/// A program and its arguments.
pub type Call = Vec<String>;

pub fn call(words: &[&str]) -> Call {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs them.
pub struct Tools {
    /// Where they are looked for instead of PATH.
    pub path: Option<OsString>,
    /// Where the bus of the user is, if the environment does not say.
    pub runtime: Option<PathBuf>,
}

/// What one of them said.
#[derive(Debug)]
pub struct Reply {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Tools {
    /// `None` if there is no such program.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn ask(&self, call: &Call) -> Result<Option<Reply>> {
        self.tell(call, b"")
    }

    /// The same with `input`.
    ///
    /// # Errors
    /// It cannot be run.
    pub fn tell(&self, call: &Call, input: &[u8]) -> Result<Option<Reply>> {
        match self.run(call, input) {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unexpected(format!("cannot run `{}`: {error}", line(call)))),
        }
    }

    fn run(&self, call: &Call, input: &[u8]) -> io::Result<Reply> {
        let (program, arguments) =
            call.split_first().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
        let mut command = Command::new(tool::found(program, self.path.as_deref())?);
        // What they say is read, and so has to be in one language.
        command.args(arguments).env("LC_ALL", "C");
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        if let Some(runtime) = &self.runtime {
            command.env("XDG_RUNTIME_DIR", runtime);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read says in its exit code what it thinks of it.
            let _ = stdin.write_all(input);
        }
        let out = child.wait_with_output()?;
        let stderr = String::from_utf8_lossy(&out.stderr).trim().to_owned();
        Ok(Reply { code: out.status.code(), stdout: out.stdout, stderr })
    }
}

impl Reply {
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }

    /// What went wrong with `call`, in its own words.
    pub fn error(&self, call: &Call) -> Error {
        let code = self.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        let said =
            if self.stderr.is_empty() { String::new() } else { format!(": {}", self.stderr) };
        Error::unexpected(format!("`{}` failed ({code}){said}", line(call)))
    }
}

/// A call as a person would type it.
pub fn line(call: &Call) -> String {
    let plain = |word: &String| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=@%+,".contains(c))
    };
    let word = |word: &String| {
        if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    call.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_fails() {
        let tools = Tools { path: None, runtime: None };
        assert!(tools.ask(&call(&["poof-no-such-program"])).unwrap().is_none());
        let failing = call(&["sh", "-c", "cat; echo 'no way' >&2; exit 3"]);
        let reply = tools.tell(&failing, b"in").unwrap().unwrap();
        assert_eq!((reply.code, &reply.stdout[..]), (Some(3), &b"in"[..]));
        let error = reply.error(&call(&["a tool", "x"]));
        assert_eq!(error.message(), "`'a tool' x` failed (exit code 3): no way");
    }
}
