//! rclone-poof.conf: what is read and written again reads the same.
#![no_main]

use poof_fuzz::config::ini::Document;
use poof_fuzz::config::rclone_conf::RcloneConf;

/// All sections and what they hold; not the comments, of which the line ends may
/// become others.
fn meaning(document: &Document) -> Vec<(String, Vec<(String, String)>)> {
    let pairs = |section: &str| {
        document.pairs(section).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    document.sections().map(|section| (section.to_owned(), pairs(section))).collect()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(conf) = RcloneConf::parse(data) {
        for section in conf.sections() {
            let _ = (conf.kind(section), conf.values(section), conf.keys(section).count());
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(document) = Document::parse(text)
    {
        let again = Document::parse(&document.to_string()).expect("what was written is read");
        assert_eq!(meaning(&again), meaning(&document));
    }
});
