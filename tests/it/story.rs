//! Beginnings that many tests share.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Config, Proxy, Sandbox, grow, minio};

/// A sandbox with `files` small files in its data and a plain remote.
pub fn plain(files: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain(minio().endpoint()));
    grow(&sandbox.data(), files, 0..=3_000, 7);
    sandbox
}

/// The same with an encrypted remote.
pub fn encrypted(files: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::encrypted(minio().endpoint()));
    grow(&sandbox.data(), files, 0..=3_000, 7);
    sandbox
}

/// A sandbox without files whose remote is a directory of its own.
pub fn on_disk() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.write_config(&Config::plain("http://unused"));
    fs::remove_file(sandbox.rclone_conf()).unwrap();
    let disk = sandbox.home().join("disk");
    fs::create_dir(&disk).unwrap();
    let path = format!("PATH={}", disk.display());
    sandbox.poof(["cconfig", "--remote", "local", &path]).run().expect_code(0);
    let bucket = disk.join(sandbox.bucket());
    (sandbox, bucket)
}

/// A sandbox without files whose remote, plain or encrypted, is behind a proxy of its own.
pub fn proxied(encrypted: bool) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = (Sandbox::new(), Proxy::start(minio().address()));
    let endpoint = proxy.endpoint();
    sandbox.write_config(&if encrypted {
        Config::encrypted(endpoint)
    } else {
        Config::plain(endpoint)
    });
    (sandbox, proxy)
}

/// The same with so many small files in its data.
pub fn grown(encrypted: bool, files: usize) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = proxied(encrypted);
    grow(&sandbox.data(), files, 1..=3_000, 1);
    (sandbox, proxy)
}

/// The same with a few files in its data, and `others` by name and content, all backed
/// up: what a test then changes is known to the last snapshot.
pub fn backed_up(encrypted: bool, others: &[(&str, &str)]) -> (Sandbox, Proxy) {
    let (sandbox, proxy) = grown(encrypted, 10);
    for (name, content) in others {
        fs::write(sandbox.data().join(name), content).unwrap();
    }
    sandbox.poof(["backup"]).run().expect_code(0);
    (sandbox, proxy)
}

/// Where the names lie, for stock rclone: `poof-crypt:` or `poof-backup:BUCKET/`.
pub fn told(sandbox: &Sandbox) -> String {
    let conf = fs::read_to_string(sandbox.confdir().join("poof.conf")).unwrap();
    if conf.contains("\"poof-crypt\"") {
        "poof-crypt:".to_owned()
    } else {
        format!("poof-backup:{}/", sandbox.bucket())
    }
}

/// The paths below a name on the remote, as stock rclone lists them; none if it
/// does not exist.
pub fn names_on(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let place = format!("{}{name}", told(sandbox));
    let run = sandbox.rclone(["lsf", "-R", "--files-only", &place]).run();
    run.stdout.lines().map(str::to_owned).collect()
}
