//! A server that does not outlive the tests, whichever way they end.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// `$0` is the directory of the server, the arguments are its command line.
///
/// The shell becomes the server; a child of the shell waits on a pipe whose
/// other end only the tests hold. The kernel closes that end when the test
/// process is gone, be it killed. (`PR_SET_PDEATHSIG` is no way to this: it
/// fires when the *thread* ends that started the server, and each test is a
/// thread. And macOS has none.)
const WATCHDOG: &str = r#"
exec 3<&0
{
    cat <&3
    kill -9 $$
    rm -rf "$0" || { sleep 1; rm -rf "$0"; }
} >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// A server process with a directory of its own; both go with the test process,
/// or when this is dropped.
pub struct Guarded {
    child: Child,
    dir: PathBuf,
}

impl Guarded {
    /// Starts `server`. Its output goes to `DIR/log`: if it held the standard
    /// output of the tests, a pipe behind `cargo test` would never end.
    pub fn start(dir: &Path, server: &Command) -> io::Result<Self> {
        let log = File::create(dir.join("log"))?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(WATCHDOG).arg(dir).arg(server.get_program()).args(server.get_args());
        shell.env_clear();
        shell.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let child = shell
            // Ctrl-C in the terminal must not end the watchdog before its work.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Guarded { child, dir: dir.to_path_buf() })
    }

    /// How the server ended, if it has.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Lets go of the pipe, as the end of the test process does, and waits for
    /// the watchdog to end the server.
    pub fn end(&mut self) -> io::Result<ExitStatus> {
        drop(self.child.stdin.take());
        self.child.wait()
    }

    /// What the server said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
