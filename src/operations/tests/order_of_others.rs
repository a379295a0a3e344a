//! In which order the other operations do what they do.

use super::home::{HEADS, Home, LOCKS, changes, first, is_data, is_send_of, told};
use crate::base::error::Kind;
use crate::config::Ready;
use crate::operations::caution::Caution;
use crate::storage::memory::{Fault, What};
use crate::storage::remote::Remote;
use crate::tree::guard::Allowed;

#[test]
fn a_download_is_noted_before_the_first_object_is_fetched_until_the_last_is_in_its_place() {
    let home = Home::new();
    let before = home.contents();
    home.upload().unwrap();
    home.memory.fail_always(Fault::Break, |event| event.is(What::Fetch, "docs/b"));
    let (outcome, moments) = home.observe(Home::download);
    assert!(outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind).is_some());
    let fetched = first(&moments, |event| event.what == What::Fetch && is_data(event));
    assert!(moments[fetched].restoring, "{}", told(&moments));
    home.memory.heal();
    // What has come back is not all: it must not become the snapshot.
    let (outcome, moments) = home.observe(Home::back_up);
    assert!(outcome.unwrap().kind.is_some());
    assert!(changes(&moments).is_empty(), "{}", told(&moments));
    let (outcome, _) = home.observe(Home::download);
    assert_eq!(outcome.unwrap().kind, None);
    assert_eq!(home.contents(), before);
    let (outcome, moments) = home.observe(Home::back_up);
    assert_eq!(outcome.unwrap().kind, None);
    assert!(moments.iter().all(|moment| !moment.restoring));
}

#[test]
fn what_is_fetched_replaces_nothing_unless_it_is_what_was_stored() {
    let home = Home::new();
    home.back_up().unwrap();
    home.write("b", "newer than the snapshot");
    let here = home.contents();
    home.memory.fail_always(Fault::Spoil, |event| event.is(What::Fetch, "docs/b"));
    let outcome = home.download();
    assert!(outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind).is_some());
    assert_eq!(home.contents(), here);
}

#[test]
fn a_check_changes_nothing_and_names_what_is_lost_or_other() {
    let home = Home::new();
    home.back_up().unwrap();
    let (outcome, moments) = home.observe(|home| home.check(None));
    assert_eq!(outcome.unwrap().kind, None);
    assert!(changes(&moments).is_empty(), "{}", told(&moments));
    // The listing says what it always said: only reading tells.
    home.memory.fail_always(Fault::Spoil, |event| event.is(What::Fetch, "docs/b"));
    assert_eq!(home.check(None).unwrap().kind, None);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, Some(Kind::Incomplete));
    home.memory.heal();
    home.memory.lose("docs/b");
    let (outcome, moments) = home.observe(|home| home.check(None));
    assert_eq!(outcome.unwrap().kind, Some(Kind::Incomplete));
    assert!(changes(&moments).is_empty(), "{}", told(&moments));
}

/// A home that was backed up in clear before its remote was encrypted.
fn with_a_plain_copy() -> Home {
    let mut home = Home::sealed();
    let plain = home.ready.counterpart().unwrap().clone();
    let sealed = home.ready.remote().clone();
    home.ready = on(home.ready, plain.clone(), sealed.clone());
    assert_eq!(home.back_up().unwrap().kind, None);
    home.ready = on(home.ready, sealed, plain);
    let allowed = Allowed { other_remote: true, ..Allowed::default() };
    let caution = Caution { allowed, yes: true, ..Caution::default() };
    assert_eq!(home.back_up_with(caution).unwrap().kind, None);
    home
}

fn on(ready: Ready, remote: Remote, other: Remote) -> Ready {
    ready.on(remote, Some(other))
}

#[test]
fn a_plain_copy_goes_once_the_encrypted_one_is_proven_and_the_lock_is_held() {
    let home = with_a_plain_copy();
    let sealed = home.side().names();
    let (outcome, moments) = home.observe(Home::purge_plain);
    assert_eq!(outcome.unwrap().kind, None);
    let purged = first(&moments, |event| event.is(What::Purge, "docs"));
    let proven = first(&moments, |event| event.sealed && event.is(What::List, "docs"));
    let lock = first(&moments, |event| !event.sealed && is_send_of(event, LOCKS));
    let records = first(&moments, |event| event.is(What::Purge, ".poof"));
    assert!(proven < lock && lock < purged && purged < records, "{}", told(&moments));
    assert!(changes(&moments).iter().all(|event| !event.sealed), "{}", told(&moments));
    assert_eq!(home.memory.names(), [""; 0]);
    assert_eq!(home.side().names(), sealed);
    assert_eq!(home.elsewhere(), home.contents());
}

#[test]
fn a_plain_copy_stays_if_the_encrypted_one_is_not_whole_or_a_lock_is_refused() {
    let home = with_a_plain_copy();
    let plain = home.memory.names();
    home.memory.fail_always(Fault::Break, |event| !event.sealed && is_send_of(event, LOCKS));
    assert!(home.purge_plain().is_err());
    assert_eq!(home.memory.names(), plain);
    home.memory.heal();
    let head = home.side().names().into_iter().find(|name| name.starts_with(HEADS)).unwrap();
    for lost in ["docs/b", &head] {
        home.side().lose(lost);
        let (outcome, moments) = home.observe(Home::purge_plain);
        let kind = outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
        assert!(kind.is_some(), "{lost}");
        let purged = moments.iter().any(|moment| moment.event.what == What::Purge);
        assert!(!purged, "{lost} {}", told(&moments));
        assert_eq!(home.memory.names(), plain, "{lost}");
    }
}
