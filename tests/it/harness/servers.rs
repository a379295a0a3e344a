//! Servers of other kinds than S3, each with a directory of its own that goes with it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::guarded::Guarded;
use super::minio::{ACCESS_KEY, SECRET_KEY, free_port};
use super::tools;

const PATIENCE: Duration = Duration::from_secs(30);

pub const USER: &str = "joe";
pub const PASSWORD: &str = "a pass: word";

/// Whom the servers serve as, where the tests run as root.
const NOBODY: u32 = 65534;

/// Servers that speak S3 each in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3 {
    Moto,
    S3rver,
    /// As `rclone serve s3` has it.
    Gofakes3,
    Versitygw,
    S3sFs,
    /// `S3Mock`, of Adobe.
    Adobes,
}

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    /// Keys that a client needs, and what it serves.
    pub dir: PathBuf,
    _guarded: Guarded,
}

impl Server {
    /// Starts what `command` makes of an address and a directory.
    fn start(command: impl Fn(SocketAddr, &Path) -> Command) -> Self {
        let mut last = String::new();
        // Between the choice of a free port and its use somebody may take it.
        for _ in 0..3 {
            let address = free_port();
            let dir = tempfile::Builder::new().prefix("poof-server-").tempdir().unwrap().keep();
            fs::create_dir(dir.join("files")).unwrap();
            let command = command(address, &dir);
            let mut guarded = Guarded::start(&dir, &command).unwrap();
            let start = Instant::now();
            loop {
                if TcpStream::connect(address).is_ok() {
                    return Server { address, dir, _guarded: guarded };
                }
                let status = guarded.exited().unwrap();
                if status.is_some() || start.elapsed() > PATIENCE {
                    last = format!("{command:?}: {status:?}\n{}", guarded.log());
                    break;
                }
                sleep(Duration::from_millis(20));
            }
        }
        panic!("no server: {last}")
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// `rclone serve PROTOCOL`.
    pub fn rclone(protocol: &str) -> Self {
        Server::start(|address, dir| {
            let mut rclone = Command::new(tools::stock_rclone());
            rclone.args(["serve", protocol, "--addr", &address.to_string()]);
            rclone.args(["--user", USER, "--pass", PASSWORD]).arg(dir.join("files"));
            rclone.env("HOME", dir).env("PATH", "/usr/bin:/bin");
            rclone
        })
    }

    /// OpenSSH, for the user who runs it and the key `DIR/key`.
    pub fn openssh() -> Self {
        Server::start(|address, dir| {
            for key in ["host", "key"] {
                let mut keygen = Command::new("ssh-keygen");
                keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key));
                assert!(keygen.status().unwrap().success());
            }
            let public = fs::read_to_string(dir.join("host.pub")).unwrap();
            let known = format!("[127.0.0.1]:{} {public}", address.port());
            fs::write(dir.join("known_hosts"), known).unwrap();
            let place = dir.display();
            let config = format!(
                "ListenAddress {address}\nHostKey {place}/host\nAuthorizedKeysFile {place}/key.pub\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n\
                 Subsystem sftp internal-sftp -d {place}/files\n"
            );
            fs::write(dir.join("config"), config).unwrap();
            let mut command = debian("usr/sbin/sshd", dir);
            command.args(["-D", "-e", "-f"]).arg(dir.join("config"));
            command
        })
    }

    /// Apache with its `WebDAV`.
    pub fn apache() -> Self {
        Server::start(|address, dir| {
            let modules = seen(dir).join("usr/lib/apache2/modules");
            let names =
                "mpm_event authn_core authn_file authz_core authz_user auth_basic dav dav_fs";
            let load =
                |name| format!("LoadModule {name}_module {}/mod_{name}.so\n", modules.display());
            let place = dir.display();
            let modules: String = names.split(' ').map(load).collect();
            let config = format!(
                "{modules}ServerName localhost\nListen {address}\nServerRoot {place}\n\
                 PidFile {place}/pid\nErrorLog {place}/error\nDefaultRuntimeDir {place}\n\
                 DavLockDB {place}/locks\nDocumentRoot {place}/files\n\
                 <Directory {place}/files>\nDav On\nAuthType Basic\nAuthName files\n\
                 AuthUserFile {place}/users\nRequire valid-user\n</Directory>\n"
            );
            fs::write(dir.join("config"), config).unwrap();
            let mut openssl = Command::new("openssl");
            let hash = openssl.args(["passwd", "-apr1", PASSWORD]).output().unwrap();
            let hash = String::from_utf8(hash.stdout).unwrap();
            fs::write(dir.join("users"), format!("{USER}:{hash}")).unwrap();
            let mut command = debian("usr/sbin/apache2", dir);
            // -X: one process, which goes alone.
            command.arg("-X").arg("-f").arg(dir.join("config"));
            command
        })
    }

    /// Azurite, whose account and key are in its documentation.
    pub fn azurite() -> Self {
        Server::start(|address, dir| {
            let mut azurite = Command::new(tools::azurite());
            azurite.args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
            azurite.args(["--blobHost", "127.0.0.1", "--blobPort"]);
            azurite.arg(address.port().to_string()).arg("--location").arg(dir.join("files"));
            azurite.env("PATH", std::env::var_os("PATH").unwrap_or_default());
            azurite
        })
    }

    /// An S3 server of some kind, for the keys `MinIO` has here where it wants any.
    pub fn s3(kind: S3) -> Option<Self> {
        let program = match kind {
            S3::Moto => tools::moto(),
            S3::S3rver => tools::s3rver(),
            S3::Gofakes3 => tools::stock_rclone(),
            S3::Versitygw => tools::odd_server("versitygw")?,
            S3::S3sFs => tools::odd_server("s3s-fs")?,
            S3::Adobes => tools::odd_server("s3mock-3.12.0-exec.jar")?,
        };
        Some(Server::start(|address, dir| {
            let (files, host, port) = (dir.join("files"), address.ip(), address.port());
            let mut server = Command::new(&program);
            let (host, port) = (host.to_string(), port.to_string());
            match kind {
                S3::Moto => server.args(["-H", &host, "-p", &port]),
                S3::S3rver => server.args(["-a", &host, "-p", &port, "-d"]).arg(files),
                S3::Gofakes3 => server
                    .args(["serve", "s3", "--config", "", "--addr", &address.to_string()])
                    .args(["--auth-key", &format!("{ACCESS_KEY},{SECRET_KEY}")])
                    .arg(files),
                S3::Versitygw => server
                    .args(["--access", ACCESS_KEY, "--secret", SECRET_KEY])
                    .args(["--port", &address.to_string(), "posix"])
                    .arg(files),
                S3::S3sFs => server
                    .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
                    .args(["--host", &host, "--port", &port])
                    .arg(files),
                S3::Adobes => {
                    server = Command::new("java");
                    server.arg("-Xmx512m").args([
                        format!("-Dhttp.port={port}"),
                        "-Dserver.port=0".to_owned(),
                        format!("-Dserver.address={host}"),
                        format!("-Dcom.adobe.testing.s3mock.store.root={}", files.display()),
                        "-Dcom.adobe.testing.s3mock.store.retainFilesOnExit=true".to_owned(),
                    ]);
                    server.arg("-jar").arg(&program)
                }
            };
            // What npm and pip install finds its interpreter by this.
            server.env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
            server
        }))
    }

    /// Samba, with the share `files`.
    pub fn samba() -> Self {
        Server::start(|address, dir| {
            let place = dir.display();
            let dirs: String = ["lock", "state", "cache", "pid", "private", "ncalrpc"]
                .map(|name| {
                    fs::create_dir(dir.join(name)).unwrap();
                    let option = match name {
                        "private" => "private dir".to_owned(),
                        "ncalrpc" => "ncalrpc dir".to_owned(),
                        _ => format!("{name} directory"),
                    };
                    format!("{option} = {place}/{name}\n")
                })
                .concat();
            let config = format!(
                "[global]\nsmb ports = {}\ninterfaces = 127.0.0.1/8\nbind interfaces only = yes\n\
                 disable netbios = yes\nload printers = no\nmap to guest = bad user\n{dirs}\
                 guest account = nobody\nlog level = 1\n\
                 [files]\npath = {place}/files\nread only = no\nguest ok = yes\n",
                address.port()
            );
            fs::write(dir.join("config"), config).unwrap();
            own(&dir.join("files"));
            let mut command = Command::new(tools::servers().join("usr/sbin/smbd"));
            command.args(["--foreground", "--no-process-group", "--debug-stdout"]);
            command.arg(format!("--configfile={place}/config"));
            command.env("LD_LIBRARY_PATH", libraries(&tools::servers()));
            command
        })
    }
}

/// A program of an unpacked package, as an ordinary user: as root these servers want
/// more of the system than a test may ask for. Root has them see the packages, which
/// lie in its home, and a user `joe` of their own.
fn debian(program: &str, dir: &Path) -> Command {
    const WORLD: &str = r#"mount -o bind,ro "$1" "$2" && mount -o bind,ro "$3" /etc/passwd &&
        shift 3 && exec setpriv --reuid joe --regid 65534 --clear-groups "$@""#;
    let (servers, seen) = (tools::servers(), seen(dir));
    let mut command;
    if rustix::process::geteuid().is_root() {
        fs::create_dir(&seen).unwrap();
        let passwd = dir.join("passwd");
        let home = dir.join("files");
        let line = format!("{USER}:x:{NOBODY}:{NOBODY}::{}:/bin/sh\n", home.display());
        fs::write(&passwd, format!("root:x:0:0::/root:/bin/sh\n{line}")).unwrap();
        own(dir);
        command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", WORLD, "sh"]).args([&servers, &seen, &passwd]);
        command.arg(seen.join(program));
    } else {
        command = Command::new(seen.join(program));
    }
    command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    command.env("LD_LIBRARY_PATH", libraries(&seen));
    command
}

/// Where a server of `dir` finds the unpacked packages.
fn seen(dir: &Path) -> PathBuf {
    if rustix::process::geteuid().is_root() { dir.join("servers") } else { tools::servers() }
}

fn libraries(root: &Path) -> String {
    let triple = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let all = ["", "samba", "apr-util-1"].map(|dir| root.join(&triple).join(dir));
    all.map(|dir| dir.display().to_string()).join(":")
}

fn own(dir: &Path) {
    if rustix::process::geteuid().is_root() {
        for entry in walkdir::WalkDir::new(dir) {
            chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
}
