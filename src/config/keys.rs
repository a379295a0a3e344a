//! Keys that mean nothing: misspelt ones silently do not work, and an exclusion that does
//! not work is noticed when it is too late.

use super::insecure;
use super::poof_conf::PoofConf;
use super::rclone_conf::RcloneConf;
use super::schedule::Schedule;
use super::status::{Problem, Status};
use crate::storage::configuration::{FEW_TYPES, SectionKeys, WrongValue, keys_of, wrong_values};

/// All keys of poof.conf, those of the Python poof (`bucket`, `confFile`, `paths`,
/// `remote`) among them. Whoever reads one more adds it here.
const KEYS: [&str; 20] = [
    "after",
    "before",
    "bucket",
    "bundle",
    "bwlimit",
    "confFile",
    "exclude",
    "exclude_if_present",
    "hook_limit",
    "keep",
    "metrics",
    "paths",
    "remote",
    "rehearse",
    "patience",
    "precious",
    "schedule",
    "scrub",
    "secrets",
    "small_objects",
];

/// What begins so is a note of whoever wrote the file: JSON has no comments.
const NOTE: char = '_';

/// The keys of poof.conf that mean nothing.
pub fn of_poof(conf: &PoofConf) -> Vec<Problem> {
    let top = conf.keys().filter(|key| !KEYS.contains(key));
    let top = top.map(|key| (format!("poof.conf {key:?}"), nearest(key, &KEYS), key));
    let schedule = Schedule::unknown(conf)
        .into_iter()
        .map(|key| (format!("poof.conf \"schedule\" {key:?}"), nearest(key, &Schedule::KEYS), key));
    let note = "A note of your own begins with _, as in \"_note\".";
    top.chain(schedule)
        .filter(|(_, _, key)| !key.starts_with(NOTE))
        .map(|(place, near, _)| {
            let hint = match near {
                Some(near) => format!("Did you mean {near:?}? {note}"),
                None => format!("Remove it. {note}"),
            };
            Problem::new(Status::InvalidPoofConfig, place, "poof has no such key", hint)
        })
        .collect()
}

/// What means nothing in a section of rclone-poof.conf: its type, keys that the type does
/// not have, and comments behind values, which rclone takes for a part of them.
pub fn of_section(conf: &RcloneConf, section: &str) -> Vec<Problem> {
    let Some(kind) = conf.kind(section) else { return Vec::new() };
    // Without an answer nothing is known to be wrong.
    let Ok(known) = keys_of(kind) else { return Vec::new() };
    let wrong = |key: &str, what: String, hint: String| {
        let line = conf.line_of(section, key).map(|line| format!(" (line {line})"));
        let place = format!("rclone-poof.conf [{section}].{key}{}", line.unwrap_or_default());
        Problem::new(Status::InvalidCloningConfig, place, what, hint)
    };
    let mut problems = Vec::new();
    if !known.known {
        let (what, hint) = if before_comment(kind).is_some() {
            (COMMENT.to_owned(), MOVE.to_owned())
        } else {
            no_type(kind, &known.types, FEW_TYPES)
        };
        return vec![wrong("type", what, hint)];
    }
    for key in conf.keys(section) {
        let value = conf.get(section, key).unwrap_or_default();
        if !is_known(key, &known) {
            let what = format!("rclone has no setting {key:?} for a remote of type {kind}");
            problems.push(wrong(key, what, did_you_mean(key, &names(key, &known), TYPES)));
        } else if known.flags.iter().any(|flag| flag == key) && before_comment(value).is_some() {
            problems.push(wrong(key, COMMENT.to_owned(), MOVE.to_owned()));
        } else if conf.keys(section).filter(|other| *other == key).count() > 1
            && !problems.iter().any(|problem: &Problem| problem.what == TWICE)
        {
            problems.push(wrong(key, TWICE.to_owned(), "Remove the other.".to_owned()));
        }
    }
    // A comment behind the value, and a placeholder, are said already.
    for WrongValue { key, want } in wrong_values(kind, &conf.values(section)).unwrap_or_default() {
        let value = conf.get(section, &key).unwrap_or_default();
        if before_comment(value).is_none() && !value.starts_with("BOGUS-") {
            let (what, hint) = no_value(&key, &want);
            problems.push(wrong(&key, what, hint));
        }
    }
    problems
}

/// What is wrong with the value of a setting, and what to do.
fn no_value(key: &str, want: &str) -> (String, String) {
    let what = match want {
        "obscured" => {
            let what = "it is not in the form in which rclone keeps passwords".to_owned();
            let hint = "Put back the line as it was, or as the recovery kit has it.".to_owned();
            return (what, hint);
        }
        "bool" => "true or false",
        "int" | "int64" | "uint32" | "uint" => "a whole number",
        "SizeSuffix" => "a size such as 8M",
        "Duration" => "a length of time such as 1m30s",
        "Tristate" => "true, false, or unset",
        _ => "written differently",
    };
    let hint = format!("https://rclone.org/overview leads to the page that has {key}.");
    (format!("the value has to be {what}"), hint)
}

/// Those of `keys` that a remote of type `kind` does not have; or that there is no such type.
pub fn of_settings<'k>(kind: &str, keys: impl Iterator<Item = &'k str>) -> Vec<Problem> {
    let Ok(known) = keys_of(kind) else { return Vec::new() };
    if !known.known {
        let (what, hint) = no_type(kind, &known.types, FEW_TYPES);
        return vec![Problem::new(Status::InvalidCloningConfig, "type", what, hint)];
    }
    let unknown = keys.filter(|key| !is_known(key, &known));
    let problem = |key| {
        let what = format!("rclone has no such setting for a remote of type {kind}");
        let hint = did_you_mean(key, &names(key, &known), TYPES);
        Problem::new(Status::InvalidCloningConfig, format!("{key}="), what, hint)
    };
    unknown.map(problem).collect()
}

/// What rclone would take, and poof does not let a section in use set. See [`insecure`].
pub fn forbidden(conf: &RcloneConf, active: &str) -> Vec<Problem> {
    let of_section = |section: &str| {
        let kind = conf.kind(section).unwrap_or_default();
        let known = keys_of(kind).map(|known| known.overrides);
        let is_known =
            |name: &str| known.as_ref().is_ok_and(|all| all.iter().any(|one| one == name));
        // Without an answer each may be one.
        insecure::forbidden(conf, section, &|name| known.is_err() || is_known(name))
    };
    insecure::reached(conf, active).into_iter().flat_map(of_section).collect()
}

const TYPES: &str = "https://rclone.org/overview lists the types and their settings.";
const TWICE: &str = "it stands there twice, and rclone takes the last";
const COMMENT: &str = "a comment stands behind the value, and rclone takes it for a part of that";
const MOVE: &str = "Write the comment into a line of its own, which begins with # or ;.";

/// The two families of settings that every type has.
const FAMILIES: [&str; 2] = ["override.", "global."];

fn is_known(key: &str, known: &SectionKeys) -> bool {
    let of_family = FAMILIES.iter().find_map(|family| key.strip_prefix(family));
    match of_family {
        Some(name) => known.overrides.iter().any(|known| known == name),
        // What rclone asks for while it configures a remote.
        None => known.keys.iter().any(|known| known == key) || key.starts_with("config_"),
    }
}

/// The names among which the one that was meant is.
fn names(key: &str, known: &SectionKeys) -> Vec<String> {
    let family = FAMILIES.iter().find(|family| key.starts_with(**family));
    match family {
        Some(family) => known.overrides.iter().map(|name| format!("{family}{name}")).collect(),
        None => known.keys.clone(),
    }
}

fn did_you_mean(word: &str, known: &[impl AsRef<str>], otherwise: &str) -> String {
    match nearest(word, known) {
        Some(near) => format!("Did you mean {near:?}? {otherwise}"),
        None => otherwise.to_owned(),
    }
}

/// What is wrong with a type that is none of `types`, and what to do. `few`: rclone has more.
fn no_type(kind: &str, types: &[String], few: bool) -> (String, String) {
    if few {
        let what = format!("this build of poof has no remote type {kind:?}");
        let here = types.join(", ");
        return (
            what,
            format!("It has {here}. `make install` builds one with all types of rclone."),
        );
    }
    (format!("rclone has no remote type {kind:?}"), did_you_mean(kind, types, TYPES))
}

/// What stands before ` ;` or ` #`.
fn before_comment(value: &str) -> Option<&str> {
    let mark = value.find([';', '#'])?;
    let before = &value[..mark];
    before.ends_with(char::is_whitespace).then(|| before.trim_end())
}

/// The known word that is most like `word`, if one is.
fn nearest<'a>(word: &str, known: &'a [impl AsRef<str>]) -> Option<&'a str> {
    let close =
        |known: &&'a str| strsim::damerau_levenshtein(&word.to_lowercase(), &known.to_lowercase());
    let best = known.iter().map(AsRef::as_ref).min_by_key(close)?;
    (close(&best) <= (word.chars().count() / 3).max(1)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poof(keys: &str) -> Vec<Problem> {
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{}}{keys}}}"#);
        of_poof(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    fn section(lines: &str) -> Vec<Problem> {
        of_section(&RcloneConf::parse(format!("[r]\n{lines}").as_bytes()).unwrap(), "r")
    }

    #[test]
    fn a_build_with_few_types_does_not_say_that_rclone_has_no_other() {
        let types = ["alias", "s3"].map(str::to_owned);
        let (what, hint) = no_type("drive", &types, true);
        assert_eq!(what, "this build of poof has no remote type \"drive\"");
        assert!(hint.contains("alias, s3") && hint.contains("make install"), "{hint}");
        assert!(no_type("s4", &types, false).1.contains("\"s3\""));
    }

    #[test]
    fn a_misspelt_key_of_poof_conf_is_named_with_the_one_that_was_meant() {
        for (key, meant) in [
            ("excludes", "\"exclude\""),
            ("befor", "\"before\""),
            ("schedul", "\"schedule\""),
            ("Bucket", "\"bucket\""),
            ("exclude_if_presnt", "\"exclude_if_present\""),
        ] {
            let [problem] = &poof(&format!(r#","{key}":[]"#))[..] else { panic!("{key}") };
            assert_eq!(problem.status, Status::InvalidPoofConfig);
            assert!(problem.place.contains(key) && problem.hint.contains(meant), "{problem:?}");
        }
        let [far] = &poof(r#","wallpaper":1"#)[..] else { panic!() };
        assert!(!far.hint.contains("mean"), "{far:?}");
        let [inner] = &poof(r#","schedule":{"skip_metred":true}"#)[..] else { panic!() };
        assert!(inner.hint.contains("skip_metered"), "{inner:?}");
    }

    #[test]
    fn keys_of_the_python_poof_and_notes_are_no_mistake() {
        assert!(poof(r#","confFile":"/c","_note":"mine","schedule":{"_why":1}"#).is_empty());
        for key in KEYS {
            assert!(KEYS.contains(&key) && nearest(key, &KEYS) == Some(key));
        }
    }

    #[test]
    fn a_key_that_the_type_does_not_have_is_named_with_its_line() {
        let wrong = section("type = s3\nacces_key_id = x\n# no comment\nstorage-class = y\n");
        let [one, two] = &wrong[..] else { panic!("{wrong:?}") };
        assert!(one.place.ends_with("acces_key_id (line 3)"), "{one:?}");
        assert!(one.hint.contains("\"access_key_id\""), "{one:?}");
        assert!(two.hint.contains("\"storage_class\""), "{two:?}");
        let wrong = section("type = alias\nremote = /x\nregion = y\noverride.ca_certs = /z\n");
        let [one, two] = &wrong[..] else { panic!("{wrong:?}") };
        assert!(one.place.contains("region") && !one.hint.contains("mean"), "{one:?}");
        assert!(two.hint.contains("\"override.ca_cert\""), "{two:?}");
    }

    #[test]
    fn a_setting_that_the_type_does_not_have_is_named() {
        let wrong = |kind, keys: &[&str]| of_settings(kind, keys.iter().copied());
        let [one, two] = &wrong("s3", &["regoin", "chunk_size", "colour"])[..] else { panic!() };
        assert!(one.place == "regoin=" && one.hint.contains("\"region\""), "{one:?}");
        assert!(two.place == "colour=" && !two.hint.contains("mean"), "{two:?}");
        assert!(wrong("s3", &["override.ca_cert", "description", "config_token"]).is_empty());
        let [one] = &wrong("drpbox", &["x", "y"])[..] else { panic!("once, and not each setting") };
        assert!(one.hint.contains("\"dropbox\"") || FEW_TYPES, "{one:?}");
    }

    #[test]
    fn what_every_type_has_is_no_mistake() {
        for lines in [
            "type = alias\nremote = /x\ndescription = NAS # 2 ; in the cellar\n",
            "type = s3\noverride.ca_cert = /x\nglobal.bwlimit = 1M\nenv_auth = true\n",
            "type = crypt\nremote = a:b\nfilename_encoding = base64\n",
            "type = crypt\npassword = P3JucdY7GPSrEMO5WX11rMZCqf7VxHuKLR3j9BJECAdh\n",
            "type = s3\nchunk_size = 8M\nuse_multipart_etag = unset\nlist_chunk =\n",
        ] {
            assert!(section(lines).is_empty(), "{lines}: {:?}", section(lines));
        }
    }

    #[test]
    fn a_value_that_rclone_does_not_take_and_a_key_that_stands_twice_are_named() {
        let wrong =
            section("type = s3\nenv_auth = perhaps\nregion = x\nchunk_size = 8Q\nregion = y\n");
        let found: Vec<_> =
            wrong.iter().map(|problem| (&problem.place[..], &problem.what)).collect();
        let has = |key: &str, word: &str| {
            found.iter().any(|(place, what)| place.contains(key) && what.contains(word))
        };
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(has("env_auth (line 3)", "true or false"), "{found:?}");
        assert!(has("chunk_size (line 5)", "8M") && has("region (line 6)", "twice"), "{found:?}");
        assert!(!format!("{wrong:?}").contains("perhaps"));
        let [torn] = &section("type = crypt\npassword = hunter2\n")[..] else { panic!() };
        assert!(torn.what.contains("keeps passwords") && !format!("{torn:?}").contains("hunter2"));
    }

    #[test]
    fn an_unknown_type_and_a_comment_behind_a_value_are_named() {
        let [problem] = &section("type = s4\n")[..] else { panic!() };
        assert!(problem.what.contains("s4") && problem.hint.contains("\"s3\""), "{problem:?}");
        for lines in ["type = alias ; my disk\nremote = /x\n", "type = s3\nenv_auth = true # y\n"] {
            let [problem] = &section(lines)[..] else { panic!("{lines}") };
            assert!(problem.what.contains("comment"), "{problem:?}");
            assert!(problem.hint.contains("line of its own"), "{problem:?}");
        }
    }
}
