//! A server that takes names for one that differ in case or in Unicode's normal
//! form, as many a disk and provider does: rclone's own `WebDAV` server can.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::guarded::Guarded;
use super::tools;

pub struct Folding {
    address: SocketAddr,
    _server: Guarded,
}

impl Folding {
    /// Serves what is in `disk`; `dir` is for the server itself.
    pub fn start(dir: &Path, disk: &Path) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| s.local_addr());
        let address = free.unwrap();
        let mut command = Command::new(tools::stock_rclone());
        command
            .args(["serve", "webdav", "--vfs-case-insensitive", "--dir-cache-time=1s"])
            .args(["--config", "", "--addr", &address.to_string()])
            .arg(disk)
            .env("HOME", dir);
        let mut server = Guarded::start(dir, &command).unwrap();
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(server.exited().unwrap().is_none(), "the server ended: {}", server.log());
            assert!(start.elapsed() < Duration::from_mins(1), "not ready: {}", server.log());
            sleep(Duration::from_millis(20));
        }
        Folding { address, _server: server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
