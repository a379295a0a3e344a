//! The calls of a login in the browser. See go/calls/login.go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::call::Call;
use super::requests::Nothing;

/// The types of remotes that want a login.
#[derive(Serialize)]
pub struct Logins {}

#[derive(Deserialize)]
pub struct Kinds {
    /// As rclone calls them, sorted.
    pub kinds: Vec<String>,
    /// Other names that rclone takes, and which type each is.
    pub aliases: BTreeMap<String, String>,
}

impl Call for Logins {
    const METHOD: &'static str = "poof/logins";
    type Reply = Kinds;
}

/// The values of a new section, as rclone reads them.
#[derive(Serialize)]
pub struct NewSection<'a> {
    pub kind: &'a str,
    pub values: &'a BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub struct SectionValues {
    pub values: BTreeMap<String, String>,
}

impl Call for NewSection<'_> {
    const METHOD: &'static str = "poof/section";
    type Reply = SectionValues;
}

/// Starts a login.
#[derive(Serialize)]
pub struct BeginLogin<'a> {
    pub kind: &'a str,
    pub section: &'a str,
    /// Of the section, passwords obscured.
    pub values: &'a BTreeMap<String, Zeroizing<String>>,
    /// The browser is on this machine.
    pub listens: bool,
    /// There is somebody to ask.
    pub person: bool,
}

impl Call for BeginLogin<'_> {
    const METHOD: &'static str = "poof/login";
    type Reply = Nothing;
}

/// Gives a login what it waits for, and waits itself.
#[derive(Serialize)]
pub struct StepLogin<'a> {
    pub millis: u64,
    /// To the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pasted: Option<&'a str>,
}

/// What a login waits for.
#[derive(Deserialize)]
pub struct Step {
    pub state: State,
    /// Where to go with the browser.
    #[serde(default)]
    pub url: String,
    pub question: Option<Question>,
    /// What the section is to say.
    #[serde(default)]
    pub values: BTreeMap<String, Zeroizing<String>>,
    /// What a person should know, once.
    #[serde(default)]
    pub notices: Vec<String>,
    /// What is wrong with what was pasted.
    pub wrong: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Working,
    Browser,
    Question,
    Done,
}

/// Something that the provider's part of rclone wants to know.
#[derive(Deserialize)]
pub struct Question {
    /// Tells it from the last one.
    pub number: u32,
    pub text: String,
    pub default: String,
    pub choices: Vec<Choice>,
    /// Nothing but one of the choices will do.
    pub only: bool,
    pub secret: bool,
}

#[derive(Deserialize)]
pub struct Choice {
    pub value: String,
    pub text: String,
}

impl Call for StepLogin<'_> {
    const METHOD: &'static str = "poof/loginstep";
    type Reply = Step;
}

/// Ends the login that is under way.
#[derive(Serialize)]
pub struct StopLogin {}

impl Call for StopLogin {
    const METHOD: &'static str = "poof/loginstop";
    type Reply = Nothing;
}

/// Asks whether a login was renewed and could not be saved.
#[derive(Serialize)]
pub struct Unsaved {}

#[derive(Deserialize)]
pub struct WhyUnsaved {
    /// Empty: all is saved.
    pub why: String,
}

impl Call for Unsaved {
    const METHOD: &'static str = "poof/unsaved";
    type Reply = WhyUnsaved;
}
