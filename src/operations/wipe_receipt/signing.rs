//! Signs a text with a key that is made for it alone: nobody can sign another text with that
//! key, not even who has the text.

use std::io::Cursor;

use minisign::{KeyPair, PError};

use crate::base::error::{Error, Result};

/// What the name of a signature ends in.
pub const SUFFIX: &str = minisign::SIG_SUFFIX;

/// Is signed as well.
const TRUSTED: &str = "poof wipe receipt";
/// Nothing holds this line of a signature.
const UNTRUSTED: &str = "signature of a wipe receipt";

pub struct Signed {
    pub text: String,
    pub signature: String,
    pub public_key: String,
}

/// Signs what `text` makes of the public key. The secret key is in memory for that moment, and
/// nowhere else.
///
/// # Errors
/// The system has no random numbers.
pub fn sign(text: impl FnOnce(&str) -> String) -> Result<Signed> {
    let failed = |error: PError| Error::unexpected(format!("cannot sign: {error}"));
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().map_err(failed)?;
    let public_key = pk.to_base64();
    let text = text(&public_key);
    let bytes = Cursor::new(text.as_bytes());
    let signature = minisign::sign(Some(&pk), &sk, bytes, Some(TRUSTED), Some(UNTRUSTED));
    let signature = signature.map_err(failed)?.into_string();
    Ok(Signed { text, signature, public_key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use minisign_verify::{PublicKey, Signature};

    fn holds(text: &[u8], signature: &[u8], public_key: &str) -> bool {
        let Ok(signature) = str::from_utf8(signature) else { return false };
        let Ok(signature) = Signature::decode(signature) else { return false };
        let Ok(public_key) = PublicKey::from_base64(public_key) else { return false };
        public_key.verify(text, &signature, false).is_ok()
    }

    /// All that one bit makes of it.
    fn flipped(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
        (0..bytes.len() * 8).map(|bit| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            (bit / 8, bytes)
        })
    }

    #[test]
    fn whatever_bit_changes_is_noticed() {
        let Signed { text, signature, public_key } =
            sign(|key| format!("wiped: 3 files\npublic-key: {key}\n")).unwrap();
        assert!(text.contains(&public_key));
        let (text, signature) = (text.as_bytes(), signature.as_bytes());
        assert!(holds(text, signature, &public_key));
        for (at, text) in flipped(text) {
            assert!(!holds(&text, signature, &public_key), "byte {at} of the text");
        }
        // The first line is a comment that nobody signs.
        let first = signature.iter().position(|byte| *byte == b'\n').unwrap();
        for (at, signature) in flipped(signature) {
            assert!(at < first || !holds(text, &signature, &public_key), "{at} of the signature");
        }
    }

    #[test]
    fn each_has_a_key_of_its_own() {
        let [one, other] = [0, 1].map(|_| sign(|_| "text".to_owned()).unwrap());
        assert_ne!(one.public_key, other.public_key);
        assert!(!holds(b"text", other.signature.as_bytes(), &one.public_key));
    }
}
