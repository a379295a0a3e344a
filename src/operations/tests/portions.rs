//! A tree with more files than are sent at a time: what is proven of them is on the disk, out
//! of memory, until the snapshot is written.

use super::home::Home;
use crate::storage::failure::FailureKind;
use crate::storage::memory::Fault;
use crate::tree::backup::PORTION;

/// Homes of all kinds with three portions of files, and something that they replace.
fn homes() -> [Home; 4] {
    let homes = [Home::new(), Home::sealed(), Home::bundled(), Home::on_disk()];
    for home in &homes {
        assert_eq!(home.back_up().unwrap().kind, None);
        home.remove("a");
        for number in 0..2 * PORTION + 100 {
            home.write(&format!("sub/many-{number:04}"), &format!("content {number}"));
        }
    }
    homes
}

#[test]
fn all_of_them_are_in_the_snapshot() {
    for home in homes() {
        assert_eq!(home.back_up().unwrap().kind, None);
        assert_eq!(home.elsewhere(), home.contents());
        // The next run finds all as it was.
        home.memory.take_log();
        assert_eq!(home.back_up().unwrap().kind, None);
        assert!(!home.memory.take_log().iter().any(|event| event.what.changes()));
        assert_eq!(home.upload().unwrap().kind, None);
        let before = home.elsewhere();
        assert_eq!(home.download().unwrap().kind, None);
        assert_eq!(home.contents(), before);
    }
}

#[test]
fn what_fails_of_one_portion_comes_with_the_next_run() {
    for home in &homes()[..3] {
        for place in ["sub/many-0007", "sub/many-0700", "sub/many-1099", "bundles/docs/0000000003"]
        {
            let refused = Fault::Refuse(FailureKind::Denied);
            home.memory.fail_always(refused, move |event| event.name.contains(place));
            let _ = home.back_up().unwrap();
        }
        home.memory.heal();
        assert_eq!(home.back_up().unwrap().kind, None);
        assert_eq!(home.elsewhere(), home.contents());
    }
}
