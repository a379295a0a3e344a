//! docs/configuration.md says what holds where a key is not set, and says so of each.

use serde_json::{Map, Value, json};

use super::bundle::bundle;
use super::hooks::Hooks;
use super::patience::patience;
use super::poof_conf::PoofConf;
use super::schedule::Schedule;
use super::status::Problem;

const PAGE: &str = include_str!("../../docs/configuration.md");

/// Each key with what the page says below its heading.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.split("\n### `").skip(1).filter_map(|section| section.split_once("`\n"))
}

/// The keys whose default is a value, and that value.
fn defaults() -> Vec<(&'static str, Value)> {
    let value = |text: &str| {
        let (value, _) = text.split_once("Default: ")?.1.split_once(['.', '\n'])?;
        serde_json::from_str(value.trim_matches('`')).ok()
    };
    sections().filter_map(|(key, text)| Some((key, value(text)?))).collect()
}

/// What poof makes of a poof.conf with `value` for `key`.
fn effect(key: &str, value: Value) -> Result<String, Problem> {
    let mut all = Map::new();
    match key.split_once('.') {
        Some((section, key)) => all.insert(section.to_owned(), json!({key: value})),
        None => all.insert(key.to_owned(), value),
    };
    all.extend([("bucket", json!("b")), ("remote", json!("r"))].map(|(k, v)| (k.to_owned(), v)));
    all.insert("paths".to_owned(), json!({}));
    let conf = PoofConf::parse(Value::Object(all).to_string().as_bytes())?;
    let (hooks, schedule) = (Hooks::of(&conf)?, Schedule::of(&conf)?);
    let numbers = (
        schedule.battery_min_percent,
        schedule.alert_after_failures,
        schedule.alert_after_days,
        schedule.network_wait,
    );
    let flags = (schedule.skip_metered, schedule.notify);
    let bundle = bundle(&conf)?;
    Ok(format!("{:?} {:?} {numbers:?} {flags:?} {bundle:?}", hooks.limit, patience(&conf)?))
}

#[test]
fn a_key_that_is_not_set_has_the_default_of_the_page() {
    let usual = effect("_", Value::Null).unwrap();
    let defaults = defaults();
    assert_eq!(defaults.len(), 9, "{defaults:?}");
    for (key, value) in defaults {
        assert_eq!(effect(key, value).unwrap(), usual, "{key}");
    }
    assert_ne!(effect("patience", json!("1h")).unwrap(), usual);
    assert_ne!(effect("schedule.notify", json!(false)).unwrap(), usual);
}

#[test]
fn each_key_of_the_page_is_required_or_has_a_default() {
    for (key, text) in sections().filter(|(key, _)| *key != "confFile") {
        let first = text.split("\n\n").find(|text| !text.is_empty()).unwrap_or_default();
        assert!(first.contains("required") || first.contains("Default: "), "{key}: {first}");
    }
    assert!(sections().count() > 15);
}
