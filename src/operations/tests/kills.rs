//! Each operation on the bucket fails in its turn, in each way: whatever a run leaves, no
//! file is lost, and the next run completes it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::home::{Contents, Home};
use crate::base::error::{Error, Kind};
use crate::operations::Outcome;
use crate::operations::caution::Caution;
use crate::storage::failure::FailureKind;
use crate::storage::memory::Fault;
use crate::tree::guard::Allowed;

/// One operation fails, or all do from one on.
const USUAL: [Fault; 2] = [Fault::Break, Fault::Crash];
/// What takes longer: much of it is tried again after a second.
const ODD: [Fault; 4] =
    [Fault::Refuse(FailureKind::Unreachable), Fault::Unheard, Fault::Forget, Fault::Spoil];

/// So many at once: one that tries again waits for a second.
const WIDE: usize = 24;

/// Calls `run` for each operation of a run that makes `count` of them, and each way to
/// fail. There may be more of them where one fails.
fn each(faults: &[Fault], count: usize, run: impl Fn(usize, Fault) + Sync) {
    let count = count + 4;
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(fault) = faults.get(number / count) else { break };
            run(number % count, *fault);
        }
    };
    thread::scope(|scope| {
        for _ in 0..WIDE {
            scope.spawn(work);
        }
    });
}

/// What is not here as it was is on the remote as it was.
#[track_caller]
fn is_safe(home: &Home, before: &Contents, when: &str) {
    let here = home.contents();
    let missing: Vec<_> =
        before.iter().filter(|(name, content)| here.get(*name) != Some(content)).collect();
    let files = missing.iter().filter(|(name, _)| !name.ends_with('/')).count();
    if files == 0 {
        return;
    }
    let there = home.elsewhere();
    for (name, content) in missing {
        assert_eq!(there.get(name), Some(content), "{name} is lost: {when}");
    }
}

/// Uploads, and brings all back.
#[track_caller]
fn completes(home: &Home, before: &Contents, fault: Fault, when: &str) {
    let fail = |error: Error| -> Outcome { panic!("{error}: {when}") };
    let mut outcome = home.upload();
    let kind = outcome.as_ref().map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
    if fault == Fault::Spoil && kind == Some(Kind::Guard) {
        // The record that was spoilt is on the remote, and whoever spoilt it may have
        // meant it: a person has to say that it goes on.
        assert_eq!(home.contents(), *before, "{when}");
        let allowed = Allowed { older_snapshot: true, other_remote: true, ..Allowed::default() };
        outcome = home.upload_with(Caution { allowed, yes: true, ..Caution::default() });
    }
    let outcome = outcome.unwrap_or_else(fail);
    assert_eq!(outcome.kind, None, "{when}");
    assert_eq!(home.files(), 0, "{when}");
    let outcome = home.download().unwrap_or_else(fail);
    assert_eq!(outcome.kind, None, "{when}");
    assert_eq!(home.contents(), *before, "{when}");
}

/// Homes without bundles, and with them.
const MAKES: [fn() -> Home; 2] = [Home::new, Home::bundled];

/// A home with a snapshot, and something to send, to replace and to remove since.
fn changed(home: Home) -> Home {
    assert_eq!(home.back_up().unwrap().kind, None);
    home.write("b", "second, changed");
    home.write("sub/new", "new");
    home.remove("a");
    home.memory.take_log();
    home
}

fn count(home: &Home, run: impl Fn(&Home)) -> usize {
    home.memory.take_log();
    run(home);
    home.memory.take_log().len()
}

#[test]
fn whichever_operation_of_a_first_backup_fails_nothing_is_lost_and_the_next_run_completes_it() {
    first_backup(&USUAL);
}

#[test]
#[ignore = "takes a minute"]
fn soak_of_odd_failures_of_a_first_backup() {
    first_backup(&ODD);
}

fn first_backup(faults: &[Fault]) {
    for make in MAKES {
        first_backup_of(make, faults);
    }
}

fn first_backup_of(make: fn() -> Home, faults: &[Fault]) {
    let all = count(&make(), |home| drop(home.back_up().unwrap()));
    each(faults, all, |number, fault| {
        let home = make();
        let when = format!("{fault:?} at {number}");
        let before = home.contents();
        home.memory.fail(number, fault, |_| true);
        let _ = home.back_up();
        home.memory.heal();
        assert_eq!(home.contents(), before, "{when}");
        completes(&home, &before, fault, &when);
    });
}

#[test]
fn whichever_operation_of_a_backup_fails_the_snapshot_is_the_old_or_the_new() {
    backup(&USUAL);
}

#[test]
#[ignore = "takes a minute"]
fn soak_of_odd_failures_of_a_backup() {
    backup(&ODD);
}

fn backup(faults: &[Fault]) {
    for make in MAKES {
        backup_of(|| changed(make()), faults);
    }
}

// What has an object goes into a bundle, and the other way round.
#[test]
fn whichever_operation_fails_while_bundles_are_switched_on_or_off_nothing_is_lost() {
    for (before, after) in [(None, Some(1 << 10)), (Some(1 << 10), None)] {
        let switched = move || changed(Home::new().bundling(before)).bundling(after);
        backup_of(switched, &USUAL);
    }
}

fn backup_of(changed: impl Fn() -> Home + Sync, faults: &[Fault]) {
    let all = count(&changed(), |home| drop(home.back_up().unwrap()));
    each(faults, all, |number, fault| {
        let home = changed();
        let when = format!("{fault:?} at {number}");
        let old = home.elsewhere();
        let before = home.contents();
        home.memory.take_log();
        home.memory.fail(number, fault, |_| true);
        let _ = home.back_up();
        home.memory.heal();
        assert_eq!(home.contents(), before, "{when}");
        let there = home.elsewhere();
        // Nothing goes there before a head says that it is gone.
        let is_saved = home.memory.content(".poof/trees/docs/head/0000000002").is_some();
        assert!(is_saved || there.contains_key("a"), "{when}");
        // Each file of the snapshot as it was, or as it is.
        for (name, content) in there {
            let is_one = [&old, &before].iter().any(|side| side.get(&name) == Some(&content));
            assert!(is_one, "{name}: {when}");
        }
        completes(&home, &before, fault, &when);
    });
}

#[test]
fn whichever_operation_of_an_upload_fails_nothing_is_lost_and_the_next_run_completes_it() {
    upload(&USUAL);
}

#[test]
#[ignore = "takes a minute"]
fn soak_of_odd_failures_of_an_upload() {
    upload(&ODD);
}

fn upload(faults: &[Fault]) {
    for make in MAKES {
        upload_of(make, faults);
    }
}

fn upload_of(make: fn() -> Home, faults: &[Fault]) {
    let all = count(&changed(make()), |home| drop(home.upload().unwrap()));
    each(faults, all, |number, fault| {
        let home = changed(make());
        let when = format!("{fault:?} at {number}");
        let before = home.contents();
        home.memory.fail(number, fault, |_| true);
        let _ = home.upload();
        home.memory.heal();
        is_safe(&home, &before, &when);
        completes(&home, &before, fault, &when);
    });
}

#[test]
fn whichever_operation_of_a_download_fails_the_next_run_completes_it() {
    download(&USUAL);
}

#[test]
#[ignore = "takes a minute"]
fn soak_of_odd_failures_of_a_download() {
    download(&ODD);
}

fn download(faults: &[Fault]) {
    for make in MAKES {
        download_of(make, faults);
    }
}

fn download_of(make: fn() -> Home, faults: &[Fault]) {
    let uploaded = || {
        let home = make();
        let before = home.contents();
        home.upload().unwrap();
        (home, before)
    };
    let all = count(&uploaded().0, |home| drop(home.download().unwrap()));
    each(faults, all, |number, fault| {
        let (home, before) = uploaded();
        let when = format!("{fault:?} at {number}");
        home.memory.fail(number, fault, |_| true);
        let _ = home.download();
        home.memory.heal();
        // Nothing here is other than it was.
        for (name, content) in home.contents() {
            assert_eq!(before.get(&name), Some(&content), "{name}: {when}");
        }
        assert_eq!(home.elsewhere(), before, "{when}");
        assert_eq!(home.download().unwrap().kind, None, "{when}");
        assert_eq!(home.contents(), before, "{when}");
        completes(&home, &before, fault, &when);
    });
}
