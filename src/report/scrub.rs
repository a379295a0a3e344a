//! How people are told what was overwritten once all was wiped.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::event::{Event, FreeSpace, InJournal, On};
use super::note::Tone;
use crate::base::shown::quoted;
use crate::base::units::{bytes, clock};
use crate::host::mounts::Mount;

/// None: it is no such event, or there is nothing to say.
pub fn said(event: &Event) -> Option<(Tone, String)> {
    match event {
        Event::Scrub { journal, journal_bytes, free, seconds, why, is_gone, mount: On(mount) } => {
            let time = clock(Duration::try_from_secs_f64(*seconds).unwrap_or_default());
            let mount = mount.as_ref()?;
            let names = names(*journal, *journal_bytes, &time, *is_gone);
            let mut text = format!("{}: {names}", place(mount));
            if let Some(free) = free {
                text.push_str(&filled(free, mount));
            }
            if let Some(why) = why {
                let _ = write!(text, " ({why})");
            }
            let is_whole = journal.is_settled() && free.as_ref().is_none_or(|free| free.whole);
            let tone = match (is_whole, journal) {
                (false, _) => Tone::Warning,
                (true, InJournal::Written) => Tone::Done,
                _ => Tone::Note,
            };
            Some((tone, text))
        }
        Event::WouldScrub { journal, journal_bytes, free, seconds, mount: On(mount) } => {
            let mount = mount.as_ref()?;
            let mut text = match journal {
                InJournal::Absent => "no journal holds file names".to_owned(),
                InJournal::Unknown => UNKNOWN.to_owned(),
                InJournal::Long => "the journal would stay as it is: that would take long".into(),
                _ => format!("the journal would be overwritten ({})", bytes(*journal_bytes)),
            };
            if let Some(FreeSpace { bytes: size, reserve, .. }) = free {
                let (size, reserve) = (bytes(*size), bytes(*reserve));
                let _ = write!(
                    text,
                    "; poof would write {size} over what is free, and leave {reserve} to others"
                );
            }
            if *seconds > 0 {
                let _ = write!(text, "; about {}", clock(Duration::from_secs(*seconds)));
            }
            Some((Tone::Result, format!("x {}: {text}", place(mount))))
        }
        _ => None,
    }
}

const UNKNOWN: &str = "poof cannot overwrite file names in the metadata of this file system";

/// `/home (ext4)`
fn place(mount: &Mount) -> String {
    format!("{} ({})", mount.point, mount.kind)
}

fn names(journal: InJournal, written: u64, time: &str, is_gone: bool) -> String {
    match journal {
        InJournal::Written => format!(
            "the journal is overwritten ({} in {time}), with all file names in it",
            bytes(written)
        ),
        InJournal::Absent => "no journal holds file names".to_owned(),
        InJournal::Unknown => UNKNOWN.to_owned(),
        InJournal::Long => {
            let what = "the journal may hold file names; to overwrite it takes more than a minute";
            format!("{what}: `poof upload --scrub=names`")
        }
        InJournal::Part | InJournal::Failed => {
            let how = if journal == InJournal::Part { "only in part" } else { "not" };
            let what = format!("the journal is overwritten {how} and may hold file names");
            if is_gone { what } else { format!("{what}: `poof upload --scrub=names` begins again") }
        }
    }
}

fn filled(free: &FreeSpace, mount: &Mount) -> String {
    let mut text = format!("; {} are written over what was free", bytes(free.bytes));
    if !free.whole {
        text.push_str(", and that is not all");
    }
    if free.gave_back {
        text.push_str(", and not all, since other programs needed space");
    }
    if free.is_flash {
        let point = quoted(Path::new(&mount.point));
        let _ = write!(
            text,
            "; a solid-state disk may keep old content: `fstrim {point}`, as root, tells it what is \
             free"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount() -> On {
        let (point, kind) = ("/home".to_owned(), "ext4".to_owned());
        On(Some(Mount { point, kind, ..Mount::default() }))
    }

    fn scrub(journal: InJournal, free: Option<FreeSpace>, is_gone: bool) -> (Tone, String) {
        let (journal_bytes, seconds, why) = (5 << 20, 2.5, None);
        let mount = mount();
        said(&Event::Scrub { journal, journal_bytes, free, seconds, why, is_gone, mount }).unwrap()
    }

    #[test]
    fn what_was_not_overwritten_is_a_warning_with_the_command_that_does() {
        let (tone, text) = scrub(InJournal::Written, None, false);
        assert_eq!(tone, Tone::Done);
        assert!(text.starts_with("/home (ext4): the journal is overwritten (5.00 MiB in 0:02)"));
        let (tone, text) = scrub(InJournal::Part, None, false);
        assert_eq!(tone, Tone::Warning);
        assert!(text.contains("`poof upload --scrub=names`"), "{text}");
        // There is no poof any more that could.
        assert!(!scrub(InJournal::Failed, None, true).1.contains('`'));
        assert_eq!(scrub(InJournal::Unknown, None, false).0, Tone::Note);
    }

    #[test]
    fn a_disk_that_does_not_rotate_is_told_what_helps() {
        let free =
            FreeSpace { bytes: 1, reserve: 2, whole: true, gave_back: false, is_flash: true };
        let (_, text) = scrub(InJournal::Written, Some(free.clone()), false);
        assert!(text.contains("`fstrim '/home'`"), "{text}");
        let spins = FreeSpace { is_flash: false, whole: false, ..free };
        let (tone, text) = scrub(InJournal::Written, Some(spins), false);
        assert!(tone == Tone::Warning && !text.contains("fstrim"), "{text}");
    }

    #[test]
    fn a_dry_run_says_how_much_and_how_long() {
        let free = FreeSpace {
            bytes: 3 << 30,
            reserve: 1 << 30,
            whole: true,
            gave_back: false,
            is_flash: false,
        };
        let (journal, journal_bytes, seconds) = (InJournal::Written, 5 << 20, 75);
        let event =
            Event::WouldScrub { journal, journal_bytes, free: Some(free), seconds, mount: mount() };
        let (_, text) = said(&event).unwrap();
        assert!(text.contains("3.00 GiB") && text.contains("leave 1.00 GiB"), "{text}");
        assert!(text.ends_with("about 1:15"), "{text}");
    }
}
