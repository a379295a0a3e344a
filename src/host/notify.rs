//! A message on the desktop, where there is one.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::launch::Launch;
use super::paths::System;

const PATIENCE: Duration = Duration::from_secs(10);

/// Shows it. Says whether the desktop took it.
pub fn show(title: &str, text: &str) -> bool {
    let argv = argv(System::current(), title, text);
    let env = bus(|name| env::var_os(name), rustix::process::geteuid().as_raw());
    let env: Vec<_> = env.into_iter().collect();
    let dir = Path::new("/");
    let launch = Launch { argv: &argv, env: &env, dir, limit: PATIENCE, interruptible: true };
    launch.run(&mut |_| {}).is_ok()
}

/// The program of the system. Texts are arguments and no part of a script: what they say
/// cannot become a command.
fn argv(system: System, title: &str, text: &str) -> Vec<String> {
    let words: &[&str] = match system {
        System::MacOs => &[
            "osascript",
            "-e",
            "on run argv",
            "-e",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "-e",
            "end run",
            title,
            text,
        ],
        System::Xdg => {
            &["notify-send", "--app-name=poof", "--icon=dialog-warning", "--", title, text]
        }
    };
    words.iter().map(ToString::to_string).collect()
}

/// Where the desktop listens, which cron does not tell.
fn bus(env: impl Fn(&str) -> Option<OsString>, uid: u32) -> Option<(String, OsString)> {
    const NAME: &str = "DBUS_SESSION_BUS_ADDRESS";
    let path = format!("/run/user/{uid}/bus");
    (env(NAME).is_none() && Path::new(&path).exists())
        .then(|| (NAME.to_owned(), format!("unix:path={path}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_arguments_whatever_they_say() {
        let (title, text) = ("-t\" & quit", "--help; \"'$(x)");
        let linux = argv(System::Xdg, title, text);
        assert_eq!(linux[0], "notify-send");
        assert_eq!(linux[3..], ["--", title, text]);
        let mac = argv(System::MacOs, title, text);
        assert_eq!(mac[0], "osascript");
        assert_eq!(mac[7..], [title, text]);
        assert!(mac[..7].iter().all(|word| !word.contains("quit") && !word.contains("help")));
    }

    #[test]
    fn the_bus_of_a_desktop_is_not_replaced() {
        assert_eq!(bus(|_| Some("unix:path=/x".into()), 0), None);
        assert_eq!(bus(|_| None, u32::MAX), None, "nobody is logged in");
    }
}
