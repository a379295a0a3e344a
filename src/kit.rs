//! The recovery kit: a small text file with all that a bare machine needs, an
//! armoured age file under a phrase (age-encryption.org/v1, scrypt recipient). What
//! it holds is JSON, so that `age --decrypt` shows it without poof.

use std::collections::BTreeMap;

use age::secrecy::SecretString;
use age::{DecryptError, scrypt};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::error::{Error, Result};
use crate::base::secret::Secret;
use crate::base::units::date;

/// Work of scrypt, as a power of two: a second and 256 MiB.
const WORK: u8 = 18;
/// The most that is accepted of a kit: anybody can write one.
const MOST_WORK: u8 = 20;
/// More than any kit has, in bytes.
pub const LARGEST: u64 = 16 << 20;
const FORMAT: u32 = 1;
/// Of a phrase that poof makes.
const WORDS: usize = 10;

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
        let fail = |error: &dyn ToString| {
            Error::unexpected(format!("cannot encrypt the kit: {}", error.to_string()))
        };
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(|error| fail(&error))?);
        let mut recipient = scrypt::Recipient::new(secret(phrase));
        recipient.set_work_factor(work);
        age::encrypt_and_armor(&recipient, &plain).map_err(|error| fail(&error))
    }

    /// Opens the text of a kit.
    ///
    /// # Errors
    /// It is no kit, it is damaged, or the phrase is another one.
    pub fn open(text: &[u8], phrase: &Secret) -> Result<Self> {
        Self::open_within(MOST_WORK, text, phrase)
    }

    /// [`Kit::open`], with at most this work of scrypt, as a power of two.
    ///
    /// # Errors
    /// As [`Kit::open`].
    pub fn open_within(most_work: u8, text: &[u8], phrase: &Secret) -> Result<Self> {
        let damaged = |what: &str| {
            Error::config(format!("the kit cannot be opened: {what}"))
                .hint("Is it the whole file? Another copy of it may be.")
        };
        let mut identity = scrypt::Identity::new(secret(phrase));
        identity.set_max_work_factor(most_work);
        let text = text.trim_ascii();
        if !text.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(damaged("it does not begin as a kit does"));
        }
        let plain =
            age::decrypt(&identity, text).map(Zeroizing::new).map_err(|error| match error {
                // Of a scrypt recipient: its key did not open.
                DecryptError::DecryptionFailed
                | DecryptError::KeyDecryptionFailed
                | DecryptError::NoMatchingKeys => {
                    Error::config("the kit does not open with this phrase")
                        .hint("Check the words and their order; spaces between them are enough.")
                }
                DecryptError::ExcessiveWork { .. } => {
                    damaged("it wants more work than any kit does")
                }
                _ => damaged("it is damaged"),
            })?;
        // Another format may have other fields.
        let Format { format, version } =
            serde_json::from_slice(&plain).map_err(|_| damaged("it holds something else"))?;
        if format > FORMAT {
            let by = version.map(|version| format!(", {version}")).unwrap_or_default();
            return Err(Error::config(format!("a newer poof has made this kit{by}"))
                .hint("Install that version, or a newer one, here."));
        }
        serde_json::from_slice(&plain).map_err(|_| damaged("it holds something else"))
    }
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
        assert!(Kit::open(mail.as_bytes(), &spaced).unwrap() == kit());
        let other = Kit::open(text.as_bytes(), &Secret::new("other".to_owned()));
        let error = other.err().unwrap();
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
            let error = Kit::open(bad, &phrase).err().unwrap();
            assert!(error.message().contains("cannot be opened"), "{error}");
        }
    }

    #[test]
    fn a_kit_of_a_newer_poof_is_told_as_one() {
        let phrase = Secret::new("words".to_owned());
        let mut recipient = scrypt::Recipient::new(secret(&phrase));
        recipient.set_work_factor(LITTLE);
        let open = |plain: &str| {
            let text = age::encrypt_and_armor(&recipient, plain.as_bytes()).unwrap();
            Kit::open(text.as_bytes(), &phrase).err().unwrap()
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
        assert!(Kit::open(text.as_bytes(), &phrase).unwrap() == kit());
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
