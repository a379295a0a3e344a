//! Asks for the settings of a remote, in rclone's own words.

use std::collections::BTreeMap;

use crate::base::error::Result;
use crate::base::prompts::{anything, one, secret, several, something, text, yes};
use crate::operations::set_up::questions::{Question, Questions};

type Settings = BTreeMap<String, String>;

const ANOTHER: &str = "Another value …";
const NONE: &str = "None";

/// Asks for what is needed, then for what a person wants to say beside it.
pub fn ask(questions: &Questions, settings: &mut Settings) -> Result<Option<()>> {
    for question in &questions.needed {
        // A key makes the password one of the key.
        if question.key == "pass" && settings.contains_key("key_file") {
            continue;
        }
        if put(question, settings)?.is_none() {
            return Ok(None);
        }
    }
    more(questions, settings)
}

/// Other settings, which most people leave alone.
fn more(questions: &Questions, settings: &mut Settings) -> Result<Option<()>> {
    if questions.more.is_empty() && questions.advanced.is_empty() {
        return Ok(Some(()));
    }
    match yes("Look at the other settings of rclone?", false)? {
        None => return Ok(None),
        Some(false) => return Ok(Some(())),
        Some(true) => {}
    }
    let mut all: Vec<_> = questions.more.iter().collect();
    let count = all.len();
    all.extend(&questions.advanced);
    let shown = |(i, question): (usize, &&Question)| {
        let rank = if i < count { "" } else { " (advanced)" };
        format!("{}{rank}: {}", question.key, question.what)
    };
    let options: Vec<_> = all.iter().enumerate().map(shown).collect();
    let Some(chosen) = several("Which ones?", &options, &[])? else { return Ok(None) };
    for i in chosen {
        if put(all[i], settings)?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

/// Asks one question. An empty answer leaves rclone its own.
fn put(question: &Question, settings: &mut Settings) -> Result<Option<()>> {
    let Some(value) = value(question, settings)? else { return Ok(None) };
    if value.is_empty() {
        settings.remove(&question.key);
    } else {
        settings.insert(question.key.clone(), value);
    }
    Ok(Some(()))
}

fn value(question: &Question, settings: &Settings) -> Result<Option<String>> {
    let asked = format!("{}:", question.what);
    let known = settings.get(&question.key).map_or("", String::as_str);
    if question.is_secret {
        let keeps = if known.is_empty() { "" } else { " Enter alone takes that of before." };
        let help = format!("{}. It does not show.{keeps}", question.key);
        let typed = secret(&asked, &help)?.map(|secret| secret.expose().to_owned());
        return Ok(typed.map(|typed| if typed.is_empty() { known.to_owned() } else { typed }));
    }
    if question.is_flag {
        let usual = question.usual == "true";
        let answer = yes(&question.what, if known.is_empty() { usual } else { known == "true" })?;
        return Ok(answer.map(|yes| if yes == usual { String::new() } else { yes.to_string() }));
    }
    if !question.choices.is_empty() {
        let choices = choices(question);
        let options: Vec<_> = choices.iter().map(|(text, _)| text.clone()).collect();
        let Some(chosen) = one(&asked, &options, start(&choices, known))? else { return Ok(None) };
        if let Some(value) = &choices[chosen].1 {
            return Ok(Some(value.clone()));
        }
    }
    let check = if question.is_required { something } else { anything };
    let optional = if question.is_required { "" } else { ". Enter alone leaves it out" };
    text(&asked, known, &format!("{}{optional}", question.key), check)
}

/// The choice that was made before: one with this value, or another one.
fn start(choices: &[(String, Option<String>)], known: &str) -> usize {
    if known.is_empty() {
        return 0;
    }
    let is_known = |value: &Option<String>| value.as_deref() == Some(known);
    let place = choices.iter().position(|(_, value)| is_known(value));
    place.or_else(|| choices.iter().position(|(_, value)| value.is_none())).unwrap_or(0)
}

/// What may be chosen, with its value; None: another one.
fn choices(question: &Question) -> Vec<(String, Option<String>)> {
    let shown = |(value, help): &(String, String)| {
        let text = if help.is_empty() { value.clone() } else { format!("{value}  {help}") };
        (text, Some(value.clone()))
    };
    let mut choices: Vec<_> =
        question.choices.iter().filter(|(value, _)| !value.is_empty()).map(shown).collect();
    if !question.is_required {
        choices.push((NONE.to_owned(), Some(String::new())));
    }
    if !question.is_exclusive {
        choices.push((ANOTHER.to_owned(), None));
    }
    choices
}
