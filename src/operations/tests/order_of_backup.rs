//! In which order a backup does what it does.

use std::fs;

use super::home::{
    HEADS, Home, IDENTITY, LOCKS, SHARDS, changes, first, is_data, is_send_of, last, told,
};
use crate::base::error::Kind;
use crate::operations::caution::Caution;
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Event, Fault, What};

#[test]
fn a_guard_refuses_before_anything_is_changed_on_the_remote() {
    let home = Home::new();
    assert_eq!(home.back_up().unwrap().kind, None);
    let kept = home.memory.names();
    fs::remove_dir_all(home.tree()).unwrap();
    fs::create_dir(home.tree()).unwrap();
    for run in [Home::back_up, Home::upload] {
        let (outcome, moments) = home.observe(run);
        assert_eq!(outcome.unwrap().kind, Some(Kind::Guard));
        assert!(changes(&moments).is_empty(), "{}", told(&moments));
    }
    assert_eq!(home.memory.names(), kept);
}

#[test]
fn the_lock_is_stored_and_seen_before_anything_else_is_stored() {
    let home = Home::new();
    for _ in 0..2 {
        let (outcome, moments) = home.observe(Home::back_up);
        assert_eq!(outcome.unwrap().kind, None);
        let changed = changes(&moments);
        let after = changed.iter().position(|event| event.what != What::MakeBucket).unwrap();
        assert!(is_send_of(changed[after], LOCKS), "{}", told(&moments));
        let lock = first(&moments, |event| is_send_of(event, LOCKS));
        let next = lock
            + 1
            + first(&moments[lock + 1..], |event| {
                event.what.changes() && !event.name.starts_with(LOCKS)
            });
        let seen = moments[lock..next].iter().any(|moment| moment.event.is(What::List, ".poof"));
        assert!(seen, "{}", told(&moments));
        // And it is given back when all else is done.
        let (given, all) = (changed.last().unwrap(), &changed);
        assert_eq!(given.what, What::Remove, "{all:?}");
        assert!(given.name.starts_with(LOCKS), "{all:?}");
        home.write("b", "second, changed");
    }
}

#[test]
fn the_bucket_and_the_identity_come_before_the_first_object() {
    let home = Home::new();
    let (outcome, moments) = home.observe(Home::back_up);
    outcome.unwrap();
    let bucket = first(&moments, |event| event.what == What::MakeBucket);
    let lock = first(&moments, |event| is_send_of(event, LOCKS));
    let identity = first(&moments, |event| is_send_of(event, IDENTITY));
    let object = first(&moments, |event| event.what == What::Send && is_data(event));
    assert!(bucket < lock && lock < identity && identity < object, "{}", told(&moments));
}

#[test]
fn objects_come_before_the_manifest_and_its_head_last() {
    let home = Home::new();
    for round in 0..3 {
        let (outcome, moments) = home.observe(Home::back_up);
        assert_eq!(outcome.unwrap().kind, None);
        let head = first(&moments, |event| is_send_of(event, HEADS));
        let shards = |event: &Event| is_send_of(event, SHARDS);
        if round < 2 {
            let object = last(&moments, |event| event.what == What::Send && is_data(event));
            assert!(object < first(&moments, shards), "{}", told(&moments));
            // The server has shown every object before a head speaks of it.
            let seen = |event: &Event| {
                event.what == What::Look && is_data(event) || event.is(What::List, "docs")
            };
            assert!(object < last(&moments[..head], seen), "{}", told(&moments));
        }
        assert!(last(&moments, shards) < head, "{}", told(&moments));
        let read = first(&moments[head..], |event| event.what == What::Fetch);
        assert!(moments[head + read].event.name.starts_with(HEADS), "{}", told(&moments));
        match round {
            0 => home.write("b", "second, changed"),
            // Then no object is sent, and so no shard ahead.
            1 => home.remove("none"),
            _ => {}
        }
    }
}

#[test]
fn what_is_gone_is_removed_once_the_head_is_safe() {
    let home = Home::new();
    home.back_up().unwrap();
    home.remove("b");
    home.write("new", "new");
    let (outcome, moments) = home.observe(Home::back_up);
    assert_eq!(outcome.unwrap().kind, None);
    let head = first(&moments, |event| is_send_of(event, HEADS));
    let read = head + first(&moments[head..], |event| event.what == What::Fetch);
    let removed = first(&moments, |event| event.what == What::Remove && is_data(event));
    assert_eq!(moments[removed].event.name, "docs/b");
    assert!(read < removed, "{}", told(&moments));
    assert_eq!(home.memory.content("docs/b"), None);
}

#[test]
fn nothing_is_removed_whose_absence_no_head_tells() {
    let home = Home::new();
    home.back_up().unwrap();
    home.remove("b");
    for fault in [Fault::Break, Fault::Forget, Fault::Spoil] {
        home.memory.fail_always(fault, |event| is_send_of(event, HEADS));
        let (outcome, moments) = home.observe(Home::back_up);
        assert!(outcome.unwrap().kind.is_some(), "{fault:?}");
        home.memory.heal();
        let removed = changes(&moments)
            .into_iter()
            .any(|event| event.what == What::Remove && !event.name.starts_with(LOCKS));
        assert!(!removed, "{fault:?} {}", told(&moments));
        home.memory.lose(".poof/trees/docs/head/0000000002");
    }
    assert!(home.memory.content("docs/b").is_some());
}

#[test]
fn old_generations_go_once_the_new_head_is_safe() {
    let home = Home::new();
    for round in 0..6 {
        home.write("a", &format!("version {round}"));
        let (outcome, moments) = home.observe(Home::back_up);
        assert_eq!(outcome.unwrap().kind, None);
        let is_record = |name: &str| name.starts_with(HEADS) || name.starts_with(SHARDS);
        let removed: Vec<_> = (0..moments.len())
            .filter(|at| moments[*at].event.what == What::Remove)
            .filter(|at| is_record(&moments[*at].event.name))
            .collect();
        let head = first(&moments, |event| is_send_of(event, HEADS));
        let read = head + first(&moments[head..], |event| event.what == What::Fetch);
        assert!(removed.iter().all(|at| *at > read), "{}", told(&moments));
        assert_eq!(removed.is_empty(), round < 3, "{}", told(&moments));
    }
    let heads = home.memory.names().into_iter().filter(|name| name.starts_with(HEADS));
    assert_eq!(heads.count(), 3);
}

#[test]
fn a_dry_run_changes_nothing_on_either_side() {
    let home = Home::new();
    let caution = Caution { dry_run: true, yes: true, ..Caution::default() };
    for round in 0..2 {
        let before = (home.memory.names(), home.contents());
        for run in [Home::back_up_with, Home::upload_with] {
            let (outcome, moments) = home.observe(|home| run(home, caution));
            assert_eq!(outcome.unwrap().kind, None);
            assert!(changes(&moments).is_empty(), "{}", told(&moments));
            assert!(moments.iter().all(|moment| moment.phase.is_none() && !moment.journal));
        }
        assert_eq!((home.memory.names(), home.contents()), before);
        if round == 0 {
            home.back_up().unwrap();
            home.write("b", "changed");
            home.remove("a");
        }
    }
}

#[test]
fn an_object_that_does_not_arrive_is_in_no_manifest() {
    for fault in [Fault::Refuse(FailureKind::Denied), Fault::Spoil, Fault::Forget] {
        let home = Home::new();
        home.memory.fail_always(fault, |event| is_send_of(event, "docs/b"));
        assert!(home.back_up().unwrap().kind.is_some(), "{fault:?}");
        home.memory.heal();
        assert!(!home.elsewhere().contains_key("b"), "{fault:?}");
        assert_eq!(home.back_up().unwrap().kind, None, "{fault:?}");
        assert_eq!(home.elsewhere(), home.contents(), "{fault:?}");
    }
}
