//! How what happens is said to people: the one place where an event becomes a text.

use std::path::Path;
use std::time::Duration;

use super::event::{Action, Bytes, Event, Finding, On, Tone, Wiped};
use crate::base::shown::{name_of, one_line, quoted};
use crate::base::units::{bytes, clock, date, files};
use crate::host::mounts::Mount;
use crate::tree::wipe::Achieved;

/// What people read of an event, and how it is said. None: programs alone hear of it, or
/// it is said with others, in a text of its own.
pub fn said(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    Some(match event {
        E::Text { tone, text } => (*tone, text.clone()),
        E::Warning { message } => (Tone::Warning, message.clone()),
        E::Version { poof, rclone } => {
            (Tone::Result, format!("poof {poof} (rclone {rclone} embedded)"))
        }
        E::Path { name, path } => (Tone::Result, format!("{name} = {}", shown(path))),
        E::File { content, .. } => {
            (Tone::Verbatim, text_of(&String::from_utf8_lossy(content.as_bytes())))
        }
        E::Completions { script: text, .. } | E::Man { page: text } => {
            (Tone::Verbatim, text.trim_end().to_owned())
        }
        E::Kit { path, .. } => (Tone::Result, shown(path)),
        E::Plan { action, tree, bytes: size, path } => {
            (Tone::Result, format!("{} {tree}/{} ({})", sign(*action), shown(path), bytes(*size)))
        }
        E::Failed { tree, why, path, .. } => {
            // A server says in it what it likes.
            (Tone::Warning, format!("{tree}/{}: {}", shown(path), one_line(why)))
        }
        E::LeftOut { tree, why, loss, path } => {
            let tone = if *loss { Tone::Warning } else { Tone::Note };
            (tone, format!("{tree}/{}: not backed up: {why}", shown(path)))
        }
        E::Drift { tree, what, path } => {
            let shown = shown(path);
            (Tone::Warning, format!("{tree}/{shown}: {what} on the remote; it is sent again"))
        }
        E::Spared { tree, path } => (
            Tone::Warning,
            format!(
                "{tree}/{}: left alone: the last backup could not send it (back it up, or move \
                 it away, and download again)",
                shown(path)
            ),
        ),
        E::Unproven { tree, why, stays, path } => {
            let how = if *stays { "not proven and not wiped" } else { "not proven" };
            (Tone::Warning, format!("{tree}/{}: {how}: {why}", shown(path)))
        }
        E::Left { tree, reason, why, path } => {
            (Tone::Warning, format!("{tree}/{}: {reason}: {why}", shown(path)))
        }
        E::Outside { tree, path } => (
            Tone::Warning,
            format!(
                "{tree}/{}: only this name is gone: the file has another outside of the tree, or \
                 one that is excluded",
                shown(path)
            ),
        ),
        E::Reading { tree, files: count, bytes: size, of } => {
            let share = if count < of { format!(" of {of}") } else { String::new() };
            let (count, size) = (files(*count), bytes(*size));
            (Tone::Note, format!("{tree}: reads back {count}{share}, {size}"))
        }
        E::Finding(finding) => return found(finding),
        E::Checked { tree, intact, lost, foreign, .. } => {
            (Tone::Note, format!("{tree}: {intact} intact, {lost} not, {foreign} foreign"))
        }
        E::Waiting { place, seconds, is_shown: false } => {
            let time = clock(Duration::from_secs(*seconds));
            (Tone::Note, format!("waiting for the {place}, {time}"))
        }
        E::Step { what } => (Tone::Note, format!("demo: {what}")),
        E::Removed { what } => (Tone::Result, format!("removed {what}")),
        E::Secret { name, entry, .. } => {
            (Tone::Done, format!("{name} is in the keychain now, as {entry:?}"))
        }
        E::Target { tree, path } => (Tone::Note, format!("{tree} goes to {path}")),
        E::Snapshot { tree, files: count, bytes: size, made, host } => {
            let (count, size, when) = (files(*count), bytes(*size), date(*made));
            (Tone::Note, format!("{tree}: {count}, {size}, of {when} from {host}"))
        }
        _ => return wiping(event),
    })
}

/// The same of what is wiped, would be, or is to be removed by hand.
fn wiping(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    Some(match event {
        E::Wipe(tree) => (Tone::Done, wiped(tree, "wiped")),
        E::WouldWipe { tree, files: count, bytes: size, achieved, mount, .. } => {
            let (count, size, On(mount)) = (files(*count), bytes(*size), mount);
            let (place, means) = (place(mount.as_ref()), means(achieved, mount.as_ref()));
            (Tone::Result, format!("x {tree}: {count}, {size} would be wiped{place}: {means}"))
        }
        E::WouldStay { tree, files: count, bytes: size, mount: On(mount), path } => {
            let (count, size, place) = (files(*count), bytes(*size), place(mount.as_ref()));
            let tree = format!("{tree}/{}", shown(path));
            (Tone::Result, format!("x {tree}: {count}, {size} would stay{place}: not crossed"))
        }
        E::Wiped { tree, since, remote, here } if remote == here => {
            let when = date(*since);
            (Tone::Done, format!("{tree}: wiped on {when}; `poof download` brings it back"))
        }
        E::Wiped { tree, since, remote, here } => {
            let when = date(*since);
            let what = format!(
                "{tree}: wiped on {when}, and its snapshot is on {remote}, not on {here}: `poof \
                 cryptoggle` switches back to it"
            );
            (Tone::Warning, what)
        }
        E::WouldRemove { path: Some(path), .. } => (Tone::Result, format!("x {}", shown(path))),
        E::WouldRemove { what: Some(what), .. } => (Tone::Result, format!("x {what}")),
        E::WouldForget { entry } => (Tone::Result, format!("x {entry:?} in the keychain")),
        E::Trace { what, command } => {
            (Tone::Warning, format!("left: {what}; to remove it: {command}"))
        }
        E::PlainCopy { place, files: count, bytes: size, configured, .. } => {
            let whose = if *configured { "" } else { ", of no directory in poof.conf" };
            let (count, size) = (files(*count), bytes(*size));
            (Tone::Result, format!("- {place}: {count}, {size}, in clear{whose}"))
        }
        E::Versions { place, count, bytes: size, more, locked, conf, .. } => {
            let at_least = if *more { "at least " } else { "" };
            let lock =
                if *locked { " It locks objects: some stay until their time is over." } else { "" };
            let count =
                if *count == 1 { "1 version".to_owned() } else { format!("{count} versions") };
            let size = bytes(*size);
            let what = format!(
                "the bucket keeps versions: of {place} it still holds {at_least}{count}, {size}, \
                 in clear (`rclone --config {conf} backend cleanup-hidden '{place}'` removes \
                 them).{lock}"
            );
            (Tone::Warning, what)
        }
        _ => return None,
    })
}

fn shown(path: &Bytes) -> String {
    name_of(path.as_bytes()).into_owned()
}

/// Without the line ends, of which the terminal has its own.
fn text_of(text: &str) -> String {
    text.trim_end_matches('\n').to_owned()
}

fn sign(action: Action) -> char {
    match action {
        Action::Add => '+',
        Action::Update => '*',
        Action::Move => '>',
        Action::Attributes => '=',
        Action::Delete => '-',
    }
}

fn found(finding: &Finding) -> Option<(Tone, String)> {
    let Finding { tree, what, path, holds, why, aloud, at_top } = finding;
    let path = path.as_ref().filter(|_| *aloud)?;
    let more = match (*what, holds, why) {
        ("stale", ..) => ": it is an older version".to_owned(),
        (_, Some(of), _) => format!(": it holds {tree}/{}", shown(of)),
        ("wrong", ..) => ": what is read back is not what was stored".to_owned(),
        (_, _, Some(why)) => format!(": {why}"),
        _ => String::new(),
    };
    let below = if *at_top { String::new() } else { format!("{tree}/") };
    Some((Tone::Result, format!("{what} {below}{}{more}", shown(path))))
}

/// `Documents: wiped 12 files, 1.50 MiB on /home (ext4): …`
pub fn wiped(wiped: &Wiped, what: &str) -> String {
    let Wiped { tree, files: count, bytes: size, achieved, mount: On(mount), .. } = wiped;
    let (count, size, place) = (files(*count), bytes(*size), place(mount.as_ref()));
    format!("{tree}: {what} {count}, {size}{place}: {}", means(achieved, mount.as_ref()))
}

/// ` on /home (ext4)`
fn place(mount: Option<&Mount>) -> String {
    mount.map(|mount| format!(" on {} ({})", mount.point, mount.kind)).unwrap_or_default()
}

/// What a wipe achieves on `mount`, in words.
fn means(achieved: &[Achieved], mount: Option<&Mount>) -> String {
    let words = achieved.iter().map(|said| match (said, mount) {
        // Time Machine makes one each hour, and keeps it for a day.
        (Achieved::Snapshots, Some(Mount { kind, point, .. })) if kind == "apfs" => {
            format!("{} (`tmutil listlocalsnapshots {}`)", said.text(), quoted(Path::new(point)))
        }
        _ => said.text().to_owned(),
    });
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshots_of_time_machine_are_named_by_what_lists_them() {
        let mount = |kind: &str| Mount {
            kind: kind.to_owned(),
            point: "/Volumes/my disk".to_owned(),
            ..Mount::default()
        };
        let of =
            |kind: &str| means(&[Achieved::CopiesOnWrite, Achieved::Snapshots], Some(&mount(kind)));
        assert!(of("apfs").ends_with("hold it (`tmutil listlocalsnapshots '/Volumes/my disk'`)"));
        assert!(of("btrfs").ends_with("snapshots may hold it"));
    }

    #[test]
    fn a_name_that_a_terminal_would_obey_is_shown_and_not_obeyed() {
        let event = Event::Spared { tree: "t".into(), path: Bytes::path(b"\x1b[2J\nx") };
        let (tone, text) = said(&event).unwrap();
        assert_eq!(tone, Tone::Warning);
        assert!(text.starts_with("t/\\u{1b}[2J\\nx: left alone"), "{text}");
    }

    #[test]
    fn what_many_findings_would_hide_is_for_programs_alone() {
        let finding = |aloud| {
            Event::Finding(Finding {
                tree: "t".into(),
                what: "swapped",
                path: Some(Bytes::path(b"a")),
                holds: Some(Bytes::holds(b"b")),
                why: None,
                aloud,
                at_top: false,
            })
        };
        assert_eq!(said(&finding(true)), Some((Tone::Result, "swapped t/a: it holds t/b".into())));
        assert_eq!(said(&finding(false)), None);
    }
}
