//! What an upload in a hurry makes safe, in which order, and what it leaves.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::home::{Contents, HEADS, Home, MARKER, SHARDS, is_data, is_send_of, told};
use crate::base::error::{Kind, Result};
use crate::operations::caution::Caution;
use crate::operations::outcome::Outcome;
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Fault, What};
use crate::tree::guard::Allowed;
use crate::tree::unsent;
use crate::tree::wipe::Phase;

const ENOUGH: Duration = Duration::from_mins(1);
const LITTLE: Duration = Duration::from_secs(1);

/// The time is over when so many snapshots have been saved.
fn stop_after(home: &Home, snapshots: usize) {
    let saved = Arc::new(AtomicUsize::new(0));
    home.memory.watch(move |event| {
        if is_send_of(event, HEADS) && saved.fetch_add(1, Ordering::Relaxed) + 1 == snapshots {
            thread::sleep(LITTLE);
        }
    });
}

/// The same, of a run that wipes what is safe by then.
fn cut_off(home: &Home, snapshots: usize) -> Option<Kind> {
    stop_after(home, snapshots);
    let outcome = home.now(LITTLE, false);
    home.memory.unwatch();
    outcome.unwrap().kind
}

/// How it ended, also where nothing could be begun.
fn kind(outcome: Result<Outcome>) -> Option<Kind> {
    outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind)
}

/// With the word that takes what is here as it is.
fn with_the_word() -> Caution {
    let allowed = Allowed { mass_deletion: true, ..Allowed::default() };
    Caution { yes: true, allowed, ..Caution::default() }
}

#[test]
fn the_most_precious_goes_first_and_each_wave_ends_with_a_snapshot() {
    let home = Home::with_precious("");
    home.write("large", &"x".repeat(5 << 20));
    let before = home.contents();
    let (outcome, moments) = home.observe(|home| home.now(ENOUGH, false));
    assert_eq!(outcome.unwrap().kind, None);
    assert_eq!((home.files(), home.phase()), (0, Some(Phase::Wiped)));
    let sent = moments.iter().map(|moment| &moment.event);
    let sent = sent.filter(|event| event.what == What::Send);
    let sent = sent.filter(|event| is_data(event) || event.name.starts_with(HEADS));
    let order: Vec<&str> = sent.map(|event| event.name.as_str()).collect();
    let at = |name: &str| order.iter().position(|other| other.starts_with(name)).unwrap();
    let [a, c, b, large] = ["docs/a", "docs/sub/c", "docs/b", "docs/large"].map(at);
    assert!(a < c && c < b && b < large, "{}", told(&moments));
    for pair in [(a, c), (c, b), (b, large)] {
        let between = &order[pair.0..pair.1];
        assert!(between.iter().any(|name| name.starts_with(HEADS)), "{}", told(&moments));
    }
    home.memory.unwatch();
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

#[test]
fn what_there_is_no_time_for_stays_and_goes_the_next_time() {
    for bundled in [false, true] {
        let home = Home::with_precious("").bundling(bundled.then_some(1 << 10));
        let before = home.contents();
        stop_after(&home, 2);
        assert_eq!(home.now(LITTLE, false).unwrap().kind, Some(Kind::Unproven));
        home.memory.unwatch();
        let mut left = before.clone();
        left.retain(|name, _| !matches!(name.as_str(), "a" | "sub/" | "sub/c" | "void/"));
        assert_eq!((home.contents(), home.phase()), (left, Some(Phase::Wiping)), "{bundled}");
        // A person goes on with the work meanwhile.
        home.write("b", "second, and more");
        home.write("new", "made later");
        assert_eq!(home.upload().unwrap().kind, None);
        assert_eq!((home.files(), home.phase()), (0, Some(Phase::Wiped)));
        home.download().unwrap();
        let mut after = before;
        after.insert("b".to_owned(), b"second, and more".to_vec());
        after.insert("new".to_owned(), b"made later".to_vec());
        assert_eq!(home.contents(), after, "{bundled}");
    }
}

#[test]
fn what_is_wiped_comes_back_beside_what_is_not_sent() {
    let home = Home::with_precious("");
    let before = home.contents();
    cut_off(&home, 1);
    assert!(!home.contents().contains_key("a") && home.contents().contains_key("b"));
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

#[test]
fn who_keeps_has_a_snapshot_of_what_there_was_time_for_and_all_is_here() {
    let home = Home::with_precious("");
    let before = home.contents();
    stop_after(&home, 1);
    assert_eq!(home.now(LITTLE, true).unwrap().kind, Some(Kind::Unproven));
    home.memory.unwatch();
    assert_eq!((home.contents(), home.phase()), (before.clone(), None));
    assert_eq!(home.elsewhere().keys().collect::<Vec<_>>(), ["a", "sub/", "void/"]);
    // An ordinary backup completes it.
    assert_eq!(home.back_up().unwrap().kind, None);
    assert_eq!(home.elsewhere(), before);
}

#[test]
fn without_time_for_anything_nothing_goes_and_all_is_named() {
    let home = Home::new();
    let before = home.contents();
    home.memory.watch(|event| {
        if event.what == What::List {
            thread::sleep(LITTLE);
        }
    });
    assert_eq!(home.now(Duration::from_millis(10), false).unwrap().kind, Some(Kind::Unproven));
    home.memory.unwatch();
    assert_eq!((home.contents(), home.phase()), (before.clone(), None));
    let mut caches = fs::read_dir(home.session.state.join("trees")).unwrap();
    let unsent = unsent::read(&caches.next().unwrap().unwrap().path()).unwrap();
    assert!(["a", "b", "sub/c", "none", "link"].iter().all(|name| unsent.holds(name.as_bytes())));
    assert_eq!(home.upload().unwrap().kind, None);
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

#[test]
fn what_was_changed_and_not_sent_stays_and_what_was_removed_stays_in_the_snapshot() {
    for more in ["", r#","keep":"30d""#] {
        let home = Home::with_precious(more);
        assert_eq!(home.back_up().unwrap().kind, None);
        home.write("a", "first, changed");
        home.write("b", "second, changed");
        home.remove("none");
        stop_after(&home, 1);
        assert_eq!(home.now(LITTLE, false).unwrap().kind, Some(Kind::Unproven), "{more}");
        home.memory.unwatch();
        assert_eq!(home.contents().keys().collect::<Vec<_>>(), ["b"], "{more}");
        assert_eq!(home.contents()["b"], b"second, changed");
        assert_eq!(home.upload().unwrap().kind, None, "{more}");
        assert_eq!(home.files(), 0);
        home.download().unwrap();
        let back = home.contents();
        assert_eq!((&*back["a"], &*back["b"]), (&b"first, changed"[..], &b"second, changed"[..]));
    }
}

#[test]
fn what_has_come_to_the_place_of_what_was_wiped_is_refused() {
    let home = Home::with_precious("");
    let mut expected = home.contents();
    cut_off(&home, 2);
    for (name, text) in [("sub", "a file now"), ("a", "an application has made it anew")] {
        home.write(name, text);
        let before = home.contents();
        assert_eq!(home.upload().unwrap().kind, Some(Kind::Guard), "{name}");
        assert_eq!(home.contents(), before, "{name}");
        home.remove(name);
    }
    // A directory that is made anew is none that was changed.
    fs::create_dir(home.tree().join("sub")).unwrap();
    home.write("sub/new", "new");
    assert_eq!(home.upload().unwrap().kind, None);
    home.download().unwrap();
    expected.insert("sub/new".to_owned(), b"new".to_vec());
    assert_eq!(home.contents(), expected);
}

#[test]
fn a_file_in_place_of_a_directory_of_which_a_part_was_wiped_is_refused() {
    let home = Home::with_precious("");
    fs::create_dir(home.tree().join("dir")).unwrap();
    home.write("dir/small", "it goes before what is large");
    home.write("dir/large", &"x".repeat(5 << 20));
    let mut expected = home.contents();
    cut_off(&home, 3);
    let left = home.contents();
    assert!(left.contains_key("dir/large") && !left.contains_key("dir/small"), "{left:?}");
    home.remove("dir/large");
    fs::remove_dir(home.tree().join("dir")).unwrap();
    home.write("dir", "a file now");
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Guard));
    fs::rename(home.tree().join("dir"), home.tree().join("file")).unwrap();
    // All that was left is deleted, and that has to be said.
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Guard));
    let allowed = Allowed { empty_source: true, ..Allowed::default() };
    let word = Caution { yes: true, allowed, ..Caution::default() };
    assert_eq!(home.upload_with(word).unwrap().kind, None);
    home.download().unwrap();
    expected.remove("dir/large");
    expected.insert("file".to_owned(), b"a file now".to_vec());
    assert_eq!(home.contents(), expected);
}

#[test]
fn what_was_sent_and_not_wiped_may_be_edited() {
    let home = Home::with_precious("");
    cut_off(&home, 2);
    home.write("new", "new");
    assert_eq!(home.now(ENOUGH, true).unwrap().kind, None);
    home.write("new", "new, edited");
    assert_eq!(home.upload().unwrap().kind, None);
    home.download().unwrap();
    assert_eq!(home.contents()["new"], b"new, edited");
}

#[test]
fn where_all_that_was_left_is_missing_nothing_goes_on() {
    let home = Home::with_precious("");
    let before = home.contents();
    cut_off(&home, 2);
    // As if its disk were away.
    let (tree, away) = (home.tree(), home.tree().with_extension("away"));
    fs::rename(&tree, &away).unwrap();
    for make in [false, true] {
        if make {
            fs::create_dir(&tree).unwrap();
        }
        assert_eq!(home.upload().unwrap().kind, Some(Kind::Guard), "{make}");
        assert_eq!(home.phase(), Some(Phase::Wiping));
    }
    fs::remove_dir(&tree).unwrap();
    fs::rename(&away, &tree).unwrap();
    assert_eq!(home.upload().unwrap().kind, None);
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

#[test]
fn what_the_remote_has_lost_is_given_up_with_a_word_once_all_else_is_back() {
    let home = Home::with_precious("");
    let mut expected = home.contents();
    cut_off(&home, 2);
    home.memory.lose("docs/a");
    // The word does not take what is only wiped.
    assert_eq!(kind(home.back_up_with(with_the_word())), Some(Kind::Guard));
    assert_eq!(kind(home.download()), Some(Kind::Incomplete));
    assert_eq!(kind(home.upload()), Some(Kind::Guard));
    assert_eq!(kind(home.upload_with(with_the_word())), None);
    home.download().unwrap();
    expected.remove("a");
    assert_eq!(home.contents(), expected);
}

#[test]
fn what_is_allowed_to_come_to_the_place_of_what_was_wiped_replaces_it() {
    let home = Home::with_precious("");
    let mut expected = home.contents();
    cut_off(&home, 2);
    home.write("sub", "a file now");
    assert_eq!(home.upload_with(with_the_word()).unwrap().kind, None);
    home.download().unwrap();
    expected.remove("sub/");
    expected.remove("sub/c");
    expected.insert("sub".to_owned(), b"a file now".to_vec());
    assert_eq!(home.contents(), expected);
}

#[test]
fn what_was_deleted_before_does_not_come_back() {
    let home = Home::with_precious("");
    assert_eq!(home.back_up().unwrap().kind, None);
    home.remove("none");
    home.write("a", "first, changed");
    home.write("b", "second, changed");
    let expected = home.contents();
    cut_off(&home, 1);
    assert_eq!(home.upload().unwrap().kind, None);
    home.download().unwrap();
    assert_eq!(home.contents(), expected);
}

#[test]
fn a_file_in_place_of_a_directory_is_no_wiped_directory() {
    let home = Home::with_precious("");
    assert_eq!(home.back_up().unwrap().kind, None);
    home.remove("sub/c");
    fs::remove_dir(home.tree().join("sub")).unwrap();
    home.write("sub", "a file now");
    home.write("a", "first, changed");
    let expected = home.contents();
    assert_eq!(cut_off(&home, 1), Some(Kind::Unproven));
    assert_eq!(home.phase(), Some(Phase::Wiping));
    assert_eq!(home.upload().unwrap().kind, None);
    assert_eq!(home.files(), 0);
    home.download().unwrap();
    assert_eq!(home.contents(), expected);
}

#[test]
fn where_the_snapshot_of_what_was_wiped_is_gone_nothing_is_sent_in_its_place() {
    let home = Home::with_precious("");
    cut_off(&home, 2);
    let left = home.contents();
    for name in home.memory.names().iter().filter(|name| name.starts_with(HEADS)) {
        home.memory.lose(name);
    }
    assert_eq!((kind(home.upload()), home.contents()), (Some(Kind::Guard), left));
}

#[test]
fn a_file_in_place_of_a_directory_waits_for_the_last_step() {
    let home = Home::with_precious("");
    assert_eq!(home.back_up().unwrap().kind, None);
    home.remove("sub/c");
    fs::remove_dir(home.tree().join("sub")).unwrap();
    home.write("sub", "a file now");
    home.remove("b");
    fs::create_dir(home.tree().join("b")).unwrap();
    home.write("b/in", "in a directory");
    let before = home.contents();
    assert_eq!(home.now(ENOUGH, false).unwrap().kind, None);
    assert_eq!(home.files(), 0);
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

/// Whatever fails, nothing that is not proven goes, and another upload completes it.
#[test]
fn a_wave_that_fails_keeps_what_it_holds_here() {
    for fault in [Fault::Refuse(FailureKind::Denied), Fault::Break] {
        for name in ["docs/sub/c", HEADS, SHARDS, MARKER] {
            let home = Home::with_precious("");
            let before = home.contents();
            home.memory.fail_always(fault, move |event| is_send_of(event, name));
            let (outcome, moments) = home.observe(|home| home.now(ENOUGH, false));
            let kind = outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
            assert!(kind.is_some(), "{name} {fault:?}");
            home.memory.heal();
            let saved = if home.side().names().iter().any(|name| name.starts_with(HEADS)) {
                home.elsewhere()
            } else {
                Contents::default()
            };
            let here = home.contents();
            for (path, content) in &before {
                let is_held = here.get(path) == Some(content) || saved.get(path) == Some(content);
                assert!(is_held, "{path}: {name} {fault:?}\n{}", told(&moments));
            }
            assert_eq!(home.upload().unwrap().kind, None, "{name} {fault:?}");
            assert_eq!(home.files(), 0, "{name} {fault:?}");
            home.download().unwrap();
            assert_eq!(home.contents(), before, "{name} {fault:?}");
        }
    }
}
