//! One `MinIO` for all tests of the process, each with a bucket of its own.

use std::env;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::guarded::Guarded;
use super::tools;

pub const ACCESS_KEY: &str = "poof-test-access";
pub const SECRET_KEY: &str = "poof-test-secret";

/// With a key of its own `MinIO` serves SSE-S3 (`server_side_encryption =
/// AES256`), which poof's scaffold asks for.
const KMS_KEY: &str = "poof-test-key:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub struct Minio {
    address: SocketAddr,
    data: PathBuf,
    /// Holds the pipe whose closing ends the server; None: it is not ours to end.
    _server: Option<Guarded>,
}

/// The server of this test process, started by whoever asks first.
pub fn minio() -> &'static Minio {
    static MINIO: OnceLock<Minio> = OnceLock::new();
    MINIO.get_or_init(|| {
        // Of a bench: at the far end of a line.
        if let Ok(address) = env::var("POOF_BENCH_SERVER") {
            let address = address.parse().expect("an address and a port");
            return Minio { address, data: PathBuf::new(), _server: None };
        }
        // Between the choice of a free port and its use somebody may take it.
        let mut last = String::new();
        for _ in 0..3 {
            match Minio::start(free_port(), "") {
                Ok(minio) => return minio,
                Err(error) => last = error,
            }
        }
        panic!("{last}")
    })
}

impl Minio {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For `endpoint` in an rclone configuration.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the server keeps what it was sent to `bucket`, as files of its own.
    pub fn bucket_dir(&self, bucket: &str) -> PathBuf {
        self.data.join(bucket)
    }

    /// Another one, in another region.
    pub fn abroad(region: &str) -> Self {
        Minio::start(free_port(), region).unwrap()
    }

    fn start(address: SocketAddr, region: &str) -> Result<Self, String> {
        let dir = tempfile::Builder::new().prefix("poof-minio-").tempdir().unwrap().keep();
        let mut command = Command::new(tools::minio_server());
        command
            .args(["server", "--quiet", "--address", &address.to_string(), "--certs-dir"])
            .arg(dir.join("certs"))
            .arg(dir.join("data"))
            .env("HOME", &dir)
            .env("MINIO_ROOT_USER", ACCESS_KEY)
            .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
            .env("MINIO_KMS_SECRET_KEY", KMS_KEY)
            .env("MINIO_SITE_REGION", region)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off");
        let mut server = Guarded::start(&dir, &command).unwrap();
        let start = Instant::now();
        while !is_ready(address) {
            if let Some(status) = server.exited().unwrap() {
                return Err(format!("MinIO ended with {status}:\n{}", server.log()));
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("MinIO is not ready after {PATIENCE:?}:\n{}", server.log()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Minio { address, data: dir.join("data"), _server: Some(server) })
    }
}

pub(super) fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr()).unwrap()
}

/// Whether it answers S3 itself, which refuses somebody without a name. Its
/// `/minio/health/ready` says yes while the server still is not initialised.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok::<_, std::io::Error>(status.ends_with(b" 403"))
    };
    ask().unwrap_or(false)
}
