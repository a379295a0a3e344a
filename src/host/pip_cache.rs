//! What pip keeps of a wheel for the next installation: each answer of an index is a file
//! of its own, named by the digest of its address (`pip cache dir`). pip itself removes
//! only all of it, so what is of poof is found by its end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::paths::given;

/// How much of the end of a file is looked at: that is where a zip has its list, and an
/// index (PEP 691, as PyPI sorts it) the name.
const END: u64 = 16 << 10;
/// What the list of a zip has before each name: a mark and 42 bytes more.
const MARK: &[u8] = b"PK\x01\x02";
const BEFORE: usize = 46;

/// All that is kept of poof in the cache of pip of the user whose home directory this is.
pub fn of_poof(home: &Path) -> Vec<PathBuf> {
    let xdg = given("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache"));
    let caches = [xdg.join("pip"), home.join("Library/Caches/pip")];
    let caches = caches.into_iter().chain(given("PIP_CACHE_DIR"));
    // The second until pip 23.3.
    let mut found: Vec<_> = caches
        .flat_map(|cache| ["http-v2", "http"].map(|kind| cache.join(kind)))
        .flat_map(in_cache)
        .collect();
    found.sort();
    found.dedup();
    found
}

fn in_cache(dir: PathBuf) -> Vec<PathBuf> {
    let entries = WalkDir::new(dir).same_file_system(true).into_iter().flatten();
    let files =
        entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let ours = files.filter(|path| end(path).is_ok_and(|bytes| is_of_poof(&bytes)));
    // Beside a body is a file with the headers of the answer.
    ours.flat_map(|body| {
        let headers = body.with_extension("");
        [Some(headers.clone()).filter(|path| *path != body && path.is_file()), Some(body)]
    })
    .flatten()
    .collect()
}

fn end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(END)))?;
    let mut bytes = Vec::new();
    file.take(END).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file that ends so is a wheel of poof, or what an index has of it.
fn is_of_poof(end: &[u8]) -> bool {
    let has = |words: &[u8]| end.windows(words.len()).any(|part| part == words);
    let is_wheel = end.windows(BEFORE + 6).any(|part| {
        part.starts_with(MARK)
            && &part[BEFORE..BEFORE + 5] == b"poof-"
            && part[BEFORE + 5].is_ascii_digit()
    });
    is_wheel || has(b"\"name\":\"poof\"") || has(b"\"name\": \"poof\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_pip_keeps_of_poof_is_found_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let cache = home.path().join(".cache/pip");
        let listed = |name: &str| {
            [&vec![b'x'; 40_000][..], MARK, &[b'a'; BEFORE - 4], name.as_bytes(), b"PK\x05\x06"]
                .concat()
        };
        let long = [b"\"name\":\"poof\"".to_vec(), vec![b'x'; 40_000]].concat();
        for (path, content) in [
            ("http-v2/a/1.body", listed("poof-2.0.0.dist-info/RECORD")),
            ("http-v2/a/1", b"headers".to_vec()),
            ("http/b/2", listed("poof-1.6.0.dist-info/RECORD")),
            ("http-v2/c/3.body", br#"{"files":[],"meta":{},"name":"poof","versions":[]}"#.to_vec()),
            ("http-v2/d/4.body", listed("spoof-2.0.0.dist-info/RECORD")),
            ("http-v2/d/4", b"headers".to_vec()),
            ("http-v2/d/5", b"poof-2.0.0.dist-info/RECORD".to_vec()),
            ("http-v2/d/6.body", br#"{"name":"spoof","requires":["poof"]}"#.to_vec()),
            ("http-v2/d/7.body", long),
            ("http-v2/d/8.body", Vec::new()),
            ("selfcheck/9", listed("poof-2.0.0.dist-info/RECORD")),
        ] {
            let path = cache.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let dirs = ["http-v2", "http"].map(|kind| in_cache(cache.join(kind))).concat();
        let mut found: Vec<_> = dirs.iter().map(|p| p.strip_prefix(&cache).unwrap()).collect();
        found.sort();
        let wanted = ["http/b/2", "http-v2/a/1", "http-v2/a/1.body", "http-v2/c/3.body"];
        assert_eq!(found, wanted.map(Path::new));
    }
}
