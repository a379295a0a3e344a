//! A stand-in of a provider with OAuth: where one logs in, where tokens are given, and a
//! store behind them that speaks what Google Cloud Storage does, as far as rclone asks for
//! it. The test is the browser.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use data_encoding::{BASE64, HEXUPPER};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// Where rclone, and so poof, awaits the browser.
pub const LISTENER: &str = "127.0.0.1:53682";

type Answer = Response<Full<Bytes>>;
type Form = BTreeMap<String, String>;

/// A running one. Dropping it closes the port.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct Shared {
    manner: Manner,
    codes: BTreeSet<String>,
    /// Those that are good for something.
    access: BTreeSet<String>,
    refresh: BTreeSet<String>,
    given: usize,
    refreshed: usize,
    objects: BTreeMap<String, Vec<u8>>,
}

/// How it behaves.
#[derive(Clone)]
pub struct Manner {
    /// Seconds that an access token is good for.
    pub expires: u64,
    /// Each refresh token is good for one time.
    pub rotates: bool,
    /// The person does not allow the access.
    pub denies: bool,
    /// Instead of a token: a status, and what it says.
    pub token: Option<(u16, &'static str)>,
}

impl Default for Manner {
    fn default() -> Self {
        Manner { expires: 3600, rotates: true, denies: false, token: None }
    }
}

impl Provider {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        runtime.spawn(accept(listener, Arc::clone(&shared), address));
        Provider { address, shared, runtime: Some(runtime) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For the command line: where to log in, and where the tokens are.
    pub fn settings(&self) -> [String; 2] {
        let at = format!("http://{}", self.address);
        [format!("auth_url={at}/auth"), format!("token_url={at}/token")]
    }

    /// The store behind it, for `endpoint` of Google Cloud Storage.
    pub fn endpoint(&self) -> String {
        format!("http://{}/storage/v1/", self.address)
    }

    pub fn set(&self, manner: Manner) {
        self.shared.lock().unwrap().manner = manner;
    }

    /// No token that it has given is good for anything any more.
    pub fn revoke(&self) {
        let mut shared = self.shared.lock().unwrap();
        shared.access.clear();
        shared.refresh.clear();
    }

    /// How many tokens were given for another one.
    pub fn refreshed(&self) -> usize {
        self.shared.lock().unwrap().refreshed
    }

    pub fn objects(&self) -> usize {
        self.shared.lock().unwrap().objects.len()
    }

    /// Every code and token that it ever gave: none may be anywhere that it is not due.
    pub fn is_secret_of(text: &str) -> bool {
        ["CODE-", "ACCESS-", "REFRESH-"].iter().any(|secret| text.contains(secret))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The port at which a browser is awaited: all tests of this machine share it.
pub struct Port {
    _locked: File,
}

impl Port {
    /// Waits until no other test has it, nor a connection, to which the system may have given
    /// that number for its own end.
    pub fn take() -> Self {
        let path = std::env::temp_dir().join("poof-test-53682.lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(path).unwrap();
        // SAFETY: a system call without memory of ours, on a file that is open.
        assert_eq!(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }, 0);
        let is_free = || std::net::TcpListener::bind("127.0.0.1:53682").is_ok();
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_free() {
            assert!(Instant::now() < deadline, "port 53682 is not free");
            std::thread::sleep(Duration::from_millis(100));
        }
        Port { _locked: file }
    }
}

/// The browser: goes to an address and follows where that sends it. Gives the last address,
/// the status and the page.
pub fn browse(address: &str) -> (String, u16, String) {
    let (status, head, body) = get(address);
    match head.lines().find_map(|line| line.strip_prefix("location: ")) {
        Some(next) if (300..400).contains(&status) => browse(next),
        _ => (address.to_owned(), status, body),
    }
}

/// Where the browser would be sent, without going there.
pub fn sent_to(address: &str) -> String {
    let (_, head, _) = get(address);
    let line = head.lines().find_map(|line| line.strip_prefix("location: "));
    line.unwrap_or_else(|| panic!("{address} leads nowhere: {head}")).to_owned()
}

fn get(address: &str) -> (u16, String, String) {
    let rest = address.strip_prefix("http://").unwrap_or_else(|| panic!("{address}"));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    // As every machine has it.
    let host = host.replace("localhost", "127.0.0.1");
    let mut stream = TcpStream::connect(&host).unwrap_or_else(|error| panic!("{host}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{address}: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let lower = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
        None => format!("{line}\n"),
    };
    (status, head.lines().map(lower).collect(), body.to_owned())
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>, address: SocketAddr) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                let service =
                    service_fn(move |request| serve(request, Arc::clone(&shared), address));
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }
}

async fn serve(
    request: Request<Incoming>,
    shared: Arc<Mutex<Shared>>,
    address: SocketAddr,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mut shared = shared.lock().unwrap();
    let (path, query) = (head.uri.path().to_owned(), form(head.uri.query().unwrap_or_default()));
    let bearer = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.split_once(' ')).map(|(_, token)| token.to_owned());
    let answer = match path.as_str() {
        "/auth" => shared.authorize(&query),
        "/token" => shared.token(&form(&String::from_utf8_lossy(&body))),
        _ if !bearer.is_some_and(|token| shared.access.contains(&token)) => {
            let what = json!({"error": {"code": 401, "message": "Invalid Credentials"}});
            json_answer(401, &what)
        }
        _ => shared.data(head.method.as_str(), &path, &query, &body, address),
    };
    Ok(answer)
}

fn form(text: &str) -> Form {
    let plain = |part: &str| {
        let mut bytes = Vec::new();
        let mut rest = part.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let hex: Vec<_> = rest.by_ref().take(2).collect();
                    let hex = std::str::from_utf8(&hex).unwrap();
                    bytes.push(u8::from_str_radix(hex, 16).unwrap());
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (plain(key), plain(value))).collect()
}

fn answer(status: u16, kind: &str, body: impl Into<Bytes>) -> Answer {
    let builder = Response::builder().status(status).header("content-type", kind);
    builder.body(Full::new(body.into())).unwrap()
}

fn json_answer(status: u16, value: &Value) -> Answer {
    answer(status, "application/json", value.to_string())
}

impl Shared {
    fn authorize(&mut self, query: &Form) -> Answer {
        self.given += 1;
        let code = format!("CODE-{}", self.given);
        let says = if self.manner.denies {
            "error=access_denied&error_description=The+user+denied".to_owned()
        } else {
            self.codes.insert(code.clone());
            format!("code={code}")
        };
        let to = format!("{}?{says}&state={}", query["redirect_uri"], query["state"]);
        let builder = Response::builder().status(302).header("location", to);
        builder.body(Full::default()).unwrap()
    }

    fn token(&mut self, form: &Form) -> Answer {
        if let Some((status, body)) = self.manner.token {
            return answer(status, "application/json", body);
        }
        let is_good = match form["grant_type"].as_str() {
            "authorization_code" => self.codes.remove(&form["code"]),
            "refresh_token" if self.manner.rotates => self.refresh.remove(&form["refresh_token"]),
            "refresh_token" => self.refresh.contains(&form["refresh_token"]),
            _ => false,
        };
        if !is_good {
            let text = json!({"error": "invalid_grant", "error_description": "Token expired"});
            return json_answer(400, &text);
        }
        self.refreshed += usize::from(form["grant_type"] == "refresh_token");
        self.given += 1;
        let (access, refresh) =
            (format!("ACCESS-{}", self.given), format!("REFRESH-{}", self.given));
        self.access.insert(access.clone());
        let mut text = json!({
            "access_token": access, "token_type": "Bearer", "expires_in": self.manner.expires,
        });
        if self.manner.rotates || form["grant_type"] == "authorization_code" {
            self.refresh.insert(refresh.clone());
            text["refresh_token"] = refresh.into();
        }
        json_answer(200, &text)
    }

    /// What is behind the login.
    fn data(
        &mut self,
        method: &str,
        path: &str,
        query: &Form,
        body: &[u8],
        address: SocketAddr,
    ) -> Answer {
        let drive = json!({"id": "DRIVE-1", "name": "OneDrive", "driveType": "personal"});
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            // Microsoft's Graph, of which a login asks.
            ("GET", ["v1.0", "me", "drives"]) => json_answer(200, &json!({ "value": [drive] })),
            ("GET", ["v1.0", "me", "drive"]) => json_answer(200, &drive),
            ("GET", ["v1.0", "drives", "DRIVE-1", "root"]) => {
                let root = json!({"id": "ROOT", "name": "root", "webUrl": "https://onedrive",
                    "parentReference": {"driveId": "DRIVE-1", "driveType": "personal"}});
                json_answer(200, &root)
            }
            ("POST", ["upload", "storage", "v1", "b", _, "o"]) => self.store(body, address),
            ("GET", ["storage", "v1", "b", _, "o"]) => self.list(query, address),
            ("GET", ["storage", "v1", "b", bucket]) => json_answer(200, &json!({ "name": bucket })),
            ("POST", ["storage", "v1", "b"]) => json_answer(200, &json!({ "name": "made" })),
            (_, ["storage", "v1", "b", _, "o", name, rest @ ..]) => {
                let name = form(&format!("x={}", name.replace('+', "%2B")))["x"].clone();
                self.object(method, &name, rest, address)
            }
            ("GET", ["media", name]) => {
                let name = form(&format!("x={}", name.replace('+', "%2B")))["x"].clone();
                match self.objects.get(&name) {
                    Some(content) => answer(200, "application/octet-stream", content.clone()),
                    None => json_answer(404, &json!({"error": {"code": 404, "message": "none"}})),
                }
            }
            _ => json_answer(404, &json!({"error": {"code": 404, "message": "no such thing"}})),
        }
    }

    fn object(&mut self, method: &str, name: &str, rest: &[&str], address: SocketAddr) -> Answer {
        let none = json!({"error": {"code": 404, "message": "No such object"}});
        let Some(content) = self.objects.get(name) else { return json_answer(404, &none) };
        match (method, rest) {
            ("GET", []) => json_answer(200, &described(name, content, address)),
            ("DELETE", []) => {
                self.objects.remove(name);
                answer(204, "text/plain", "")
            }
            ("POST", ["rewriteTo" | "copyTo", "b", _, "o", to]) => {
                let (to, content) = (form(&format!("x={to}"))["x"].clone(), content.clone());
                let resource = described(&to, &content, address);
                self.objects.insert(to, content);
                json_answer(200, &json!({"done": true, "resource": resource}))
            }
            _ => json_answer(404, &none),
        }
    }

    /// An upload in one piece: a description, and the content behind it.
    fn store(&mut self, body: &[u8], address: SocketAddr) -> Answer {
        let find = |from: usize, what: &[u8]| {
            from + body[from..].windows(what.len()).position(|at| at == what).unwrap()
        };
        let boundary = [b"\r\n", &body[..find(0, b"\r\n")]].concat();
        let start = find(0, b"\r\n\r\n") + 4;
        let description: Value =
            serde_json::from_slice(&body[start..find(start, &boundary)]).unwrap();
        let second = find(start, &boundary);
        let content = find(second, b"\r\n\r\n") + 4;
        let content = body[content..find(content, &boundary)].to_vec();
        let name = description["name"].as_str().unwrap().to_owned();
        let answer = described(&name, &content, address);
        self.objects.insert(name, content);
        json_answer(200, &answer)
    }

    fn list(&self, query: &Form, address: SocketAddr) -> Answer {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let delimiter = query.get("delimiter").filter(|mark| !mark.is_empty());
        let (mut items, mut prefixes) = (Vec::new(), BTreeSet::new());
        for (name, content) in self.objects.iter().filter(|(name, _)| name.starts_with(prefix)) {
            match delimiter.and_then(|mark| name[prefix.len()..].find(mark.as_str())) {
                Some(at) => {
                    prefixes.insert(name[..=prefix.len() + at].to_owned());
                }
                None => items.push(described(name, content, address)),
            }
        }
        json_answer(200, &json!({"items": items, "prefixes": prefixes}))
    }
}

fn described(name: &str, content: &[u8], address: SocketAddr) -> Value {
    let hex = HEXUPPER.encode(name.as_bytes());
    let digits = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    let encoded = digits.flat_map(|pair| ["%", pair]).collect::<String>();
    json!({
        "name": name, "bucket": "b", "size": content.len().to_string(), "generation": "1",
        "md5Hash": BASE64.encode(&Md5::digest(content)), "updated": "2026-01-01T00:00:00Z",
        "timeCreated": "2026-01-01T00:00:00Z", "contentType": "application/octet-stream",
        "mediaLink": format!("http://{address}/media/{encoded}"),
    })
}
