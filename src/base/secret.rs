//! A value that cannot be shown by accident.

use zeroize::Zeroizing;

/// Text that must not reach a terminal, a log or a state file. It has no
/// Display, Debug, Clone or Serialize; whoever needs the text says so with
/// [`Secret::expose`]. The memory is overwritten when it is dropped.
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        Secret(Zeroizing::new(text))
    }

    /// 256 random bits from the operating system, as 43 letters, digits, `-`
    /// and `_`.
    ///
    /// # Errors
    /// The operating system gave no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bytes)?;
        Ok(Secret::new(data_encoding::BASE64URL_NOPAD.encode(&*bytes)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Secret(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_random_secrets_differ_and_are_long() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), 43);
    }
}
