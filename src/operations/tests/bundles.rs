//! Small files that go together, as members of bundles.

use std::fs;

use fastrand::Rng;

use super::home::{Contents, HEADS, Home, SHARDS, first, is_data, last};
use crate::base::error::{Kind, Result};
use crate::operations::Outcome;
use crate::operations::caution::Caution;
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Event, Fault, What};
use crate::tree::guard::Allowed;

const BUNDLES: &str = ".poof/bundles/docs/";

/// The names of the bundles, and of the objects of files.
fn stored(home: &Home) -> (Vec<String>, Vec<String>) {
    let names = home.side().names();
    let below = |dir: &str| {
        let below = names.iter().filter(|name| name.starts_with(dir));
        below.cloned().collect()
    };
    (below(BUNDLES), below("docs/"))
}

fn bytes(home: &Home) -> usize {
    let side = home.side();
    stored(home).0.iter().filter_map(|name| side.content(name)).map(|bytes| bytes.len()).sum()
}

#[track_caller]
fn saves(home: &Home) {
    assert_eq!(home.back_up().unwrap().kind, None);
    assert_eq!(home.elsewhere(), home.contents());
}

/// Removes all files that a home has in the beginning.
fn remove_all(home: &Home) {
    for name in ["a", "b", "sub/c", "none", "link"] {
        home.remove(name);
    }
}

/// Backs up, however much that deletes.
fn delete_much(home: &Home) -> Result<Outcome> {
    let allowed = Allowed { mass_deletion: true, ..Allowed::default() };
    home.back_up_with(Caution { allowed, yes: true, ..Caution::default() })
}

#[test]
fn what_is_small_is_one_object_together_and_what_is_not_has_its_own() {
    let home = Home::bundled();
    home.write("large", &"large ".repeat(1000));
    saves(&home);
    let (bundles, own) = stored(&home);
    assert_eq!(bundles, [format!("{BUNDLES}0000000001.zip")]);
    assert_eq!(own, ["docs/large"]);
    // Nothing has changed, and nothing is sent.
    home.memory.take_log();
    assert_eq!(home.back_up().unwrap().kind, None);
    assert!(!home.memory.take_log().iter().any(|event| event.what.changes()));
}

#[test]
fn bundles_go_only_after_the_head_that_does_not_need_them() {
    let home = Home::bundled();
    saves(&home);
    remove_all(&home);
    home.write("new", "new");
    let (outcome, moments) = home.observe(delete_much);
    assert_eq!(outcome.unwrap().kind, None);
    let of_bundle =
        |what| move |event: &Event| event.what == what && event.name.starts_with(BUNDLES);
    let head = first(&moments, |event| event.what == What::Send && event.name.starts_with(HEADS));
    assert!(last(&moments, of_bundle(What::Send)) < head);
    assert!(head < first(&moments, of_bundle(What::Remove)));
    assert_eq!(stored(&home).0, [format!("{BUNDLES}0000000002.zip")]);
    assert_eq!(home.elsewhere(), home.contents());
}

#[test]
fn what_is_deleted_counts_as_deleted_though_no_object_goes() {
    let home = Home::bundled();
    saves(&home);
    for name in ["a", "b", "sub/c"] {
        home.remove(name);
    }
    for name in 0..200 {
        home.write(&format!("{name}"), "x");
    }
    saves(&home);
    for name in 0..200 {
        home.remove(&format!("{name}"));
    }
    assert_eq!(home.back_up().unwrap().kind, Some(Kind::Guard));
}

#[test]
fn a_rename_sends_nothing() {
    let home = Home::bundled();
    saves(&home);
    fs::rename(home.tree().join("sub"), home.tree().join("renamed")).unwrap();
    home.memory.take_log();
    saves(&home);
    let sent = home.memory.take_log().into_iter().filter(|event| event.what == What::Send);
    let sent: Vec<_> = sent.filter(|e| e.name.starts_with(BUNDLES) || is_data(e)).collect();
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

#[test]
fn switched_on_and_off_all_moves_and_nothing_counts_as_deleted() {
    let home = Home::new();
    for name in 0..150 {
        home.write(&format!("{name}"), &format!("{name}").repeat(10));
    }
    saves(&home);
    let own = stored(&home).1;
    let home = home.bundling(Some(1 << 10));
    saves(&home);
    let (bundles, left) = stored(&home);
    assert_eq!((bundles.len(), left.len()), (1, 0), "{left:?}");
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
    let home = home.bundling(None);
    saves(&home);
    assert_eq!(stored(&home), (Vec::new(), own));
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

#[test]
fn a_bundle_that_is_gone_or_another_is_noticed_and_sent_again() {
    let bundle = &format!("{BUNDLES}0000000001.zip");
    for gone in [true, false] {
        let home = Home::bundled();
        saves(&home);
        let before = home.contents();
        let data = home.memory.content(bundle).unwrap();
        let spoil = |home: &Home| {
            if gone {
                home.memory.lose(bundle);
            } else {
                let spoilt: Vec<u8> = data.iter().map(|byte| byte ^ 1).collect();
                home.memory.tamper(bundle, &spoilt);
            }
        };
        spoil(&home);
        assert_eq!(home.check(None).unwrap().kind, Some(Kind::Incomplete), "gone: {gone}");
        saves(&home);
        assert_eq!(stored(&home).0, [format!("{BUNDLES}0000000002.zip")]);
        assert_eq!(home.check(Some(1.0)).unwrap().kind, None, "gone: {gone}");
        // Nothing is wiped that is not there.
        assert_eq!(home.upload().unwrap().kind, None);
        assert_eq!(home.download().unwrap().kind, None);
        assert_eq!(home.contents(), before);
    }
}

#[test]
fn what_a_bundle_holds_is_read_and_nothing_else_is_restored_for_it() {
    let bundle = &format!("{BUNDLES}0000000001.zip");
    let home = Home::bundled();
    saves(&home);
    let before = home.contents();
    assert_eq!(home.upload().unwrap().kind, None);
    let data = home.memory.content(bundle).unwrap();
    let mut spoilt = data.clone();
    spoilt[0] ^= 1;
    home.memory.tamper(bundle, &spoilt);
    let kind = home.download().map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
    assert_eq!(kind, Some(Kind::Incomplete));
    for (name, content) in home.contents() {
        assert_eq!(before.get(&name), Some(&content), "{name}");
    }
    home.memory.tamper(bundle, &data);
    assert_eq!(home.download().unwrap().kind, None);
    assert_eq!(home.contents(), before);
}

#[test]
fn one_file_is_read_from_its_bundle_alone() {
    let home = Home::bundled();
    saves(&home);
    let before = home.contents();
    home.remove("sub/c");
    assert_eq!(home.get("sub/c").unwrap().kind, None);
    assert_eq!(home.contents(), before);
}

// Each run makes a small bundle: soon they are put together.
#[test]
fn what_has_become_something_else_is_not_put_together_with_the_rest() {
    let home = Home::bundled();
    for round in 0..12 {
        home.write("round", &format!("{round}"));
        home.write(&format!("{round}"), "a file");
        saves(&home);
        fs::remove_file(home.tree().join(format!("{round}"))).unwrap();
        fs::create_dir(home.tree().join(format!("{round}"))).unwrap();
    }
    saves(&home);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

#[test]
fn what_a_killed_run_has_sent_is_not_sent_again() {
    for changed in [false, true] {
        let home = Home::bundled();
        // Two bundles: their contents are 16 MiB at most together.
        let home = home.bundling(Some(16 << 20));
        for name in 0..3 {
            home.write(&format!("{name}"), &format!("{name}").repeat(7 << 20));
        }
        home.memory.fail(0, Fault::Crash, |event| event.name.starts_with(SHARDS));
        assert!(home.back_up().map_or(true, |outcome| outcome.kind.is_some()));
        home.memory.heal();
        assert_eq!(stored(&home).0.len(), 2);
        if changed {
            home.write("0", "other");
        }
        home.memory.take_log();
        saves(&home);
        let log = home.memory.take_log().into_iter();
        let sent = log.filter(|e| e.what == What::Send && e.name.starts_with(BUNDLES)).count();
        assert_eq!(sent, usize::from(changed));
        assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
    }
}

#[test]
fn what_cannot_be_packed_in_another_way_stays_as_it_is() {
    let home = Home::new();
    saves(&home);
    let before = home.contents();
    let home = home.bundling(Some(1 << 10));
    home.memory.fail_always(Fault::Refuse(FailureKind::Denied), |event| {
        event.what == What::Send && event.name.starts_with(BUNDLES)
    });
    assert_eq!(home.back_up().unwrap().kind, None);
    home.memory.heal();
    assert_eq!(home.elsewhere(), before);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
    saves(&home);
    assert_eq!(stored(&home).1, [""; 0]);
}

fn noise(size: usize) -> Vec<u8> {
    let mut noise = vec![0; size];
    Rng::with_seed(3).fill(&mut noise);
    noise
}

// In memory nothing becomes smaller: what is larger than the limit is declined.
#[test]
fn what_is_declined_has_its_own_object_and_keeps_it() {
    let home = Home::new();
    fs::write(home.tree().join("large"), noise(5000)).unwrap();
    saves(&home);
    let home = home.bundling(Some(1 << 10));
    saves(&home);
    assert_eq!(stored(&home).1, ["docs/large"]);
    fs::write(home.tree().join("large"), noise(6000)).unwrap();
    saves(&home);
    assert_eq!(stored(&home).1, ["docs/large"]);
    // Where it was, a directory comes, and the other way round.
    home.remove("large");
    fs::create_dir(home.tree().join("large")).unwrap();
    fs::write(home.tree().join("large/inside"), noise(7000)).unwrap();
    saves(&home);
    fs::remove_dir_all(home.tree().join("large")).unwrap();
    fs::write(home.tree().join("large"), noise(8000)).unwrap();
    saves(&home);
    assert_eq!(stored(&home).1, ["docs/large"]);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

// A run was killed, and another machine has given the number to another bundle.
#[test]
fn a_bundle_that_was_noted_is_taken_for_no_other_of_its_number() {
    let home = Home::bundled();
    saves(&home);
    home.write("a", "first of this machine");
    home.memory.fail(0, Fault::Crash, |event| event.name.starts_with(SHARDS));
    assert!(home.back_up().map_or(true, |outcome| outcome.kind.is_some()));
    home.memory.heal();
    let second = format!("{BUNDLES}0000000002.zip");
    let bytes = home.memory.content(&second).unwrap();
    home.memory.tamper(&second, &bytes.iter().map(|byte| byte ^ 1).collect::<Vec<_>>());
    saves(&home);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

#[test]
fn a_number_is_never_given_again() {
    let home = Home::bundled();
    let number = |home: &Home| {
        let (bundles, _) = stored(home);
        bundles.iter().map(|name| name[BUNDLES.len()..][..10].parse::<u64>().unwrap()).max()
    };
    saves(&home);
    remove_all(&home);
    home.write("last", "2");
    assert_eq!(delete_much(&home).unwrap().kind, None);
    assert_eq!(number(&home), Some(2));
    home.memory.lose(&format!("{BUNDLES}0000000002.zip"));
    home.write("last", "3");
    saves(&home);
    assert_eq!(number(&home), Some(3));
    // What others have made does not count without bounds.
    let forged = format!("{BUNDLES}9999999999.zip");
    home.side().plant(&forged, b"junk");
    home.write("a", "once more");
    saves(&home);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

#[test]
fn with_keep_a_bundle_goes_when_it_is_out_of_time_though_other_things_are_kept() {
    let home = Home::that_keeps(false, false, "30d").bundling(Some(1 << 10));
    home.write("large", &"large ".repeat(1000));
    saves(&home);
    for round in 0..3 {
        home.write("large", &format!("large {round} ").repeat(1000));
        for name in ["a", "b", "sub/c", "none"] {
            home.write(name, &format!("{name} of {round}"));
        }
        saves(&home);
    }
    let before = stored(&home).0.len();
    assert!(before >= 4, "{before}");
    let home = home.keeping(None);
    home.write("a", "without a word");
    saves(&home);
    assert!(stored(&home).0.len() >= before, "what is kept stays");
    assert_eq!(home.elsewhere_at(1).unwrap().get("b").unwrap(), b"second");
}

// Between the walk and the sending.
#[test]
fn a_file_that_changes_while_it_is_packed_anew_is_not_taken_for_what_it_was() {
    let home = Home::new();
    saves(&home);
    let home = home.bundling(Some(1 << 10));
    let file = home.tree().join("a");
    home.memory.watch(move |event| {
        if event.what == What::Send && event.name.starts_with(BUNDLES) {
            fs::write(&file, format!("{:?}", std::time::Instant::now())).unwrap();
        }
    });
    let kind = home.back_up().map_or_else(|error| Some(error.kind()), |outcome| outcome.kind);
    home.memory.unwatch();
    assert!(kind.is_some());
    saves(&home);
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}

/// Files come, change, go and are renamed.
fn edit(home: &Home, rng: &mut Rng, names: &mut Vec<u32>) -> usize {
    let mut changed = 0;
    for _ in 0..rng.usize(1..20) {
        let name = rng.u32(..100_000);
        let text = rng.alphabetic().to_string().repeat(rng.usize(..1000));
        match rng.u8(..10) {
            0..5 if names.len() < 400 => names.push(name),
            0..8 => *rng.choice(names.iter_mut()).unwrap() = name,
            _ => {
                let gone = names.swap_remove(rng.usize(..names.len()));
                let _ = fs::remove_file(home.tree().join(format!("{gone}")));
                continue;
            }
        }
        home.write(&format!("{name}"), &text);
        changed += text.len();
    }
    let keep = |path: &str| path.parse().is_ok_and(|name: u32| names.contains(&name));
    let all: Vec<_> = home.contents().into_keys().collect();
    for path in all.iter().filter(|path| path.parse::<u32>().is_ok() && !keep(path)) {
        home.remove(path);
    }
    changed
}

/// Backs up after each of so many edits. What is not needed stays bounded.
fn runs(seed: u64, rounds: usize) {
    let mut rng = Rng::with_seed(seed);
    let home = Home::bundled();
    let mut names: Vec<u32> = (0..200).collect();
    for name in &names {
        home.write(&format!("{name}"), &format!("{name}").repeat(100));
    }
    saves(&home);
    let (mut changed, mut sent) = (0, 0);
    for round in 0..rounds {
        changed += edit(&home, &mut rng, &mut names);
        home.memory.take_log();
        assert_eq!(home.back_up().unwrap().kind, None, "{seed}, {round}");
        let side = home.side();
        let log = home.memory.take_log().into_iter();
        let made = log.filter(|e| e.what == What::Send && e.name.starts_with(BUNDLES));
        sent += made.filter_map(|e| side.content(&e.name)).map(|bytes| bytes.len()).sum::<usize>();
        let contents = home.contents();
        let alive: usize = contents.values().map(Vec::len).sum();
        let (bundles, _) = stored(&home);
        assert!(bundles.len() < 3 * 8, "{seed}, {round}: {} bundles", bundles.len());
        // Half of what has ever been dead, and what this run has left.
        assert!(bytes(&home) <= 2 * alive + 40_000, "{} of {alive}", bytes(&home));
        if round % 16 == 0 {
            assert_eq!(home.elsewhere(), contents, "{seed}, {round}");
        }
    }
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
    // What has not changed is sent again now and then, with what has.
    assert!(sent < 4 * changed, "{seed}: {sent} bytes sent, {changed} changed");
}

#[test]
fn after_many_runs_there_are_few_bundles_and_half_of_them_is_needed() {
    runs(1, 60);
}

#[test]
#[ignore = "takes a minute: make soak"]
fn soak_of_many_runs() {
    for seed in 2..12 {
        runs(seed, 200);
    }
}

#[test]
fn with_keep_a_bundle_stays_as_long_as_a_snapshot_that_needs_it() {
    let home = Home::that_keeps(false, false, "30d").bundling(Some(1 << 10));
    saves(&home);
    let mut states: Vec<Contents> = vec![home.contents()];
    for round in 0..5 {
        for name in ["a", "b", "sub/c"] {
            home.write(name, &format!("{name} of {round}"));
        }
        saves(&home);
        states.push(home.contents());
    }
    for (number, state) in (1..).zip(&states) {
        assert_eq!(&home.elsewhere_at(number).unwrap(), state, "{number}");
    }
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
    // Nobody says any more for how long: what is kept stays.
    let home = home.keeping(None);
    for round in 0..3 {
        home.write("a", &format!("a without \"keep\" {round}"));
        saves(&home);
    }
    for (number, state) in (1..).zip(&states) {
        assert_eq!(&home.elsewhere_at(number).unwrap(), state, "{number}, without");
    }
    // Nothing is kept any more.
    let home = home.keeping(Some("0s"));
    home.write("a", "last");
    saves(&home);
    home.write("a", "very last");
    saves(&home);
    let count = stored(&home).0.len();
    assert!(count <= 4, "{count}");
    assert_eq!(home.check(Some(1.0)).unwrap().kind, None);
}
