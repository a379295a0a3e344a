//! A login in the browser, for the remotes that want one: the storage section of
//! rclone-poof.conf gets the token and what else the provider's part of rclone asks for.
//! Until the provider has given it nothing is written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::outcome::Outcome;
use super::programs;
use super::secrets::{in_time, rclone_file, resolve_one};
use super::section;
use super::session::Session;
use crate::base::error::{Error, Kind, Result};
use crate::base::interrupt;
use crate::base::shown::{one_line, path_of};
use crate::base::typing::{Typed, Typing};
use crate::base::units::clock;
use crate::config::programs::{of_rclone, settings};
use crate::config::rclone_conf::STORAGE;
use crate::config::ready::storage_section;
use crate::config::{PoofConf, Problem, RcloneConf, RcloneFile, Status, keys};
use crate::host::browser;
use crate::report::{Event, Note};
use crate::storage::failure::Failure;
use crate::storage::login::{self, Login, Question, State, Step};

/// Where rclone keeps what the login is for, and renews it.
const TOKEN: &str = "token";
/// How long a browser is waited for, unless somebody says.
pub const PATIENCE: Duration = Duration::from_mins(5);
/// What to do about a section of another type.
const HINT: &str = "Remove or rename that section first; `poof cconfig` shows the file.";
/// How often a person may paste something wrong.
const TRIES: u32 = 3;
/// The settings with which a remote wants no login, though others of its type do.
const INSTEAD: [&str; 7] = [
    "service_account_file",
    "service_account_credentials",
    "anonymous",
    "env_auth",
    "access_token",
    "box_config_file",
    "client_credentials",
];

type Values = BTreeMap<String, Zeroizing<String>>;

/// What to log in to, and how.
pub struct Request {
    /// The type of the remote; None: that of the section.
    pub kind: Option<String>,
    pub settings: BTreeMap<String, String>,
    /// The browser is on another machine.
    pub no_browser: bool,
    /// How long to wait for the browser.
    pub wait: Duration,
}

/// Logs in, and fills in the section.
///
/// # Errors
/// The provider refuses, nobody answers in time, or the file cannot be changed.
pub fn run(session: &Session, request: &Request) -> Result<Outcome> {
    let path = session.files.rclone.clone();
    let is_new = !path.exists();
    let kind = log_in(session, request)?;
    session.report.say(Note::Written { is_new, path });
    session.report.say(Note::LoggedIn { kind });
    Ok(Outcome::default().with("changed", true))
}

/// The same without a word at the end. Returns the type that was logged in to.
///
/// # Errors
/// As [`run`].
pub fn log_in(session: &Session, request: &Request) -> Result<String> {
    // So long another poof would work with the section as it was, and renew a token of it.
    let _lock = session.lock()?;
    // poof.conf need not exist yet.
    let poof = PoofConf::load(&session.files.poof).ok();
    let path = &session.files.rclone;
    let mut file = if path.exists() {
        in_time(rclone_file(session, poof.as_ref()))?
    } else {
        RcloneFile::new(RcloneConf::default())
    };
    let name = section_of(poof.as_ref(), &file.conf);
    let kind = kind(request, &file.conf, &name)?;
    if let Some(problem) =
        keys::of_settings(&kind, request.settings.keys().map(String::as_str)).pop()
    {
        return Err(problem.into_error());
    }
    section::make_way(&mut file.conf, &name, &kind, |_| HINT.to_owned())?;
    let elsewhere = elsewhere(session, poof.as_ref(), &file.conf, &name)?;
    let values = values(session, request, &file.conf, &name, &kind, &elsewhere)?;
    let person = session.report.interactive();
    let begun = Login::begin(&kind, &name, &values, !request.no_browser, person)
        .map_err(|failure| explained(failure, &kind))?;
    let mut made = Way::new(session, request, &kind).follow(&begun)?;
    drop(begun);
    // It stays where it is.
    made.retain(|key, _| !elsewhere.contains_key(key));
    made.insert("type".to_owned(), Zeroizing::new(kind.clone()));
    let made = made.into_iter().map(|(key, value)| (key, (*value).clone())).collect();
    file.conf.fill(&name, &made, &["type"]);
    file.save(path)?;
    Ok(kind)
}

/// Says what comes next if the storage remote wants a login and has none.
pub fn remind(session: &Session, poof: Option<&PoofConf>, conf: &RcloneConf) {
    let section = section_of(poof, conf);
    let Some(kind) = conf.kind(&section) else { return };
    let has = |key: &str| conf.get(&section, key).is_some_and(|value| !value.is_empty());
    if !has(TOKEN) && !INSTEAD.iter().any(|key| has(key)) && login::is_wanted(kind) {
        session.report.say(Note::LoginNext { kind: kind.to_owned() });
    }
}

/// Warns if a login was renewed in this run, and the file does not have it.
pub fn tell_unsaved(session: &Session) {
    if let Some(why) = login::unsaved() {
        session.report.warn(&format!(
            "the login was renewed, and the new one cannot be written into {}: {}. The next run may \
             be refused; then `poof login` helps.",
            path_of(&session.files.rclone),
            one_line(&why)
        ));
    }
}

/// The section of the storage, for which poof.conf may have another name.
fn section_of(poof: Option<&PoofConf>, conf: &RcloneConf) -> String {
    poof.map_or(STORAGE, |poof| storage_section(poof, conf)).to_owned()
}

/// The type to log in to.
fn kind(request: &Request, conf: &RcloneConf, section: &str) -> Result<String> {
    let known = login::kinds().map_err(|failure| failure.into_error("log in", Kind::Unexpected))?;
    let is_one = |kind: &&str| known.kinds.iter().any(|one| one == kind);
    let list = if known.kinds.is_empty() {
        "This build of poof has none of them: `make install` builds one with all.".to_owned()
    } else {
        format!("These want one: {}.", known.kinds.join(", "))
    };
    match &request.kind {
        Some(kind) => known.aliases.get(kind).map(String::as_str).or(Some(kind)).filter(is_one),
        None => conf.kind(section).filter(is_one),
    }
    .map(str::to_owned)
    .ok_or_else(|| {
        let what = match &request.kind {
            Some(kind) => format!("a remote of type {kind:?} wants no login in the browser"),
            None => "no remote of rclone-poof.conf wants a login: give the type".to_owned(),
        };
        Error::new(Kind::Usage, what).hint(list)
    })
}

/// The settings of the section that poof.conf says the source of, as rclone reads them.
fn elsewhere(
    session: &Session,
    poof: Option<&PoofConf>,
    conf: &RcloneConf,
    section: &str,
) -> Result<Values> {
    let secrets = poof.map(PoofConf::secrets).unwrap_or_default();
    let mut its_own = of_rclone(conf, &secrets);
    its_own.extend(poof.map(|poof| settings(poof, conf)).unwrap_or_default());
    // Where the browser is sent and where the code goes may have come with a restore.
    programs::may_run(session, &its_own).map_err(Problem::into_error)?;
    let mut values = Values::new();
    if conf.kind(section).is_none() {
        return Ok(values);
    }
    for declared in &secrets {
        match declared.place() {
            Some((of, TOKEN)) if of == section => {
                return Err(declared
                    .problem(
                        Status::InvalidPoofConfig,
                        "rclone renews the token, and cannot do so where this is",
                        "Remove this entry from poof.conf, and run `poof login` again.",
                    )
                    .into_error());
            }
            Some((of, key)) if of == section => {
                let resolved = in_time(resolve_one(session, declared, conf))?;
                let form = Zeroizing::new(resolved.form.expose().to_owned());
                values.insert(key.to_owned(), form);
            }
            _ => {}
        }
    }
    Ok(values)
}

/// What the section says, with the settings of the command line.
fn values(
    session: &Session,
    request: &Request,
    conf: &RcloneConf,
    name: &str,
    kind: &str,
    elsewhere: &Values,
) -> Result<Values> {
    let given = request.settings.clone();
    // Answers to questions are no settings.
    let is_answer = |key: &str| key.starts_with("config_") && key != "config_credentials";
    let answers = given.iter().filter(|(key, _)| is_answer(key));
    let mut values: Values = answers.map(|(k, v)| (k.clone(), v.clone().into())).collect();
    let own = conf.values(name).into_iter().chain(section::create(session, name, kind, given)?);
    values.extend(own.map(|(key, value)| (key, Zeroizing::new(value))));
    values.extend(elsewhere.iter().map(|(key, value)| (key.clone(), value.clone())));
    values.remove("type");
    Ok(values)
}

/// A login on its way, with the person who does it.
struct Way<'a> {
    session: &'a Session,
    request: &'a Request,
    kind: &'a str,
    typing: Option<Typing>,
    /// Since when the browser is awaited.
    since: Option<Instant>,
    asked: u32,
    wrong: u32,
}

impl<'a> Way<'a> {
    fn new(session: &'a Session, request: &'a Request, kind: &'a str) -> Self {
        Way { session, request, kind, typing: None, since: None, asked: 0, wrong: 0 }
    }

    /// Goes on until the values are there.
    fn follow(mut self, login: &Login) -> Result<Values> {
        let (mut answer, mut pasted) = (None, None);
        loop {
            interrupt::check()?;
            let step = login.step(
                answer.take().as_ref().map(|text: &Zeroizing<String>| text.as_str()),
                pasted.take().as_ref().map(|text: &Zeroizing<String>| text.as_str()),
            );
            let step = step.map_err(|failure| explained(failure, self.kind))?;
            for notice in &step.notices {
                self.session.report.warn(&one_line(notice));
            }
            match (step.state, &step.question) {
                (State::Done, _) => return Ok(step.values),
                (State::Browser, _) => pasted = self.wait(&step)?,
                (State::Question, Some(question)) => answer = self.ask(question)?,
                _ => self.since = None,
            }
        }
    }

    /// Waits for the browser; what was pasted meanwhile.
    fn wait(&mut self, step: &Step) -> Result<Option<Zeroizing<String>>> {
        let since = match self.since {
            Some(since) => since,
            None => self.send(&step.url),
        };
        if since.elapsed() > self.request.wait {
            let Request { wait, .. } = self.request;
            let kind = shell(self.kind);
            return Err(Error::new(
                Kind::Remote,
                format!("nobody has logged in within {}", clock(*wait)),
            )
            .hint(format!(
                "Nothing was changed. Run `poof login {kind}` again, with `--wait 15m` for more \
                 time, with `--no-browser` if the browser is on another machine."
            )));
        }
        if !step.wrong.is_empty() {
            self.wrong += 1;
            let what = format!("that is no answer of the provider: {}", step.wrong);
            if self.wrong == TRIES {
                return Err(Error::new(Kind::Usage, what)
                    .hint(format!("Run `poof login {} --no-browser` again.", shell(self.kind))));
            }
            self.session.report.warn(&format!("{what}. Paste it again."));
        }
        match self.typing.as_ref().map(Typing::line) {
            Some(Typed::Line(line)) => Ok(Some(Zeroizing::new(line.expose().to_owned()))),
            Some(Typed::End) => {
                // The answer may still come to this machine, through a tunnel.
                self.typing = None;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Sends a person to the address.
    fn send(&mut self, url: &str) -> Instant {
        let report = &self.session.report;
        let opened = !self.request.no_browser && browser::open(url);
        let (kind, url) = (self.kind.to_owned(), url.to_owned());
        report.tell(&Event::Login { kind, url, opened });
        if self.request.no_browser || report.interactive() && !opened {
            report.say(Note::PasteAnswer);
            let typing = self.typing.get_or_insert_with(Typing::begin);
            typing.show(false);
        }
        let now = Instant::now();
        self.since = Some(now);
        now
    }

    /// Asks a question; the answer, once it is there.
    fn ask(&mut self, question: &Question) -> Result<Option<Zeroizing<String>>> {
        let report = &self.session.report;
        let typing = self.typing.get_or_insert_with(Typing::begin);
        if self.asked != question.number {
            self.asked = question.number;
            report.say(Note::Asks {
                text: question.text.clone(),
                choices: question
                    .choices
                    .iter()
                    .map(|c| (c.value.clone(), c.text.clone()))
                    .collect(),
                preset: question.default.clone(),
            });
            typing.show(!question.secret);
        }
        match typing.line() {
            Typed::Nothing => Ok(None),
            Typed::End => Err(Error::interrupted()),
            Typed::Line(line) => {
                let answer = answer(question, line.expose());
                if answer.is_none() {
                    report.warn("that is none of the answers; type its number");
                }
                Ok(answer.map(Zeroizing::new))
            }
        }
    }
}

/// What a person has answered: the number of a choice, the value itself, or nothing for
/// what is so by default.
fn answer(question: &Question, typed: &str) -> Option<String> {
    let typed = typed.trim();
    let Question { choices, default, only, .. } = question;
    if typed.is_empty() {
        return (!default.is_empty() || !*only).then(|| default.clone());
    }
    let number = typed.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    let word = |choice: &&login::Choice| {
        let text = choice.text.to_lowercase();
        choice.value == typed
            || matches!(text.as_str(), "yes" | "no") && text.starts_with(&typed.to_lowercase())
    };
    let choice = number.or_else(|| choices.iter().find(word));
    choice.map(|choice| choice.value.clone()).or_else(|| (!only).then(|| typed.to_owned()))
}

/// A type as a shell takes it.
fn shell(kind: &str) -> String {
    if kind.contains(' ') { format!("'{kind}'") } else { kind.to_owned() }
}

/// Why a login failed, and what to do about it. The codes are those of go/login.
fn explained(failure: Failure, kind: &str) -> Error {
    let again = format!("`poof login {}`", shell(kind));
    let text = one_line(&failure.text).into_owned();
    let (of, hint) = match failure.code.as_str() {
        "PortTaken" => (
            Kind::Busy,
            format!(
                "Is another login under way, of poof or of rclone? End it and run {again} again, or \
                 `poof login {} --no-browser`, which needs no port.",
                shell(kind)
            ),
        ),
        "LoginRefused" => {
            (Kind::Remote, format!("Nothing was changed. Run {again} again, and allow the access."))
        }
        "LoginForeign" => (
            Kind::Remote,
            format!(
                "Nothing of that answer was used. Run {again} again, and open the address that it \
                 prints."
            ),
        ),
        "LoginFailed" | "TokenExpired" => (
            Kind::Remote,
            format!(
                "Nothing was changed. Check client_id and client_secret, if you have your own, and \
                 run {again} again."
            ),
        ),
        "LoginBroken" => (Kind::Remote, format!("Nothing was changed. Run {again} again later.")),
        "NeedsAnswer" => (
            Kind::Usage,
            format!("Run {again} on a terminal, or give the answer as NAME=VALUE behind it."),
        ),
        "NoLogin" | "NoType" => {
            (Kind::Usage, "`poof verify` says whether the remote works without.".to_owned())
        }
        _ => return failure.into_error(&format!("log in to {kind}"), Kind::Remote),
    };
    Error::new(of, format!("cannot log in to {kind}: {text}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::login::Choice;

    fn question(choices: &[(&str, &str)], default: &str, only: bool) -> Question {
        let choice = |(value, text): &(&str, &str)| Choice {
            value: (*value).to_owned(),
            text: (*text).to_owned(),
        };
        Question {
            number: 1,
            text: "Which?".to_owned(),
            default: default.to_owned(),
            choices: choices.iter().map(choice).collect(),
            only,
            secret: false,
        }
    }

    #[test]
    fn an_answer_is_a_number_a_value_or_nothing() {
        let which = question(&[("id1", "Personal"), ("id2", "Work")], "id1", true);
        for (typed, taken) in
            [("", Some("id1")), ("2", Some("id2")), ("id2", Some("id2")), ("3", None), ("0", None)]
        {
            assert_eq!(answer(&which, typed).as_deref(), taken, "{typed:?}");
        }
        let yes = question(&[("true", "Yes"), ("false", "No")], "false", true);
        for (typed, taken) in [("y", "true"), ("YES", "true"), ("no", "false"), ("", "false")] {
            assert_eq!(answer(&yes, typed).as_deref(), Some(taken), "{typed:?}");
        }
        let free = question(&[], "", false);
        assert_eq!(answer(&free, " mine ").as_deref(), Some("mine"));
    }

    #[test]
    fn each_trouble_has_its_exit_code_and_a_command() {
        for (code, kind) in [
            ("PortTaken", Kind::Busy),
            ("LoginRefused", Kind::Remote),
            ("LoginForeign", Kind::Remote),
            ("LoginFailed", Kind::Remote),
            ("LoginBroken", Kind::Remote),
            ("NeedsAnswer", Kind::Usage),
        ] {
            let failure = Failure { code: code.to_owned(), ..Failure::other("why\nso") };
            let error = explained(failure, "google cloud storage");
            assert_eq!(error.kind(), kind, "{code}");
            assert!(error.message().contains("why") && !error.message().contains('\n'));
            let hint = error.hint_text().unwrap();
            assert!(hint.contains("`poof login 'google cloud storage'`"), "{hint}");
        }
    }

    #[test]
    fn a_section_of_another_type_stays_and_a_placeholder_gives_way() {
        let mut conf = RcloneConf::scaffold();
        let make_way =
            |conf: &mut RcloneConf| section::make_way(conf, STORAGE, "drive", |_| HINT.to_owned());
        make_way(&mut conf).unwrap();
        assert_eq!(conf.kind(STORAGE), None);
        conf.set(STORAGE, "type", "sftp");
        let error = make_way(&mut conf).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        conf.set(STORAGE, "type", "drive");
        make_way(&mut conf).unwrap();
        assert_eq!(conf.kind(STORAGE), Some("drive"));
    }
}
