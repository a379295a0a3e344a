//! What seals a manifest.

use zeroize::Zeroizing;

/// The versions of heads that a remote without encryption has, beside those of before
/// [`STRETCHED`].
pub(super) const CLEAR_WITH_BUNDLES: u8 = 4;
/// The first version of heads that is sealed with the stretched key.
pub(super) const STRETCHED: u8 = 3;
pub(super) const STRETCHED_WITH_BUNDLES: u8 = 5;

/// The key of the seals of a store.
#[derive(Clone)]
pub struct Key {
    seal: Zeroizing<[u8; 32]>,
    /// What names the store in the heads that it seals.
    store: [u8; 16],
    /// Heads of any store open.
    any_store: bool,
    /// What has sealed heads of before [`STRETCHED`], where that is another one.
    before: Option<Zeroizing<[u8; 32]>>,
}

impl Key {
    /// For a remote without encryption: recognises damage, not malice.
    pub fn plain() -> Self {
        Key { seal: fast(b""), store: [0; 16], any_store: false, before: None }
    }

    /// For an encrypted one: `secret` is made of its stretched keys, `before` of its
    /// passwords as they are. A seal of the latter is a fast way to try passwords at, and
    /// poof makes none any more.
    pub fn of_secrets(secret: &[u8], before: &[u8]) -> Self {
        let seal = blake3::derive_key("poof 2026-11-28 manifest seal, stretched", secret);
        let (seal, before) = (Zeroizing::new(seal), Some(fast(before)));
        Key { seal, before, ..Key::plain() }
    }

    /// For the store that `id` names: two stores with the same passwords have the same
    /// seals, and a head of one must not pass in the other, unless `any` may.
    #[must_use]
    pub fn of_store(self, id: &str, any: bool) -> Self {
        let mut store = [0; 16];
        store.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
        Key { store, any_store: any, ..self }
    }

    /// What a head names as its store; None without encryption, where a seal proves nothing.
    pub fn store(&self) -> Option<[u8; 16]> {
        self.before.as_ref().map(|_| self.store)
    }

    /// Whether a head that names this store may be opened.
    pub(super) fn takes(&self, store: [u8; 16]) -> bool {
        self.before.is_some() && (self.any_store || self.store == store)
    }

    pub(super) fn seal(&self, bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.seal, bytes).as_bytes()
    }

    /// The seal of a head of such a version. The version says which of the keys it is of,
    /// so that none opens with the other.
    pub(super) fn seal_head(&self, version: u8, bytes: &[u8]) -> [u8; 32] {
        let key = self.before.as_ref().filter(|_| version < STRETCHED).unwrap_or(&self.seal);
        *blake3::keyed_hash(key, bytes).as_bytes()
    }

    /// Whether this is the id of a shard, of whatever head.
    pub(super) fn fits_shard(&self, bytes: &[u8], id: &[u8; 32]) -> bool {
        let mut keys = [Some(&self.seal), self.before.as_ref()].into_iter().flatten();
        keys.any(|key| blake3::keyed_hash(key, bytes) == *id)
    }

    /// Recognises the key without saying anything of it.
    pub fn fingerprint(&self) -> String {
        let hash = blake3::keyed_hash(&self.seal, b"fingerprint");
        hash.to_hex()[..16].to_owned()
    }
}

/// That of before, and of a remote without encryption.
fn fast(secret: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(blake3::derive_key("poof 2026-11-24 manifest seal", secret))
}
