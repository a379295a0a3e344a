//! What people alone are told: a note is no line of `--json`. Its data and its sentence are
//! both here, so that an operation says what happened, and never how that reads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::progress::Standing;
use crate::base::shown::{name_of, one_line, path_of, typed};
use crate::base::units::{bytes, clock, date, files};
use crate::host::schedule::{Found, Interval, Kind};

/// How something is said to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What the command was called for.
    Result,
    /// The same, to be used as it is: the content of a file.
    Verbatim,
    /// What a person likes to know while it happens.
    Note,
    /// The good end of something.
    Done,
    /// Something that deserves a look, though the work goes on.
    Warning,
    /// What happens to each file, with `-v`.
    Detail,
    /// What rclone says, with `-vv`.
    Rclone,
}

/// Something for people alone.
#[derive(Debug)]
pub enum Note {
    /// A sentence that is the same each time.
    Fixed(Tone, &'static str),
    /// What rclone says.
    Rclone(String),
    /// What the clipboard, a scheduler or the watch over the schedule says.
    Said(Tone, String),
    /// What to do next, and why.
    Next {
        why: &'static str,
        command: &'static str,
    },
    /// Something of one tree.
    Tree {
        tree: String,
        what: TreeNote,
    },
    /// A hook begins; what it printed comes as [`Note::Printed`].
    HookBegins {
        when: &'static str,
        program: String,
    },
    /// A line that a program of the user's has printed.
    Printed {
        program: String,
        line: String,
    },
    /// How many bytes a second go at most; None: there is no limit.
    Bandwidth {
        tone: Tone,
        now: Option<String>,
        is_new: bool,
    },
    /// A path that was sent, brought back, or removed.
    Moved {
        verb: &'static str,
        tree: String,
        path: Vec<u8>,
        bytes: Option<u64>,
    },
    /// How far a long run is, where no terminal shows it.
    Going {
        standing: Standing,
        file: String,
    },
    RunBegins,
    RunEnded {
        code: u8,
        word: String,
        time: Duration,
    },
    RunSkipped {
        why: String,
    },
    WaitsForNetwork {
        remote: String,
        most: Duration,
    },
    /// What new passwords mean: so many files are sent a second time.
    SendsAgain {
        directories: usize,
        files: u64,
        bytes: u64,
    },
    /// Objects that the passwords in use do not open, beside those that go.
    Unreadable {
        place: String,
        files: u64,
    },
    /// Parts of large objects that an earlier run left in the bucket.
    PartsStay {
        why: String,
    },
    /// The end of a run over all trees. `verb`: sent, restored.
    All {
        verb: &'static str,
        files: u64,
        bytes: u64,
        time: Duration,
        undeleted: u64,
        is_whole: bool,
    },
    AllWiped {
        files: u64,
        bytes: u64,
        is_whole: bool,
    },
    AllIntact {
        files: u64,
    },
    /// The end of a rehearsal.
    CameBack {
        files: u64,
        bytes: u64,
        time: Duration,
        is_whole: bool,
    },
    /// The level that is declared, and the one that holds.
    Level {
        declared: u8,
        actual: u8,
        /// Not all of it is on this machine.
        lacking: bool,
        nothing_saved: bool,
    },
    Remote(String),
    Schedule(Option<Found>),
    /// When everything came back last, and how long that would take now; when the last
    /// rehearsal failed, if it did.
    Rehearsed {
        whole: Option<(u64, Option<Duration>)>,
        failed: Option<u64>,
    },
    Scheduled {
        kind: Kind,
        every: Interval,
    },
    CronRuns {
        why: String,
    },
    /// The schedule of the machine of the kit was not set up.
    NoScheduleYet {
        every: Interval,
        is_whole: bool,
    },
    ScheduleFailed {
        every: Interval,
    },
    /// Another configuration backs up a directory that is wiped.
    AlsoHeld {
        path: PathBuf,
        told: String,
        remote: String,
        backed_up: Option<u64>,
        /// The command that takes it out of that configuration.
        remove: String,
    },
    /// The program stays for another configuration.
    ProgramStays {
        what: String,
        command: String,
    },
    /// Other configurations, and the command that writes a kit of each.
    OtherKits(Vec<(String, String)>),
    KitOfProfile(String),
    KitMade {
        made: u64,
    },
    KitRuns {
        programs: Vec<String>,
    },
    QrCode(String),
    /// It was shown, of so many.
    CodeShown {
        number: usize,
        count: usize,
    },
    /// What a person typed is no line of a kit.
    LineRefused {
        what: String,
    },
    /// Not all lines of a kit were typed.
    LinesLack(String),
    /// A kit did not open with what a person typed.
    PhraseRefused {
        /// Which are in no phrase of poof's, and the nearest that may be.
        strange: Vec<(String, Option<&'static str>)>,
        /// Not as many as such a phrase has.
        words: Option<usize>,
    },
    InKeychain {
        secret: String,
    },
    InTheFile {
        secret: String,
    },
    /// A file of the configuration was written.
    Written {
        is_new: bool,
        path: PathBuf,
    },
    SectionIsThere {
        section: String,
    },
    SectionAdded {
        section: String,
        path: PathBuf,
    },
    BucketMade {
        place: String,
    },
    /// A remote that wants a login has none.
    LoginNext {
        kind: String,
    },
    /// The browser is on another machine: what it ends at comes from standard input.
    PasteAnswer,
    /// Something that the provider's part of rclone wants to know.
    Asks {
        text: String,
        /// Values that fit, and what each means.
        choices: Vec<(String, String)>,
        preset: String,
    },
    LoggedIn {
        kind: String,
    },
    /// How many traces there are of each kind, after an upload; poof `leaves` itself.
    Traces {
        counts: Vec<(&'static str, usize)>,
        leaves: bool,
    },
    /// The same below a list; so many of the places are for poof to remove.
    TracesListed {
        counts: Vec<(&'static str, usize)>,
        goes: Option<usize>,
    },
    /// So many more than were listed.
    MoreTraces(usize),
    TracesGone {
        count: usize,
        is_whole: bool,
    },
    Proxy {
        to: String,
        proxy: String,
        /// What says so.
        place: String,
    },
}

/// Something of one tree, for people alone.
#[derive(Debug)]
pub enum TreeNote {
    /// Its name is taken by the configuration of another machine.
    KeptAs(String),
    WipeGoesOn,
    NothingBackedUp,
    /// A part of what was wiped was brought back, and stays.
    PartStays,
    /// The same, and it goes again.
    PartGoes,
    /// It is poof's own configuration.
    OwnStays,
    WouldLift {
        paths: Vec<Vec<u8>>,
        /// This user may.
        lifts: bool,
    },
    Lifted {
        paths: Vec<Vec<u8>>,
    },
    /// Objects that are in no snapshot.
    LeftOnRemote(u64),
    ExcludedStays(u64),
    /// Paths of the snapshot that are not here and belong into what is excluded.
    Withheld(u64),
    /// Files of the configuration in use that the snapshot does not hold.
    ConfigurationStays,
    /// The configuration in use; `--only` this name restores it.
    ConfigurationLeft(String),
    /// Nothing but content and times can come back.
    WithoutManifest,
    NoManifest,
    /// What a transfer has to add.
    Also(String),
    /// Objects of a run that did not end.
    Leftovers(u64),
    Unhashed(u64),
    TimeLeft(Duration),
    /// Foreign objects that were not listed.
    MoreForeign(usize),
    /// So many earlier snapshots go with it.
    EarlierGo(u64),
    /// So many earlier snapshots come back whole.
    EarlierIntact(u64),
}

impl Note {
    pub fn tone(&self) -> Tone {
        match self {
            Note::Fixed(tone, _) | Note::Said(tone, _) | Note::Bandwidth { tone, .. } => *tone,
            Note::Rclone(_) => Tone::Rclone,
            Note::Moved { .. } => Tone::Detail,
            Note::All { is_whole, undeleted, .. } if !is_whole || *undeleted > 0 => Tone::Warning,
            Note::AllWiped { is_whole: false, .. }
            | Note::CameBack { is_whole: false, .. }
            | Note::TracesGone { is_whole: false, .. } => Tone::Warning,
            Note::All { .. }
            | Note::AllWiped { .. }
            | Note::AllIntact { .. }
            | Note::CameBack { .. }
            | Note::TracesGone { .. }
            | Note::Scheduled { .. }
            | Note::LoggedIn { .. }
            | Note::SectionAdded { .. } => Tone::Done,
            Note::Level { .. }
            | Note::Remote(_)
            | Note::Schedule(_)
            | Note::Rehearsed { .. }
            | Note::QrCode(_)
            | Note::Next { .. }
            | Note::PasteAnswer
            | Note::Asks { .. }
            | Note::CodeShown { .. }
            | Note::Tree { what: TreeNote::WouldLift { .. } | TreeNote::MoreForeign(_), .. } => {
                Tone::Result
            }
            _ => Tone::Note,
        }
    }

    pub fn text(&self) -> String {
        match self {
            Note::Fixed(_, text) => (*text).to_owned(),
            Note::Next { why, command } => {
                format!("{why} Next: `{command}`\n`poof --help` lists commands and options.")
            }
            Note::Rclone(text) | Note::Said(_, text) | Note::QrCode(text) => text.clone(),
            Note::Tree { tree, what } => what.text(tree),
            Note::CodeShown { number, count } => format!("code {number} of {count}"),
            Note::LineRefused { what } => format!("Not taken: {what}."),
            Note::LinesLack(what) => format!("{what}."),
            Note::PhraseRefused { strange, words } => refused(strange, *words),
            Note::HookBegins { when, program } => format!("hook {when}: {program}"),
            Note::Printed { program, line } => format!("  {program}: {line}"),
            Note::Bandwidth { .. }
            | Note::Moved { .. }
            | Note::Going { .. }
            | Note::RunBegins
            | Note::RunEnded { .. }
            | Note::RunSkipped { .. }
            | Note::WaitsForNetwork { .. }
            | Note::SendsAgain { .. }
            | Note::Unreadable { .. }
            | Note::PartsStay { .. }
            | Note::All { .. }
            | Note::AllWiped { .. }
            | Note::AllIntact { .. }
            | Note::CameBack { .. } => self.going(),
            Note::Level { declared, actual, lacking, nothing_saved } => {
                let holds = holds(*declared, *actual, *lacking, *nothing_saved);
                format!("level: {declared} {}\nholds: {holds}", level(*declared))
            }
            Note::Remote(name) => format!("remote: {}", one_line(name)),
            Note::Rehearsed { whole, failed } => rehearsed(*whole, *failed),
            Note::Schedule(found) => format!("schedule: {}", schedule(found.as_ref())),
            Note::Scheduled { kind, every } => {
                format!("A backup runs every {every} ({kind}); `poof lpurge` ends that.")
            }
            Note::CronRuns { why } => format!("cron runs it: {why}."),
            Note::NoScheduleYet { every, is_whole } => {
                let when = if *is_whole { "" } else { " once everything is back" };
                format!("`poof lconfig --every {every}` sets up the schedule{when}.")
            }
            Note::ScheduleFailed { every } => {
                format!("`poof lconfig --every {every}` tries again.")
            }
            Note::AlsoHeld { .. }
            | Note::ProgramStays { .. }
            | Note::OtherKits(_)
            | Note::KitOfProfile(_) => self.of_several(),
            Note::KitMade { made } => format!("the kit is of {}", date(*made)),
            Note::KitRuns { programs } => kit_runs(programs),
            Note::InKeychain { secret } => format!("{secret} is in the keychain of this machine"),
            Note::InTheFile { secret } => in_the_file(secret),
            Note::Written { is_new, path } => {
                format!("{} {}", if *is_new { "created" } else { "changed" }, path_of(path))
            }
            Note::SectionIsThere { section } => {
                format!("[{section}] has passwords already; nothing was changed")
            }
            Note::SectionAdded { section, path } => {
                format!("added [{section}] to {}", path_of(path))
            }
            Note::LoginNext { .. }
            | Note::PasteAnswer
            | Note::Asks { .. }
            | Note::LoggedIn { .. } => self.of_login(),
            Note::Traces { .. }
            | Note::TracesListed { .. }
            | Note::MoreTraces(_)
            | Note::TracesGone { .. } => self.of_traces(),
            Note::BucketMade { place } => format!("{place} did not exist and was made"),
            Note::Proxy { to, proxy, place } => {
                format!("requests to {to} go through the proxy {proxy} ({place})")
            }
        }
    }

    /// The same of a login in the browser.
    fn of_login(&self) -> String {
        match self {
            Note::LoginNext { kind } => format!("{kind} wants a login: `poof login`"),
            Note::PasteAnswer => "Is that browser on another machine? It then ends at an address that \
                                  begins with http://127.0.0.1:53682 or http://localhost:53682, and \
                                  cannot open it. Paste that address here, and press Enter. It is \
                                  not shown."
                .to_owned(),
            Note::Asks { text, choices, preset } => asks(text, choices, preset),
            Note::LoggedIn { kind } => format!("logged in to {kind}; next: `poof verify`"),
            _ => String::new(),
        }
    }

    /// The same where several configurations are here.
    fn of_several(&self) -> String {
        match self {
            Note::AlsoHeld { path, told, remote, backed_up, remove } => {
                let path = path_of(path);
                let holds = match backed_up {
                    Some(at) => {
                        format!("{told} still holds {path} on {remote}, as of {}", date(*at))
                    }
                    None => format!("{told} lists {path} as well, and has not backed it up"),
                };
                format!(
                    "{holds}. Its next backup refuses a directory that is wiped; `{remove}` takes \
                     the directory out there."
                )
            }
            Note::ProgramStays { what, command } => {
                format!("poof stays for {what}, which is here; `{command}` removes that.")
            }
            Note::OtherKits(others) => {
                let each = others.iter().map(|(told, command)| format!("{told} (`{command}`)"));
                let each = each.collect::<Vec<_>>().join(", ");
                format!("This kit holds one configuration. Others need a kit each: {each}.")
            }
            Note::KitOfProfile(name) => format!("the kit is of the profile {name}"),
            _ => String::new(),
        }
    }
}

impl Note {
    /// The same of what tells of files.
    fn of_traces(&self) -> String {
        match self {
            Note::Traces { counts, leaves } => {
                let counts = counted(counts);
                let next = if *leaves {
                    "The commands above remove them."
                } else {
                    "`poof traces` lists them, and `poof traces --remove` removes what it can."
                };
                format!("Elsewhere on this machine, these tell of the files: {counts}. {next}")
            }
            Note::TracesListed { counts, goes } => {
                let next = match goes {
                    None => String::new(),
                    Some(1) => " `poof traces --remove` removes 1 of the places.".to_owned(),
                    Some(goes) => format!(" `poof traces --remove` removes {goes} of the places."),
                };
                format!("These tell of the files: {}.{next}", counted(counts))
            }
            Note::MoreTraces(count) => format!("and {count} more (`-v` lists all)"),
            Note::TracesGone { count, is_whole } => {
                let traces = if *count == 1 { "trace" } else { "traces" };
                let rest = if *is_whole { "" } else { "; some are still here, see above" };
                format!("removed {count} {traces}{rest}")
            }
            _ => String::new(),
        }
    }
}

/// `3 thumbnails, 1 in recent lists`
fn counted(counts: &[(&str, usize)]) -> String {
    let each = counts.iter().map(|(kind, count)| {
        let many = *count != 1;
        let what = match *kind {
            "copy" if many => "copies",
            "trash" => "in the trash",
            "version" if many => "earlier versions",
            "version" => "earlier version",
            "thumbnail" if many => "thumbnails",
            "recent" => "in recent lists",
            "editor" if many => "files of editors",
            "editor" => "file of an editor",
            "position" => "in notes of editors",
            "shell" => "in histories of shells",
            "index" => "in indexes",
            kind => kind,
        };
        format!("{count} {what}")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn kit_runs(programs: &[String]) -> String {
    let lines: String = programs.iter().flat_map(|told| ["\n  ", told.as_str()]).collect();
    format!("The configuration of the kit runs these programs:{lines}")
}

fn in_the_file(secret: &str) -> String {
    format!(
        "{secret} is in rclone-poof.conf now: where it came from is not on this machine. `poof \
         secret set {secret}` takes it out."
    )
}

/// A question, with the choices numbered.
fn asks(text: &str, choices: &[(String, String)], preset: &str) -> String {
    let mut lines = vec![text.to_owned()];
    for (number, (value, meaning)) in (1..).zip(choices) {
        let meaning = meaning.replace('\n', " ");
        let mark = if value == preset { "  (if you just press Enter)" } else { "" };
        lines.push(format!("  {number}  {meaning}{mark}"));
    }
    if !preset.is_empty() && choices.is_empty() {
        lines.push(format!("(if you just press Enter: {preset})"));
    }
    lines.join("\n")
}

impl Note {
    /// What is said of a run while it works, and at its end.
    fn going(&self) -> String {
        match self {
            Note::Bandwidth { now, is_new, .. } => {
                let word = if *is_new { " is now" } else { "" };
                match now {
                    Some(now) => format!("bandwidth limit{word}: {now} (bytes a second)"),
                    None => format!("bandwidth limit{word}: none"),
                }
            }
            Note::Moved { verb, tree, path, bytes: size } => {
                let size = size.map(|size| format!(" ({})", bytes(size))).unwrap_or_default();
                format!("{verb} {tree}/{}{size}", name_of(path))
            }
            Note::Going { standing: Standing { tree, done, total, rate, left }, file } => {
                let (done, total, file) = (bytes(*done), bytes(*total), one_line(file));
                format!("{tree}: {done} of {total}, {rate}, {left} left; at work on {file}")
            }
            Note::RunBegins => format!("backup begins (poof {})", env!("CARGO_PKG_VERSION")),
            Note::RunEnded { code, word, time } => {
                format!("backup ended: exit code {code} ({word}) after {}", clock(*time))
            }
            Note::RunSkipped { why } => format!("not run: {why}"),
            Note::WaitsForNetwork { remote, most } => {
                let most = most.as_secs();
                format!("{remote} does not answer; waiting for up to {most} seconds")
            }
            Note::Unreadable { place, files: count } => {
                let (place, count) = (one_line(place), files(*count));
                format!("{place}: left alone, for the new passwords do not open it: {count}")
            }
            Note::SendsAgain { directories, files, bytes } => {
                let directories = match directories {
                    1 => "1 directory".to_owned(),
                    count => format!("{count} directories"),
                };
                format!(
                    "poof sends {directories} again under new passwords ({}), proves that, and then \
                     removes what is under the old ones. Until the end the remote holds both.",
                    volume(*files, *bytes)
                )
            }
            Note::PartsStay { why } => {
                format!("what an earlier run began to upload could not be removed: {why}")
            }
            Note::All { verb, files, bytes, time, undeleted, is_whole } => {
                let volume = format!("{} in {}", volume(*files, *bytes), clock(*time));
                all(verb, &volume, *undeleted, *is_whole)
            }
            Note::AllWiped { files, bytes, is_whole } => {
                all("wiped", &volume(*files, *bytes), 0, *is_whole)
            }
            Note::CameBack { files, bytes, time, is_whole } => {
                let volume = format!("{} in {}", volume(*files, *bytes), clock(*time));
                if *is_whole {
                    format!("All came back as it was: {volume}")
                } else {
                    format!("Not all came back as it was, see above; {volume}")
                }
            }
            Note::AllIntact { files: count } => format!("All can be restored: {}", files(*count)),
            _ => String::new(),
        }
    }
}

/// When everything came back last.
fn rehearsed(whole: Option<(u64, Option<Duration>)>, failed: Option<u64>) -> String {
    let came = match whole {
        None => "never".to_owned(),
        Some((at, None)) => date(at),
        Some((at, Some(time))) => {
            format!("{}; to bring everything back would take {}", date(at), clock(time))
        }
    };
    let failed = failed.map(|at| format!("\n  not everything came back on {}", date(at)));
    let next = if whole.is_none() || failed.is_some() { " (`poof rehearse`)" } else { "" };
    format!("came back: {came}{}{next}", failed.unwrap_or_default())
}

impl TreeNote {
    fn text(&self, tree: &str) -> String {
        let what = match self {
            TreeNote::KeptAs(name) => format!(
                "it holds the configuration of another machine; that of this one is kept as {name}"
            ),
            TreeNote::WipeGoesOn => "its wipe goes on where it ended".to_owned(),
            TreeNote::NothingBackedUp => "nothing is backed up yet".to_owned(),
            TreeNote::PartStays => {
                "what was brought back is as the snapshot has it; the rest stays wiped".to_owned()
            }
            TreeNote::PartGoes => "what was brought back is wiped again".to_owned(),
            TreeNote::OwnStays => "it is poof's own configuration and stays".to_owned(),
            TreeNote::WouldLift { paths, lifts } => {
                let what = if *lifts {
                    "that would be lifted, and come back with a download"
                } else {
                    "only root can lift that, and they would stay"
                };
                let locked = locked(paths.len(), ["is", "are"]);
                return format!("! {tree}: {locked}: {what}: {}", listed(paths));
            }
            TreeNote::Lifted { paths } => format!(
                "{}: that was lifted, and comes back with a download: {}",
                locked(paths.len(), ["was", "were"]),
                listed(paths)
            ),
            TreeNote::LeftOnRemote(count) => {
                format!("not in the snapshot and left on the remote: {}", files(*count))
            }
            TreeNote::ExcludedStays(count) => {
                format!("excluded and left alone as it is here: {count}")
            }
            TreeNote::Withheld(count) => {
                format!(
                    "not brought, because it is in an excluded directory that is here: {count}; \
                     the snapshot keeps it"
                )
            }
            TreeNote::ConfigurationStays => {
                "what the snapshot does not hold of the configuration in use stays".to_owned()
            }
            TreeNote::ConfigurationLeft(only) => {
                format!(
                    "the configuration in use is left alone (`--only {}` restores it)",
                    typed(Path::new(only))
                )
            }
            TreeNote::WithoutManifest => "no manifest on the remote, so that nothing is proven; \
                 content and times come back, other attributes, empty directories and hard links \
                 do not"
                .to_owned(),
            TreeNote::NoManifest => "no manifest on the remote".to_owned(),
            TreeNote::Also(note) => note.clone(),
            TreeNote::Leftovers(count) => format!(
                "left by a run that did not end, and removed by the next backup: {}",
                files(*count)
            ),
            TreeNote::Unhashed(count) => format!(
                "the remote shows no hash of {}: sizes and times were compared; `--read-data` \
                 reads them",
                files(*count)
            ),
            TreeNote::EarlierGo(1) => "1 earlier snapshot of it goes as well".to_owned(),
            TreeNote::EarlierGo(count) => format!("{count} earlier snapshots of it go as well"),
            TreeNote::EarlierIntact(1) => "1 earlier snapshot comes back whole".to_owned(),
            TreeNote::EarlierIntact(count) => format!("{count} earlier snapshots come back whole"),
            TreeNote::TimeLeft(time) => format!("about {} more", clock(*time)),
            TreeNote::MoreForeign(count) => {
                return format!("foreign {tree}:\n  and {count} more (`-v` lists all)");
            }
        };
        format!("{tree}: {what}")
    }
}

/// Why a phrase may be the wrong one.
fn refused(strange: &[(String, Option<&'static str>)], words: Option<usize>) -> String {
    let mut lines = vec!["The kit does not open with this phrase. Try again.".to_owned()];
    lines.extend(strange.iter().map(|(word, nearest)| {
        let nearest = nearest.map(|nearest| format!(": {nearest}?")).unwrap_or_default();
        format!("  '{word}' is not in the list{nearest}")
    }));
    lines.extend(words.map(|words| format!("  It has {words} words; a phrase of poof's has ten.")));
    lines.join("\n")
}

/// The end of a run over all trees.
fn all(verb: &str, volume: &str, undeleted: u64, is_whole: bool) -> String {
    match (is_whole, undeleted) {
        (false, _) => format!("Not all was {verb}, see above; {volume}"),
        (true, 0) => format!("All {verb}: {volume}"),
        (true, count) => format!("All {verb}: {volume}; not deleted: {}", files(count)),
    }
}

/// `12 files, 1.50 MiB`
fn volume(count: u64, size: u64) -> String {
    format!("{}, {}", files(count), bytes(size))
}

fn holds(declared: u8, actual: u8, lacking: bool, nothing_saved: bool) -> String {
    if nothing_saved {
        "0 (nothing)\nNothing is backed up yet. Next: `poof backup`".to_owned()
    } else if actual == declared {
        format!("yes{}", if lacking { ", but not all of it is here" } else { "" })
    } else {
        format!("{actual} {}", level(actual))
    }
}

fn level(level: u8) -> &'static str {
    match level {
        0 => "(not everything is backed up)",
        1 => "(backup to a trusted cloud)",
        2 => "(upload to a trusted cloud, nothing left here)",
        3 => "(encrypted backup)",
        _ => "(encrypted upload, nothing left here)",
    }
}

/// `every 6h (systemd)`
fn schedule(found: Option<&Found>) -> String {
    let Some(Found { kind, every, enabled }) = found else { return "none".to_owned() };
    let every = match every {
        Some(every) => format!("every {every}"),
        None => "of another make".to_owned(),
    };
    let state = if *enabled { "" } else { ", not in force: `poof lconfig` puts it in force" };
    format!("{every} ({kind}){state}")
}

/// `1 path is immutable or append-only`; `verb`: for one, and for several.
fn locked(count: usize, verb: [&str; 2]) -> String {
    let [one, several] = verb;
    match count {
        1 => format!("1 path {one} immutable or append-only"),
        _ => format!("{count} paths {several} immutable or append-only"),
    }
}

/// The first of some paths; the root of a tree is the empty one.
fn listed(paths: &[Vec<u8>]) -> String {
    const SHOWN: usize = 5;
    let shown = paths.iter().take(SHOWN).map(|path| match path.as_slice() {
        b"" => ".".into(),
        path => name_of(path),
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_paths_are_listed_and_the_rest_is_counted() {
        let of = |paths: &[&str]| paths.iter().map(|p| p.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(listed(&of(&["", "a/b"])), "., a/b");
        assert_eq!(listed(&of(&["1", "2", "3", "4", "5"])), "1, 2, 3, 4, 5");
        assert_eq!(listed(&of(&["1", "2", "3", "4", "5", "6", "7"])), "1, 2, 3, 4, 5 and 2 more");
        assert_eq!(listed(&[b"\xff".to_vec()]), "\u{fffd}");
        assert_eq!(locked(1, ["is", "are"]), "1 path is immutable or append-only");
        assert_eq!(locked(12, ["was", "were"]), "12 paths were immutable or append-only");
    }

    #[test]
    fn the_end_of_a_run_is_a_warning_unless_all_was_done() {
        let all = |undeleted, is_whole| {
            let (files, bytes, time) = (2, 3, Duration::from_secs(4));
            let note = Note::All { verb: "sent", files, bytes, time, undeleted, is_whole };
            (note.tone(), note.text())
        };
        let (tone, text) = all(0, true);
        assert_eq!((tone, text.starts_with("All sent: 2 files, ")), (Tone::Done, true), "{text}");
        let (tone, text) = all(1, true);
        assert_eq!((tone, text.ends_with("not deleted: 1 file")), (Tone::Warning, true), "{text}");
        let (tone, text) = all(0, false);
        assert_eq!((tone, text.starts_with("Not all was sent")), (Tone::Warning, true), "{text}");
    }

    #[test]
    fn the_level_is_said_with_what_holds() {
        let of = |declared, actual, lacking, nothing_saved| {
            Note::Level { declared, actual, lacking, nothing_saved }.text()
        };
        assert!(of(3, 3, false, false).ends_with("\nholds: yes"));
        assert!(of(3, 3, true, false).ends_with("\nholds: yes, but not all of it is here"));
        assert!(of(4, 3, false, false).ends_with("\nholds: 3 (encrypted backup)"));
        assert!(of(1, 0, false, true).ends_with("Next: `poof backup`"));
    }
}
