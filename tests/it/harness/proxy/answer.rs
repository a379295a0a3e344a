//! Answers that the proxy gives in the place of the server.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, StatusCode};
use md5::{Digest, Md5};

use super::{Body, Error};

/// An S3 error, <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
pub async fn refusal(
    request: Request<Incoming>,
    status: u16,
    code: &str,
    words: &str,
) -> Result<Response<Body>, Error> {
    let resource = request.uri().path().to_owned();
    // An answer to a body half sent would reach the client as a broken pipe.
    md5_of(request.into_body()).await?;
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{words}</Message><Resource>{resource}</Resource>\
         <RequestId>0</RequestId></Error>"
    );
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/xml");
    Ok(response.body(whole(xml))?)
}

/// An answer that sends the client to another address with the same request.
pub async fn elsewhere(request: Request<Incoming>, to: &str) -> Result<Response<Body>, Error> {
    md5_of(request.into_body()).await?;
    let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
    Ok(response.header(LOCATION, to).body(whole(""))?)
}

/// The answer of a server that did what it was asked.
pub async fn pretence(request: Request<Incoming>) -> Result<Response<Body>, Error> {
    let response = match *request.method() {
        Method::DELETE => Response::builder().status(StatusCode::NO_CONTENT),
        Method::POST => return completion(request).await,
        // rclone compares the ETag with the MD5 of what it sent.
        _ => {
            Response::builder().header(ETAG, format!("\"{}\"", md5_of(request.into_body()).await?))
        }
    };
    Ok(response.body(whole(""))?)
}

/// The answer to `CompleteMultipartUpload`, whose body names the `ETag` of each part.
async fn completion(request: Request<Incoming>) -> Result<Response<Body>, Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body).replace("&#34;", "\"").replace("&quot;", "\"");
    let tags: Vec<_> = text.split("<ETag>").skip(1).filter_map(|t| t.get(1..33)).collect();
    let mut md5 = Md5::new();
    for tag in &tags {
        md5.update(data_encoding::HEXLOWER.decode(tag.as_bytes())?);
    }
    let tag = format!("{}-{}", data_encoding::HEXLOWER.encode(&md5.finalize()), tags.len());
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUploadResult>\
         <ETag>&#34;{tag}&#34;</ETag></CompleteMultipartUploadResult>"
    );
    Ok(Response::builder().header(CONTENT_TYPE, "application/xml").body(whole(xml))?)
}

/// An answer with its whole body.
pub async fn held(response: Response<Body>) -> Result<(Parts, Bytes), Error> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await?.to_bytes()))
}

/// Reads a body to its end and keeps only its MD5.
async fn md5_of(mut body: Incoming) -> Result<String, Error> {
    let mut md5 = Md5::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            md5.update(&data);
        }
    }
    Ok(data_encoding::HEXLOWER.encode(&md5.finalize()))
}

/// The first half of a body that then breaks off.
pub fn half(body: &Bytes) -> Body {
    HalfBody(Some(body.slice(..body.len() / 2))).boxed()
}

struct HalfBody(Option<Bytes>);

impl hyper::body::Body for HalfBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(Some(match self.0.take() {
            Some(half) => Ok(Frame::data(half)),
            None => Err("broken on request".into()),
        }))
    }
}

/// An answer with another body.
pub fn other(mut parts: Parts, body: impl Into<Bytes>) -> Response<Body> {
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, whole(body))
}

/// A listing without the objects of such keys, and without directories if all are.
pub fn lacking(listing: &Bytes, is_lacking: impl Fn(&str) -> bool) -> String {
    let text = String::from_utf8_lossy(listing).into_owned();
    let mut all = String::new();
    let mut rest = text.as_str();
    let ends = ["<Contents>", "<CommonPrefixes>"];
    while let Some((at, start)) = ends.iter().filter_map(|s| Some((rest.find(s)?, *s))).min() {
        let end = start.replace('<', "</");
        let Some(length) = rest[at..].find(&end).map(|length| length + end.len()) else { break };
        let (before, item) = (&rest[..at], &rest[at..at + length]);
        let name = if start == ends[0] { ("<Key>", "</Key>") } else { ("<Prefix>", "</Prefix>") };
        let key = item.split_once(name.0).and_then(|(_, key)| key.split_once(name.1));
        all += before;
        if !key.is_some_and(|(key, _)| is_lacking(key)) {
            all += item;
        }
        rest = &rest[at + length..];
    }
    all + rest
}

/// A body that comes piece by piece.
pub fn drip(body: Bytes, size: usize, pause: Duration) -> Body {
    let (send, receive) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        for piece in body.chunks(size) {
            tokio::time::sleep(pause).await;
            if send.send(Bytes::copy_from_slice(piece)).await.is_err() {
                break;
            }
        }
    });
    DripBody(receive).boxed()
}

struct DripBody(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for DripBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

pub fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}
