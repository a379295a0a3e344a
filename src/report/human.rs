//! How what happens is said to people: the one place where an event becomes a text.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::event::{
    Action, Bytes, Entry, Event, Fate, FileTrace, Finding, Generation, History, KitFound, Numbers,
    On, Revision, Run, Seen, Snapshot, TraceFate, WipeResult,
};
use super::note::Tone;
use super::scrub;
use crate::base::shown::{name_of, one_line, quoted, typed};
use crate::base::units::{bytes, clock, date, date_with_seconds, files, now, number};
use crate::host::mounts::Mount;
use crate::tree::model::entry::as_path;
use crate::tree::wipe::Achieved;

/// What people read of an event, and how it is said. None: programs alone hear of it, or
/// it is said with others, in a text of its own.
pub fn said(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    Some(match event {
        E::Note(note) => (note.tone(), note.text()),
        E::Warning { message } => (Tone::Warning, message.clone()),
        E::Tree(numbers) => counted(numbers),
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
        E::Entry(entry) => (Tone::Result, listed(entry)),
        E::Generation(found) => (Tone::Result, generation(found)),
        E::Revision(found) => (Tone::Result, revision(found)),
        E::Difference { tree, what, directory, path, .. } => {
            let sign = match *what {
                "new" => '+',
                "gone" => '-',
                "content" => '*',
                _ => '=',
            };
            let slash = if *directory && !path.as_bytes().is_empty() { "/" } else { "" };
            (Tone::Result, format!("{sign} {tree}/{}{slash}", shown(path)))
        }
        E::Checked { tree, intact, lost, foreign, .. } => {
            (Tone::Note, format!("{tree}: {intact} intact, {lost} not, {foreign} foreign"))
        }
        E::Waiting { place, seconds, is_shown: false } => {
            let time = clock(Duration::from_secs(*seconds));
            (Tone::Note, format!("waiting for the {place}, {time}"))
        }
        E::Step { what } => (Tone::Note, format!("demo: {what}")),
        E::Removed { what } => (Tone::Result, format!("removed {what}")),
        E::Target { tree, path } => (Tone::Note, format!("{tree} goes to {path}")),
        E::Snapshot { tree, files: count, bytes: size, made, host } => {
            let (count, size, when) = (files(*count), bytes(*size), date(*made));
            (Tone::Note, format!("{tree}: {count}, {size}, of {when} from {host}"))
        }
        _ => return configured(event).or_else(|| standing(event)).or_else(|| wiping(event)),
    })
}

/// The same of the configuration, and of what is printed as it is.
fn configured(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    Some(match event {
        E::Version { poof, rclone } => {
            (Tone::Result, format!("poof {poof} (rclone {rclone} embedded)"))
        }
        E::Path { name, path } => (Tone::Result, format!("{name} = {}", shown(path))),
        E::File { content, .. } => {
            (Tone::Verbatim, text_of(&String::from_utf8_lossy(content.as_bytes())))
        }
        E::Rehearsed { tree, files: count, bytes: size, lost, changed, .. } => {
            let (tree, count, size) = (one_line(tree), files(*count), bytes(*size));
            let lost = if *lost > 0 { format!(", {lost} not as it was") } else { String::new() };
            let here = match changed {
                None => ", none of it is here".to_owned(),
                Some(0) => String::new(),
                Some(changed) => format!(", {changed} changed here since"),
            };
            (Tone::Note, format!("{tree}: {count}, {size} came back{lost}{here}"))
        }
        E::Completions { script: text, .. } | E::Man { page: text } => {
            (Tone::Verbatim, text.trim_end().to_owned())
        }
        E::Kit { path, .. } => (Tone::Result, shown(path)),
        E::State { question, status } => (Tone::Result, format!("{question}? - {status}")),
        E::Added { tree, path } => {
            (Tone::Done, format!("added {} as {}", shown(path), one_line(tree)))
        }
        E::Dropped { tree, purged, path } => {
            let stays = if *purged {
                "its files stay here".to_owned()
            } else {
                format!(
                    "its files stay here, and its snapshot on the remote (`poof remove {} --purge` \
                     deletes that)",
                    typed(Path::new(tree))
                )
            };
            (Tone::Done, format!("{} is not in poof.conf any more: {stays}", shown(path)))
        }
        E::WouldPurge { tree, files: count, bytes: size } => {
            let (count, size) = (files(*count), bytes(*size));
            (Tone::Result, format!("- {tree}: {count}, {size} on the remote"))
        }
        E::Toggle { from, to, status } => {
            (Tone::Result, format!("Toggle target from {from} to {to} - {status}"))
        }
        E::Login { kind, url, opened } => {
            let who = if *opened { "Your browser opens" } else { "Open in a browser" };
            (Tone::Result, format!("To log in to {kind}: {who}\n\n{url}\n"))
        }
        E::Secret { name, entry, .. } => {
            (Tone::Done, format!("{name} is in the keychain now, as {entry:?}"))
        }
        _ => return None,
    })
}

/// The same of what `status` finds.
fn standing(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    let text = match event {
        E::Directory { tree, presence, since, snapshot, history, seen, .. } => {
            let known = known(snapshot.as_ref(), *seen);
            let past = history.map(past).unwrap_or_default();
            let wiped = match (*presence, since) {
                ("wiping", _) => "; being wiped".to_owned(),
                (_, Some(since)) => format!("; wiped on {}", date(*since)),
                _ => String::new(),
            };
            format!("{}: {known}{wiped}{past}", one_line(tree))
        }
        E::Profile { .. } => profile(event)?,
        E::OtherTree { tree, wiped: true } => format!(
            "{}: on the remote, wiped here, and not in poof.conf: its only copy is there (`poof add \
             DIR {name}` and `poof download --only {name}` bring it back into an empty DIR)",
            one_line(tree),
            name = typed(Path::new(tree))
        ),
        E::OtherTree { tree, .. } => format!(
            "{}: on the remote, and not in poof.conf: of another machine, or nobody backs it up any \
             more (`poof remove {} --purge` deletes it)",
            one_line(tree),
            typed(Path::new(tree))
        ),
        E::Doubt { what, .. } => format!("  {}", one_line(what)),
        E::Status { kit: None, .. } => "kit: none".to_owned(),
        E::Status { kit: Some(KitFound { made, fits: false, .. }), .. } => {
            format!("kit: of {}, the configuration has changed since", date(*made))
        }
        E::Status { kit: Some(KitFound { made, path, weak, .. }), .. } => {
            let weak = if *weak { ", its phrase is weak" } else { "" };
            let place = shown(path);
            let place = if place.is_empty() { "on paper".into() } else { place };
            format!("kit: of {}, fits ({place}){weak}", date(*made))
        }
        E::ScheduledRun { begun, ended, exit_code, next, skipped, trouble, more, .. } => {
            let Run { result, skipped: when, is_scheduled } = more;
            let mut lines = Vec::new();
            if let Some(begun) = begun {
                let how = match (ended, exit_code) {
                    (Some(ended), Some(code)) => {
                        let time = clock(Duration::from_secs(ended.saturating_sub(*begun)));
                        format!("exit code {code} ({result}) after {time}")
                    }
                    _ => "not ended".to_owned(),
                };
                lines.push(format!("last run: {}, {how}", date(*begun)));
            }
            if let (Some(at), Some(why)) = (when, skipped) {
                lines.push(format!("skipped: {}, {why}", date(*at)));
            }
            if *is_scheduled {
                let when =
                    next.map_or("at the next call".to_owned(), |at| format!("after {}", date(at)));
                lines.push(format!("next run: {when}"));
            }
            lines.extend(trouble.as_ref().map(|trouble| format!("trouble: {trouble}")));
            if lines.is_empty() {
                return None;
            }
            lines.join("\n")
        }
        _ => return None,
    };
    Some((Tone::Result, text))
}

/// A profile, in a line or two and one for each thing that deserves a look.
fn profile(event: &Event) -> Option<String> {
    let Event::Profile { profile, remote, backed_up, failures, trouble, lconfig, .. } = event
    else {
        return None;
    };
    let Event::Profile { schedule, schedule_every, schedule_enabled, .. } = event else {
        return None;
    };
    let remote = remote.as_deref().unwrap_or("nobody knows where it goes");
    let mut lines = vec![format!("profile {profile}: {}", one_line(remote))];
    lines.push(match backed_up {
        Some(at) => format!("  last backup: {}, {}", date(*at), ago(now().saturating_sub(*at))),
        None => "  last backup: none".to_owned(),
    });
    let every = schedule_every.as_deref().unwrap_or("so often");
    lines.push(match (schedule.as_str(), schedule_enabled) {
        ("none", _) => format!("  schedule: none (`{lconfig}`)"),
        (kind, true) => format!("  schedule: every {every} ({kind})"),
        (kind, false) => format!("  schedule: every {every} ({kind}), not in force (`{lconfig}`)"),
    });
    if *failures > 0 {
        lines.push(format!("  failed in a row: {failures}"));
    }
    lines.extend(trouble.iter().map(|trouble| format!("  trouble: {trouble}")));
    Some(lines.join("\n"))
}

/// `3 days ago`, of some seconds.
fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// What is known of the snapshot of a directory, and how.
fn known(snapshot: Option<&Snapshot>, seen: Seen) -> String {
    let Some(Snapshot { files: count, bytes: size, made, unproven }) = snapshot else {
        return match seen {
            Seen::AtWipe(count, size) => {
                format!("{}, {}, as last seen", files(count), bytes(size))
            }
            Seen::Last => "no snapshot is known here".to_owned(),
            Seen::Now | Seen::WhenSent => "no snapshot".to_owned(),
        };
    };
    let how = match (unproven, seen) {
        (Some(count @ 1..), _) => format!("{} not proven", files(*count)),
        (_, Seen::Now) => "checked with the server just now".to_owned(),
        (_, Seen::WhenSent) => "proven when it was sent".to_owned(),
        (_, Seen::Last | Seen::AtWipe(..)) => "as last seen".to_owned(),
    };
    format!("{}, {}, snapshot of {}, {how}", files(*count), bytes(*size), date(*made))
}

/// `about 1,234 requests, 56.00 MiB to send`
fn cost(requests: Option<u64>, size: u64, packs: bool) -> String {
    let requests = requests.map(|count| format!("{} requests, ", number(count)));
    let packs = if packs { ", before it is compressed" } else { "" };
    format!("about {}{} to send{packs}", requests.unwrap_or_default(), bytes(size))
}

/// `data: 3 new, 1 changed, 0 removed, 5,004 unchanged`
fn counted(numbers: &Numbers) -> (Tone, String) {
    let Numbers { tree, add, update, moved, attributes, delete, unchanged, .. } = numbers;
    let mut counts = format!(
        "{add} new, {update} changed, {} removed, {unchanged} unchanged",
        delete - moved.min(delete)
    );
    for (count, what) in [(moved, "renamed"), (attributes, "with other attributes")] {
        if *count > 0 {
            let _ = write!(counts, ", {count} {what}");
        }
    }
    let Some(verb) = numbers.verb else {
        let mut text = format!("{tree}: {counts}; {}", volume(numbers.files, numbers.bytes));
        if let (Some(count @ 1..), Some(size)) = (numbers.excluded, numbers.excluded_bytes) {
            let _ = write!(text, "; excluded: {}", volume(count, size));
        }
        return (Tone::Note, text);
    };
    let missed = [(numbers.missed(), verb), (numbers.undeleted, "deleted")];
    let missed = missed.iter().filter(|(count, _)| *count > 0);
    let missed: Vec<_> =
        missed.map(|(count, verb)| format!("not {verb}: {}", files(*count as u64))).collect();
    if missed.is_empty() {
        (Tone::Done, format!("{tree}: {counts}"))
    } else {
        (Tone::Warning, format!("{tree}: {}; {counts}", missed.join(", ")))
    }
}

/// `12 files, 1.50 MiB`
fn volume(count: u64, size: u64) -> String {
    format!("{}, {}", files(count), bytes(size))
}

/// Where a wipe receipt is, and what checks it.
fn receipt(public_key: &str, path: &Bytes) -> String {
    let (place, path) = (shown(path), typed(as_path(path.as_bytes())));
    format!(
        "wipe receipt: {place}, with its signature in {place}.minisig\npublic key: {public_key}\nKeep \
         the public key in another place than the receipt. To check the receipt:\n  minisign -V -P \
         {public_key} -m {path}"
    )
}

/// What tells of files, and below it the command that removes that.
fn traced(trace: &FileTrace) -> Option<(Tone, String)> {
    const SHOWN: usize = 2;
    let FileTrace { what, command, holds, entries, of, stays, fate, aloud, path, .. } = trace;
    let path = shown(path);
    if *fate == TraceFate::Gone {
        return Some((Tone::Detail, format!("removed: {what}: {path}")));
    }
    let names: Vec<_> = of.iter().take(SHOWN).map(|path| name_of(path)).collect();
    let more = match of.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of =
        if names.is_empty() { String::new() } else { format!(" of {}{more}", names.join(", ")) };
    let times = if *entries > 1 { format!(", {entries} times") } else { String::new() };
    let sign = if *fate == TraceFate::WouldGo { "x " } else { "" };
    let why = stays.map(|why| format!(" ({why})")).unwrap_or_default();
    let text = format!("{sign}{what}: {holds}{of}{times}: {path}{why}\n    {command}");
    aloud.then_some((Tone::Result, text))
}

/// What becomes of the excluded files of a tree.
fn excluded(tree: &str, extent: &str, paths: &[Vec<u8>], fate: Fate) -> Option<(Tone, String)> {
    const SHOWN: usize = 3;
    let shown: Vec<_> = paths.iter().take(SHOWN).map(|path| name_of(path)).collect();
    let places = match paths.len() {
        0 => String::new(),
        count if count > SHOWN => format!(": {} and {} more", shown.join(", "), count - SHOWN),
        _ => format!(": {}", shown.join(", ")),
    };
    let here =
        format!("{tree}: excluded, and still here: {extent}{places} (`--wipe-excluded` wipes it)");
    Some(match fate {
        Fate::WouldGo => {
            let what = "would be wiped: excluded, and held by no snapshot";
            (Tone::Result, format!("x {tree}: {extent} {what}"))
        }
        Fate::WouldStay => (Tone::Result, format!("= {tree}: {extent} would stay: excluded")),
        Fate::Gone => return None,
        Fate::Stay => (Tone::Note, here),
        Fate::StayBehind => (Tone::Warning, here),
    })
}

/// The same of what is wiped, would be, or is to be removed by hand.
fn wiping(event: &Event) -> Option<(Tone, String)> {
    use Event as E;
    Some(match event {
        E::TreeWiped(tree) => (Tone::Done, wiped(tree, "wiped")),
        E::ExcludedWiped(tree) => (Tone::Done, wiped(tree, "excluded, and wiped:")),
        E::Excluded { tree, files, bytes, paths, fate, .. } => {
            return excluded(tree, &volume(*files, *bytes), paths, *fate);
        }
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
        E::WipedBefore { tree, since, remote, here } if remote == here => {
            let when = date(*since);
            (Tone::Done, format!("{tree}: wiped on {when}; `poof download` brings it back"))
        }
        E::WipedBefore { tree, since, remote, here } => {
            let when = date(*since);
            let what = format!(
                "{tree}: wiped on {when}, and its snapshot is on {remote}, not on {here}: `poof \
                 cryptoggle` switches back to it"
            );
            (Tone::Warning, what)
        }
        E::WouldRemove { path: Some(path), .. } => (Tone::Result, format!("x {}", shown(path))),
        E::WouldRemove { what: Some(what), .. } => (Tone::Result, format!("x {what}")),
        E::WouldWrite { path } => (Tone::Result, format!("+ {}", shown(path))),
        E::Receipt { public_key, path } => (Tone::Result, receipt(public_key, path)),
        E::WouldForget { entry } => (Tone::Result, format!("x {entry:?} in the keychain")),
        E::Trace { what, command } => {
            (Tone::Warning, format!("left: {what}; to remove it: {command}"))
        }
        E::FileTrace(trace) => return traced(trace),
        E::Wave { tree, files: count, bytes: size, left } => {
            let (tree, volume) = (one_line(tree), format!("{}, {}", files(*count), bytes(*size)));
            (Tone::Done, format!("{tree}: {volume}, are safe; {left} s are left"))
        }
        E::Cost { requests, bytes, packs } => (Tone::Note, cost(*requests, *bytes, *packs)),
        E::PlainCopy { place, files: count, bytes: size, configured, .. } => {
            let whose = if *configured { "" } else { ", of no directory in poof.conf" };
            let (count, size) = (files(*count), bytes(*size));
            (Tone::Result, format!("- {place}: {count}, {size}, in clear{whose}"))
        }
        E::Versions { place, count, bytes: size, more, locked, refused, conf, .. } => {
            let at_least = if *more { "at least " } else { "" };
            let lock =
                if *locked { " It locks objects: some stay until their time is over." } else { "" };
            let count =
                if *count == 1 { "1 version".to_owned() } else { format!("{count} versions") };
            let size = bytes(*size);
            let remedy = if *refused {
                "; the key in use may not remove them, see docs/ransom.md)".to_owned()
            } else {
                format!("`rclone --config {conf} backend cleanup-hidden '{place}'` removes them")
            };
            let what = format!(
                "the bucket keeps versions: of {place} it still holds {at_least}{count}, {size}, \
                 in clear ({remedy}).{lock}"
            );
            (Tone::Warning, what)
        }
        _ => return scrub::said(event),
    })
}

fn shown(path: &Bytes) -> String {
    name_of(path.as_bytes()).into_owned()
}

/// Without the line ends, of which the terminal has its own.
fn text_of(text: &str) -> String {
    text.trim_end_matches('\n').to_owned()
}

/// `-rw-r--r--   12345 2026-11-24 17:20:05 name`, or the name alone.
fn listed(entry: &Entry) -> String {
    let path = entry.path.as_bytes();
    let name = match entry.shown.from {
        Some(from) => name_of(path.get(from..).unwrap_or_default()).into_owned(),
        None => format!("{}/{}", entry.tree, name_of(path)),
    };
    let name = match (entry.kind, &entry.target) {
        ("directory", _) => format!("{name}/"),
        (_, Some(target)) if entry.shown.long => format!("{name} -> {}", shown(target)),
        _ => name,
    };
    if !entry.shown.long {
        return name;
    }
    let mode = match &entry.mode {
        Some(mode) => permissions(entry.kind, mode),
        None => "?".repeat(10),
    };
    let size = entry.bytes.map_or("-".to_owned(), |size| size.to_string());
    let time = date_with_seconds(entry.modified.0);
    format!("{mode} {size:>12} {time} {name}")
}

/// `drwxr-xr-x`
fn permissions(kind: &str, octal: &str) -> String {
    let mode = u32::from_str_radix(octal, 8).unwrap_or(0);
    let first = match kind {
        "directory" => 'd',
        "link" => 'l',
        "fifo" => 'p',
        "char_device" => 'c',
        "block_device" => 'b',
        _ => '-',
    };
    let special = [0o4000, 0o2000, 0o1000];
    let mut text = String::from(first);
    for (index, special) in special.iter().enumerate() {
        let bits = mode >> (6 - 3 * index) & 7;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & 1 == 1, mode & special != 0, index) {
            (true, true, 2) => 't',
            (false, true, 2) => 'T',
            (true, true, _) => 's',
            (false, true, _) => 'S',
            (true, false, _) => 'x',
            (false, false, _) => '-',
        });
    }
    text
}

fn generation(found: &Generation) -> String {
    let Generation { tree, number, made, host, files: count, bytes: size, newest, until } = found;
    let newest = if *newest { " (newest)" } else { "" };
    let (made, count, size, until) = (date(*made), files(*count), bytes(*size), kept(*until));
    format!("{tree}: {made}, {count}, {size}, from {host}, number {number}{newest}{until}")
}

fn past(History { snapshots, since, objects, bytes: size }: History) -> String {
    let since = since.map(|since| format!(" since {}", date(since))).unwrap_or_default();
    let (count, size) = (files(objects), bytes(size));
    let noun = if snapshots == 1 { "snapshot" } else { "snapshots" };
    format!("; kept: {count}, {size}, for {snapshots} earlier {noun}{since}")
}

fn kept(until: Option<u64>) -> String {
    until.map(|until| format!(", kept until {}", date(until))).unwrap_or_default()
}

fn revision(found: &Revision) -> String {
    let Revision { tree, generation, made, host, deleted, restorable, until, .. } = found;
    let what = match (deleted, found.bytes, restorable) {
        (true, ..) => "deleted".to_owned(),
        (_, Some(size), true) => bytes(size),
        (_, Some(size), false) => format!("{}, not on the remote any more", bytes(size)),
        (_, None, true) => "no file".to_owned(),
        (_, None, false) => "no file, not on the remote any more".to_owned(),
    };
    let (path, made, until) = (shown(&found.path), date(*made), kept(*until));
    format!("{tree}/{path}: {made}: {what}, from {host}, number {generation}{until}")
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
fn wiped(wiped: &WipeResult, what: &str) -> String {
    let WipeResult { tree, files: count, bytes: size, achieved, mount: On(mount), .. } = wiped;
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
    fn a_directory_is_said_with_how_its_snapshot_is_known() {
        let at = |unproven, seen, presence, since| {
            let snapshot = Some(Snapshot { files: 2, bytes: 3, made: 0, unproven });
            let (tree, path) = ("t".to_owned(), Bytes::path(b"/t"));
            let history = None;
            said(&Event::Directory { tree, presence, since, snapshot, history, seen, path })
                .unwrap()
                .1
        };
        let text = at(Some(0), Seen::Now, "here", None);
        assert!(text.starts_with("t: 2 files, 3 B, snapshot of "), "{text}");
        assert!(text.ends_with(", checked with the server just now"), "{text}");
        let text = at(Some(0), Seen::WhenSent, "wiped", Some(0));
        assert!(text.contains(", proven when it was sent; wiped on "), "{text}");
        let text = at(Some(1), Seen::WhenSent, "wiping", None);
        assert!(text.ends_with(", 1 file not proven; being wiped"), "{text}");
        assert!(at(None, Seen::Last, "here", None).ends_with(", as last seen"));
        assert_eq!(known(None, Seen::Now), "no snapshot");
        assert_eq!(known(None, Seen::Last), "no snapshot is known here");
        assert_eq!(known(None, Seen::AtWipe(4, 5)), "4 files, 5 B, as last seen");
    }

    #[test]
    fn a_run_of_the_schedule_is_said_line_by_line_and_one_that_never_was_not_at_all() {
        let run = |begun, ended, is_scheduled, skipped: Option<&str>| Event::ScheduledRun {
            begun,
            ended,
            exit_code: ended.map(|_| 4),
            failures: 0,
            proven: None,
            next: None,
            skipped: skipped.map(str::to_owned),
            trouble: None,
            more: Run { result: "remote".to_owned(), skipped: skipped.map(|_| 0), is_scheduled },
        };
        assert_eq!(said(&run(None, None, false, None)), None);
        let (_, text) = said(&run(Some(0), Some(9), true, Some("on battery"))).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("last run: "), "{text}");
        assert!(lines[0].contains(", exit code 4 (remote) after "), "{text}");
        assert!(lines[1].starts_with("skipped: ") && lines[1].ends_with(", on battery"), "{text}");
        assert_eq!(lines[2], "next run: at the next call");
        let (_, text) = said(&run(Some(0), None, false, None)).unwrap();
        assert!(text.ends_with(", not ended"), "{text}");
    }

    #[test]
    fn what_is_excluded_and_stays_is_a_warning_where_poof_itself_leaves() {
        let paths = ["a", "b", "c", "d"].map(|path| path.as_bytes().to_vec());
        let of = |fate| excluded("t", "4 files, 1 B", &paths, fate);
        let (tone, text) = of(Fate::StayBehind).unwrap();
        assert_eq!(tone, Tone::Warning);
        assert!(text.contains("4 files, 1 B: a, b, c and 1 more"), "{text}");
        assert_eq!(of(Fate::Stay), Some((Tone::Note, text)));
        assert_eq!(of(Fate::Gone), None);
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
