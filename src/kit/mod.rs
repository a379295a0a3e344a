//! The recovery kit: a small text file with all that a bare machine needs, an
//! armoured age file under a phrase (age-encryption.org/v1, scrypt recipient). What
//! it holds is JSON, so that `age --decrypt` shows it without poof.
//!
//! On paper it is numbered lines ([`lines`]), of the same in a short form ([`compact`]).

mod compact;
pub mod lines;

use std::collections::BTreeMap;

use age::secrecy::SecretString;
use age::{DecryptError, scrypt};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::error::{Error, Kind, Result};
use crate::base::secret::Secret;
use crate::base::units::date;
use lines::Line;

/// Work of scrypt, as a power of two: a second and 256 MiB.
const WORK: u8 = 18;
/// The most that is accepted of a kit: anybody can write one.
const MOST_WORK: u8 = 20;
/// More than any kit has, in bytes.
pub const LARGEST: u64 = 16 << 20;
/// The same of what a kit on paper says.
const LARGEST_TEXT: usize = 1 << 20;
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
const END: &[u8] = b"-----END AGE ENCRYPTED FILE-----";
const FORMAT: u32 = 1;
/// Of a phrase that poof makes.
pub const WORDS: usize = 10;

/// What a bare machine needs. It holds secrets and has no Debug.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kit {
    pub format: u32,
    /// Of the poof that made it.
    pub version: String,
    /// Seconds since 1970.
    pub made: u64,
    /// Of the machine that it was made on.
    pub home: String,
    pub config_dir: String,
    /// The profile that it is of; None: it is of the usual configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    pub poof_conf: String,
    pub rclone_conf: Zeroizing<String>,
    /// What neither of them holds, by its name in poof.conf.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Kept>,
    /// Recognises the store; None before the first backup.
    pub store: Option<String>,
    /// The last snapshot of each tree: an older one is not what was saved. Kits of the
    /// first poof do not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snapshots: BTreeMap<String, Last>,
    /// Whether backups ran by themselves.
    pub scheduled: bool,
    /// How often. Kits of the first poof do not say.
    #[serde(default)]
    pub every: Option<String>,
}

/// The last snapshot of a tree that the machine of the kit knew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    pub generation: u64,
    /// BLAKE3 of its head, in hexadecimal.
    pub head: String,
    /// That head says of which store it is. Kits of before do not know.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_store: bool,
    /// When it was made, in seconds since 1970.
    pub made: u64,
}

impl Last {
    /// Why the newest on the remote (generation and BLAKE3 of its head, and whether that
    /// `names_store`) is not this one and none after it; None if it is.
    pub fn outdates(
        &self,
        (generation, head): (u64, [u8; 32]),
        names_store: bool,
    ) -> Option<String> {
        let of = date(self.made);
        if self.names_store && !names_store {
            let format = "it is of an older format than the one of";
            return Some(format!(
                "{format} {of} that the kit knows, and does not say of which store it is"
            ));
        }
        if generation < self.generation {
            let known = self.generation;
            return Some(format!(
                "it has generation {generation}, and the kit knows {known} of {of}"
            ));
        }
        let other = generation == self.generation && HEXLOWER.encode(&head) != self.head;
        other.then(|| {
            format!("its generation {generation} is not the one of {of} that the kit knows")
        })
    }
}

/// A secret of the kit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub clear: Zeroizing<String>,
    /// As rclone reads it: passwords are obscured.
    pub form: Zeroizing<String>,
}

impl Kit {
    /// A kit without its configuration.
    pub fn new(made: u64, home: String, config_dir: String) -> Self {
        Kit {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made,
            home,
            config_dir,
            profile: None,
            poof_conf: String::new(),
            rclone_conf: Zeroizing::default(),
            secrets: BTreeMap::new(),
            store: None,
            snapshots: BTreeMap::new(),
            scheduled: false,
            every: None,
        }
    }

    /// The text of the kit.
    ///
    /// # Errors
    /// The encryption fails.
    pub fn seal(&self, phrase: &Secret) -> Result<String> {
        self.seal_with(WORK, phrase)
    }

    /// [`Kit::seal`], with this work of scrypt, as a power of two.
    fn seal_with(&self, work: u8, phrase: &Secret) -> Result<String> {
        age::encrypt_and_armor(&recipient(work, phrase), &self.plain()?).map_err(|e| failed(&e))
    }

    fn plain(&self) -> Result<Zeroizing<Vec<u8>>> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(|error| failed(&error))
    }

    /// The kit for paper.
    ///
    /// # Errors
    /// The encryption fails, or the kit is too large.
    pub fn seal_for_paper(&self, phrase: &Secret) -> Result<Vec<Line>> {
        self.seal_for_paper_with(WORK, phrase)
    }

    fn seal_for_paper_with(&self, work: u8, phrase: &Secret) -> Result<Vec<Line>> {
        let plain = compact::compress(&self.plain()?).map(Zeroizing::new);
        let plain = plain.map_err(|error| failed(&error))?;
        let age = age::encrypt(&recipient(work, phrase), &plain).map_err(|error| failed(&error))?;
        let short = compact::shorten(&age).ok_or_else(|| failed(&"age has another header"))?;
        lines::of(&short).ok_or_else(|| {
            Error::new(Kind::Incomplete, "the kit is too large for paper")
                .hint("`poof kit FILE` writes it to a file.")
        })
    }

    /// Opens the text of a kit.
    ///
    /// # Errors
    /// It is no kit, it is damaged, or the phrase is another one.
    pub fn open(text: &[u8], phrase: &Secret) -> std::result::Result<Self, Closed> {
        Self::open_within(MOST_WORK, text, phrase)
    }

    /// [`Kit::open`], with at most this work of scrypt, as a power of two.
    ///
    /// # Errors
    /// As [`Kit::open`].
    pub fn open_within(
        most_work: u8,
        text: &[u8],
        phrase: &Secret,
    ) -> std::result::Result<Self, Closed> {
        let text = text.trim_ascii();
        if !text.starts_with(ARMOR) {
            return Err(Closed::Damaged("it does not begin as a kit does"));
        }
        // The phrase cannot be blamed for that.
        if !text.windows(END.len()).any(|piece| piece == END) {
            return Err(Closed::Damaged("its end is missing"));
        }
        Self::parse(&decrypted(most_work, text, phrase)?)
    }

    /// Opens a kit from paper: what its lines hold.
    ///
    /// # Errors
    /// As [`Kit::open`].
    pub fn open_from_paper(short: &[u8], phrase: &Secret) -> std::result::Result<Self, Closed> {
        let age = compact::lengthen(short).ok_or(Closed::Damaged("it is damaged"))?;
        let plain = decrypted(MOST_WORK, &age, phrase)?;
        let text = compact::decompress(&plain, LARGEST_TEXT);
        Self::parse(&text.map_err(|_| Closed::Damaged("it holds something else"))?)
    }

    fn parse(plain: &[u8]) -> std::result::Result<Self, Closed> {
        let other = |_| Closed::Damaged("it holds something else");
        // Another format may have other fields.
        let Format { format, version } = serde_json::from_slice(plain).map_err(other)?;
        if format > FORMAT {
            return Err(Closed::Newer { version });
        }
        serde_json::from_slice(plain).map_err(other)
    }
}

/// Whether a file begins as the text of a kit does.
pub fn is_text(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(ARMOR)
}

/// Why a kit does not open.
#[derive(Debug)]
pub enum Closed {
    /// The phrase is another one.
    Phrase,
    Damaged(&'static str),
    /// A newer poof has made it.
    Newer {
        version: Option<String>,
    },
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Phrase => Error::config("the kit does not open with this phrase")
                .hint("Check the words and their order; spaces between them are enough."),
            Closed::Damaged(what) => Error::config(format!("the kit cannot be opened: {what}"))
                .hint("Is it the whole file? Another copy may be: `poof return OTHER-COPY`."),
            Closed::Newer { version } => {
                let by = version.map(|version| format!(", {version}")).unwrap_or_default();
                Error::config(format!("a newer poof has made this kit{by}"))
                    .hint("Install that version, or a newer one, here.")
            }
        }
    }
}

fn failed(error: &dyn ToString) -> Error {
    Error::unexpected(format!("cannot encrypt the kit: {}", error.to_string()))
}

fn recipient(work: u8, phrase: &Secret) -> scrypt::Recipient {
    let mut recipient = scrypt::Recipient::new(secret(phrase));
    recipient.set_work_factor(work);
    recipient
}

fn decrypted(
    most_work: u8,
    file: &[u8],
    phrase: &Secret,
) -> std::result::Result<Zeroizing<Vec<u8>>, Closed> {
    let mut identity = scrypt::Identity::new(secret(phrase));
    identity.set_max_work_factor(most_work);
    age::decrypt(&identity, file).map(Zeroizing::new).map_err(|error| match error {
        // Of a scrypt recipient: its key did not open.
        DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed
        | DecryptError::NoMatchingKeys => Closed::Phrase,
        DecryptError::ExcessiveWork { .. } => {
            Closed::Damaged("it wants more work than any kit does")
        }
        _ => Closed::Damaged("it is damaged"),
    })
}

/// What every kit says, whatever its format.
#[derive(Deserialize)]
struct Format {
    format: u32,
    version: Option<String>,
}

/// A phrase however it is spaced.
fn secret(phrase: &Secret) -> SecretString {
    let words: Vec<_> = phrase.expose().split_whitespace().collect();
    words.join(" ").into()
}

/// Ten words, each one of the 2,048 of BIP 39's English list, and all of them equally
/// likely: 110 bits of entropy, which scrypt makes still more costly to guess.
///
/// # Errors
/// The system has no random numbers.
pub fn new_phrase() -> Result<Secret> {
    let mut random = Zeroizing::new([0_u8; 2 * WORDS]);
    getrandom::fill(&mut *random)
        .map_err(|error| Error::unexpected(format!("no random numbers: {error}")))?;
    let list = bip39::Language::English.word_list();
    let word = |pair: &[u8]| {
        let number = pair.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        list[number % list.len()]
    };
    let words: Vec<_> = random.chunks(2).map(word).collect();
    Ok(Secret::new(words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else this does not compile.
    #[test]
    fn the_secrets_of_a_kit_are_overwritten_when_it_goes() {
        fn is_overwritten<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let Kit { rclone_conf, .. } = &kit();
        is_overwritten(rclone_conf);
        let kept = Kept { clear: "x".to_owned().into(), form: "y".to_owned().into() };
        is_overwritten(&kept.clear);
        is_overwritten(&kept.form);
    }

    fn kit() -> Kit {
        let rclone_conf = "[s]\nsecret_access_key = hunter2\n".to_owned().into();
        let poof_conf = "{}".to_owned();
        let kit = Kit::new(7, "/home/a".to_owned(), "/home/a/.config/poof".to_owned());
        Kit { poof_conf, rclone_conf, store: Some("abc".to_owned()), ..kit }
    }

    /// Of the real work a test takes ten seconds. tests/it/farewell.rs looks for it in a kit.
    const LITTLE: u8 = 2;

    #[test]
    fn a_kit_opens_with_its_phrase_and_no_other_however_it_is_spaced() {
        let phrase = new_phrase().unwrap();
        assert_eq!(phrase.expose().split(' ').count(), 10);
        let text = kit().seal_with(LITTLE, &phrase).unwrap();
        assert!(!text.contains("hunter2"));
        let spaced = Secret::new(format!("  {}\n", phrase.expose().replace(' ', "   ")));
        let mail = format!("\n{}\n\n", text.replace('\n', "\r\n"));
        assert!(Kit::open(mail.as_bytes(), &spaced).is_ok_and(|found| found == kit()));
        let other = Kit::open(text.as_bytes(), &Secret::new("other".to_owned()));
        let error = Error::from(other.err().unwrap());
        assert!(error.message().contains("phrase"), "{error}");
    }

    #[test]
    fn a_damaged_kit_is_told_as_one() {
        let phrase = Secret::new("words".to_owned());
        let text = kit().seal_with(LITTLE, &phrase).unwrap();
        let half = &text[..text.len() / 2];
        let mut flipped = text.clone().into_bytes();
        let middle = text.len() - 120;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        for bad in [b"".as_slice(), b"{}", half.as_bytes(), &flipped] {
            let error = Error::from(Kit::open(bad, &phrase).err().unwrap());
            assert!(error.message().contains("cannot be opened"), "{error}");
        }
    }

    #[test]
    fn a_kit_from_paper_opens_with_its_phrase_and_is_short() {
        let phrase = new_phrase().unwrap();
        let written = kit().seal_for_paper_with(LITTLE, &phrase).unwrap();
        // 113 bytes are of the encryption.
        assert!(written.len() <= 8, "{}", written.len());
        let text: Vec<_> = written.iter().map(Line::for_people).collect();
        let mut lines = lines::Lines::default();
        lines.read(&text.join("\n"), None);
        let mut short = lines.bytes().unwrap();
        let open = |short: &[u8], phrase: &Secret| Kit::open_from_paper(short, phrase);
        assert!(open(&short, &phrase).is_ok_and(|found| found == kit()));
        let other = open(&short, &Secret::new("other".to_owned()));
        assert!(matches!(other, Err(Closed::Phrase)));
        *short.last_mut().unwrap() ^= 1;
        assert!(matches!(open(&short, &phrase), Err(Closed::Damaged(_))));
        assert!(matches!(open(&short[..40], &phrase), Err(Closed::Damaged(_))));
    }

    #[test]
    fn a_kit_of_a_newer_poof_is_told_as_one() {
        let phrase = Secret::new("words".to_owned());
        let mut recipient = scrypt::Recipient::new(secret(&phrase));
        recipient.set_work_factor(LITTLE);
        let open = |plain: &str| {
            let text = age::encrypt_and_armor(&recipient, plain.as_bytes()).unwrap();
            Error::from(Kit::open(text.as_bytes(), &phrase).err().unwrap())
        };
        let error = open(r#"{"format": 2, "version": "9.1.0", "everything": "else"}"#);
        assert!(error.message().contains("a newer poof has made this kit, 9.1.0"), "{error}");
        assert!(open(r#"{"format": 1}"#).message().contains("something else"));
    }

    #[test]
    fn a_kit_that_does_not_say_how_often_is_a_kit() {
        let phrase = Secret::new("words".to_owned());
        let mut recipient = scrypt::Recipient::new(secret(&phrase));
        recipient.set_work_factor(LITTLE);
        let plain = serde_json::to_string(&kit()).unwrap().replace(",\"every\":null", "");
        assert!(!plain.contains("every"));
        let text = age::encrypt_and_armor(&recipient, plain.as_bytes()).unwrap();
        assert!(Kit::open(text.as_bytes(), &phrase).is_ok_and(|found| found == kit()));
    }

    #[test]
    fn a_phrase_is_ten_words_that_nobody_can_foresee() {
        let phrases: Vec<_> = (0..200).map(|_| new_phrase().unwrap()).collect();
        let words: std::collections::HashSet<_> =
            phrases.iter().flat_map(|phrase| phrase.expose().split(' ')).collect();
        // Of 2,000 drawn from 2,048 about 1,276 differ.
        assert!((1_150..1_400).contains(&words.len()), "{}", words.len());
        assert_eq!(bip39::Language::English.word_list().len(), 2_048);
        assert!(phrases.iter().all(|phrase| phrase.expose().split(' ').count() == WORDS));
    }
}
