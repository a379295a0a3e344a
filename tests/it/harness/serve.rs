//! rclone itself as a server: of the files in a directory, over some protocol.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::guarded::Guarded;
use super::tools;

/// An S3 server that looks at no signature.
pub struct Unsigned {
    pub address: SocketAddr,
    _server: Guarded,
}

impl Unsigned {
    /// Its buckets are the directories in `disk`; `dir` is for the server itself.
    pub fn start(dir: &Path, disk: &Path) -> Self {
        let (address, server) = serve(dir, disk, &["s3"]);
        Unsigned { address, _server: server }
    }
}

/// Serves what is in `disk`; the server goes with what is returned, and with `dir`.
pub(super) fn serve(dir: &Path, disk: &Path, how: &[&str]) -> (SocketAddr, Guarded) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| s.local_addr());
    let address = free.unwrap();
    let mut command = Command::new(tools::stock_rclone());
    command
        .arg("serve")
        .args(how)
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
    (address, server)
}
