//! A fault proxy: an HTTP/1.1 reverse proxy in front of `MinIO` that counts what
//! passes and does harm on request.
//!
//! The Host header goes through unchanged, since S3 signatures cover it: the
//! client signs for the address of the proxy, and `MinIO` checks against
//! whatever Host it is sent. Bodies stream; nothing is held in memory.

mod answer;
mod request;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, IF_NONE_MATCH};
use hyper::http::response::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::service::service_fn;
use hyper::{Method, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

pub use request::{Kind, Request};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Body = BoxBody<Bytes, Error>;
type Rule = dyn Fn(&Request) -> Verdict + Send + Sync;

/// What becomes of a request. A fault that needs the real answer first (corrupt
/// after the acknowledgement, swap two objects) is one more variant here and
/// one more arm in [`Shared::serve`], after [`Shared::pass`].
#[derive(Clone, Debug)]
pub enum Verdict {
    /// To the server and back.
    Pass,
    /// The same, this much later.
    Delay(Duration),
    /// This HTTP status and S3 error code instead, e.g. 503 and `SlowDown`.
    Status(u16, &'static str),
    /// The same, with these words.
    Says(u16, &'static str, String),
    /// It is never answered.
    Hold,
    /// The connection is closed without an answer.
    Drop,
    /// The server never sees it and the client is told that all went well: a
    /// PUT, or the completion of a multipart upload, is answered with the right
    /// `ETag`, a DELETE with 204.
    Swallow,
    /// To the server and back, and the answer is kept.
    Remember,
    /// The answer that was kept for the same request, if there is one.
    Stale,
    /// To the server, and half of the answer's body back before the connection breaks.
    Half,
    /// A byte in the middle of the answer's body is another one.
    Corrupt,
    /// The answer, a listing, has no hashes.
    Hashless,
    /// The answer, a listing, goes on where it went on already, for ever.
    Circle,
    /// The answer, with 200, has this body instead.
    Body(Vec<u8>),
    /// The answer, a listing, lacks each object whose key ends with one of these.
    Lacking(Vec<String>),
    /// The answer, a listing, has nothing in it.
    Empty,
    /// The answer has the `ETag` of another object.
    Tagged,
    /// The answer comes in pieces of so many bytes, one after each such time.
    Drip(usize, Duration),
    /// The request is sent on, with status 307, to another address.
    Elsewhere(String),
}

/// A running proxy. Dropping it closes the port and every connection.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    upstream: Authority,
    client: Client<HttpConnector, Incoming>,
    rule: Mutex<Arc<Rule>>,
    latency: Mutex<Duration>,
    unconditional: AtomicBool,
    received: AtomicU64,
    log: Mutex<Vec<Request>>,
    answers: Mutex<HashMap<String, (Parts, Bytes)>>,
}

impl Proxy {
    /// Starts a proxy in front of `upstream` that passes everything on.
    pub fn start(upstream: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let shared = Arc::new(Shared {
            upstream: upstream.to_string().parse().unwrap(),
            client: Client::builder(TokioExecutor::new()).set_host(false).build(connector),
            rule: Mutex::new(Arc::new(|_: &Request| Verdict::Pass)),
            latency: Mutex::default(),
            unconditional: AtomicBool::default(),
            received: AtomicU64::default(),
            log: Mutex::default(),
            answers: Mutex::default(),
        });
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Proxy { address, shared, runtime: Some(runtime) }
    }

    /// For `endpoint` in an rclone configuration.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Judges each request from now on. The rule may do more than judge, e.g.
    /// change a file while it is being sent.
    pub fn set_rule(&self, rule: impl Fn(&Request) -> Verdict + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Added to every request, as if the server were that far away.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.lock().unwrap() = latency;
    }

    /// No request asks for a condition any more, as if the server knew none. The server
    /// must not look at signatures: they cover what is taken out.
    pub fn take_out_conditions(&self) {
        self.shared.unconditional.store(true, Ordering::Relaxed);
    }

    /// Every request since the start or the last [`Proxy::reset`].
    pub fn log(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap().clone()
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.shared.log.lock().unwrap().iter().filter(|request| request.kind == kind).count()
    }

    /// Bytes in the bodies of all requests.
    pub fn sent(&self) -> u64 {
        self.shared.log.lock().unwrap().iter().map(|request| request.length).sum()
    }

    /// Bytes in the bodies of all answers, as far as the server says their length.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    pub fn total(&self) -> usize {
        self.shared.log.lock().unwrap().len()
    }

    /// Forgets the log; the next request is number 1 again. Rule and latency stay.
    pub fn reset(&self) {
        self.shared.received.store(0, Ordering::Relaxed);
        self.shared.log.lock().unwrap().clear();
    }
}

/// What two equal requests have in common.
fn name(request: &Request) -> String {
    format!("{} {}?{}", request.method, request.path, request.query)
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // accept fails for a connection that is already gone, or for want of file
    // descriptors; both pass.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&shared)));
        }
    }
}

/// Answers the requests of one connection. Its end is the client's affair, or
/// a fault of ours; nobody needs to hear of either.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| Arc::clone(&shared).serve(request));
    let http = hyper::server::conn::http1::Builder::new();
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

impl Shared {
    /// An error closes the connection without an answer.
    async fn serve(
        self: Arc<Self>,
        incoming: hyper::Request<Incoming>,
    ) -> Result<Response<Body>, Error> {
        let request = self.record(&incoming);
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        let rule = Arc::clone(&self.rule.lock().unwrap());
        match rule(&request) {
            Verdict::Pass => self.pass(incoming).await,
            Verdict::Delay(delay) => {
                tokio::time::sleep(delay).await;
                self.pass(incoming).await
            }
            Verdict::Status(status, code) => {
                answer::refusal(incoming, status, code, "made by the fault proxy").await
            }
            Verdict::Says(status, code, words) => {
                answer::refusal(incoming, status, code, &words).await
            }
            Verdict::Hold => std::future::pending().await,
            Verdict::Drop => Err("dropped on request".into()),
            Verdict::Swallow => answer::pretence(incoming).await,
            Verdict::Remember => {
                let answer = answer::held(self.pass(incoming).await?).await?;
                let (parts, body) = answer.clone();
                self.answers.lock().unwrap().insert(name(&request), answer);
                Ok(Response::from_parts(parts, answer::whole(body)))
            }
            Verdict::Stale => {
                let kept = self.answers.lock().unwrap().get(&name(&request)).cloned();
                match kept {
                    Some((parts, body)) => Ok(Response::from_parts(parts, answer::whole(body))),
                    None => self.pass(incoming).await,
                }
            }
            Verdict::Half => {
                let (parts, body) = answer::held(self.pass(incoming).await?).await?;
                Ok(Response::from_parts(parts, answer::half(&body)))
            }
            Verdict::Corrupt => {
                let (parts, body) = answer::held(self.pass(incoming).await?).await?;
                let mut body = body.to_vec();
                let middle = body.len() / 2;
                if let Some(byte) = body.get_mut(middle) {
                    *byte ^= 1;
                }
                Ok(Response::from_parts(parts, answer::whole(body)))
            }
            Verdict::Hashless => {
                let (mut parts, body) = answer::held(self.pass(incoming).await?).await?;
                parts.headers.remove(CONTENT_LENGTH);
                let text = String::from_utf8_lossy(&body).into_owned();
                let mut text = text.split("<ETag>");
                let first = text.next().unwrap_or_default().to_owned();
                let rest = text.filter_map(|part| Some(part.split_once("</ETag>")?.1));
                Ok(Response::from_parts(parts, answer::whole(first + &rest.collect::<String>())))
            }
            Verdict::Circle => {
                // The server itself would not know where to go on from there.
                let pairs = request.query.split('&');
                let first = pairs.filter(|pair| !pair.starts_with("continuation-token="));
                let name = format!("{}?{}", request.path, first.collect::<Vec<_>>().join("&"));
                let kept = self.answers.lock().unwrap().get(&name).cloned();
                if let Some((parts, body)) = kept {
                    return Ok(Response::from_parts(parts, answer::whole(body)));
                }
                let (mut parts, body) = answer::held(self.pass(incoming).await?).await?;
                parts.headers.remove(CONTENT_LENGTH);
                let more = "<IsTruncated>true</IsTruncated>\
                            <NextContinuationToken>again</NextContinuationToken>";
                let text = String::from_utf8_lossy(&body);
                let text = Bytes::from(text.replace("<IsTruncated>false</IsTruncated>", more));
                self.answers.lock().unwrap().insert(name, (parts.clone(), text.clone()));
                Ok(Response::from_parts(parts, answer::whole(text)))
            }
            Verdict::Body(body) => self.altered(incoming, |_| body).await,
            Verdict::Lacking(keys) => {
                let lacks = |key: &str| keys.iter().any(|end| key.ends_with(end.as_str()));
                self.altered(incoming, |body| answer::lacking(body, lacks).into()).await
            }
            Verdict::Empty => {
                self.altered(incoming, |body| answer::lacking(body, |_| true).into()).await
            }
            Verdict::Tagged => {
                let mut response = self.pass(incoming).await?;
                let tag = "\"d41d8cd98f00b204e9800998ecf8427e\"".parse()?;
                response.headers_mut().insert(hyper::header::ETAG, tag);
                Ok(response)
            }
            Verdict::Drip(size, pause) => {
                let (parts, body) = answer::held(self.pass(incoming).await?).await?;
                Ok(Response::from_parts(parts, answer::drip(body, size, pause)))
            }
            Verdict::Elsewhere(address) => answer::elsewhere(incoming, &address).await,
        }
    }

    /// The answer with another body.
    async fn altered(
        &self,
        incoming: hyper::Request<Incoming>,
        body: impl FnOnce(&Bytes) -> Vec<u8>,
    ) -> Result<Response<Body>, Error> {
        let (parts, answer) = answer::held(self.pass(incoming).await?).await?;
        let body = body(&answer);
        Ok(answer::other(parts, body))
    }

    fn record(&self, incoming: &hyper::Request<Incoming>) -> Request {
        let mut log = self.log.lock().unwrap();
        let request = Request::new(log.len() + 1, incoming);
        log.push(request.clone());
        request
    }

    /// Only Connection is not passed on: it is about the two halves, not about
    /// the whole way (RFC 9110, 7.6.1).
    async fn pass(&self, mut request: hyper::Request<Incoming>) -> Result<Response<Body>, Error> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.upstream.clone());
        *request.uri_mut() = Uri::from_parts(uri)?;
        request.headers_mut().remove(CONNECTION);
        if self.unconditional.load(Ordering::Relaxed) {
            request.headers_mut().remove(IF_NONE_MATCH);
        }
        let is_head = request.method() == Method::HEAD;
        let mut response = self.client.request(request).await?;
        let length = response.headers().get(CONTENT_LENGTH).filter(|_| !is_head);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        self.received.fetch_add(length.unwrap_or(0), Ordering::Relaxed);
        response.headers_mut().remove(CONNECTION);
        Ok(response.map(|body| body.map_err(Into::into).boxed()))
    }
}
