//! What was a file and is a directory, or the other way round, on a remote that has no room
//! for both: the name of an object is not always that of its file.

use std::fs;

use super::home::{Home, TREE, contents};

/// Backs up what `before` makes, and then what `after` makes of it: each object is then
/// where it belongs.
#[track_caller]
fn becomes(before: impl Fn(&Home), after: impl Fn(&Home), objects: &[&str]) {
    let home = Home::on_disk();
    before(&home);
    assert_eq!(home.back_up().unwrap().kind, None);
    after(&home);
    assert_eq!(home.back_up().unwrap().kind, None);
    let stored = contents(&home.bucket().join(TREE));
    for name in objects {
        assert!(stored.contains_key(*name), "{name:?} is not in {stored:?}");
    }
    assert!(!home.bucket().join(".poof/trees/docs/odd").exists());
    assert_eq!(home.elsewhere(), home.contents());
}

#[test]
fn a_file_with_a_line_feed_in_its_name_becomes_a_directory() {
    let file = |home: &Home| home.write("new\nline", "a file");
    let directory = |home: &Home| {
        home.remove("new\nline");
        fs::create_dir(home.tree().join("new\nline")).unwrap();
        home.write("new\nline/x", "in a directory");
    };
    becomes(file, directory, &["new\nline/x"]);
}

#[test]
fn a_directory_with_a_line_feed_in_its_name_becomes_a_file() {
    let directory = |home: &Home| {
        fs::create_dir(home.tree().join("new\nline")).unwrap();
        home.write("new\nline/x", "in a directory");
    };
    let file = |home: &Home| {
        fs::remove_dir_all(home.tree().join("new\nline")).unwrap();
        home.write("new\nline", "a file");
    };
    becomes(directory, file, &["new\nline"]);
}

#[test]
fn a_file_is_renamed_into_a_directory_that_has_the_name_of_one_that_is_gone() {
    let file = |home: &Home| home.write("name", "a file");
    let directory = |home: &Home| {
        home.remove("name");
        fs::create_dir(home.tree().join("name")).unwrap();
        fs::rename(home.tree().join("b"), home.tree().join("name/b")).unwrap();
    };
    becomes(file, directory, &["name/b"]);
}
