//! What a backup replaces and removes, where it is to be kept.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::home::{Contents, HEADS, Home, SHARDS, TREE, changes, first, last, told};
use crate::base::error::Kind;
use crate::operations::contents::{find, history};
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Event, Fault, What};

const KEPT: &str = ".poof/kept/docs/";

/// Whether it is encrypted, and whether it is a disk.
const SIDES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// Each side that a snapshot may be on: plain or encrypted, on a bucket that copies or on a
/// disk, which only moves.
fn homes(time: &str) -> impl Iterator<Item = (String, Home)> {
    SIDES.into_iter().map(move |(sealed, disk)| {
        let name = format!("encrypted: {sealed}, disk: {disk}");
        (name, Home::that_keeps(sealed, disk, time))
    })
}

/// The same, also with bundles.
fn all_homes(time: &str) -> impl Iterator<Item = (String, Home)> {
    let bundled =
        homes(time).map(|(name, home)| (format!("{name}, bundled"), home.bundling(Some(1 << 10))));
    homes(time).chain(bundled)
}

/// A different tree each time: files come, change, go, are renamed, become directories and
/// links, and whole directories vanish.
fn stir(home: &Home, round: u64) {
    let tree = home.tree();
    let at = |name: &str| tree.join(name);
    let _ = fs::create_dir_all(at("sub"));
    home.write("a", &format!("a of {round}"));
    home.write(&format!("sub/new{}", round % 3), &format!("new of {round}"));
    match round % 6 {
        0 => {
            let _ = fs::remove_file(at("b"));
            let _ = fs::remove_dir_all(at("b"));
            fs::create_dir(at("b")).unwrap();
            home.write("b/inside", &format!("inside of {round}"));
        }
        1 => {
            fs::remove_dir_all(at("b")).unwrap();
            home.write("b", &format!("a file of {round}"));
        }
        2 => {
            fs::remove_file(at("b")).unwrap();
            std::os::unix::fs::symlink(format!("to{round}"), at("b")).unwrap();
        }
        3 => {
            fs::remove_file(at("b")).unwrap();
            home.write("b", "again");
            let _ = fs::rename(at("sub"), at(&format!("sub{round}")));
        }
        4 => {
            let _ = fs::remove_dir_all(at(&format!("sub{}", round - 1)));
            home.write("new\nline", &format!("line of {round}"));
        }
        _ => {
            let _ = fs::rename(at("b"), at("renamed"));
            let _ = fs::hard_link(at("a"), at("c"));
            fs::create_dir(at("b")).unwrap();
        }
    }
}

/// Backs up `rounds` states. Returns each by the number of its snapshot.
fn grow(home: &Home, rounds: u64) -> BTreeMap<u64, Contents> {
    let mut states = BTreeMap::new();
    for round in 0..rounds {
        if round > 0 {
            stir(home, round - 1);
        }
        assert_eq!(home.back_up().unwrap().kind, None, "{round}");
        states.insert(newest(home), home.contents());
    }
    states
}

fn heads(home: &Home) -> Vec<u64> {
    let names = home.side().names();
    let heads = names.iter().filter_map(|name| name.strip_prefix(HEADS)?.parse().ok());
    heads.collect()
}

fn newest(home: &Home) -> u64 {
    heads(home).into_iter().max().unwrap()
}

fn kept(home: &Home) -> Vec<String> {
    let mut names = home.side().names();
    names.retain(|name| name.starts_with(KEPT));
    names
}

#[test]
fn every_snapshot_within_the_time_comes_back_whole() {
    for (name, home) in all_homes("30d") {
        let states = grow(&home, 14);
        assert_eq!(heads(&home).len(), states.len(), "{name}");
        for (number, state) in &states {
            let found = home.elsewhere_at(*number);
            let found = found.unwrap_or_else(|error| panic!("{name}, {number}: {error}"));
            assert_eq!(&found, state, "{name}, snapshot {number}");
        }
        // And in place.
        assert_eq!(home.download_at("5").unwrap().kind, None, "{name}");
        assert_eq!(home.contents(), states[&5], "{name}");
        // What is saved then is the earlier state, and the others are still there.
        assert_eq!(home.back_up().unwrap().kind, None, "{name}");
        assert_eq!(home.elsewhere(), states[&5], "{name}");
        assert_eq!(home.elsewhere_at(14).unwrap(), states[&14], "{name}");
    }
}

#[test]
fn nothing_is_kept_unless_it_is_wanted() {
    let home = Home::new();
    grow(&home, 8);
    assert_eq!(kept(&home), [""; 0]);
    assert_eq!(heads(&home), [6, 7, 8]);
}

#[test]
fn it_is_kept_before_it_is_replaced_and_the_head_follows() {
    for (name, home) in homes("30d") {
        home.back_up().unwrap();
        home.write("a", "other");
        home.remove("b");
        let (outcome, moments) = home.observe(Home::back_up);
        assert_eq!(outcome.unwrap().kind, None, "{name}");
        let is_kept = |event: &Event| event.name.starts_with(KEPT) && event.what.changes();
        let of = |what, of: &'static str| move |event: &Event| event.is(what, of);
        let head =
            first(&moments, |event| event.what == What::Send && event.name.starts_with(HEADS));
        if !name.ends_with("disk: true") {
            assert_eq!(
                changes(&moments).iter().filter(|event| is_kept(event)).count(),
                2,
                "{name}"
            );
            assert!(last(&moments, is_kept) < first(&moments, of(What::Send, "docs/a")), "{name}");
        }
        assert!(last(&moments, is_kept) < head, "{name}: {}", told(&moments));
        assert!(head < first(&moments, of(What::Remove, "docs/b")), "{name}");
        assert_eq!(kept(&home).len(), 2, "{name}");
    }
}

#[test]
fn what_cannot_be_kept_is_neither_replaced_nor_removed() {
    for sealed in [false, true] {
        for fault in [Fault::Refuse(FailureKind::Denied), Fault::Forget] {
            let home = Home::that_keeps(sealed, false, "30d");
            home.back_up().unwrap();
            let before = home.contents();
            home.write("a", "other");
            home.remove("b");
            home.write("new", "new");
            home.memory.fail_always(fault, |event| event.what == What::Copy);
            assert_eq!(home.back_up().unwrap().kind, Some(Kind::Incomplete), "{fault:?}");
            home.memory.heal();
            // The newest snapshot has what could be sent, and the rest as it was.
            let mut expected = before.clone();
            expected.insert("new".to_owned(), b"new".to_vec());
            assert_eq!(home.elsewhere(), expected, "{fault:?}");
            // And the next run does it.
            assert_eq!(home.back_up().unwrap().kind, None, "{fault:?}");
            assert_eq!(home.elsewhere(), home.contents(), "{fault:?}");
            assert_eq!(home.elsewhere_at(1).unwrap(), before, "{fault:?}");
        }
    }
}

#[test]
fn what_is_out_of_time_goes_once_the_head_is_safe_and_nothing_stays_of_it() {
    for (name, home) in homes("30d") {
        grow(&home, 7);
        assert_eq!(heads(&home).len(), 7, "{name}");
        let home = home.keeping(Some("0s"));
        home.write("a", "last");
        let (outcome, moments) = home.observe(Home::back_up);
        assert_eq!(outcome.unwrap().kind, None, "{name}");
        let head =
            first(&moments, |event| event.what == What::Send && event.name.starts_with(HEADS));
        let is_gone = |event: &Event| event.what == What::Remove && event.name.starts_with(KEPT);
        assert!(head < first(&moments, is_gone), "{name}");
        assert_eq!(kept(&home), [""; 0], "{name}");
        assert_eq!(heads(&home), [6, 7, 8], "{name}");
        assert_eq!(home.elsewhere(), home.contents(), "{name}");
    }
}

#[test]
fn what_is_out_of_time_goes_also_where_nothing_has_changed() {
    let home = Home::that_keeps(false, false, "1s");
    grow(&home, 3);
    assert!(!kept(&home).is_empty());
    std::thread::sleep(Duration::from_millis(2_100));
    let before = kept(&home);
    home.back_up().unwrap();
    assert_eq!(kept(&home), before, "the clock may have been wrong");
    home.back_up().unwrap();
    assert_eq!(kept(&home), [""; 0]);
    // And then nothing more is asked.
    let (_, moments) = home.observe(Home::back_up);
    assert!(
        moments.iter().all(|moment| !moment.event.name.starts_with(KEPT)),
        "{}",
        told(&moments)
    );
}

#[test]
fn what_was_kept_stays_where_nobody_says_for_how_long() {
    for (name, home) in homes("30d") {
        let states = grow(&home, 5);
        let home = home.keeping(None);
        for round in 20..24 {
            home.write("z", &format!("{round}"));
            home.back_up().unwrap();
        }
        for (number, state) in states.range(..5) {
            assert_eq!(&home.elsewhere_at(*number).unwrap(), state, "{name}, {number}");
        }
    }
}

#[test]
fn check_looks_at_earlier_snapshots_as_well() {
    for (name, home) in homes("30d") {
        grow(&home, 6);
        assert_eq!(home.check(None).unwrap().kind, None, "{name}");
        let side = home.side();
        // What is kept twice is not lost with one of them.
        let all = kept(&home);
        let is_alone = |name: &&String| {
            let id = name.rsplit('/').next().unwrap();
            all.iter().filter(|other| other.ends_with(id)).count() == 1
        };
        let victim = all.iter().find(is_alone).unwrap().clone();
        let before = side.content(&victim).unwrap();
        side.tamper(&victim, &before.iter().map(|byte| byte ^ 1).collect::<Vec<_>>());
        assert_eq!(home.check(None).unwrap().kind, Some(Kind::Incomplete), "{name}: spoilt");
        side.lose(&victim);
        assert_eq!(home.check(None).unwrap().kind, Some(Kind::Incomplete), "{name}: lost");
        // Without "keep" nobody has promised it.
        assert_eq!(home.keeping(None).check(None).unwrap().kind, None, "{name}");
    }
}

#[test]
fn one_file_of_an_earlier_snapshot_comes_back_from_what_is_kept() {
    for (name, home) in homes("30d") {
        home.back_up().unwrap();
        home.write("a", "other");
        home.remove("sub/c");
        home.back_up().unwrap();
        for path in ["a", "sub/c"] {
            assert_eq!(home.get_at(path, "1").unwrap().kind, None, "{name}");
        }
        assert_eq!(
            (&home.contents()["a"][..], &home.contents()["sub/c"][..]),
            (&b"first"[..], &b"third"[..])
        );
    }
}

// The memory shows an MD5 of what is stored in clear, so that a spoilt copy is noticed there
// already; on a server that shows none it is when it is read.
#[test]
fn a_spoilt_copy_is_not_taken_for_what_it_was() {
    let home = Home::that_keeps(false, false, "30d");
    home.back_up().unwrap();
    home.write("a", "other");
    home.back_up().unwrap();
    let victim = kept(&home).pop().unwrap();
    home.memory.tamper(&victim, b"FIRST");
    assert_eq!(home.get_at("a", "1").unwrap().kind, Some(Kind::Incomplete));
    assert_eq!(home.contents()["a"], b"other");
}

#[test]
fn an_earlier_snapshot_does_not_come_into_a_directory_that_is_wiped() {
    let home = Home::that_keeps(false, false, "30d");
    let whole = home.contents();
    home.back_up().unwrap();
    home.write("a", "other");
    home.upload().unwrap();
    assert_eq!(home.download_at("1").unwrap().kind, Some(Kind::Guard));
    assert_eq!(home.get_at("a", "1").unwrap().kind, Some(Kind::Guard));
    assert_eq!(home.files(), 0);
    assert_eq!(home.elsewhere_at(1).unwrap(), whole);
    assert_eq!(home.download().unwrap().kind, None);
    assert_eq!(home.contents()["a"], b"other");
}

#[test]
fn a_snapshot_in_the_middle_does_not_vanish_without_a_word() {
    for lose in [false, true] {
        let home = Home::that_keeps(false, false, "30d");
        grow(&home, 4);
        assert_eq!(home.check(None).unwrap().kind, None);
        let head = format!("{HEADS}0000000002");
        if lose {
            home.memory.lose(&head);
        } else {
            home.memory.tamper(&head, b"");
        }
        assert_eq!(home.check(None).unwrap().kind, Some(Kind::Incomplete), "{lose}");
    }
}

// Heads of before are there, and what they name is gone.
#[test]
fn what_was_replaced_while_nothing_was_kept_is_promised_to_nobody() {
    for (name, home) in homes("30d") {
        let home = home.keeping(None);
        grow(&home, 3);
        let home = home.keeping(Some("30d"));
        assert_eq!(home.check(None).unwrap().kind, None, "{name}");
        let mut states = BTreeMap::from([(3, home.contents())]);
        home.write("a", "kept");
        home.back_up().unwrap();
        states.insert(4, home.contents());
        assert_eq!(home.check(None).unwrap().kind, None, "{name}");
        for (number, state) in &states {
            assert_eq!(&home.elsewhere_at(*number).unwrap(), state, "{name}, {number}");
        }
        // And once more nobody keeps.
        let home = home.keeping(None);
        home.write("a", "not kept");
        home.back_up().unwrap();
        let home = home.keeping(Some("30d"));
        home.write("a", "the last");
        home.back_up().unwrap();
        assert_eq!(home.check(None).unwrap().kind, None, "{name}");
    }
}

// On a disk what goes is moved before what comes in its place is sent.
#[test]
fn what_could_not_be_replaced_is_back_in_its_place() {
    for sealed in [false, true] {
        let home = Home::that_keeps(sealed, true, "30d");
        home.back_up().unwrap();
        let before = home.contents();
        home.remove("a");
        std::os::unix::fs::symlink("b", home.tree().join("a")).unwrap();
        home.memory.fail_always(Fault::Refuse(FailureKind::Denied), |event| {
            event.is(What::Send, "docs/a.rclonelink")
        });
        assert!(home.back_up().unwrap().kind.is_some());
        home.memory.heal();
        assert_eq!(home.side().content("docs/a").as_deref(), Some(&b"first"[..]));
        assert_eq!(home.elsewhere(), before);
        assert_eq!(home.back_up().unwrap().kind, None);
        assert_eq!(home.elsewhere(), home.contents());
        assert_eq!(home.elsewhere_at(1).unwrap(), before);
    }
}

// Both are kept as one, which is not the first's to take back.
#[test]
fn what_could_not_be_replaced_takes_nothing_from_another_of_the_same_content() {
    for sealed in [false, true] {
        let home = Home::that_keeps(sealed, true, "30d");
        home.write("twin", "first");
        home.back_up().unwrap();
        let before = home.contents();
        home.remove("a");
        std::os::unix::fs::symlink("b", home.tree().join("a")).unwrap();
        home.remove("twin");
        home.memory.fail_always(Fault::Refuse(FailureKind::Denied), |event| {
            event.is(What::Send, "docs/a.rclonelink")
        });
        assert!(home.back_up().unwrap().kind.is_some());
        home.memory.heal();
        assert_eq!(home.elsewhere_at(1).unwrap(), before, "encrypted: {sealed}");
        assert_eq!(home.elsewhere()["a"], before["a"], "encrypted: {sealed}");
        assert_eq!(home.back_up().unwrap().kind, None);
        assert_eq!(home.elsewhere(), home.contents());
        assert_eq!(home.elsewhere_at(1).unwrap(), before);
    }
}

#[test]
fn a_damaged_snapshot_hides_no_other() {
    let home = Home::that_keeps(false, false, "30d");
    home.back_up().unwrap();
    let mut shards = home.side().names();
    shards.retain(|name| name.starts_with(SHARDS));
    for round in 0..3 {
        home.write("a", &format!("{round}"));
        home.back_up().unwrap();
    }
    for shard in &shards {
        home.memory.tamper(shard, b"damaged");
    }
    let path = Some(format!("{TREE}/a").into());
    let request = history::Request { path, ..Default::default() };
    let outcome = history::tell(&home.session, &request, &home.ready).unwrap();
    assert_eq!(outcome.kind, Some(Kind::Guard));
    assert_eq!(outcome.fields["entries"], 3);
    let request = find::Request { patterns: vec!["a".to_owned()], ..Default::default() };
    let outcome = find::find(&home.session, &request, &home.ready).unwrap();
    assert_eq!(outcome.kind, Some(Kind::Guard));
    assert_eq!(home.check(None).unwrap().kind, Some(Kind::Incomplete));
}

/// After a run that ended at some operation: every snapshot whose head is there comes back
/// whole, and so does what the next run makes.
#[test]
fn a_run_that_ends_anywhere_loses_nothing_and_leaves_nothing() {
    let stride = 3;
    for (start, (sealed, disk)) in SIDES.into_iter().enumerate() {
        let name = format!("encrypted: {sealed}, disk: {disk}");
        for k in (start % stride..).step_by(stride) {
            let home = Home::that_keeps(sealed, disk, "30d");
            let mut states = grow(&home, 4);
            stir(&home, 3);
            let here = home.contents();
            home.memory.fail(k, Fault::Crash, |event| event.what.changes());
            let outcome = home.back_up();
            let crashed = home.memory.heal();
            if !crashed {
                assert_eq!(outcome.unwrap().kind, None);
                break;
            }
            if newest(&home) == 5 {
                states.insert(5, here.clone());
            }
            for (number, state) in &states {
                let found = home.elsewhere_at(*number);
                let found = found.unwrap_or_else(|error| panic!("{name}, {k}, {number}: {error}"));
                assert_eq!(&found, state, "{name}, killed at {k}, snapshot {number}");
            }
            assert_eq!(home.back_up().unwrap().kind, None, "{name}, {k}");
            assert_eq!(home.elsewhere(), here, "{name}, {k}");
            for (number, state) in &states {
                assert_eq!(&home.elsewhere_at(*number).unwrap(), state, "{name}, {k}, {number}");
            }
            let home = home.keeping(Some("0s"));
            home.write("a", "last");
            home.memory.fail(k / 2, Fault::Crash, |event| event.what == What::Remove);
            let _ = home.back_up();
            home.memory.heal();
            home.write("a", "the very last");
            assert_eq!(home.back_up().unwrap().kind, None, "{name}, {k}");
            assert_eq!(kept(&home), [""; 0], "{name}, killed at {k}");
            assert_eq!(home.elsewhere(), home.contents(), "{name}, {k}");
        }
    }
}

#[test]
fn what_is_kept_is_read_back_where_everything_is() {
    for (side, home) in homes("30d") {
        home.back_up().unwrap();
        home.write("b", "the second version");
        home.back_up().unwrap();
        assert_eq!(home.check(Some(1.0)).unwrap().kind, None, "{side}");
        // The listing says what it always said.
        home.memory.fail_always(Fault::Spoil, |event| {
            event.what == What::Fetch && event.name.starts_with(KEPT)
        });
        assert_eq!(home.check(None).unwrap().kind, None, "{side}");
        let outcome = home.check(Some(1.0)).unwrap();
        assert_eq!(outcome.kind, Some(Kind::Incomplete), "{side}");
        assert_eq!(outcome.fields["lost"], 1, "{side}");
        home.memory.heal();
    }
}
