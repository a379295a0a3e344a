//! In which order an upload wipes, and when it does not.

use std::fs;

use super::home::{HEADS, Home, MARKER, TREE, first, is_data, is_send_of, last, told};
use crate::base::error::Kind;
use crate::operations::repository::Repository;
use crate::storage::failure::FailureKind;
use crate::storage::job::Unwatched;
use crate::storage::memory::{Event, Fault, What};
use crate::tree::guard::Allowed;
use crate::tree::model::path_set::Kept;
use crate::tree::proof::{Evidence, Proof};
use crate::tree::wipe::{Begun, Phase, Wipe};

/// Which operations.
type Of = fn(&Event) -> bool;

fn is_marker(event: &Event) -> bool {
    is_send_of(event, MARKER)
}

#[test]
fn a_wipe_is_noted_on_both_sides_before_it_begins_and_after_it_ends() {
    let home = Home::new();
    let all = home.files();
    let (outcome, moments) = home.observe(Home::upload);
    assert_eq!(outcome.unwrap().kind, None);
    assert_eq!(home.files(), 0);
    let markers: Vec<_> =
        moments.iter().enumerate().filter(|(_, moment)| is_marker(&moment.event)).collect();
    let [(begins, before), (ends, after)] = markers[..] else { panic!("{}", told(&moments)) };
    // First the remote says so, then this machine, and then the first file goes.
    assert_eq!((before.files, before.phase), (all, None), "{}", told(&moments));
    assert!(before.journal);
    let between = &moments[begins + 1..ends];
    assert!(between.iter().all(|moment| moment.files == all || moment.phase.is_some()));
    // All is gone before either side says so, and until then the journal is here.
    assert_eq!((after.files, after.phase), (0, Some(Phase::Wiping)), "{}", told(&moments));
    assert!(after.journal);
    let marker = home.memory.content(MARKER).unwrap();
    assert!(String::from_utf8(marker).unwrap().contains("\"wiped\""));
    let (_, moments) = home.observe(Home::upload);
    let moment = moments.last().unwrap();
    assert_eq!((moment.phase, moment.journal), (Some(Phase::Wiped), false));
}

#[test]
fn the_remote_is_listed_and_its_manifest_read_between_the_head_and_the_wipe() {
    let home = Home::new();
    let all = home.files();
    let (outcome, moments) = home.observe(Home::upload);
    outcome.unwrap();
    let head = last(&moments, |event| is_send_of(event, HEADS));
    let saved = head + first(&moments[head..], |event| event.what == What::List);
    let wipes = first(&moments, is_marker);
    let proof = &moments[saved + 1..wipes];
    let listed = first(proof, |event| event.is(What::List, TREE));
    let read = first(proof, |event| event.what == What::Fetch && event.name.starts_with(HEADS));
    assert!(proof[listed].files == all && proof[read].files == all, "{}", told(&moments));
}

#[test]
fn what_is_changed_on_the_remote_after_its_backup_is_not_wiped() {
    let home = Home::new();
    let memory = home.memory.clone();
    home.memory.watch(move |event| {
        if is_send_of(event, HEADS) {
            memory.tamper("docs/b", b"SECOND");
            memory.lose("docs/sub/c");
        }
    });
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Unproven));
    home.memory.unwatch();
    let left: Vec<_> = home.contents().into_keys().collect();
    assert_eq!(left, ["b", "sub/", "sub/c"]);
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Unproven));
    assert_eq!(home.files(), 2);
}

#[test]
fn what_comes_up_during_a_wipe_goes_with_the_next_upload() {
    let home = Home::new();
    let mut expected = home.contents();
    let late = home.tree().join("sub/late");
    home.memory.watch(move |event| {
        if is_marker(event) && !late.exists() {
            fs::write(&late, "late").unwrap();
        }
    });
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Unproven));
    home.memory.unwatch();
    assert_eq!(home.contents().keys().collect::<Vec<_>>(), ["sub/", "sub/late"]);
    assert_eq!(home.phase(), Some(Phase::Wiping));
    // A backup alone would take the rest for the new state.
    assert_eq!(home.back_up().unwrap().kind, Some(Kind::Guard));
    assert_eq!(home.upload().unwrap().kind, None);
    assert_eq!((home.files(), home.phase()), (0, Some(Phase::Wiped)));
    home.download().unwrap();
    expected.insert("sub/late".to_owned(), b"late".to_vec());
    assert_eq!(home.contents(), expected);
}

#[test]
fn an_object_whose_hash_differs_keeps_its_file_here() {
    for fault in [Fault::Spoil, Fault::Forget] {
        let home = Home::new();
        home.memory.fail_always(fault, |event| is_send_of(event, "docs/b"));
        assert_eq!(home.upload().unwrap().kind, Some(Kind::Unproven), "{fault:?}");
        assert_eq!(home.contents().get("b").map(Vec::as_slice), Some(&b"second"[..]), "{fault:?}");
    }
}

/// Where one thing fails all of these stay, for whoever sends again.
#[test]
fn nothing_is_wiped_where_an_object_the_head_or_a_marker_fails() {
    let failing: [(&str, Of); 5] = [
        ("an object", |event| is_send_of(event, "docs/b")),
        ("a shard", |event| is_send_of(event, super::home::SHARDS)),
        ("the head", |event| is_send_of(event, HEADS)),
        ("the head, read", |event| event.what == What::Fetch && event.name.starts_with(HEADS)),
        ("the marker", is_marker),
    ];
    for (what, of) in failing {
        for fault in
            [Fault::Refuse(FailureKind::Denied), Fault::Break, Fault::Crash, Fault::Unheard]
        {
            let home = Home::new();
            let before = home.contents();
            home.memory.fail_always(fault, of);
            let (outcome, moments) = home.observe(Home::upload);
            let kind = outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
            assert!(kind.is_some(), "{what} {fault:?}");
            assert_eq!(home.contents(), before, "{what} {fault:?}\n{}", told(&moments));
            home.memory.heal();
            assert_eq!(home.upload().unwrap().kind, None, "{what} {fault:?}");
            home.download().unwrap();
            assert_eq!(home.contents(), before, "{what} {fault:?}");
        }
    }
}

#[test]
fn the_head_that_is_not_as_it_was_written_keeps_all_here() {
    for fault in [Fault::Spoil, Fault::Forget] {
        let home = Home::new();
        let before = home.contents();
        home.memory.fail_always(fault, |event| is_send_of(event, HEADS));
        let (outcome, moments) = home.observe(Home::upload);
        assert!(outcome.unwrap().kind.is_some(), "{fault:?}");
        assert!(moments.iter().all(|moment| !is_marker(&moment.event)), "{}", told(&moments));
        assert_eq!(home.contents(), before);
    }
}

#[test]
fn nothing_is_wiped_where_this_machine_cannot_note_it() {
    let home = Home::new();
    let before = home.contents();
    // A directory is where the record is to be.
    fs::create_dir_all(home.spoil_record().with_extension("begun")).unwrap();
    assert!(home.upload().unwrap().kind.is_some());
    assert_eq!(home.contents(), before);
    fs::remove_dir(home.spoil_record().with_extension("begun")).unwrap();
    home.memory.watch({
        let record = home.spoil_record();
        move |event| {
            if is_marker(event) {
                let _ = fs::create_dir_all(record.join("in the way"));
            }
        }
    });
    assert!(home.upload().unwrap().kind.is_some());
    assert_eq!(home.contents(), before);
    assert!(home.memory.content(MARKER).is_some());
    home.memory.unwatch();
    fs::remove_dir_all(home.spoil_record()).unwrap();
    assert_eq!(home.upload().unwrap().kind, None);
    assert_eq!(home.files(), 0);
}

/// The one step that the bucket does not see.
#[test]
fn the_journal_is_written_before_the_first_file_goes() {
    let home = Home::new();
    home.back_up().unwrap();
    let before = home.contents();
    let directories = [home.directory()];
    let repository =
        Repository::open(&home.session, &home.ready, &directories, Allowed::default()).unwrap();
    let (snapshots, listing) = repository.look_again(TREE).unwrap();
    let snapshot = snapshots.cached().unwrap();
    let (store, names) = (snapshots.store, &snapshots.names);
    let evidence = Evidence { store, names, listing, read_back: false };
    let proof = Proof::of(snapshot, evidence, &mut Unwatched).unwrap();
    assert_eq!(proof.unproven().count(), 0);
    let root = repository.roots.get(&home.tree()).unwrap();
    let wipe = Wipe {
        root: root.as_ref(),
        spared: &Kept::default(),
        filter: home.ready.filter(),
        begun: Begun::unwritable(&home.session.state.join("begun")),
        left_before: None,
    };
    assert!(wipe.run(&proof, &mut |_, _| {}).is_err());
    assert_eq!(home.contents(), before);
}

#[test]
fn who_wiped_does_not_back_up_what_is_not_here_any_more() {
    let home = Home::new();
    let before = home.contents();
    home.upload().unwrap();
    let (outcome, moments) = home.observe(Home::back_up);
    assert_eq!(outcome.unwrap().kind, None);
    assert!(!moments.iter().any(|moment| is_data(&moment.event) && moment.event.what.changes()));
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}

/// No snapshot holds it: it is the last to go, and only if all else is gone.
#[test]
fn what_is_excluded_goes_after_all_that_is_proven_and_only_then() {
    let home = Home::with_excluded();
    assert_eq!(home.upload().unwrap().kind, None);
    assert_eq!(home.contents().into_keys().collect::<Vec<_>>(), ["x.tmp"]);

    let home = Home::with_excluded();
    home.memory.fail_always(Fault::Forget, |event| is_send_of(event, "docs/b"));
    assert_eq!(home.upload_all().unwrap().kind, Some(Kind::Unproven));
    assert!(home.contents().contains_key("x.tmp"));
    home.memory.heal();
    let home = Home::with_excluded();
    let (outcome, moments) = home.observe(Home::upload_all);
    assert_eq!(outcome.unwrap().kind, None);
    let ends = last(&moments, is_marker);
    assert_eq!((moments[ends].files, home.files()), (1, 0), "{}", told(&moments));
    assert_eq!(home.memory.content("docs/x.tmp"), None);
}

#[test]
fn what_is_gone_before_the_wipe_comes_to_it_counts_as_gone_and_not_as_wiped() {
    let home = Home::new();
    home.write("sub/d", "fourth");
    let tree = home.tree();
    home.memory.watch(move |event| {
        if is_marker(event) {
            let _ = fs::remove_file(tree.join("a"));
            let _ = fs::remove_dir_all(tree.join("sub"));
        }
    });
    let outcome = home.upload_with_receipt().unwrap();
    home.memory.unwatch();
    let [run] = &outcome.wipe.trees[..] else { panic!("{:?}", outcome.wipe) };
    // a, sub/c and sub/d; and b, none and the link.
    assert_eq!((run.absent, run.wiped.files, run.left), (3, 3, 0), "{run:?}");
    let counted = run.counted.as_ref().unwrap();
    assert_eq!((counted.proven.files, counted.gone), (6, counted.proven), "{run:?}");
    assert_eq!((counted.by_hash, counted.by_reading, counted.by_manifest), (5, 0, 1));
}

#[test]
fn what_stays_is_not_among_what_a_receipt_calls_gone() {
    let home = Home::new();
    let tree = home.tree();
    home.memory.watch(move |event| {
        if is_marker(event) {
            let _ = fs::write(tree.join("a"), "changed since it was proven");
        }
    });
    let outcome = home.upload_with_receipt().unwrap();
    home.memory.unwatch();
    let [run] = &outcome.wipe.trees[..] else { panic!("{:?}", outcome.wipe) };
    assert_eq!((run.absent, run.wiped.files, run.left), (0, 4, 1), "{run:?}");
    let counted = run.counted.as_ref().unwrap();
    assert_eq!((counted.proven.files, counted.gone.files), (5, 4), "{run:?}");
    // Who wants no receipt does not pay for one.
    let home = Home::new();
    assert_eq!(home.upload().unwrap().wipe.trees[0].counted, None);
}
