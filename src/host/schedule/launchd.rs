//! An agent of launchd: its property list, and what launchctl is asked. launchd.plist(5),
//! launchctl(1).

use std::fs::{self, DirBuilder, Permissions};
use std::io::{Cursor, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use plist::{Dictionary, Value};

use super::removal::erase_logs;
use super::tools::{Call, Reply, call, line};
use super::{Interval, Schedule, Scheduler, Written};
use crate::base::error::{Error, Result};
use crate::base::files::write_private;
use crate::base::shown::path_of;
use crate::host::owners;
use crate::host::paths::{agent_logs, python_logs};

/// The most that lies between two calls, in minutes.
const DISTANCE: u32 = 60;
/// How often the agent is offered to a launchd that is still busy with the old one.
const TRIES: u32 = 10;

/// The property list of an agent.
///
/// What `StartCalendarInterval` misses while the machine sleeps is made up for when it
/// wakes, but not what it misses while it is off or nobody is logged in: so it also
/// starts when the user logs in.
///
/// # Errors
/// The library cannot write it.
pub fn text(schedule: &Schedule, label: &str, logs: [&str; 2]) -> Result<String> {
    let string = |text: &str| Value::String(text.to_owned());
    let number = |number: u32| Value::Integer(number.into());
    // A key that is missing matches every hour.
    let calls = schedule.every.calls(DISTANCE).into_iter().map(|minute| {
        let entries = [("Minute".to_owned(), number(minute))];
        Value::Dictionary(entries.into_iter().collect())
    });
    let words = schedule.words();
    let mut agent = Dictionary::new();
    let mut set = |key: &str, value: Value| agent.insert(key.to_owned(), value);
    set("Label", string(label));
    set("ProgramArguments", Value::Array(words.iter().map(|word| string(word)).collect()));
    if !schedule.environment.is_empty() {
        let settings = schedule.environment.iter();
        let settings = settings.map(|(name, value)| (name.clone(), string(value)));
        set("EnvironmentVariables", Value::Dictionary(settings.collect()));
    }
    set("WorkingDirectory", string(&schedule.home));
    set("StartCalendarInterval", Value::Array(calls.collect()));
    set("RunAtLoad", Value::Boolean(true));
    // A process in the background is throttled so hard that a backup may not end in a day:
    // only its disk accesses wait for those of others.
    set("ProcessType", string("Standard"));
    set("LowPriorityBackgroundIO", Value::Boolean(true));
    // Its logs, as all that poof writes.
    set("Umask", number(0o077));
    let [out, err] = logs;
    set("StandardOutPath", string(out));
    set("StandardErrorPath", string(err));
    let mut text = Vec::new();
    let written = Value::Dictionary(agent).to_writer_xml(&mut text);
    let fail = |error: &dyn ToString| {
        Error::unexpected(format!("cannot write a property list: {}", error.to_string()))
    };
    written.map_err(|error| fail(&error))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(|error| fail(&error))
}

/// What a property list says of its schedule.
pub struct Agent {
    /// That of the Python poof has none.
    pub every: Option<Interval>,
    is_python: bool,
}

/// Reads one, of whatever format.
fn read(text: &[u8]) -> Option<Agent> {
    let agent = Value::from_reader(Cursor::new(text)).ok()?;
    let words = agent.as_dictionary()?.get("ProgramArguments")?.as_array()?;
    let words: Vec<_> = words.iter().filter_map(Value::as_string).collect();
    let every = words.iter().skip_while(|word| **word != "--every").nth(1);
    let every = every.and_then(|every| every.parse().ok());
    Some(Agent { every, is_python: words.first() == Some(&"sh") })
}

/// Makes a directory that nobody else can read, or look into what is put there.
///
/// # Errors
/// It belongs to somebody else, or cannot be made.
fn private_dir(dir: &Path, uid: u32) -> Result<()> {
    let io = |what: &'static str| move |error| Error::io(what, dir, &error);
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(io("create the directory")(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(dir).map_err(io("look at"))?;
    if !found.is_dir() || found.uid() != uid {
        let owner = match owners::user(found.uid()) {
            name if name.is_empty() => found.uid().to_string(),
            name => name,
        };
        let what = format!("the log directory {} belongs to {owner}", path_of(dir));
        let what = if found.is_dir() { what } else { format!("{} is no directory", path_of(dir)) };
        return Err(Error::unexpected(what).hint(format!(
            "Nothing was scheduled. Have it removed: {}",
            line(&call(&["sudo", "rm", "-r", &dir.to_string_lossy()]))
        )));
    }
    if found.mode() & 0o7777 != 0o700 {
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(io("make private"))?;
    }
    Ok(())
}

/// The name under which launchd knows an agent.
pub fn service(uid: u32, agent: &Path) -> String {
    format!("{}/{}", domain(uid), label(agent))
}

fn label(agent: &Path) -> String {
    agent.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn domain(uid: u32) -> String {
    format!("gui/{uid}")
}

pub fn bootout(service: &str) -> Call {
    call(&["launchctl", "bootout", service])
}

fn bootstrap(uid: u32, agent: &Path) -> Call {
    call(&["launchctl", "bootstrap", &domain(uid), &agent.to_string_lossy()])
}

pub fn print(service: &str) -> Call {
    call(&["launchctl", "print", service])
}

/// Whether launchd may think otherwise in a moment: an agent that was removed is not
/// gone at once, and until then the new one is refused with EIO or EALREADY.
fn is_passing(reply: &Reply) -> bool {
    matches!(reply.code, Some(5 | 36 | 37))
}

/// What to do about an agent that launchd does not take.
fn remedy(reply: &Reply, has_session: bool, service: &str) -> String {
    match reply.code {
        // 112 and 125 are "Domain does not support specified action", but it also says EIO.
        code if !has_session || matches!(code, Some(112 | 125)) => {
            "It begins when you log in at the screen of this Mac, or run \
                            `poof lconfig` there."
                .to_owned()
        }
        // "Service is disabled".
        Some(119) => {
            format!("It was switched off: `launchctl enable {service}`, then `poof lconfig` again.")
        }
        _ => "Log out and in, or run `poof lconfig` again. `poof lpurge` removes it.".to_owned(),
    }
}

impl Scheduler {
    fn launchctl(&self, call: &Call) -> Result<Reply> {
        self.tools.ask(call)?.ok_or_else(|| {
            Error::unexpected("there is no launchctl")
                .hint("It is a part of macOS, in /bin. Is that on PATH?")
        })
    }

    /// Whether launchd knows the agent.
    pub(super) fn is_loaded(&self) -> Result<bool> {
        let reply = self.launchctl(&print(&service(self.uid, &self.agent)))?;
        // That of another home directory is not this one.
        let agent = self.agent.to_string_lossy().into_owned();
        Ok(reply.is_ok() && String::from_utf8_lossy(&reply.stdout).contains(&agent))
    }

    pub(super) fn logs_of_launchd(&self) -> [PathBuf; 2] {
        agent_logs(&self.logs, self.id.as_deref())
    }

    /// Those of the Python poof, whose agent this one replaces. Nobody but this user can
    /// have put them into a directory of their own.
    pub(super) fn python_logs(&self) -> Vec<PathBuf> {
        let dir = fs::symlink_metadata(&self.python_logs);
        if self.id.is_some() || !dir.is_ok_and(|dir| dir.is_dir() && dir.uid() == self.uid) {
            return Vec::new();
        }
        let logs = python_logs(&self.python_logs, &self.user).into_iter();
        logs.filter(|log| fs::symlink_metadata(log).is_ok()).collect()
    }

    pub(super) fn agent_text(&self, schedule: &Schedule) -> Result<String> {
        let [out, err] = self.logs_of_launchd().map(|log| log.to_string_lossy().into_owned());
        text(schedule, &label(&self.agent), [&out, &err])
    }

    pub(super) fn install_agent(&self, schedule: &Schedule) -> Result<Written> {
        let text = self.agent_text(schedule)?;
        if let Some(above) = self.logs.parent() {
            fs::create_dir_all(above).map_err(|error| Error::io("make", above, &error))?;
        }
        private_dir(&self.logs, self.uid)?;
        let python = self.agent().is_some_and(|agent| agent.is_python);
        self.unload()?;
        write_private(&self.agent, text.as_bytes())?;
        let call = bootstrap(self.uid, &self.agent);
        let mut reply = self.launchctl(&call)?;
        let mut has_session = true;
        for _ in 1..TRIES {
            if reply.is_ok() || !is_passing(&reply) {
                break;
            }
            // Who came over ssh may have none.
            has_session = has_session && self.launchctl(&print(&domain(self.uid)))?.is_ok();
            if !has_session {
                break;
            }
            thread::sleep(self.pause);
            reply = self.launchctl(&call)?;
        }
        if !reply.is_ok() {
            let service = service(self.uid, &self.agent);
            return Err(reply.error(&call).hint(remedy(&reply, has_session, &service)));
        }
        erase_logs(self.python_logs())?;
        let notes = python.then(|| "It replaces the schedule of the Python poof.".to_owned());
        Ok(Written {
            files: vec![(Some(self.agent.clone()), text)],
            notes: notes.into_iter().collect(),
        })
    }

    /// Removes the agent from launchd. One that was not loaded is fine.
    fn unload(&self) -> Result<()> {
        let call = bootout(&service(self.uid, &self.agent));
        let reply = self.launchctl(&call)?;
        if reply.is_ok() || is_passing(&reply) || !self.is_loaded()? {
            return Ok(());
        }
        Err(reply.error(&call).hint("It is still loaded. Log out and in, then try again."))
    }

    /// The command that does both.
    pub(super) fn stop_agent(&self) -> String {
        let remove = call(&["rm", &self.agent.to_string_lossy()]);
        format!("{}; {}", line(&bootout(&service(self.uid, &self.agent))), line(&remove))
    }

    /// Returns whether there was one.
    pub(super) fn remove_agent(&self) -> Result<bool> {
        if fs::symlink_metadata(&self.agent).is_err() {
            return Ok(false);
        }
        self.unload()?;
        fs::remove_file(&self.agent).map_err(|error| Error::io("remove", &self.agent, &error))?;
        Ok(true)
    }

    /// What the property list says, if there is one.
    pub(super) fn agent(&self) -> Option<Agent> {
        let text = fs::read(&self.agent).ok()?;
        Some(read(&text).unwrap_or(Agent { every: None, is_python: false }))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::host::paths::System;
    use crate::host::schedule::tests::{calls, schedule, scheduler, stand_in};
    use crate::host::schedule::{Found, Kind};

    /// What Python's plistlib, which shares no code with ours, reads in a property list.
    fn as_python_reads(text: &str) -> serde_json::Value {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        let script = "import json, plistlib, sys\n\
                      print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
        let python = Command::new("python3").args(["-c", script]).arg(file.path()).output();
        let out = python.unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    #[test]
    fn another_reader_finds_in_the_property_list_what_was_put_in() {
        let mut odd = schedule("90m");
        odd.options = vec!["--confdir".to_owned(), "/Users/joe/<&> \"it's\" ü".to_owned()];
        odd.environment = vec![("XDG_STATE_HOME".to_owned(), "/s".to_owned())];
        let read =
            as_python_reads(&text(&odd, "org.pypi.poof", ["/l/out.dat", "/l/err.dat"]).unwrap());
        assert_eq!(
            read,
            serde_json::json!({
                "Label": "org.pypi.poof",
                "ProgramArguments": [
                    "/home/joe/.local/bin/poof", "--confdir", "/Users/joe/<&> \"it's\" ü",
                    "backup", "--scheduled", "--every", "90m",
                ],
                "EnvironmentVariables": {"XDG_STATE_HOME": "/s"},
                "WorkingDirectory": "/home/joe",
                "StartCalendarInterval": [{"Minute": 0}, {"Minute": 30}],
                "RunAtLoad": true,
                "ProcessType": "Standard",
                "LowPriorityBackgroundIO": true,
                "Umask": 0o077,
                "StandardOutPath": "/l/out.dat",
                "StandardErrorPath": "/l/err.dat",
            })
        );
    }

    #[test]
    fn an_agent_is_put_in_force_seen_and_removed_in_the_order_of_launchctl() {
        let dir = tempfile::tempdir().unwrap();
        let mac = scheduler(System::MacOs, dir.path());
        let (uid, agent) = (mac.uid, mac.agent.display().to_string());
        // It is loaded once it was bootstrapped, and says where from.
        let script = format!(
            "on='{}/on'\ncase $1 in\nbootstrap) : >\"$on\";;\n\
             bootout) [ -e \"$on\" ] || {{ echo 'Boot-out failed: 3: No such process' >&2; exit 3; }}\n\
             /bin/rm \"$on\";;\n\
             print) [ -e \"$on\" ] || exit 113; echo 'path = {agent}';;\nesac",
            dir.path().display()
        );
        stand_in(dir.path(), "launchctl", &script);
        assert_eq!(mac.choose().unwrap(), (Kind::Launchd, None));
        assert_eq!(mac.found().unwrap(), None);
        assert_eq!(calls(dir.path()), [""; 0], "what is not there is not asked for");

        let of = |verb: &str| format!("launchctl {verb} gui/{uid}/org.pypi.poof");
        let bootstrap = format!("launchctl bootstrap gui/{uid} {agent}");
        mac.install(Kind::Launchd, &schedule("6h")).unwrap();
        assert_eq!(calls(dir.path()), [of("bootout"), of("print"), bootstrap.clone()]);
        let found = |every: &str, enabled| {
            Some(Found { kind: Kind::Launchd, every: Some(every.parse().unwrap()), enabled })
        };
        assert_eq!(mac.found().unwrap(), found("6h", true));
        calls(dir.path());
        // Again, with another interval.
        let written = mac.install(Kind::Launchd, &schedule("1h")).unwrap();
        assert_eq!(calls(dir.path()), [of("bootout"), bootstrap]);
        assert_eq!(written.files[0].1, fs::read_to_string(&mac.agent).unwrap());
        assert_eq!(mac.found().unwrap(), found("1h", true));
        assert_eq!(fs::metadata(&mac.logs).unwrap().mode() & 0o7777, 0o700);
        fs::remove_file(dir.path().join("on")).unwrap();
        assert_eq!(mac.found().unwrap(), found("1h", false));

        for log in mac.logs_of_launchd() {
            fs::write(log, "said").unwrap();
        }
        assert!(!dir.path().join("6CC9").exists(), "the place of the Python poof");
        fs::write(mac.logs.join("of another"), "x").unwrap();
        let removed = mac.remove().unwrap();
        assert_eq!(removed.what.len(), 3, "{:?}", removed.what);
        assert!(!mac.agent.exists() && mac.logs.join("of another").exists());
        assert_eq!(mac.found().unwrap(), None);
        fs::remove_file(mac.logs.join("of another")).unwrap();
        fs::write(&mac.logs_of_launchd()[0], "said").unwrap();
        mac.remove().unwrap();
        assert!(!mac.logs.exists());
    }

    #[test]
    fn what_launchctl_refuses_is_told_with_the_remedy() {
        for (code, session, tries, remedy) in [
            (5, true, 10, "Log out and in"),
            (5, false, 1, "log in at the screen"),
            (112, true, 1, "log in at the screen"),
            (119, true, 1, "launchctl enable gui/"),
            (125, true, 1, "log in at the screen"),
            (1, true, 1, "poof lpurge"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let mac = scheduler(System::MacOs, dir.path());
            let script = format!(
                "case $1 in\nbootstrap) echo 'Bootstrap failed: {code}: why' >&2; exit {code};;\n\
                 print) case $2 in gui/*/*) exit 113;; esac; exit {};;\n*) exit 113;;\nesac",
                if session { 0 } else { 113 }
            );
            stand_in(dir.path(), "launchctl", &script);
            let error = mac.install(Kind::Launchd, &schedule("6h")).err().unwrap();
            assert!(error.message().contains(&format!("failed: {code}: why")), "{error}");
            assert!(error.hint_text().unwrap().contains(remedy), "{code}: {:?}", error.hint_text());
            let calls = calls(dir.path()).into_iter();
            let offered = calls.filter(|call| call.starts_with("launchctl bootstrap "));
            assert_eq!(offered.count(), tries, "{code}");
        }
    }

    #[test]
    fn launchd_that_is_still_busy_with_the_old_agent_is_asked_again() {
        let dir = tempfile::tempdir().unwrap();
        let mac = scheduler(System::MacOs, dir.path());
        let once = dir.path().join("once");
        let script = format!(
            "case $1 in\nbootout) exit 36;;\n\
             bootstrap) [ -e '{0}' ] || {{ : >'{0}'; exit 5; }};;\nesac",
            once.display()
        );
        stand_in(dir.path(), "launchctl", &script);
        mac.install(Kind::Launchd, &schedule("6h")).unwrap();
        assert_eq!(calls(dir.path()).len(), 4);
    }

    #[test]
    fn an_agent_that_stays_loaded_is_not_taken_for_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mac = scheduler(System::MacOs, dir.path());
        let agent = mac.agent.display().to_string();
        let script = format!("case $1 in\nbootout) exit 1;;\nprint) echo 'path = {agent}';;\nesac");
        stand_in(dir.path(), "launchctl", &script);
        write_private(&mac.agent, b"<plist/>").unwrap();
        let error = mac.remove().err().unwrap();
        assert!(error.hint_text().unwrap().contains("still loaded"), "{error}");
        assert!(mac.agent.exists(), "what cannot be stopped can be stopped later");
        assert!(mac.by_hand().starts_with("launchctl bootout gui/"), "{}", mac.by_hand());
    }

    #[test]
    fn without_launchctl_nothing_is_scheduled_and_it_is_said_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let mac = scheduler(System::MacOs, dir.path());
        let error = mac.install(Kind::Launchd, &schedule("6h")).err().unwrap();
        assert!(error.message().contains("no launchctl"), "{error}");
        assert!(error.hint_text().unwrap().contains("/bin"), "{error}");
        assert!(!mac.agent.exists());
    }

    #[test]
    fn the_schedule_of_the_python_poof_is_known_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mac = scheduler(System::MacOs, dir.path());
        stand_in(dir.path(), "launchctl", &format!("echo 'path = {}'", mac.agent.display()));
        // As launchd.py of 1.6.0 writes it, in short.
        let python = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n\
            <key>Label</key><string>org.pypi.poof</string><key>ProgramArguments</key><array>\n\
            <string>sh</string><string>-c</string><string>/usr/local/bin/poof backup</string>\n\
            </array><key>RootDirectory</key><string>/Users/joe</string></dict></plist>";
        write_private(&mac.agent, python.as_bytes()).unwrap();
        let found = mac.found().unwrap();
        assert_eq!(found, Some(Found { kind: Kind::Launchd, every: None, enabled: true }));
        fs::create_dir(&mac.python_logs).unwrap();
        for log in python_logs(&mac.python_logs, "joe") {
            fs::write(log, "said").unwrap();
        }
        let written = mac.install(Kind::Launchd, &schedule("6h")).unwrap();
        assert!(!mac.python_logs.exists(), "its logs name files, and nobody removes them else");
        assert_eq!(written.notes, ["It replaces the schedule of the Python poof."]);
        assert!(!fs::read_to_string(&mac.agent).unwrap().contains("RootDirectory"));
        assert_eq!(mac.install(Kind::Launchd, &schedule("6h")).unwrap().notes, [""; 0]);
    }

    #[test]
    fn the_log_directory_is_nobody_elses() {
        let root = tempfile::tempdir().unwrap();
        let (dir, uid) = (root.path().join("logs"), rustix::process::geteuid().as_raw());
        let mode = || fs::metadata(&dir).unwrap().mode() & 0o7777;
        private_dir(&dir, uid).unwrap();
        assert_eq!(mode(), 0o700);
        // As the Python poof made it.
        fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        private_dir(&dir, uid).unwrap();
        assert_eq!(mode(), 0o700);
        let error = private_dir(&dir, uid + 1).unwrap_err();
        assert!(error.message().contains("belongs to"), "{error}");
        assert!(error.hint_text().unwrap().contains("sudo rm -r"), "{error}");
        let link = root.path().join("link");
        symlink(&dir, &link).unwrap();
        assert!(private_dir(&link, uid).is_err(), "a link leads somewhere else tomorrow");
    }
}
