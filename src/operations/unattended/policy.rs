//! Whether a run that the scheduler has started is to do anything.

use std::fmt;
use std::time::Duration;

use crate::host::power::Power;
use crate::operations::run_history::Last;

/// A run that failed is tried again after this, then after twice as long, in seconds.
const FIRST_RETRY: u64 = 5 * 60;
/// What is early by less than this counts as due, in seconds, and by less than a
/// twentieth of the distance: schedulers do not call to the second.
const EARLY: u64 = 5 * 60;
/// Distances between two looks for the network.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LAST_LOOK: Duration = Duration::from_secs(30);

/// All that the decision goes by. Times are in seconds since 1970.
#[derive(Clone, Copy)]
pub struct Conditions {
    pub now: u64,
    /// The distance of two runs, in seconds; none, if the scheduler calls just when one
    /// is due.
    pub every: Option<u64>,
    pub last: Last,
    /// Another poof is at work on this configuration.
    pub busy: bool,
    pub power: Power,
    pub metered: bool,
    pub network: Network,
    pub limits: Limits,
}

/// How the remote can be reached.
#[derive(Clone, Copy)]
pub enum Network {
    /// It answers, or is on a disk.
    Up,
    /// It is on a disk that is not attached.
    Unplugged,
    /// It has not answered so many times, for so long; `route`: there is a way out of
    /// this machine.
    Down { waited: Duration, looks: u32, route: bool },
}

/// What poof.conf says.
#[derive(Clone, Copy)]
pub struct Limits {
    /// In percent; 0: the battery does not matter.
    pub battery: u8,
    pub skip_metered: bool,
    pub network_wait: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    Run,
    /// Not before then.
    NotDue(u64),
    Skip(Reason),
    /// Wait so long, and look again.
    WaitForNetwork(Duration),
}

/// Why a run that is due does nothing. It is no failure.
#[derive(Debug, PartialEq, Eq)]
pub enum Reason {
    Busy,
    Battery(u8),
    Metered,
    Offline,
    Unplugged,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Busy => f.write_str("another poof is at work on this configuration"),
            Reason::Battery(percent) => write!(f, "on battery, at {percent} %"),
            Reason::Metered => f.write_str("the connection is metered"),
            Reason::Unplugged => f.write_str("the disk of the remote is not attached"),
            Reason::Offline => f.write_str("this machine is offline"),
        }
    }
}

/// The decision.
pub fn decide(conditions: &Conditions) -> Decision {
    let Conditions { now, every, last, busy, power, metered, network, limits } = *conditions;
    if busy {
        return Decision::Skip(Reason::Busy);
    }
    if let Some(at) = every.and_then(|every| due(last, every, now)) {
        return Decision::NotDue(at);
    }
    match power {
        Power::Battery(Some(percent)) if percent < limits.battery => {
            return Decision::Skip(Reason::Battery(percent));
        }
        // A battery that does not tell is no reason.
        _ => {}
    }
    if metered && limits.skip_metered {
        return Decision::Skip(Reason::Metered);
    }
    match network {
        Network::Down { waited, looks, .. } if waited < limits.network_wait => {
            let distance = FIRST_LOOK.saturating_mul(1 << looks.saturating_sub(1).min(10));
            let left = limits.network_wait.saturating_sub(waited);
            Decision::WaitForNetwork(distance.min(LAST_LOOK).min(left))
        }
        Network::Unplugged => Decision::Skip(Reason::Unplugged),
        Network::Down { route: false, .. } => Decision::Skip(Reason::Offline),
        // The network is there and the remote is not, which is a failure: the run has the
        // words for it. Or it can be reached in a way that only the run knows.
        Network::Up | Network::Down { .. } => Decision::Run,
    }
}

/// When the next run is due, if that is not now.
pub fn due(last: Last, every: u64, now: u64) -> Option<u64> {
    let (since, distance) = match last {
        Last::Never | Last::BrokenOff => return None,
        Last::Done { begun } => (begun, every - EARLY.min(every / 20)),
        Last::Failed { ended, failures } => {
            let again = FIRST_RETRY << failures.saturating_sub(1).min(20);
            (ended, again.min(every))
        }
    };
    // From a time that is still to come nothing can be reckoned: the clock was set back.
    let at = since.saturating_add(distance);
    (since <= now && at > now).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const NOW: u64 = 1_000 * HOUR;

    /// Nothing speaks against a run, and none has been yet.
    const FINE: Conditions = Conditions {
        now: NOW,
        every: Some(6 * HOUR),
        last: Last::Never,
        busy: false,
        power: Power::Mains,
        metered: false,
        network: Network::Up,
        limits: Limits { battery: 0, skip_metered: false, network_wait: Duration::from_mins(5) },
    };

    fn done(hours_ago: u64) -> Conditions {
        Conditions { last: Last::Done { begun: NOW - hours_ago * HOUR }, ..FINE }
    }

    fn failed(minutes_ago: u64, failures: u32) -> Conditions {
        Conditions { last: Last::Failed { ended: NOW - minutes_ago * 60, failures }, ..FINE }
    }

    fn down(waited: u64, looks: u32, route: bool) -> Network {
        Network::Down { waited: Duration::from_secs(waited), looks, route }
    }

    fn wait(seconds: u64) -> Decision {
        Decision::WaitForNetwork(Duration::from_secs(seconds))
    }

    #[test]
    #[allow(clippy::too_many_lines)] // a table
    fn a_table_of_cases() {
        use Decision::{NotDue, Run, Skip};
        let saving = Limits { battery: 30, ..FINE.limits };
        let thrifty = Limits { skip_metered: true, ..FINE.limits };
        let at = |percent| Power::Battery(Some(percent));
        for (what, conditions, wanted) in [
            ("it never ran", FINE, Run),
            ("the last run is an hour ago", done(1), NotDue(NOW + 5 * HOUR - 300)),
            ("the last run is the distance ago", done(6), Run),
            ("a run was missed", done(9), Run),
            ("many were missed: it runs once", done(900), Run),
            ("the scheduler is early by a minute", Conditions { now: NOW - 60, ..done(6) }, Run),
            (
                "a short distance leaves little room for that",
                Conditions {
                    every: Some(15 * 60),
                    last: Last::Done { begun: NOW - 14 * 60 },
                    ..FINE
                },
                NotDue(NOW + 15),
            ),
            ("the scheduler knows when", Conditions { every: None, ..done(1) }, Run),
            (
                "the clock was set back, before the last run",
                Conditions { last: Last::Done { begun: NOW + 3 * HOUR }, ..FINE },
                Run,
            ),
            (
                "the clock was set back, after the last failure",
                Conditions { last: Last::Failed { ended: NOW + 1, failures: 9 }, ..FINE },
                Run,
            ),
            ("the clock is at its beginning", Conditions { now: 0, ..done(1) }, Run),
            ("it failed just now", failed(1, 1), NotDue(NOW + 4 * 60)),
            ("it failed five minutes ago", failed(5, 1), Run),
            ("it failed for the third time", failed(5, 3), NotDue(NOW + 15 * 60)),
            ("and twenty minutes later", failed(20, 3), Run),
            ("it fails for ever", failed(5 * 60, 4_000_000_000), NotDue(NOW + HOUR)),
            ("but not less often than it runs", failed(6 * 60, 4_000_000_000), Run),
            ("it was broken off", Conditions { last: Last::BrokenOff, ..FINE }, Run),
            ("another is at work", Conditions { busy: true, ..FINE }, Skip(Reason::Busy)),
            (
                "another is at work, and it is not due",
                Conditions { busy: true, ..done(1) },
                Skip(Reason::Busy),
            ),
            ("on battery, and nobody minds", Conditions { power: at(3), ..FINE }, Run),
            (
                "on battery, below the limit",
                Conditions { power: at(29), limits: saving, ..FINE },
                Skip(Reason::Battery(29)),
            ),
            ("on battery, at the limit", Conditions { power: at(30), limits: saving, ..FINE }, Run),
            ("plugged in again", Conditions { limits: saving, ..FINE }, Run),
            (
                "a battery that does not tell",
                Conditions { power: Power::Battery(None), limits: saving, ..FINE },
                Run,
            ),
            (
                "not due goes before the battery: nothing is to be said",
                Conditions { power: at(1), limits: saving, ..done(1) },
                NotDue(NOW + 5 * HOUR - 300),
            ),
            ("metered, and nobody minds", Conditions { metered: true, ..FINE }, Run),
            (
                "metered",
                Conditions { metered: true, limits: thrifty, ..FINE },
                Skip(Reason::Metered),
            ),
            ("no answer yet", Conditions { network: down(0, 1, true), ..FINE }, wait(2)),
            ("still none", Conditions { network: down(2, 2, false), ..FINE }, wait(4)),
            ("looks grow apart", Conditions { network: down(100, 40, true), ..FINE }, wait(30)),
            ("the last one", Conditions { network: down(293, 9, true), ..FINE }, wait(7)),
            ("the remote is gone", Conditions { network: down(300, 9, true), ..FINE }, Run),
            (
                "in an aeroplane",
                Conditions { network: down(300, 9, false), ..FINE },
                Skip(Reason::Offline),
            ),
            (
                "metered goes before the network: nobody is asked over it",
                Conditions { metered: true, network: down(0, 1, true), limits: thrifty, ..FINE },
                Skip(Reason::Metered),
            ),
            (
                "nobody wants to wait",
                Conditions {
                    network: down(0, 1, true),
                    limits: Limits { network_wait: Duration::ZERO, ..FINE.limits },
                    ..FINE
                },
                Run,
            ),
        ] {
            assert_eq!(decide(&conditions), wanted, "{what}");
        }
    }
}
