//! A kit for paper, where each byte is typed by somebody: what it says is compressed before it
//! is encrypted, and the header of age is kept without what is the same in each.

use std::io;

use data_encoding::{BASE64_NOPAD, Encoding};
use zeroize::Zeroizing;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// What kits have in common. It never changes: a kit on paper is read with it.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");
const LEVEL: i32 = 22;

const SALT: usize = 16;
const KEY: usize = 32;
const MAC: usize = 32;
const BASE64: Encoding = BASE64_NOPAD;

const FIRST: &str = "age-encryption.org/v1\n-> scrypt ";

/// Compresses the text of a kit.
///
/// # Errors
/// zstd fails.
pub fn compress(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::with_dictionary(LEVEL, DICTIONARY)?;
    // age says when it was cut or changed, and how long it is.
    for what in [CParameter::ContentSizeFlag(false), CParameter::DictIdFlag(false)] {
        compressor.set_parameter(what)?;
    }
    compressor.compress(text)
}

/// The text of a kit, if it has no more than `most` bytes.
///
/// # Errors
/// It was not compressed in this way, or has more.
pub fn decompress(bytes: &[u8], most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    Decompressor::with_dictionary(DICTIONARY)?.decompress(bytes, most).map(Zeroizing::new)
}

/// An age file with one scrypt recipient without what every such file has; None for another.
pub fn shorten(age: &[u8]) -> Option<Vec<u8>> {
    let rest = age.strip_prefix(FIRST.as_bytes())?;
    let (recipient, rest) = line(rest)?;
    let (key, rest) = line(rest)?;
    let (mac, payload) = line(rest)?;
    let (salt, work) = recipient.split_once(' ')?;
    let mut short = BASE64.decode(salt.as_bytes()).ok()?;
    short.push(work.parse().ok()?);
    short.extend(BASE64.decode(key.as_bytes()).ok()?);
    short.extend(BASE64.decode(mac.strip_prefix("--- ")?.as_bytes()).ok()?);
    short.extend(payload);
    // Whatever was not foreseen shows here.
    (lengthen(&short).as_deref() == Some(age)).then_some(short)
}

/// The age file that was shortened; None for what is shorter than any.
pub fn lengthen(short: &[u8]) -> Option<Vec<u8>> {
    let (salt, rest) = short.split_at_checked(SALT)?;
    let (work, rest) = rest.split_first()?;
    let (key, rest) = rest.split_at_checked(KEY)?;
    let (mac, payload) = rest.split_at_checked(MAC)?;
    let [salt, key, mac] = [salt, key, mac].map(|bytes| BASE64.encode(bytes));
    let mut age = format!("{FIRST}{salt} {work}\n{key}\n--- {mac}\n").into_bytes();
    age.extend(payload);
    Some(age)
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    // Whoever changes it can read no kit that is on paper.
    #[test]
    fn the_dictionary_is_the_one_of_every_kit_on_paper() {
        let hash = blake3::hash(DICTIONARY);
        assert_eq!(
            HEXLOWER.encode(hash.as_bytes()),
            "6d50d5208a4d296d0287d074d0cfd3fe5519d58ee17317b7d20c01e56ad81cf5"
        );
    }

    #[test]
    fn a_text_is_compressed_and_comes_back_up_to_a_size() {
        let text = "{\"format\":1,\"version\":\"2.0.0\",\"home\":\"/home/joe\"}".repeat(50);
        let short = compress(text.as_bytes()).unwrap();
        assert!(short.len() < 80, "{}", short.len());
        assert_eq!(*decompress(&short, text.len()).unwrap(), text.as_bytes());
        assert!(decompress(&short, text.len() - 1).is_err());
        assert!(decompress(b"something else", 100).is_err());
        assert!(decompress(&short[..short.len() - 3], 1 << 20).is_err());
    }

    #[test]
    fn an_age_file_is_shortened_and_comes_back_and_another_is_left_alone() {
        let mut recipient = age::scrypt::Recipient::new("words".to_owned().into());
        recipient.set_work_factor(2);
        let file = age::encrypt(&recipient, b"text").unwrap();
        let short = shorten(&file).unwrap();
        // Salt, work, key, MAC; nonce, four bytes and their MAC.
        assert_eq!(short.len(), 16 + 1 + 32 + 32 + 16 + 4 + 16);
        assert_eq!(lengthen(&short).unwrap(), file);
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(shorten(text.replace("-> scrypt ", "-> X25519 ").as_bytes()).is_none());
        assert!(shorten(b"").is_none() && lengthen(&short[..80]).is_none());
    }
}
