//! When poof removes itself at level 4, and when it stays.

use std::cell::RefCell;

use super::home::{HEADS, Home, LOCKS, MARKER, is_send_of, told};
use crate::base::error::{Kind, Result};
use crate::operations::Outcome;
use crate::storage::failure::FailureKind;
use crate::storage::memory::{Fault, What};
use crate::tree::wipe::Phase;

/// What is here, and what both sides say of the wipe, when poof leaves; None: it stays.
type Left = Option<(usize, Option<Phase>, bool)>;

fn leave(home: &Home) -> (Result<Outcome>, Left) {
    let left = RefCell::new(None);
    let outcome = home.upload_and_leave(|| {
        let marker = home.side().content(MARKER).unwrap_or_default();
        let marker = String::from_utf8_lossy(&marker).contains("\"wiped\"");
        *left.borrow_mut() = Some((home.files(), home.phase(), marker));
    });
    (outcome, left.into_inner())
}

#[test]
fn without_a_kit_nothing_begins_no_hook_either() {
    let home = Home::with_hooks(true, 0);
    let all = home.files();
    let ((outcome, left), moments) = home.observe(leave);
    assert_eq!(outcome.unwrap_err().kind(), Kind::Guard);
    assert!(moments.is_empty() && left.is_none(), "{}", told(&moments));
    assert_eq!((home.files(), home.ran()), (all, String::new()));
}

#[test]
fn poof_leaves_when_all_is_wiped_and_both_sides_say_so() {
    let home = Home::sealed();
    home.prepare_kit();
    let ((outcome, left), moments) = home.observe(leave);
    assert_eq!(outcome.unwrap().kind, None);
    assert_eq!(left, Some((0, Some(Phase::Wiped), true)), "{}", told(&moments));
}

#[test]
fn poof_stays_where_something_is_not_proven() {
    let home = Home::sealed();
    home.prepare_kit();
    home.memory.fail_always(Fault::Forget, |event| is_send_of(event, "docs/b"));
    let (outcome, left) = leave(&home);
    assert_eq!((outcome.unwrap().kind, left), (Some(Kind::Unproven), None));
    assert_eq!(home.contents().get("b").map(Vec::as_slice), Some(&b"second"[..]));
}

/// What is wiped here was proven, and yet poof has something to do.
#[test]
fn poof_stays_where_something_is_still_to_be_deleted_on_the_remote() {
    let home = Home::sealed();
    home.prepare_kit();
    home.back_up().unwrap();
    home.remove("b");
    let refused = Fault::Refuse(FailureKind::Denied);
    home.memory.fail_always(refused, |event| event.is(What::Remove, "docs/b"));
    let (outcome, left) = leave(&home);
    assert_eq!((outcome.unwrap().kind, left, home.files()), (Some(Kind::Incomplete), None, 0));
}

#[test]
fn poof_stays_where_the_head_or_the_lock_fails() {
    for start in [HEADS, LOCKS] {
        let home = Home::sealed();
        home.prepare_kit();
        let before = home.contents();
        home.memory.fail_always(Fault::Break, move |event| is_send_of(event, start));
        let (outcome, left) = leave(&home);
        assert!(outcome.map_or_else(|error| Some(error.kind()), |outcome| outcome.kind).is_some());
        assert_eq!((left, home.contents()), (None, before), "{start}");
    }
}
