//! All mistakes of both files in one run, also where one is so wrong that nobody can work
//! with the other. Whoever corrects a file wants to know all at once.

use std::fs;
use std::path::Path;

use super::files::Files;
use super::filters::filter;
use super::keys;
use super::poof_conf::PoofConf;
use super::rclone_conf::{RcloneConf, STORAGE, is_encrypted};
use super::ready::{storage_section, wrong_values};
use super::sections::check_section;
use super::status::{Problem, Status};
use super::trees;

/// poof.conf as it is on the disk.
///
/// # Errors
/// All mistakes of both files, if poof.conf has any that stops the reading.
pub fn poof_conf(files: &Files, home: &Path) -> Result<PoofConf, Problem> {
    PoofConf::load(&files.poof).map_err(|problem| {
        if problem.status == Status::MissingConfigFile {
            return problem;
        }
        let part = fs::read(&files.poof).ok().and_then(|bytes| PoofConf::parse_in_part(&bytes));
        let values = part.as_ref().map(|part| of_values(part, home)).unwrap_or_default();
        with(problem, values.into_iter().chain(of_rclone(files, part.as_ref())))
    })
}

/// The mistake `problem` of poof.conf, whose text is `bytes`, with all others in it.
pub fn beside(problem: Problem, bytes: &[u8], home: &Path) -> Problem {
    let part = PoofConf::parse_in_part(bytes);
    with(problem, part.map(|part| of_values(&part, home)).unwrap_or_default())
}

/// A mistake of rclone-poof.conf, with those of poof.conf.
pub fn beside_rclone(problem: Problem, poof: &PoofConf, home: &Path) -> Problem {
    if problem.status == Status::InvalidCloningConfig {
        with(problem, of_values(poof, home))
    } else {
        problem
    }
}

fn with(problem: Problem, more: impl IntoIterator<Item = Problem>) -> Problem {
    Problem::all([problem.clone()].into_iter().chain(more)).unwrap_or(problem)
}

/// Values that make no sense, and keys that mean nothing.
fn of_values(poof: &PoofConf, home: &Path) -> Vec<Problem> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    // Without "paths" this would only repeat that they are missing.
    let directories =
        poof.get("paths").and_then(|_| trees::directories(poof.paths(), home, real).err());
    let wrong = directories.into_iter().chain(filter(poof).err());
    wrong.chain(wrong_values(poof)).chain(keys::of_poof(poof)).collect()
}

/// Mistakes of rclone-poof.conf, as far as they are to be seen without poof.conf. Of an
/// encrypted file nothing is known before its password is.
fn of_rclone(files: &Files, poof: Option<&PoofConf>) -> Vec<Problem> {
    if !RcloneConf::read(&files.rclone).is_ok_and(|bytes| !is_encrypted(&bytes)) {
        return Vec::new();
    }
    let rclone = match RcloneConf::load(&files.rclone) {
        Ok(rclone) => rclone,
        Err(problem) => return vec![problem],
    };
    let secrets = poof.map(PoofConf::secrets).unwrap_or_default();
    let storage = poof.map_or(STORAGE, |poof| storage_section(poof, &rclone));
    let check = |name| check_section(&rclone, &secrets, name, storage);
    rclone.sections().flat_map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_configuration_tells_of_all_its_mistakes_and_of_the_other_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::resolve(dir.path(), None, None, None);
        let text = r#"{"bucket": 7, "remote": "r", "paths": {"/a": "x", "b": "y"}, "keep": "soon",
            "befor": [], "schedule": {"notify": 1, "skip_metered": "no"}, "hook_limit": 5}"#;
        fs::write(&files.poof, text).unwrap();
        fs::write(&files.rclone, "[r]\ntype = s3\n").unwrap();
        let problem = poof_conf(&files, Path::new("/home/joe")).unwrap_err();
        let said: Vec<_> =
            problem.each().map(|one| format!("{} {}", one.place, one.what)).collect();
        for word in [
            "\"bucket\" must be",
            "\"b\" is not a full path",
            "\"hook_limit\"",
            "\"keep\"",
            "\"notify\"",
            "\"skip_metered\"",
            "\"befor\"",
            "access_key_id",
            "secret_access_key",
        ] {
            let count = said.iter().filter(|line| line.contains(word)).count();
            assert_eq!(count, 1, "{word}: {said:?}");
        }
        assert_eq!(said.len(), 9, "{said:?}");
        let error = problem.into_error();
        let hint = error.hint_text().unwrap();
        assert!(hint.contains("`poof edit poof.conf`, `poof edit rclone-poof.conf`"), "{hint}");
    }

    #[test]
    fn a_torn_rclone_conf_tells_of_poof_conf_as_well() {
        let text = r#"{"bucket": "b", "remote": "r", "paths": {}, "keep": "soon"}"#;
        let poof = PoofConf::parse(text.as_bytes()).unwrap();
        let torn = RcloneConf::parse(b"[r\n").unwrap_err();
        let problem = beside_rclone(torn, &poof, Path::new("/home/joe"));
        assert!(problem.each().any(|one| one.place.contains("keep")), "{problem:?}");
        assert!(problem.each().any(|one| one.what.contains("line 1")), "{problem:?}");
    }
}
