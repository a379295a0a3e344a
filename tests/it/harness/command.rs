//! A program run by a test, and what it said.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::NamedTempFile;

use super::endings;
use super::proxy::{Proxy, Verdict};

const TIMEOUT: Duration = Duration::from_mins(1);

/// A command line that has not been run yet.
pub struct Command {
    inner: process::Command,
    /// Where its output is kept, outside of what the program knows.
    scratch: PathBuf,
    stdin: Vec<u8>,
    timeout: Duration,
}

/// A program at work. It is killed when this is dropped.
pub struct Running {
    child: Child,
    line: String,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
    start: Instant,
    timeout: Duration,
    /// The command, if it is poof.
    command: Option<String>,
}

/// How a program ended.
pub struct Run {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed: Duration,
    line: String,
}

impl Command {
    /// `program` with an empty environment and an empty standard input.
    pub fn new(program: impl AsRef<OsStr>, scratch: PathBuf) -> Self {
        let mut inner = process::Command::new(program);
        inner.env_clear();
        Command { inner, scratch, stdin: Vec::new(), timeout: TIMEOUT }
    }

    pub fn args(mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.inner.args(args);
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.inner.current_dir(dir.into());
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// After which it is killed and the test fails.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Run {
        self.start().finish()
    }

    /// Runs it until it makes its request number `k` to `proxy`, which is held
    /// back while the program is killed. A code in the answer says that it came
    /// to its end with fewer requests: a loop over `k` has then seen them all.
    #[track_caller]
    pub fn run_killed_at(self, k: usize, proxy: &Proxy) -> Run {
        let (reached, is_reached) = mpsc::channel();
        proxy.reset();
        proxy.set_rule(move |request| {
            if request.number < k {
                return Verdict::Pass;
            }
            // Of several in flight the first has ended the program already.
            let _ = reached.send(());
            Verdict::Hold
        });
        let mut running = self.start();
        while running.is_at_work() {
            if is_reached.recv_timeout(Duration::from_millis(2)).is_ok() {
                running.signal(libc::SIGKILL);
                break;
            }
        }
        let run = running.finish();
        proxy.set_rule(|_| Verdict::Pass);
        run
    }

    /// Starts it. The three streams are files, not pipes: nobody has to empty
    /// them, and they are readable while the program runs.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let file = || NamedTempFile::new_in(&self.scratch).unwrap();
        let (mut stdin, stdout, stderr) = (file(), file(), file());
        stdin.write_all(&self.stdin).unwrap();
        stdin.rewind().unwrap();
        let stream = |file: &NamedTempFile| Stdio::from(File::try_clone(file.as_file()).unwrap());
        let line = format!("{:?}", self.inner);
        let words = [self.inner.get_program()].into_iter().chain(self.inner.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let command = endings::command(&words);
        let start = Instant::now();
        let child = self
            .inner
            .stdin(stream(&stdin))
            .stdout(stream(&stdout))
            .stderr(stream(&stderr))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        Running { child, line, stdout, stderr, start, timeout: self.timeout, command }
    }
}

impl Running {
    /// Sends a signal, e.g. `libc::SIGINT`.
    pub fn signal(&self, signal: libc::c_int) {
        let pid = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: a system call without memory of ours; the child has not been
        // waited for, so that its number is still its own.
        let outcome = unsafe { libc::kill(pid, signal) };
        assert_eq!(outcome, 0, "{}", io::Error::last_os_error());
    }

    /// What it has said so far.
    pub fn stdout(&self) -> String {
        content(&self.stdout)
    }

    /// The same of its standard error.
    pub fn stderr(&self) -> String {
        content(&self.stderr)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Neither ended nor out of time.
    pub fn is_at_work(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none() && self.start.elapsed() < self.timeout
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        while self.is_at_work() {
            // No portable wait has a limit; this one costs nothing that shows.
            sleep(Duration::from_millis(2));
        }
        let status = self.child.try_wait().unwrap();
        let run = Run {
            code: status.and_then(|status| status.code()),
            stdout: content(&self.stdout),
            stderr: content(&self.stderr),
            elapsed: self.start.elapsed(),
            line: std::mem::take(&mut self.line),
        };
        assert!(status.is_some(), "still running after {:?}: {run}", self.timeout);
        assert_ne!(run.code, Some(101), "it panicked: {run}");
        if let (Some(command), Some(code)) = (&self.command, run.code) {
            endings::check(command, code);
        }
        run
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither does anything to a child that was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Of a program that a test has run itself.
    pub fn of(code: Option<i32>, stdout: String, stderr: String, elapsed: Duration) -> Self {
        Run { code, stdout, stderr, elapsed, line: String::new() }
    }

    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "wrong exit code: {self}");
        self
    }

    #[track_caller]
    pub fn stdout_has(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "standard output lacks {text:?}: {self}");
        self
    }

    #[track_caller]
    pub fn stderr_has(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error lacks {text:?}: {self}");
        self
    }

    /// Standard output as `--json` promises it: one JSON value a line, nothing else.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("not JSON ({error}): {line:?} in {self}"))
        };
        self.stdout.lines().map(parse).collect()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { code, stdout, stderr, elapsed, line } = self;
        let code = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        write!(
            f,
            "{line}\n{code} after {elapsed:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}

fn content(file: &NamedTempFile) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()
}

/// Copies a program that is then to be started. Not by `fs::copy`: a child that
/// another test forks meanwhile would hold the copy open for writing, and whoever
/// starts it then finds it busy.
pub fn copy_program(from: &Path, to: &Path) {
    let status = process::Command::new("cp").arg(from).arg(to).status();
    assert!(status.unwrap().success(), "cp failed");
}
