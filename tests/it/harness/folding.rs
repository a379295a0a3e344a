//! A server that takes names for one that differ in case or in Unicode's normal
//! form, as many a disk and provider does: rclone's own `WebDAV` server can.

use std::net::SocketAddr;
use std::path::Path;

use super::guarded::Guarded;
use super::serve::serve;

pub struct Folding {
    address: SocketAddr,
    _server: Guarded,
}

impl Folding {
    /// Serves what is in `disk`; `dir` is for the server itself.
    pub fn start(dir: &Path, disk: &Path) -> Self {
        let how = ["webdav", "--vfs-case-insensitive", "--dir-cache-time=1s"];
        let (address, server) = serve(dir, disk, &how);
        Folding { address, _server: server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
