//! Servers that speak TLS with certificates of their own, or no S3 at all.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::guarded::Guarded;
use super::minio::free_port;

const PATIENCE: Duration = Duration::from_secs(20);

/// What a certificate says.
pub struct Names {
    /// As `subjectAltName` has them: `IP:127.0.0.1`.
    pub names: &'static str,
    pub expired: bool,
}

/// A server of TLS whose bucket is empty. It goes with this.
pub struct Tls {
    address: SocketAddr,
    dir: PathBuf,
    _guarded: Guarded,
}

impl Tls {
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A proxy through which all of the web is this server.
    pub fn proxy(&self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, to) = (listener.local_addr().unwrap(), self.address);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || connect(client, to));
            }
        });
        address
    }

    /// Its certificate, which signs itself.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("certificate")
    }
}

const ANSWER: &str = "<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount>\
                      <IsTruncated>false</IsTruncated></ListBucketResult>";

/// Starts one.
pub fn serve(names: &Names) -> Tls {
    before(names, page_of("application/xml", ANSWER))
}

/// The same before a server of http.
pub fn before(names: &Names, backend: SocketAddr) -> Tls {
    let address = free_port();
    let dir = tempfile::Builder::new().prefix("poof-tls-").tempdir().unwrap().keep();
    certify(&dir, names);
    let script = "import socket, ssl, sys, threading\n\
        def pump(a, b):\n try:\n  while (d := a.recv(65536)): b.sendall(d)\n \
        except OSError: pass\n finally:\n  try: b.shutdown(socket.SHUT_WR)\n  except OSError: pass\n\
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        c.load_cert_chain(sys.argv[1] + '/certificate', sys.argv[1] + '/key')\n\
        l = socket.create_server(('127.0.0.1', int(sys.argv[2])))\n\
        def serve(s):\n try:\n  s.settimeout(20)\n  \
        if s.recv(1, socket.MSG_PEEK) != b'\\x16':\n   s.recv(4096)\n   \
        t = b'Client sent an HTTP request to an HTTPS server.\\n'\n   \
        s.sendall(b'HTTP/1.0 400 Bad Request\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(t) + t)\n   \
        s.close()\n   return\n  \
        s = c.wrap_socket(s, server_side=True)\n  \
        b = socket.create_connection(('127.0.0.1', int(sys.argv[3])))\n  \
        threading.Thread(target=pump, args=(b, s), daemon=True).start()\n  pump(s, b)\n \
        except OSError: pass\n\
        while True:\n s, _ = l.accept()\n \
        threading.Thread(target=serve, args=(s,), daemon=True).start()\n";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(&dir);
    python.args([address.port(), backend.port()].map(|port| port.to_string()));
    let mut guarded = Guarded::start(&dir, &python).unwrap();
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        let status = guarded.exited().unwrap();
        let late = status.is_some() || start.elapsed() > PATIENCE;
        assert!(!late, "no server: {status:?} {}", guarded.log());
        sleep(Duration::from_millis(20));
    }
    Tls { address, dir, _guarded: guarded }
}

/// `openssl req -x509` makes none that has expired, `openssl ca` does.
fn certify(dir: &Path, Names { names, expired }: &Names) {
    let end = if *expired { "20200201000000Z" } else { "20991231000000Z" };
    let place = dir.display();
    for (name, text) in [
        ("index", String::new()),
        ("serial", "01\n".to_owned()),
        ("extensions", format!("subjectAltName={names}\nbasicConstraints=critical,CA:TRUE\n")),
        (
            "config",
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase={place}/index\nnew_certs_dir={place}\n\
                 serial={place}/serial\ndefault_md=sha256\npolicy=any\n[any]\n\
                 commonName=supplied\n[req]\ndistinguished_name=name\n[name]\n"
            ),
        ),
    ] {
        fs::write(dir.join(name), text).unwrap();
    }
    let request = "req -config config -new -newkey rsa:2048 -nodes -subj /CN=nas -keyout key \
                   -out request";
    let sign = format!(
        "ca -config config -batch -notext -selfsign -keyfile key -in request -out certificate \
         -extfile extensions -startdate 20200101000000Z -enddate {end}"
    );
    for words in [request, &sign] {
        let out = Command::new("openssl").args(words.split_whitespace()).current_dir(dir).output();
        let out = out.unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// A server of http that answers everything with this page. It lives as long as the tests.
pub fn page(html: &'static str) -> SocketAddr {
    page_of("text/html", html)
}

fn page_of(kind: &'static str, text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer(client, kind, text));
        }
    });
    address
}

/// Reads up to the end of the head of a request.
fn head(client: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = client.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&piece[..count]);
    }
    Ok(())
}

fn connect(mut client: TcpStream, to: SocketAddr) -> io::Result<()> {
    head(&mut client)?;
    let mut server = TcpStream::connect(to)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut back, mut client_end) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut back, &mut client_end));
    io::copy(&mut client, &mut server).map(|_| ())
}

fn answer(mut client: TcpStream, kind: &str, text: &str) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    head(&mut client)?;
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}
