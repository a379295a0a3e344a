//! The phrase of a kit: from a file, or from a person.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::kit;
use crate::operations::session::Session;

/// More than any phrase or secret has, in bytes.
const LONGEST: u64 = 64 << 10;

/// The phrase in the first line of a file; `-` is standard input.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn from_file(path: &Path) -> Result<Secret> {
    let phrase = line_of(path)?;
    if phrase.expose().trim().is_empty() {
        return Err(Error::new(Kind::Usage, "the phrase is empty")
            .hint("It is the first line of the file."));
    }
    Ok(phrase)
}

/// The first line of a file, with its end; `-` is standard input.
///
/// # Errors
/// It cannot be read.
pub fn line_of(path: &Path) -> Result<Secret> {
    let mut line = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LONGEST).read_line(&mut line)
    } else {
        File::open(path).and_then(|file| BufReader::new(file.take(LONGEST)).read_line(&mut line))
    };
    let line = Secret::new(line);
    read.map_err(|error| Error::io("read", path, &error).with_kind(Kind::Usage))?;
    Ok(line)
}

/// Asks for the phrase on the report, where it does not show.
///
/// # Errors
/// There is no report, or nothing was typed.
pub fn ask(session: &Session, question: &str) -> Result<Secret> {
    let none = || {
        Error::new(Kind::Usage, "there is nobody to ask for the phrase")
            .hint("`--phrase-file FILE` gives it (`-`: standard input).")
    };
    if !session.report.interactive() {
        return Err(none());
    }
    let typed = rpassword::prompt_password(format!("{question}: ")).map_err(|_| none())?;
    let phrase = Secret::new(typed);
    if phrase.expose().trim().is_empty() { Err(Error::interrupted()) } else { Ok(phrase) }
}

/// What may be wrong with a phrase that does not open a kit.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Words that are in no phrase of poof's: which, and the nearest that may be.
    pub strange: Vec<(usize, String, Option<&'static str>)>,
    /// There are so many, and such a phrase has another number.
    pub words: Option<usize>,
}

/// More wrong letters make it another word.
const FAR: usize = 2;

/// What is doubtful in a phrase of poof's. A phrase of somebody's own may be any text.
pub fn doubts(phrase: &Secret) -> Doubts {
    let list = bip39::Language::English.word_list();
    let words: Vec<_> = phrase.expose().split_whitespace().collect();
    let is_known = |word: &&str| list.binary_search(word).is_ok();
    let known = words.iter().filter(|word| is_known(word)).count();
    if !(kit::WORDS - 2..=kit::WORDS + 2).contains(&words.len()) || 2 * known < words.len() {
        return Doubts::default();
    }
    let nearest = |word: &str| {
        let word = word.to_lowercase();
        let far = |other: &&&str| strsim::damerau_levenshtein(&word, other);
        list.iter().min_by_key(far).filter(|nearest| far(nearest) <= FAR).copied()
    };
    let strange = (1..).zip(&words).filter(|(_, word)| !is_known(word));
    Doubts {
        strange: strange.map(|(at, word)| (at, (*word).to_owned(), nearest(word))).collect(),
        words: Some(words.len()).filter(|words| *words != kit::WORDS),
    }
}

/// Words of fewer letters, or of one letter only, are no words to guess.
const LETTERS: usize = 3;
/// As many words as take longer to guess than anybody has, with a second for each try.
const WORDS: usize = 4;
/// The same without words.
const CHARACTERS: usize = 16;

/// Whether somebody who finds the kit can guess its phrase: it is neither of four different
/// words nor of sixteen characters of all kinds. The phrases that poof makes are of more.
pub fn is_weak(phrase: &Secret) -> bool {
    let text = phrase.expose().trim().to_lowercase();
    let distinct = |word: &str| word.chars().collect::<HashSet<_>>().len();
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: HashSet<_> = words.filter(|word| distinct(word) >= LETTERS).collect();
    // A word that comes again makes it no harder, and neither does the space before it.
    let mut seen = HashSet::new();
    let once: String = text.split_whitespace().filter(|part| seen.insert(*part)).collect();
    let kinds: [fn(char) -> bool; 3] =
        [char::is_alphabetic, char::is_numeric, |c| !c.is_alphanumeric()];
    let mixed = kinds.iter().filter(|is_one| once.chars().any(**is_one)).count() >= 2;
    let long = once.chars().count() >= CHARACTERS && distinct(&once) >= CHARACTERS / 2;
    words.len() < WORDS && !(long && mixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::new_phrase;

    #[test]
    fn a_word_that_is_not_in_the_list_is_met_with_the_nearest() {
        let doubts = |text: &str| doubts(&Secret::new(text.to_owned()));
        let right = "abandon ability able about above absent absorb abstract absurd abuse";
        assert_eq!(doubts(right), Doubts::default());
        let wrong = right.replace("abandon", "abandom").replace("above", "Above");
        let wrong = wrong.replace("abuse", "xylophone");
        let strange = [
            (1, "abandom".to_owned(), Some("abandon")),
            (5, "Above".to_owned(), Some("above")),
            (10, "xylophone".to_owned(), None),
        ];
        assert_eq!(doubts(&wrong), Doubts { strange: strange.to_vec(), words: None });
        assert_eq!(doubts(&right[8..]), Doubts { strange: vec![], words: Some(9) });
        // Of their own making.
        for own in
            ["correct horse battery staple", "my own secret about nothing", "k8$vQ!x2_mN9z?Lw"]
        {
            assert_eq!(doubts(own), Doubts::default());
        }
    }

    #[test]
    fn a_phrase_that_can_be_guessed_is_weak_and_one_of_poofs_is_not() {
        for weak in [
            "secret",
            "Tr0ub4dor&3",
            "my own secret",
            "aaaa aaaa aaaa aaaa aaaa",
            "poof poof poof poof poof",
            "passwordpasswordpassword",
            "password password password password",
            "secret password secret password",
            "1234567890123456",
            "a b c d e f g h",
            "",
        ] {
            assert!(is_weak(&Secret::new(weak.to_owned())), "{weak}");
        }
        for strong in ["correct horse battery staple", "k8$vQ!x2_mN9z?Lw", "über vier Wörter Länge"]
        {
            assert!(!is_weak(&Secret::new(strong.to_owned())), "{strong}");
        }
        assert!(!is_weak(&new_phrase().unwrap()));
    }
}
