//! Whether there is a network at all, and whether somebody pays for each byte of it.

use std::time::Duration;

use super::launch::said;

/// Both answer at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether `NetworkManager` calls the connection metered, be it a guess. Where there is
/// none (macOS has no such word), nothing is.
pub fn is_metered() -> bool {
    const PROPERTY: [&str; 6] = [
        "busctl",
        "get-property",
        "org.freedesktop.NetworkManager",
        "/org/freedesktop/NetworkManager",
        "org.freedesktop.NetworkManager",
        "Metered",
    ];
    const DEVICES: [&str; 6] =
        ["nmcli", "--terse", "--fields", "GENERAL.STATE,GENERAL.METERED", "device", "show"];
    if cfg!(target_os = "macos") {
        return false;
    }
    match said(&PROPERTY, PATIENCE) {
        Some(said) => of_property(&said),
        None => said(&DEVICES, PATIENCE).is_some_and(|said| of_nmcli(&said)),
    }
}

/// Whether there is a way out of this machine. Where the system does not tell, there may be.
pub fn has_route() -> bool {
    if cfg!(target_os = "macos") {
        return ["-inet", "-inet6"].iter().any(|family| {
            let said = said(&["route", "-n", "get", family, "default"], PATIENCE);
            said.is_some_and(|said| of_route(&said))
        });
    }
    let read = |path: &str| std::fs::read_to_string(path).ok();
    match (read("/proc/net/route"), read("/proc/net/ipv6_route")) {
        (None, None) => true,
        (four, six) => {
            four.is_some_and(|text| is_default(&text)) || six.is_some_and(|text| is_default6(&text))
        }
    }
}

/// What `route get` of macOS says. It ends well where there is none, too, having said
/// "route: writing to routing socket: not in table" on standard error:
///
/// ```text
///    route to: default
/// destination: default
///        mask: default
///     gateway: 192.168.1.1
///   interface: en0
/// ```
fn of_route(said: &str) -> bool {
    said.lines().any(|line| line.trim_start().starts_with("interface:"))
}

/// `u 1`: `NMMetered` is 1 for yes and 3 for a guess that it is (nm-dbus-interface.h).
fn of_property(said: &str) -> bool {
    matches!(said.trim(), "u 1" | "u 3")
}

/// Of the devices that are connected one is metered:
///
/// ```text
/// GENERAL.STATE:100 (connected)
/// GENERAL.METERED:yes (guessed)
/// ```
fn of_nmcli(said: &str) -> bool {
    let mut connected = false;
    said.lines().any(|line| match line.split_once(':') {
        Some(("GENERAL.STATE", state)) => {
            connected = state.trim().starts_with("100");
            false
        }
        Some(("GENERAL.METERED", metered)) => connected && metered.trim().starts_with("yes"),
        _ => false,
    })
}

/// Whether `/proc/net/route` has one to everywhere: Destination and Mask are 0, and it is up.
fn is_default(table: &str) -> bool {
    table.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_up = |flags: &str| u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        matches!(&fields[..], [_, "00000000", _, flags, _, _, _, "00000000", ..] if is_up(flags))
    })
}

/// The same of `/proc/net/ipv6_route`, where `lo` has one that leads nowhere.
fn is_default6(table: &str) -> bool {
    table.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        matches!(&fields[..], [to, "00", .., device] if *device != "lo" && to.bytes().all(|b| b == b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_manager_is_understood() {
        for (said, metered) in
            [("u 0\n", false), ("u 1\n", true), ("u 2\n", false), ("u 3\n", true), ("u 4\n", false)]
        {
            assert_eq!(of_property(said), metered, "{said}");
        }
        let device = |state: &str, metered: &str| {
            format!("GENERAL.STATE:{state}\nGENERAL.METERED:{metered}\n\n")
        };
        let (up, down) = ("100 (connected)", "30 (disconnected)");
        for (said, metered) in [
            (String::new(), false),
            (device(up, "no (guessed)"), false),
            (device(up, "unknown"), false),
            (device(up, "yes (guessed)"), true),
            (device(down, "yes"), false),
            (device(down, "no") + &device(up, "yes"), true),
            (device(down, "yes") + &device(up, "no"), false),
        ] {
            assert_eq!(of_nmcli(&said), metered, "{said}");
        }
    }

    // As route(8) of macOS prints it (print_getmsg in its source, network_cmds).
    #[test]
    fn a_way_out_of_a_mac_has_an_interface() {
        let out = "   route to: default\ndestination: default\n       mask: default\n    \
                   gateway: 192.168.1.1\n  interface: en0\n      flags: <UP,GATEWAY,DONE>\n";
        assert!(of_route(out));
        for none in
            ["", "route: writing to routing socket: not in table\n", "   route to: default\n"]
        {
            assert!(!of_route(none), "{none}");
        }
    }

    #[test]
    fn a_way_out_is_found_in_the_tables_of_the_system() {
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n";
        let out = "wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n";
        let near = "wlan0\t0000A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n";
        let down = "wlan0\t00000000\t0100A8C0\t0002\t0\t0\t600\t00000000\t0\t0\t0\n";
        assert!(is_default(&format!("{head}{near}{out}")));
        assert!(!is_default(&format!("{head}{near}{down}")) && !is_default(head));
        let zero = "0".repeat(32);
        let six = |to: &str, bits: &str, device: &str| {
            format!("{to} {bits} {zero} 00 {zero} ffffffff 00000001 00000001 00200200 {device}\n")
        };
        assert!(is_default6(&six(&zero, "00", "wlan0")));
        assert!(!is_default6(&six(&zero, "00", "   lo")));
        assert!(!is_default6(&six(&"fe80".repeat(8), "40", "wlan0")));
    }
}
