//! The browser of the desktop, where there is one.

use std::env;
use std::ffi::OsString;

use super::launch;
use super::paths::System;

/// Opens an address in it. Says whether that was tried: root has no browser, and neither has
/// a machine without a display.
pub fn open(address: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let has_display = has_display(System::current(), |name| env::var_os(name));
    let is_address = address.starts_with("https://") || address.starts_with("http://");
    if is_root || !has_display || !is_address {
        return false;
    }
    let program = match System::current() {
        System::MacOs => "open",
        System::Xdg => "xdg-open",
    };
    launch::leave(program, address).is_ok()
}

/// Whether somebody sits in front. Whoever has come by ssh does not.
fn has_display(system: System, env: impl Fn(&str) -> Option<OsString>) -> bool {
    let has = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    match system {
        System::MacOs => !has("SSH_CONNECTION"),
        System::Xdg => has("WAYLAND_DISPLAY") || has("DISPLAY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_display_and_ssh_has_none_on_a_mac() {
        let with = |set: &'static [&str], system| {
            has_display(system, |name| set.contains(&name).then(|| "x".into()))
        };
        assert!(with(&["DISPLAY"], System::Xdg) && with(&["WAYLAND_DISPLAY"], System::Xdg));
        assert!(!with(&["TERM"], System::Xdg));
        assert!(with(&[], System::MacOs) && !with(&["SSH_CONNECTION"], System::MacOs));
        assert!(!has_display(System::Xdg, |_| Some(OsString::new())));
    }

    #[test]
    fn what_is_no_address_is_not_opened() {
        assert!(!open("--version") && !open("file:///etc/passwd"));
    }
}
