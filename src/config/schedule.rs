//! `"schedule"` of poof.conf: what a run that nobody watches has to mind, and when it
//! speaks up.

use std::time::Duration;

use serde_json::{Map, Value};

use super::hooks::argv;
use super::poof_conf::PoofConf;
use super::status::{Problem, Status};
use crate::base::secret::Secret;
use crate::base::units::span;

const NETWORK_WAIT: Duration = Duration::from_mins(5);
const ALERT_AFTER_FAILURES: u32 = 3;
const ALERT_AFTER_DAYS: u32 = 7;

/// A key that is not set has the value that [`Schedule::default`] gives it.
pub struct Schedule {
    /// On battery below this, in percent, nothing runs. 0: it always does.
    pub battery_min_percent: u8,
    /// On a metered connection nothing runs.
    pub skip_metered: bool,
    /// How long the remote may be out of reach before a run is given up.
    pub network_wait: Duration,
    /// So many runs in a row that failed are a trouble. 0: none is.
    pub alert_after_failures: u32,
    /// So many days without a proven snapshot are one. 0: none is.
    pub alert_after_days: u32,
    /// Whether the desktop shows it.
    pub notify: bool,
    /// Runs when there is a trouble, and when it is over.
    pub alert_command: Option<Vec<String>>,
    /// Is asked for after each run. Whoever knows it can report in our name.
    pub ping_url: Option<Secret>,
    /// The same after a run that failed, in place of `ping_url` with /fail.
    pub ping_fail_url: Option<Secret>,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule {
            battery_min_percent: 0,
            skip_metered: false,
            network_wait: NETWORK_WAIT,
            alert_after_failures: ALERT_AFTER_FAILURES,
            alert_after_days: ALERT_AFTER_DAYS,
            notify: true,
            alert_command: None,
            ping_url: None,
            ping_fail_url: None,
        }
    }
}

impl Schedule {
    /// All keys of the section.
    pub const KEYS: [&str; 9] = [
        "alert_after_days",
        "alert_after_failures",
        "alert_command",
        "battery_min_percent",
        "network_wait",
        "notify",
        "ping_fail_url",
        "ping_url",
        "skip_metered",
    ];

    /// Keys of the section that mean nothing: words that somebody may have misspelt.
    pub fn unknown(conf: &PoofConf) -> Vec<&str> {
        let section = conf.get("schedule").and_then(Value::as_object);
        let keys = section.into_iter().flatten().map(|(key, _)| key.as_str());
        keys.filter(|key| !Self::KEYS.contains(key)).collect()
    }

    /// # Errors
    /// A [`Problem`] that names the key.
    pub fn of(conf: &PoofConf) -> Result<Self, Problem> {
        let usual = Schedule::default();
        let empty = Map::new();
        let section = match conf.get("schedule") {
            None => &empty,
            Some(Value::Object(section)) => section,
            Some(_) => {
                let what = "\"schedule\" must be an object";
                let hint = "Write \"schedule\": {\"skip_metered\": true}.";
                return Err(Problem::new(Status::InvalidPoofConfig, "poof.conf", what, hint));
            }
        };
        let key = |name| Key { name, value: section.get(name).filter(|value| !value.is_null()) };
        let mut wrong = Vec::new();
        let schedule = Schedule {
            battery_min_percent: kept(key("battery_min_percent").number(0, 100), &mut wrong),
            skip_metered: kept(key("skip_metered").flag(usual.skip_metered), &mut wrong),
            network_wait: kept(key("network_wait").span(usual.network_wait), &mut wrong),
            alert_after_failures: kept(
                key("alert_after_failures").number(usual.alert_after_failures, 1_000_000),
                &mut wrong,
            ),
            alert_after_days: kept(
                key("alert_after_days").number(usual.alert_after_days, 36_500),
                &mut wrong,
            ),
            notify: kept(key("notify").flag(usual.notify), &mut wrong),
            alert_command: kept(key("alert_command").argv(), &mut wrong),
            ping_url: kept(key("ping_url").url(), &mut wrong),
            ping_fail_url: kept(key("ping_fail_url").url(), &mut wrong),
        };
        Problem::all(wrong).map_or(Ok(schedule), Err)
    }
}

/// What was read; nothing where it is wrong, which is noted.
fn kept<T: Default>(read: Result<T, Problem>, wrong: &mut Vec<Problem>) -> T {
    read.map_err(|problem| wrong.push(problem)).unwrap_or_default()
}

/// A key of the section and what it is set to.
struct Key<'a> {
    name: &'static str,
    value: Option<&'a Value>,
}

impl Key<'_> {
    fn number<N: TryFrom<u64> + PartialOrd + Copy + std::fmt::Display>(
        &self,
        usual: N,
        most: N,
    ) -> Result<N, Problem> {
        let what = format!("a whole number from 0 to {most}");
        let read = |value: &Value| N::try_from(value.as_u64()?).ok().filter(|n| *n <= most);
        self.read(usual, read, &what)
    }

    fn flag(&self, usual: bool) -> Result<bool, Problem> {
        self.read(usual, Value::as_bool, "true or false")
    }

    fn span(&self, usual: Duration) -> Result<Duration, Problem> {
        self.read(usual, |value| span(value.as_str()?), "a length of time like \"5m\"")
    }

    fn argv(&self) -> Result<Option<Vec<String>>, Problem> {
        self.read(None, |value| argv(value).map(Some), "[\"program\", \"argument\"]")
    }

    fn url(&self) -> Result<Option<Secret>, Problem> {
        let is_one = |text: &&str| text.starts_with("https://") || text.starts_with("http://");
        let read =
            |value: &Value| Some(Some(Secret::new(value.as_str().filter(is_one)?.to_owned())));
        self.read(None, read, "an address that begins with https:// or http://")
    }

    fn read<T>(
        &self,
        usual: T,
        read: impl FnOnce(&Value) -> Option<T>,
        what: &str,
    ) -> Result<T, Problem> {
        let Some(value) = self.value else { return Ok(usual) };
        read(value).ok_or_else(|| {
            let place = format!("poof.conf \"schedule\" \"{}\"", self.name);
            let hint = "docs/configuration.md, \"Schedule\", has an example.";
            Problem::new(Status::InvalidPoofConfig, place, format!("must be {what}"), hint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(value: &str) -> Result<Schedule, Problem> {
        let text = format!(r#"{{"bucket":"b","remote":"r","paths":{{}},"schedule":{value}}}"#);
        Schedule::of(&PoofConf::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn what_is_not_set_is_as_usual_and_what_is_not_known_is_no_harm() {
        for text in ["null", "{}", r#"{"mine": 1, "notify": null}"#] {
            let usual = schedule(text).unwrap();
            assert_eq!(usual.battery_min_percent, 0);
            assert_eq!(usual.alert_after_failures, 3);
            assert!(usual.notify && !usual.skip_metered && usual.ping_url.is_none());
        }
    }

    #[test]
    fn each_key_is_read() {
        let set = schedule(
            r#"{"battery_min_percent": 20, "skip_metered": true, "network_wait": "90s",
                "alert_after_failures": 0, "alert_after_days": 2, "notify": false,
                "alert_command": ["mail", "-s", "x"], "ping_url": "https://h/1",
                "ping_fail_url": "http://h/2"}"#,
        )
        .unwrap();
        assert_eq!((set.battery_min_percent, set.skip_metered), (20, true));
        assert_eq!(set.network_wait, Duration::from_secs(90));
        assert_eq!((set.alert_after_failures, set.alert_after_days), (0, 2));
        assert_eq!(set.alert_command.unwrap(), ["mail", "-s", "x"]);
        assert_eq!(set.ping_url.unwrap().expose(), "https://h/1");
        assert!(set.ping_fail_url.is_some() && !set.notify);
    }

    #[test]
    fn a_key_that_is_misspelt_is_found() {
        let conf = |key: &str| {
            let text = format!(
                r#"{{"bucket":"b","remote":"r","paths":{{}},"schedule":{{"{key}":null}}}}"#
            );
            PoofConf::parse(text.as_bytes()).unwrap()
        };
        assert_eq!(Schedule::unknown(&conf("skip_metred")), ["skip_metred"]);
        for key in Schedule::KEYS {
            assert!(Schedule::unknown(&conf(key)).is_empty());
        }
    }

    #[test]
    fn a_wrong_value_is_named_by_its_key_and_not_quoted() {
        for (value, key) in [
            (r#""hunter2""#, "schedule"),
            (r#"{"battery_min_percent": 101}"#, "battery_min_percent"),
            (r#"{"battery_min_percent": "hunter2"}"#, "battery_min_percent"),
            (r#"{"skip_metered": "yes"}"#, "skip_metered"),
            (r#"{"network_wait": 5}"#, "network_wait"),
            (r#"{"alert_after_days": -1}"#, "alert_after_days"),
            (r#"{"alert_after_failures": 1.5}"#, "alert_after_failures"),
            (r#"{"alert_command": "mail hunter2"}"#, "alert_command"),
            (r#"{"ping_url": "file:///hunter2"}"#, "ping_url"),
        ] {
            let problem = schedule(value).err().unwrap();
            assert!(format!("{problem:?}").contains(key), "{value}: {problem:?}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }
}
