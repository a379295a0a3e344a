//! Whether the machine runs on its battery, and how full that is.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::launch::said;

/// It answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What feeds the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Power {
    /// A cable, or nothing that tells.
    #[default]
    Mains,
    /// The battery, and its percent, where they are known.
    Battery(Option<u8>),
}

/// Asks the system. One that does not tell has a cable.
pub fn now() -> Power {
    if cfg!(target_os = "macos") {
        let said = said(&["pmset", "-g", "batt"], PATIENCE);
        return said.map_or(Power::Mains, |said| of_pmset(&said));
    }
    below(Path::new("/sys/class/power_supply"))
}

/// What `/sys/class/power_supply` says (Documentation/ABI/testing/sysfs-class-power).
fn below(dir: &Path) -> Power {
    let supplies = fs::read_dir(dir).into_iter().flatten().flatten();
    let read = |dir: &Path, name: &str| {
        fs::read_to_string(dir.join(name)).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let (mut plugged, mut discharging, mut levels) = (false, false, Vec::new());
    for dir in supplies.map(|supply| supply.path()) {
        // That of a mouse.
        if read(&dir, "scope") == "Device" {
            continue;
        }
        match read(&dir, "type").as_str() {
            "Battery" | "UPS" => {
                discharging |= read(&dir, "status") == "Discharging";
                levels.extend(read(&dir, "capacity").parse::<u8>().ok());
            }
            // Mains, USB, USB_PD, Wireless …; 2 is a supply that can be programmed.
            _ => plugged |= matches!(read(&dir, "online").as_str(), "1" | "2"),
        }
    }
    if plugged || !discharging {
        return Power::Mains;
    }
    let sum: usize = levels.iter().map(|level| usize::from(*level)).sum();
    let percent = sum.checked_div(levels.len()).and_then(|level| u8::try_from(level).ok());
    Power::Battery(percent)
}

/// What `pmset -g batt` says on macOS:
///
/// ```text
/// Now drawing from 'Battery Power'
///  -InternalBattery-0 (id=1234567)    85%; discharging; 4:30 remaining present: true
/// ```
///
/// Of a Mac without a battery it is 'UPS Power' that says so.
fn of_pmset(said: &str) -> Power {
    let source = said.lines().next().unwrap_or_default();
    if !["'Battery Power'", "'UPS Power'"].iter().any(|battery| source.contains(battery)) {
        return Power::Mains;
    }
    let percent = said.lines().skip(1).find(|line| line.contains("discharging")).and_then(|line| {
        let (before, _) = line.split_once('%')?;
        before.rsplit([' ', '\t']).next()?.parse().ok()
    });
    Power::Battery(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A supply: `key=value` are its files.
    fn power(supplies: &[&str]) -> Power {
        let dir = tempfile::tempdir().unwrap();
        for (number, files) in supplies.iter().enumerate() {
            let supply = dir.path().join(number.to_string());
            fs::create_dir(&supply).unwrap();
            for (name, text) in files.split_whitespace().filter_map(|file| file.split_once('=')) {
                fs::write(supply.join(name), format!("{text}\n")).unwrap();
            }
        }
        below(dir.path())
    }

    #[test]
    fn a_table_of_machines() {
        let (cable, none) = ("type=Mains online=1", "type=Mains online=0");
        let battery = |status, level| format!("type=Battery status={status} capacity={level}");
        let (full, empty) = (&*battery("Discharging", "90"), &*battery("Discharging", "11"));
        let (idle, charging) = (&*battery("Unknown", "100"), &*battery("Charging", "50"));
        let mouse = &*format!("{empty} scope=Device");
        for (what, supplies, wanted) in [
            ("a desktop", &[][..], Power::Mains),
            ("with a mouse", &[mouse], Power::Mains),
            ("plugged in", &[cable, charging], Power::Mains),
            ("plugged in, and yet", &[cable, full], Power::Mains),
            ("by USB", &["type=USB online=1", none, full], Power::Mains),
            ("on the way", &[none, full], Power::Battery(Some(90))),
            ("two batteries, one at rest", &[none, empty, idle], Power::Battery(Some(55))),
            ("one that does not tell", &[none, "type=Battery status=Discharging"], UNKNOWN),
            ("no cable known", &[empty], Power::Battery(Some(11))),
            ("a UPS without power", &["type=UPS status=Discharging capacity=40"], FORTY),
        ] {
            assert_eq!(power(supplies), wanted, "{what}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(below(&dir.path().join("absent")), Power::Mains);
    }

    const UNKNOWN: Power = Power::Battery(None);
    const FORTY: Power = Power::Battery(Some(40));

    #[test]
    fn what_pmset_says_is_understood() {
        let said = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=4653155)\t85%; \
                    discharging; 4:30 remaining present: true\n";
        assert_eq!(of_pmset(said), Power::Battery(Some(85)));
        let said = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=4653155)\t100%; charged; \
                    0:00 remaining present: true\n";
        assert_eq!(of_pmset(said), Power::Mains);
        let said = "Now drawing from 'UPS Power'\n -Back-UPS ES 700 (id=1769472)\t40%; \
                    discharging; 0:21 remaining present: true\n";
        assert_eq!(of_pmset(said), Power::Battery(Some(40)));
        assert_eq!(of_pmset("Now drawing from 'AC Power'\n"), Power::Mains);
        assert_eq!(of_pmset(""), Power::Mains);
        assert_eq!(of_pmset("Now drawing from 'Battery Power'\n"), Power::Battery(None));
    }
}
