//! Programs of others that the tests run. `make test-tools` builds them.

use std::env;
use std::fs;
use std::path::PathBuf;

use super::{Lacks, skipped};

/// The `MinIO` server.
pub fn minio_server() -> PathBuf {
    tool("minio", "POOF_TEST_MINIO")
}

/// rclone as everybody has it, to see poof's remote with the eyes of another.
pub fn stock_rclone() -> PathBuf {
    tool("rclone", "POOF_TEST_RCLONE")
}

/// The Python poof 1.6.0, in a virtual environment.
pub fn python_poof() -> PathBuf {
    tool("python-poof-1.6.0/bin/poof", "POOF_TEST_PYTHON_POOF")
}

/// pipx or uv, which install programs from wheels.
pub fn of_python(name: &str) -> PathBuf {
    tool(&format!("../installers/bin/{name}"), "POOF_TEST_INSTALLER")
}

/// Where `scripts/server-tools.sh` has unpacked Debian's packages of servers.
pub fn servers() -> PathBuf {
    let root = cache().join("poof-tools/servers");
    let shown = root.display();
    assert!(root.join(".complete").is_file(), "{shown} is missing: run `make soak`");
    root
}

/// Microsoft's emulator of Azure Blob Storage.
pub fn azurite() -> PathBuf {
    tool("../azurite-3.35.0/node_modules/.bin/azurite-blob", "POOF_TEST_AZURITE")
}

/// An S3 server that keeps objects in memory.
pub fn moto() -> PathBuf {
    tool("../moto-5.2.5/bin/moto_server", "POOF_TEST_MOTO")
}

/// An S3 server that knows little of S3.
pub fn s3rver() -> PathBuf {
    tool("../s3rver-3.7.1/node_modules/.bin/s3rver", "POOF_TEST_S3RVER")
}

/// The Python that has `MinIO`'s own client.
pub fn minio_client() -> PathBuf {
    tool("../minio-client-7.2.20/bin/python", "POOF_TEST_MINIO_CLIENT")
}

/// The Python of the independent reader (tests/format). None says why `make test-tools`
/// could not install it.
pub fn format_reader() -> Option<PathBuf> {
    let unavailable = cache().join("poof-tools/format-reader/unavailable");
    if let Ok(why) = fs::read_to_string(&unavailable) {
        let why = format!("the independent reader is not installed: {}", why.trim());
        skipped(Lacks::Tool, why);
        return None;
    }
    Some(tool("../format-reader/bin/python", "POOF_TEST_FORMAT_READER"))
}

/// A server that only `make soak` has, and not on every machine; None says so.
pub fn odd_server(name: &str) -> Option<PathBuf> {
    let path = cache().join("poof-tools/bin").join(name);
    if path.is_file() {
        return Some(path);
    }
    let why = format!("{} is not there (scripts/server-tools.sh says why)", path.display());
    skipped(Lacks::Tool, why);
    None
}

/// A missing tool fails the test: one that is skipped proves nothing and looks
/// as if it did.
fn tool(name: &str, variable: &str) -> PathBuf {
    let path = env::var_os(variable)
        .map_or_else(|| cache().join("poof-tools/bin").join(name), PathBuf::from);
    let shown = path.display();
    assert!(path.is_file(), "{shown} is missing: run `make test-tools`, or set {variable}");
    path
}

pub fn cache() -> PathBuf {
    env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map_or_else(
        || PathBuf::from(env::var_os("HOME").expect("HOME is not set")).join(".cache"),
        PathBuf::from,
    )
}
