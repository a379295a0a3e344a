//! What seals a manifest.

use zeroize::Zeroizing;

/// The key of the seals of a store.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// For a remote without encryption: recognises damage, not malice.
    pub fn plain() -> Self {
        Key::from_secret(b"")
    }

    /// For an encrypted one, from a secret of the encryption.
    pub fn from_secret(secret: &[u8]) -> Self {
        Key(Zeroizing::new(blake3::derive_key("poof 2026-11-24 manifest seal", secret)))
    }

    pub(super) fn seal(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, bytes).as_bytes()
    }

    /// Recognises the key without saying anything of it.
    pub fn fingerprint(&self) -> String {
        let hash = blake3::keyed_hash(&self.0, b"fingerprint");
        hash.to_hex()[..16].to_owned()
    }
}
