//! The bucket as its owner's enemy sees it: raw objects, whatever poof and the
//! crypt remote think of them.

use std::fs;
use std::path::PathBuf;

use super::minio::minio;
use super::sandbox::Sandbox;

/// The raw objects of a sandbox's bucket.
pub struct Backdoor<'a> {
    sandbox: &'a Sandbox,
    encrypted: bool,
    /// Where the server is, if not where the configuration says.
    endpoint: Option<String>,
}

impl<'a> Backdoor<'a> {
    pub fn new(sandbox: &'a Sandbox) -> Self {
        let conf = fs::read_to_string(sandbox.confdir().join("poof.conf")).unwrap();
        Backdoor { sandbox, encrypted: conf.contains("\"poof-crypt\""), endpoint: None }
    }

    /// The same past a proxy.
    pub fn past(sandbox: &'a Sandbox) -> Self {
        Backdoor { endpoint: Some(minio().endpoint()), ..Backdoor::new(sandbox) }
    }

    /// The key of the object that holds `path`, e.g. `data/file`.
    #[track_caller]
    pub fn key(&self, path: &str) -> String {
        if !self.encrypted {
            return path.to_owned();
        }
        let run = self.sandbox.rclone(["cryptdecode", "--reverse", "poof-crypt:", path]).run();
        let run = run.expect_code(0);
        run.stdout.trim_end().rsplit(['\t', ' ']).next().unwrap().to_owned()
    }

    /// The names below `dir`, in clear and sorted.
    pub fn names(&self, dir: &str) -> Vec<String> {
        let place = if self.encrypted { "poof-crypt:".to_owned() } else { self.raw("") };
        let place = format!("{place}{dir}");
        let run = self.sandbox.rclone(self.args(&["lsf", "-R", "--files-only", &place])).run();
        let mut names: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    /// The path of the newest head of the manifest of the tree `name`, and of the
    /// one before it.
    #[track_caller]
    pub fn heads(&self, name: &str) -> [String; 2] {
        let dir = format!(".poof/trees/{name}/head");
        let names = self.names(&dir);
        let [.., older, newest] = &names[..] else {
            panic!("fewer than two generations in {dir}: {names:?}")
        };
        [newest, older].map(|generation| format!("{dir}/{generation}"))
    }

    /// What the object of `path` holds.
    #[track_caller]
    pub fn read(&self, path: &str) -> Vec<u8> {
        let (raw, file) = (self.raw(&self.key(path)), self.file());
        self.rclone(&["copyto", "--ignore-times", &raw, file.to_str().unwrap()]);
        fs::read(file).unwrap()
    }

    /// Puts `bytes` in its place.
    #[track_caller]
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let (raw, file) = (self.raw(&self.key(path)), self.file());
        fs::write(&file, bytes).unwrap();
        self.rclone(&["copyto", "--ignore-times", file.to_str().unwrap(), &raw]);
    }

    #[track_caller]
    pub fn delete(&self, path: &str) {
        self.rclone(&["deletefile", &self.raw(&self.key(path))]);
    }

    /// Deletes every object.
    #[track_caller]
    pub fn empty(&self) {
        self.rclone(&["delete", &self.raw("")]);
    }

    /// Every object with its size, hash and time at the server: two listings are
    /// equal if nobody wrote in between.
    #[track_caller]
    pub fn listing(&self) -> String {
        let args =
            ["lsf", "-R", "--files-only", "--format=psth", "--hash=MD5", "--use-server-modtime"];
        let mut lines: Vec<_> = self
            .rclone(&[&args[..], &[&self.raw("")]].concat())
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort_unstable();
        lines.join("\n")
    }

    /// A key as stock rclone is told it.
    pub fn raw(&self, key: &str) -> String {
        format!("poof-backup:{}/{key}", self.sandbox.bucket())
    }

    /// Where an object lies while it is looked at.
    fn file(&self) -> PathBuf {
        self.sandbox.home().join("backdoor")
    }

    fn args(&self, args: &[&str]) -> Vec<String> {
        let endpoint = self.endpoint.iter().map(|to| format!("--s3-endpoint={to}"));
        // Large objects are in parts as poof sends them.
        let parts = ["--s3-upload-cutoff=64M", "--s3-chunk-size=16M"].map(str::to_owned);
        args.iter().map(|arg| (*arg).to_owned()).chain(endpoint).chain(parts).collect()
    }

    #[track_caller]
    fn rclone(&self, args: &[&str]) -> String {
        self.sandbox.rclone(self.args(args)).run().expect_code(0).stdout
    }
}
