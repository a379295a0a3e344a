//! Sections that show the past: with `versions` rclone lists old versions of files as
//! files of their own, with `version_at` what there was at some time. A backup would take
//! the ones for what nobody has here any more, and delete the history; of the others it
//! would send everything again.

use std::collections::HashSet;

use super::rclone_conf::RcloneConf;
use super::status::{Problem, Status};

/// Of S3, B2, `ImageKit`. A section can have them for itself or for every use of it
/// (`override.versions`), and a connection string in the place of a section, too.
const SHOWING: [&str; 2] = ["versions", "version_at"];

/// The first key that shows the past among the sections that `active` leads to.
///
/// # Errors
/// The [`Problem`] with it.
pub fn none(rclone: &RcloneConf, active: &str) -> Result<(), Problem> {
    let (mut next, mut seen) = (vec![active.to_owned()], HashSet::new());
    while let Some(section) = next.pop() {
        if !seen.insert(section.clone()) {
            continue;
        }
        for (key, value) in rclone.values(&section) {
            let bare = key.strip_prefix("override.").unwrap_or(&key);
            if SHOWING.contains(&bare) && is_on(&value) {
                return Err(problem(&section, &key, &key));
            }
            if let Some(found) = parameters(&value).find(|(name, on)| SHOWING.contains(name) && *on)
            {
                return Err(problem(&section, &key, found.0));
            }
            let leads = |name: &str| {
                [':', ','].iter().any(|end| {
                    let reference = format!("{name}{end}");
                    value.match_indices(&reference).any(|(at, _)| is_start(&value[..at]))
                })
            };
            next.extend(rclone.sections().filter(|name| leads(name)).map(str::to_owned));
        }
    }
    Ok(())
}

/// Whether a name can begin after `text`.
fn is_start(text: &str) -> bool {
    text.chars().next_back().is_none_or(|last| " '\"=:,".contains(last))
}

/// The parameters of connection strings in a value, and whether each is on.
fn parameters(value: &str) -> impl Iterator<Item = (&str, bool)> {
    const QUOTES: [char; 2] = ['\'', '"'];
    let parts = value.split([',', ':', ' ']).skip(1).map(|part| part.trim_matches(QUOTES));
    parts.map(|part| match part.split_once('=') {
        Some((name, on)) => (name, is_on(on.trim_matches(QUOTES))),
        None => (part, true),
    })
}

fn is_on(value: &str) -> bool {
    let off = ["", "0", "f", "false", "off"];
    !off.contains(&value.trim().to_ascii_lowercase().as_str())
}

fn problem(section: &str, key: &str, what: &str) -> Problem {
    Problem::new(
        Status::WarnMisconfigured,
        format!("rclone-poof.conf [{section}].{key}"),
        format!("{what} shows the past, and what is sent there would be compared with that"),
        "Take it out; `poof download` may use a copy of the file that has it: `--rcloneconf`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Option<String> {
        let conf = RcloneConf::parse(text.as_bytes()).unwrap();
        none(&conf, "top").err().map(|problem| problem.place)
    }

    #[test]
    fn what_shows_the_past_is_found_wherever_the_section_leads() {
        for (text, found) in [
            ("[top]\ntype = s3\n", None),
            ("[top]\ntype = s3\nversions = true\n", Some("[top].versions")),
            ("[top]\ntype = b2\nversion_at = 2024-01-01\n", Some("[top].version_at")),
            ("[top]\ntype = s3\noverride.versions = 1\n", Some("[top].override.versions")),
            ("[top]\ntype = s3\nversions = false\nversion_at = off\n", None),
            ("[top]\ntype = crypt\nremote = s:b\n[s]\nversions = yes\n", Some("[s].versions")),
            ("[top]\ntype = crypt\nremote = s,versions:b\n[s]\n", Some("[top].remote")),
            ("[top]\ntype = alias\nremote = s,version_at='2d':b\n[s]\n", Some("[top].remote")),
            (
                "[top]\ntype = combine\nupstreams = a=x:b c=s:d\n[s]\nversions=true\n",
                Some("[s].versions"),
            ),
            ("[top]\ntype = alias\nremote = s,versions=false:b\n[s]\n", None),
            ("[top]\ntype = alias\nremote = /mnt/versions\n", None),
            ("[top]\ntype = s3\n[other]\nversions = true\n", None),
            ("[top]\ntype = alias\nremote = top:\n", None),
        ] {
            let found = found.map(|place| format!("rclone-poof.conf {place}"));
            assert_eq!(place(text), found, "{text}");
        }
    }
}
