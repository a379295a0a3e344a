//! What is another in a configuration than it was: keys, and never a value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::poof_conf::PoofConf;
use super::rclone_conf::RcloneConf;

/// Keys of poof.conf, e.g. `"bucket" (changed)`; of the sections that hold others, each.
pub fn of_poof(old: &[u8], new: &[u8]) -> Vec<String> {
    let keys = |bytes: &[u8]| {
        let conf = PoofConf::parse(bytes).ok()?;
        let mut keys = BTreeMap::new();
        for (key, value) in conf.keys().filter_map(|key| Some((key, conf.get(key)?))) {
            match value {
                Value::Object(inner) => keys.extend(
                    inner.iter().map(|(name, v)| (format!("{key:?} {name:?}"), v.to_string())),
                ),
                other => {
                    keys.insert(format!("{key:?}"), other.to_string());
                }
            }
        }
        Some(keys)
    };
    between(old, new, keys)
}

/// Keys of rclone-poof.conf, e.g. `[poof-backup].endpoint (new)`.
pub fn of_rclone(old: &[u8], new: &[u8]) -> Vec<String> {
    let keys = |bytes: &[u8]| {
        let conf = RcloneConf::parse(bytes).ok()?;
        let sections = conf.sections().flat_map(|section| {
            conf.values(section).into_iter().map(move |(key, v)| (format!("[{section}].{key}"), v))
        });
        Some(sections.collect())
    };
    between(old, new, keys)
}

fn between(
    old: &[u8],
    new: &[u8],
    keys: impl Fn(&[u8]) -> Option<BTreeMap<String, String>>,
) -> Vec<String> {
    if old == new {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (keys(old), keys(new)) else {
        return vec!["all of it (it cannot be compared key by key)".to_owned()];
    };
    let mut found = Vec::new();
    for (key, value) in &new {
        match old.get(key) {
            None => found.push(format!("{key} (new)")),
            Some(before) if before != value => found.push(format!("{key} (changed)")),
            Some(_) => {}
        }
    }
    found.extend(
        old.keys().filter(|key| !new.contains_key(*key)).map(|key| format!("{key} (gone)")),
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_and_values_are_not() {
        let old = br#"{"bucket":"b","remote":"r","paths":{"/a":"a"},"schedule":{"notify":true}}"#;
        let new = br#"{"bucket":"hunter2","remote":"r","paths":{"/b":"a"},"before":["hunter2"],
                       "schedule":{"notify":true,"alert_command":["hunter2"]}}"#;
        let wanted = [
            "\"before\" (new)",
            "\"bucket\" (changed)",
            "\"paths\" \"/b\" (new)",
            "\"schedule\" \"alert_command\" (new)",
            "\"paths\" \"/a\" (gone)",
        ];
        assert_eq!(of_poof(old, new), wanted);
        let (old, new) = (b"[a]\ntype = s3\nx = 1\n", b"[a]\ntype = s3\nendpoint = hunter2\n");
        assert_eq!(of_rclone(old, new), ["[a].endpoint (new)", "[a].x (gone)"]);
        assert_eq!(of_rclone(old, old), [""; 0]);
        assert_eq!(of_poof(b"hunter2", b"{}").len(), 1);
        assert!(!of_poof(b"hunter2", b"{}")[0].contains("hunter2"));
    }
}
