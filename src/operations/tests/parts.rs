//! A part of a wiped directory that was brought back: what each command then does.

use super::home::{Home, TREE};
use crate::base::error::Kind;
use crate::tree::wipe::{Phase, Records};

/// What is done, in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Get,
    BackUp,
    Upload,
    Download,
}

impl Step {
    const ALL: [Step; 4] = [Step::Get, Step::BackUp, Step::Upload, Step::Download];

    fn run(self, home: &Home) -> Option<Kind> {
        let outcome = match self {
            Step::Get => home.get("sub/c"),
            Step::BackUp => home.back_up(),
            Step::Upload => home.upload(),
            Step::Download => home.download(),
        };
        outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind)
    }
}

fn is_wiped(home: &Home) -> bool {
    let record = Records::in_state(&home.session.state).get(TREE).unwrap();
    record.is_some_and(|record| record.phase == Phase::Wiped)
}

// All 64 rows of three steps after an upload and a `get`.
#[test]
fn in_every_order_nothing_is_lost_and_a_part_is_never_taken_for_the_whole() {
    let sealed = Home::sealed;
    for (index, home) in [Home::new as fn() -> Home, sealed].into_iter().enumerate() {
        let whole = home().contents();
        for row in 0..64 {
            // A half of the rows on each side.
            if row % 2 != index {
                continue;
            }
            let home = home();
            home.upload().unwrap();
            assert_eq!(Step::Get.run(&home), None);
            let (mut here, mut part) = (false, true);
            let steps = [row / 16, row / 4 % 4, row % 4].map(|step| Step::ALL[step]);
            for step in steps {
                assert_eq!(step.run(&home), None, "{step:?} of {steps:?}");
                match step {
                    Step::Get => part = true,
                    Step::BackUp => {}
                    Step::Upload => (here, part) = (false, false),
                    Step::Download => here = true,
                }
                assert_eq!(is_wiped(&home), !here, "after {step:?} of {steps:?}");
                let found = home.contents();
                if here {
                    assert_eq!(found, whole, "after {step:?} of {steps:?}");
                } else {
                    assert_eq!(found.contains_key("sub/c"), part, "after {step:?} of {steps:?}");
                    assert!(!found.contains_key("a"), "after {step:?} of {steps:?}");
                }
                assert_eq!(home.elsewhere(), whole, "the remote after {step:?} of {steps:?}");
            }
        }
    }
}

#[test]
fn a_part_that_was_changed_is_neither_saved_as_the_whole_nor_wiped() {
    let home = Home::new();
    let whole = home.contents();
    home.upload().unwrap();
    assert_eq!(Step::Get.run(&home), None);
    home.write("sub/c", "other");
    for step in [Step::BackUp, Step::Upload] {
        assert_eq!(step.run(&home), Some(Kind::Guard), "{step:?}");
        assert_eq!(home.contents()["sub/c"], b"other");
        assert_eq!(home.elsewhere(), whole);
    }
}

// The time of a file says nothing about what is in it.
#[test]
fn a_part_of_the_same_size_and_time_is_read_before_it_counts_as_the_snapshots() {
    let home = Home::new();
    home.upload().unwrap();
    assert_eq!(Step::Get.run(&home), None);
    let file = home.tree().join("sub/c");
    let time = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "THIRD").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    for step in [Step::BackUp, Step::Upload] {
        assert_eq!(step.run(&home), Some(Kind::Guard), "{step:?}");
        assert_eq!(home.contents()["sub/c"], b"THIRD");
    }
}

#[test]
fn a_file_comes_back_without_a_listing_of_objects() {
    for home in [Home::new(), Home::sealed()] {
        home.back_up().unwrap();
        home.remove("sub/c");
        let (outcome, moments) = home.observe(|home| home.get("sub/c"));
        assert_eq!(outcome.unwrap().kind, None);
        assert_eq!(home.contents()["sub/c"], b"third");
        assert!(moments.len() <= 2, "{}", super::home::told(&moments));
        assert!(moments.iter().all(|moment| !moment.event.what.changes()));
    }
}

#[test]
fn nothing_comes_back_into_a_directory_whose_wipe_has_not_ended() {
    let home = Home::new();
    home.upload().unwrap();
    let records = Records::in_state(&home.session.state);
    let mut record = records.get(TREE).unwrap().unwrap();
    record.phase = Phase::Wiping;
    records.put(&record).unwrap();
    assert_eq!(Step::Get.run(&home), Some(Kind::Guard));
    assert!(!home.contents().contains_key("sub/c"));
    assert_eq!(Step::Download.run(&home), None);
}

#[test]
fn what_went_elsewhere_leaves_no_names_of_a_directory_that_is_wiped() {
    for home in [Home::new(), Home::sealed()] {
        home.upload().unwrap();
        assert!(!home.elsewhere().is_empty());
        let caches = std::fs::read_dir(home.session.state.join("trees")).into_iter().flatten();
        let left: Vec<_> = caches.flatten().flat_map(|dir| std::fs::read_dir(dir.path())).collect();
        assert!(left.into_iter().flatten().next().is_none());
        assert!(is_wiped(&home));
    }
}
