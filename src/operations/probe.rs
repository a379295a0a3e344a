//! Tries the remote: does it list, take, give back, and remove an object?

use data_encoding::HEXLOWER;

use super::Session;
use super::repository::{attached, sight};
use crate::base::error::{Error, Kind, Result};
use crate::config::Ready;
use crate::report::Note;
use crate::storage::failure::Failure;
use crate::storage::remote::Remote;

/// Lists, writes, reads and deletes in the place where the snapshots go.
///
/// # Errors
/// The remote cannot be reached, refuses, or gives back something else.
pub fn remote(session: &Session, ready: &Ready) -> Result<()> {
    let remote = ready.remote();
    let place = remote.name();
    let refused = |doing: String| move |failure: Failure| failure.into_error(&doing, Kind::Remote);
    attached::check(&session.state, remote)?;
    let sight = sight::look(ready)?;
    if !sight.here.exists {
        remote.make_bucket().map_err(refused(format!("make {place}")))?;
        session.report.say(Note::BucketMade { place: place.clone() });
    }
    let names: Vec<_> = ready.directories().iter().map(|d| d.name.as_str()).collect();
    if let Some(suspicion) = sight.suspicion(&names) {
        session.report.warn(&format!("{}. {}", suspicion.what, suspicion.hint));
    }
    round_trip(remote, &place)
}

fn round_trip(remote: &Remote, place: &str) -> Result<()> {
    let doing = |what: &str| format!("{what} a probe object in {place}");
    let mut id = [0_u8; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
    let name = format!(".poof/probe-{}", HEXLOWER.encode(&id));
    let fail =
        |what: &'static str| move |failure: Failure| failure.into_error(&doing(what), Kind::Remote);
    remote.put(&name, &id).map_err(fail("write"))?;
    let read = remote.get(&name, 1024).map_err(fail("read"));
    remote.delete(&name).map_err(fail("delete"))?;
    if read? != id {
        return Err(Error::new(
            Kind::Remote,
            format!("a probe object in {place} came back with other content"),
        )
        .hint("Something between here and the server changes data; do not use it."));
    }
    Ok(())
}
