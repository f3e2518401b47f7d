//! The words that are a wallet (BIP 39, English).

use crate::derive::{AccountError, account_key};
use crate::key::Key;
use bip39::{Error, Language};
use thiserror::Error;
use zeroize::Zeroizing;

/// Characters of a phrase at the most: 24 words of 8 letters, with room for generous spacing.
const MAX_PHRASE_CHARS: usize = 1_024;

/// How many words a new mnemonic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// 12 words, 128 bits of entropy.
    Twelve,
    /// 24 words, 256 bits of entropy.
    TwentyFour,
}

/// Words that pass BIP 39's checksum. Without a `Debug`, and wiped when dropped.
#[derive(Clone)]
pub struct Mnemonic(bip39::Mnemonic);

/// Why a text is not a mnemonic. It never repeats a word, for a word is part of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MnemonicError {
    /// Neither 12 nor 24 words.
    #[error("a mnemonic has 12 or 24 words; this one has {0}")]
    WordCount(usize),
    /// A word, counted from 1, that is not in the list.
    #[error("word {0} is not in BIP 39's English word list; check its spelling")]
    UnknownWord(usize),
    /// All words exist, but not together.
    #[error("the words do not fit together: one is wrong, or two are swapped")]
    Checksum,
    /// Longer than any mnemonic.
    #[error("{0} characters are no mnemonic; 24 words need at most {MAX_PHRASE_CHARS}")]
    TooLong(usize),
    /// Entropy that is neither 16 nor 32 bytes.
    #[error("{0} bytes of entropy make no mnemonic; 16 make 12 words, 32 make 24")]
    Entropy(usize),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes ({0})")]
    Random(getrandom::Error),
}

impl Words {
    /// 12 or 24.
    #[must_use]
    pub fn from_count(count: usize) -> Option<Self> {
        [Self::Twelve, Self::TwentyFour].into_iter().find(|words| words.count() == count)
    }

    /// The number.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Twelve => 12,
            Self::TwentyFour => 24,
        }
    }

    /// 32 bits for three words, and a checksum bit for each 32 (BIP 39).
    const fn entropy_bytes(self) -> usize {
        self.count() / 3 * 4
    }
}

impl Mnemonic {
    /// A new one from the operating system's randomness.
    ///
    /// # Errors
    /// [`MnemonicError::Random`].
    pub fn generate(words: Words) -> Result<Self, MnemonicError> {
        let mut entropy = Zeroizing::new([0; 32]);
        let entropy = &mut entropy[..words.entropy_bytes()];
        getrandom::fill(entropy).map_err(MnemonicError::Random)?;
        Self::from_entropy(entropy)
    }

    /// Reads words between any white space, in either case.
    ///
    /// # Errors
    /// [`MnemonicError`], one variant for each way to be wrong.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        if text.len() > MAX_PHRASE_CHARS {
            return Err(MnemonicError::TooLong(text.len()));
        }
        let text = Zeroizing::new(text.to_ascii_lowercase());
        let count = text.split_whitespace().count();
        if Words::from_count(count).is_none() {
            return Err(MnemonicError::WordCount(count));
        }
        let parsed = bip39::Mnemonic::parse_in_normalized(Language::English, &text);
        parsed.map(Self).map_err(|error| match error {
            Error::UnknownWord(index) => MnemonicError::UnknownWord(index + 1),
            _ => MnemonicError::Checksum,
        })
    }

    /// From 16 or 32 bytes.
    ///
    /// # Errors
    /// [`MnemonicError::Entropy`].
    pub(crate) fn from_entropy(entropy: &[u8]) -> Result<Self, MnemonicError> {
        let refuse = MnemonicError::Entropy(entropy.len());
        if ![16, 32].contains(&entropy.len()) {
            return Err(refuse);
        }
        bip39::Mnemonic::from_entropy_in(Language::English, entropy).map(Self).map_err(|_| refuse)
    }

    /// The 16 or 32 bytes that the words stand for.
    pub(crate) fn entropy(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_entropy())
    }

    /// The words with single spaces, to be shown once and written down.
    #[must_use]
    pub fn phrase(&self) -> Zeroizing<String> {
        // The room is reserved first: a string that grows leaves a copy behind that nobody wipes.
        let mut phrase = Zeroizing::new(String::with_capacity(MAX_PHRASE_CHARS));
        for word in self.0.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The key at `m/44'/1'/account'/0'`, without a BIP 39 passphrase.
    ///
    /// # Errors
    /// [`AccountError::TooHigh`].
    pub fn key(&self, account: u32) -> Result<Key, AccountError> {
        Ok(Key::from_seed(&*account_key(&self.seed(), account)?))
    }

    fn seed(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.0.to_seed_normalized(""))
    }
}

#[cfg(test)]
mod tests;
