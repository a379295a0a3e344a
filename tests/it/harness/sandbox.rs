//! A person with nothing but a home directory, and poof.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use tempfile::{Builder, TempDir};

use super::command::{Command, copy_program};
use super::config::Config;
use super::tools;

/// A home directory, an environment and a bucket that no other test has.
pub struct Sandbox {
    root: TempDir,
    id: String,
    bucket: String,
    /// What the programs in it take for the name of the machine, if not that of the
    /// machine that runs the tests.
    host: Option<String>,
}

impl Sandbox {
    pub fn new() -> Self {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        // On macOS the directory for temporary files is behind a symbolic link,
        // and what poof prints would not be what the test has.
        let temporary = env::temp_dir().canonicalize().unwrap();
        let root = Builder::new().prefix("poof-it-").tempdir_in(temporary).unwrap();
        let id = format!("poof-it-{}-{number}", process::id());
        let sandbox = Sandbox { root, bucket: id.clone(), id, host: None };
        for dir in [sandbox.data(), sandbox.bin(), sandbox.scratch()] {
            fs::create_dir_all(dir).unwrap();
        }
        sandbox
    }

    /// Another home directory and environment with the same bucket.
    pub fn sharing(&self) -> Self {
        let mut other = Sandbox::new();
        other.bucket.clone_from(&self.bucket);
        other
    }

    /// The same as a machine of this name. Only root can give it one; for all others it
    /// stays what it is.
    pub fn named(mut self, host: &str) -> Self {
        let root = cfg!(target_os = "linux") && rustix::process::geteuid().is_root();
        self.host = root.then(|| host.to_owned());
        self
    }

    /// The name that was given to it.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The tree `data` of the configuration.
    pub fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// The default configuration directory of the system.
    pub fn confdir(&self) -> PathBuf {
        let mac = cfg!(target_os = "macos");
        self.home().join(if mac { "Library/Application Support/poof" } else { ".config/poof" })
    }

    /// Where poof keeps what it remembers; it can be removed at any time.
    pub fn state(&self) -> PathBuf {
        let mac = cfg!(target_os = "macos");
        let state =
            if mac { "Library/Application Support/poof-state" } else { ".local/state/poof" };
        self.home().join(state)
    }

    pub fn rclone_conf(&self) -> PathBuf {
        self.confdir().join("rclone-poof.conf")
    }

    /// First on PATH: for programs that a test wants to take the place of others.
    pub fn bin(&self) -> PathBuf {
        self.root.path().join("bin")
    }

    /// The name of the bucket, which does not exist yet.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// poof with `args`.
    pub fn poof(&self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
        let poof = Path::new(env!("CARGO_BIN_EXE_poof"));
        let Some(host) = &self.host else { return self.command(poof).args(args) };
        let named = ["--uts", "sh", "-c", "hostname \"$0\" && exec \"$@\"", host];
        self.program("unshare").args(named).args([poof]).args(args)
    }

    /// poof with `args` as somebody whom permissions stop: whoever runs the
    /// tests, or, if that is root, the user nobody, to whom all that the sandbox
    /// holds at this moment is given.
    pub fn poof_as_ordinary_user(&self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
        const NOBODY: &str = "65534";
        const OWNER: &str = "65534:65534";
        if !rustix::process::geteuid().is_root() {
            return self.poof(args);
        }
        // Where the tests were built need not be readable for nobody.
        let poof = self.bin().join("poof");
        copy_program(Path::new(env!("CARGO_BIN_EXE_poof")), &poof);
        let mut chown = process::Command::new("chown");
        assert!(chown.args(["-R", OWNER]).arg(self.root.path()).status().unwrap().success());
        let ids = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
        self.program("setpriv").args(ids).args([poof]).args(args)
    }

    /// Stock rclone with `args`, on the configuration that poof uses.
    pub fn rclone(&self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
        let config = self.rclone_conf();
        self.command(&tools::stock_rclone())
            .args([OsStr::new("--config"), config.as_ref()])
            .args(args)
    }

    /// The Python poof, with the rclone of the system.
    pub fn python_poof(&self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Command {
        self.command(&tools::python_poof()).args(args)
    }

    /// Any other program, found on the PATH of the machine.
    pub fn program(&self, name: &str) -> Command {
        self.command(Path::new(name))
    }

    /// Writes both configuration files: the trees `data` and `config` (poof
    /// wants two), and those of `config`.
    pub fn write_config(&self, config: &Config) {
        let dir = self.confdir();
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).unwrap();
        let path = dir.join("poof.conf");
        let config = config.clone().tree(self.data(), "data").tree(&dir, "config");
        write_private(&path, &config.poof_conf(&path, self.bucket()));
        write_private(&self.rclone_conf(), &config.rclone_conf(self.bucket()));
        if is_bundled() {
            self.set("bundle", Value::Bool(true));
        }
    }

    /// Sets a key of poof.conf.
    pub fn set(&self, key: &str, value: Value) {
        let path = self.confdir().join("poof.conf");
        let text = fs::read_to_string(&path).unwrap();
        let mut document: Map<String, Value> = serde_json::from_str(&text).unwrap();
        document.insert(key.to_owned(), value);
        write_private(&path, &serde_json::to_string_pretty(&document).unwrap());
    }

    /// Takes a key out of poof.conf.
    pub fn unset(&self, key: &str) {
        let path = self.confdir().join("poof.conf");
        let text = fs::read_to_string(&path).unwrap();
        let mut document: Map<String, Value> = serde_json::from_str(&text).unwrap();
        document.remove(key);
        write_private(&path, &serde_json::to_string_pretty(&document).unwrap());
    }

    /// Nothing of the environment of the tests reaches the program. USER is
    /// unique because names outside of the home directory are made of it.
    fn command(&self, program: &Path) -> Command {
        Command::new(program, self.scratch())
            .env("HOME", self.home())
            .env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", self.bin().display()))
            .env("USER", &self.id)
            .env("LANG", "C.UTF-8")
            .current_dir(self.home())
    }

    fn scratch(&self) -> PathBuf {
        self.root.path().join("scratch")
    }
}

/// Whether every test is to work with bundles: `make soak` has some of them do.
pub fn is_bundled() -> bool {
    env::var_os("POOF_TEST_BUNDLES").is_some()
}

impl Drop for Sandbox {
    /// A directory that is not writable cannot be emptied by its owner.
    fn drop(&mut self) {
        if !rustix::process::geteuid().is_root() {
            let mut chmod = process::Command::new("chmod");
            let _ = chmod.args(["-R", "u+rwx"]).arg(self.root.path()).status();
        }
    }
}

fn write_private(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
