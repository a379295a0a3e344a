//! Damage that no listing shows: what was found by reading is sent again.

use std::fs::{self, File};
use std::path::Path;

use super::home::Home;
use crate::base::error::Kind;
use crate::tree::wipe::Phase;

/// Changes the content of `a` in what a disk holds, and neither a size nor a time.
fn damage(bucket: &Path) {
    let files = walkdir::WalkDir::new(bucket).into_iter().flatten();
    let files = files.filter(|entry| entry.file_type().is_file());
    for object in files {
        let (path, mut bytes) = (object.path(), fs::read(object.path()).unwrap());
        let Some(at) = bytes.windows(5).position(|text| text == b"first") else { continue };
        let time = fs::metadata(path).unwrap().modified().unwrap();
        bytes[at] = b'F';
        fs::write(path, bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
}

#[test]
fn what_a_check_has_found_damaged_is_sent_again() {
    for limit in [None, Some(1 << 10)] {
        let home = Home::on_disk().bundling(limit);
        assert_eq!(home.back_up().unwrap().kind, None);
        damage(&home.bucket());
        assert_eq!(home.check(None).unwrap().kind, None, "no listing shows it");
        assert_eq!(home.check(Some(1.0)).unwrap().kind, Some(Kind::Incomplete), "{limit:?}");
        assert_eq!(home.back_up().unwrap().kind, None);
        assert_eq!(home.check(Some(1.0)).unwrap().kind, None, "{limit:?}");
        assert_eq!(home.elsewhere(), home.contents());
    }
}

#[test]
fn what_an_upload_has_found_damaged_goes_with_the_next() {
    let home = Home::on_disk();
    let before = home.contents();
    assert_eq!(home.back_up().unwrap().kind, None);
    damage(&home.bucket());
    assert_eq!(home.upload().unwrap().kind, Some(Kind::Unproven));
    assert_eq!((home.files(), home.phase()), (1, Some(Phase::Wiping)));
    assert_eq!(home.upload().unwrap().kind, None);
    assert_eq!(home.phase(), Some(Phase::Wiped));
    home.download().unwrap();
    assert_eq!(home.contents(), before);
}
