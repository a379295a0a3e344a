//! poof.conf: what is read is written again with the same meaning.
#![no_main]

use poof_fuzz::config::poof_conf::PoofConf;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(conf) = PoofConf::parse(data) {
        let all = |conf: &PoofConf| {
            let paths: Vec<_> = conf.paths().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            (conf.bucket().to_owned(), conf.remote().to_owned(), paths)
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("poof.conf");
        conf.save(&path).unwrap();
        let again = PoofConf::parse(&std::fs::read(&path).unwrap());
        assert_eq!(all(&conf), all(&again.ok().expect("what was written is read")));
    }
});
