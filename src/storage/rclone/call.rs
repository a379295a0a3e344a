//! Typed calls: a request knows its method and its reply.

use std::ffi::{CStr, CString};
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::ffi;
use crate::storage::failure::Failure;

/// A request to rclone. Its fields are the parameters of the method.
pub trait Call: Serialize {
    /// The rc method, e.g. `operations/list`.
    const METHOD: &'static str;
    /// What it answers.
    type Reply: DeserializeOwned;
}

/// Runs `request` and waits for its reply. For what touches the remote use
/// [`crate::storage::job`], which can be stopped.
///
/// # Errors
/// What rclone says, classified.
pub fn call<C: Call>(request: &C) -> Result<C::Reply, Failure> {
    let input = encode(request).map_err(|e| Failure::other(&e.to_string()))?;
    let method = CString::new(C::METHOD).map_err(|_| Failure::reply(C::METHOD))?;
    // JSON escapes control characters, so that there is one NUL in it, at the end.
    let input = CStr::from_bytes_with_nul(&input).map_err(|_| Failure::reply(C::METHOD))?;
    decode::<C>(&ffi::call(&method, input))
}

/// The text of a request, which may hold secrets, with a NUL at the end. It is measured
/// first: memory that grows is moved, and leaves a copy behind.
fn encode(request: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, request)?;
    let mut input = Zeroizing::new(Vec::with_capacity(length.0 + 1));
    serde_json::to_writer(&mut *input, request)?;
    input.push(0);
    Ok(input)
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What Go answers: one of both.
#[derive(Deserialize)]
struct Envelope<R> {
    failure: Option<Failure>,
    reply: Option<R>,
}

/// Straight into the type of the reply: what lies between would keep copies of secrets.
fn decode<C: Call>(envelope: &str) -> Result<C::Reply, Failure> {
    let wrong = || Failure::reply(C::METHOD);
    match serde_json::from_str(envelope).map_err(|_| wrong())? {
        Envelope { failure: Some(failure), .. } => Err(failure),
        Envelope { reply: Some(reply), .. } => Ok(reply),
        Envelope { .. } => serde_json::from_value(Value::Null).map_err(|_| wrong()),
    }
}

/// Takes the reply or the failure out of the envelope that `go/calls` makes.
pub(in crate::storage) fn open<R: DeserializeOwned>(
    mut envelope: Value,
    method: &str,
) -> Result<R, Failure> {
    if let Some(failure) = envelope.get_mut("failure") {
        return Err(
            serde_json::from_value(failure.take()).unwrap_or_else(|_| Failure::reply(method))
        );
    }
    let reply = envelope.get_mut("reply").map(Value::take).unwrap_or_default();
    serde_json::from_value(reply).map_err(|_| Failure::reply(method))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::failure::FailureKind;
    use crate::storage::rclone::configuring::{DerivedKey, Described, UseConfig};
    use crate::storage::rclone::requests::Settings;
    use serde::Deserialize;

    #[derive(Serialize)]
    struct Unknown {}
    #[derive(Deserialize)]
    struct Anything {}
    impl Call for Unknown {
        const METHOD: &'static str = "no/such";
        type Reply = Anything;
    }

    #[derive(Serialize)]
    struct Misspelt {
        #[serde(rename = "_config")]
        config: Value,
    }
    impl Call for Misspelt {
        const METHOD: &'static str = "rc/noop";
        type Reply = Anything;
    }

    #[derive(Serialize)]
    struct Failing<'a> {
        secret_access_key: &'a str,
    }
    impl Call for Failing<'_> {
        const METHOD: &'static str = "rc/error";
        type Reply = Anything;
    }

    #[test]
    fn an_unknown_method_is_a_failure_and_not_a_crash() {
        let failure = call(&Unknown {}).err().unwrap();
        assert!(failure.text.contains("no such call"), "{}", failure.text);
    }

    #[test]
    fn an_option_that_rclone_would_ignore_is_refused() {
        let bad = Misspelt { config: serde_json::json!({"Transferz": 4}) };
        assert!(call(&bad).err().unwrap().text.contains("Transferz"));
        let good = Misspelt { config: serde_json::to_value(Settings::work(4)).unwrap() };
        assert!(call(&good).is_ok());
    }

    #[test]
    fn a_request_is_written_once_and_never_moved() {
        let input = encode(&Failing { secret_access_key: &"x\n".repeat(10_000) }).unwrap();
        assert_eq!(input.capacity(), input.len());
        assert!(input.starts_with(b"{\"secret_access_key\":\"x\\n") && input.ends_with(b"\"}\0"));
    }

    /// Else this does not compile.
    #[test]
    fn the_secrets_in_a_reply_are_overwritten_when_it_goes() {
        fn are_overwritten<T: zeroize::ZeroizeOnDrop>(_: [&T; 2]) {}
        fn of(Described { clear, form, .. }: &Described, derived: &DerivedKey) {
            are_overwritten([clear, form]);
            are_overwritten([&derived.key, &derived.before]);
        }
        let _ = of;
        are_overwritten([&ffi::call(c"rc/noop", c"{}"), &ffi::call(c"rc/noop", c"{}")]);
    }

    #[test]
    fn a_missing_file_of_configuration_is_no_panic() {
        let gone = UseConfig::of("/nonexistent/rclone.conf".as_ref());
        assert!(call(&gone).is_ok());
    }

    // rclone 1.76: librclone answers an error with the whole input.
    #[test]
    fn a_failure_does_not_echo_the_input() {
        let failure = call(&Failing { secret_access_key: "hunter2-hunter2" }).err();
        // rc/error puts its parameters into the error text itself; what must
        // not come back is the "input" of librclone's own error reply.
        let raw = ffi::call(c"no/such", cr#"{"secret_access_key":"hunter2-hunter2"}"#);
        assert!(!raw.contains("hunter2"), "{}", *raw);
        assert!(failure.is_some_and(|f| f.kind == FailureKind::Other));
    }
}
