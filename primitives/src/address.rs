//! Addresses: 20 bytes, and their text for people (formats: Addresses; BIP 350).

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use std::fmt;
use thiserror::Error;

/// The version byte before the 20 bytes.
const VERSION: u8 = 0;
/// Characters of a prefix at the most: with 21 bytes of data the text stays below bech32's 90 characters.
const MAX_PREFIX_CHARS: usize = 32;
/// Characters of an address that are looked at.
const MAX_TEXT_CHARS: usize = 90;

/// The hash of a policy: who may spend.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address([u8; 20]);

/// The human-readable part of a chain's addresses: lower-case letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

/// A text that cannot stand before an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} cannot be an address prefix: use 1 to 32 lower-case letters and digits, like \"dstar\"")]
pub struct PrefixError(String);

/// Why a text is not an address of this chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not bech32 at all, or the checksum does not hold.
    #[error("the address has a typing error: its checksum does not hold (an address looks like {0}1q..)")]
    Checksum(Prefix),
    /// Upper and lower case mixed.
    #[error("the address mixes upper and lower case; write it all in one")]
    MixedCase,
    /// An address of another chain.
    #[error(
        "the address is of another chain: it begins with {found:?}, addresses here begin with {expected:?}"
    )]
    Prefix {
        /// What the address begins with.
        found: String,
        /// What it should begin with.
        expected: String,
    },
    /// A version byte that does not exist.
    #[error("address version {0} is unknown; this is version 0")]
    Version(u8),
    /// Not 21 bytes.
    #[error("the address carries {0} bytes; 21 are needed")]
    Length(usize),
    /// Padding bits that are not zero.
    #[error("the address has padding bits that are not zero")]
    Padding,
}

impl AddressError {
    /// The stable snake-case name of the refusal (`docs/spec/errors.md`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Checksum(_) => "address_checksum",
            Self::MixedCase => "address_case",
            Self::Prefix { .. } => "address_prefix",
            Self::Version(_) => "address_version",
            Self::Length(_) => "address_length",
            Self::Padding => "address_padding",
        }
    }
}

impl Prefix {
    /// A prefix from its text.
    ///
    /// # Errors
    /// [`PrefixError`] for other characters than lower-case letters and digits, or a wrong length.
    pub fn new(text: &str) -> Result<Self, PrefixError> {
        let fits = (1..=MAX_PREFIX_CHARS).contains(&text.len());
        if !fits || !text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return Err(PrefixError(text.chars().take(MAX_TEXT_CHARS).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Address {
    /// From its 20 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The text: bech32m of the version byte and the 20 bytes.
    #[must_use]
    pub fn to_text(&self, prefix: &Prefix) -> String {
        let mut data = [VERSION; 21];
        data[1..].copy_from_slice(&self.0);
        let hrp = Hrp::parse(prefix.as_str()).expect("a prefix is letters and digits");
        bech32::encode::<Bech32m>(hrp, &data).expect("a prefix of 32 and 21 bytes stay below 90 characters")
    }

    /// Reads the text of an address of the chain with this prefix.
    ///
    /// # Errors
    /// [`AddressError`], one variant for each way to be wrong.
    pub fn from_text(text: &str, prefix: &Prefix) -> Result<Self, AddressError> {
        let typing = || AddressError::Checksum(prefix.clone());
        if text.len() > MAX_TEXT_CHARS {
            return Err(typing());
        }
        let mixed =
            text.bytes().any(|c| c.is_ascii_lowercase()) && text.bytes().any(|c| c.is_ascii_uppercase());
        if mixed {
            return Err(AddressError::MixedCase);
        }
        let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| typing())?;
        let found = checked.hrp().to_lowercase();
        if found != prefix.0 {
            return Err(AddressError::Prefix { found, expected: prefix.0.clone() });
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        if bytes.first().is_some_and(|&version| version != VERSION) {
            return Err(AddressError::Version(bytes[0]));
        }
        let length = AddressError::Length(bytes.len());
        let address = bytes.get(1..).and_then(|rest| <[u8; 20]>::try_from(rest).ok()).ok_or(length)?;
        checked.validate_segwit_padding().map_err(|_| AddressError::Padding)?;
        Ok(Self(address))
    }
}

/// Hex, for logs; people see [`Address::to_text`].
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests;
