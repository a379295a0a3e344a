//! What the proxy knows of a request.

use hyper::Method;
use hyper::body::Body;

/// What a request is to S3, and to its bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Put,
    /// Of an object.
    Get,
    Head,
    /// A GET of a bucket or of the service, not of an object.
    List,
    Delete,
    Post,
    Other,
}

/// A request as it was on the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its place in the log, from 1.
    pub number: usize,
    pub kind: Kind,
    pub method: String,
    /// Percent-encoded, `/BUCKET/KEY`.
    pub path: String,
    /// Without the question mark; empty if there is none.
    pub query: String,
    /// Bytes of its body, as it announced them: S3 takes no other.
    pub length: u64,
    /// Which part of the object is asked for; empty: all.
    pub range: String,
}

impl Request {
    pub(super) fn new<B: Body>(number: usize, request: &hyper::Request<B>) -> Self {
        let uri = request.uri();
        let range = request.headers().get("range").and_then(|range| range.to_str().ok());
        let mut new = Request {
            number,
            kind: Kind::Other,
            method: request.method().to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            length: request.body().size_hint().exact().unwrap_or(0),
            range: range.unwrap_or_default().to_owned(),
        };
        new.kind = match *request.method() {
            Method::GET if new.key().is_empty() => Kind::List,
            Method::GET => Kind::Get,
            Method::PUT => Kind::Put,
            Method::HEAD => Kind::Head,
            Method::DELETE => Kind::Delete,
            Method::POST => Kind::Post,
            _ => Kind::Other,
        };
        new
    }

    /// The key of the object, percent-encoded; empty for a bucket.
    pub fn key(&self) -> &str {
        self.path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key)
    }
}
