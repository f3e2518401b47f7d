//! Identifiers and roots: 32 bytes each, one type for each meaning (formats: Hashes).

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A text that is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a hash: expected 64 lower-case hex digits, got {0:?}")]
pub struct HashError(String);

/// Longest piece of a wrong input that an error repeats, in characters.
const SHOWN_CHARS: usize = 80;

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $reversed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name([u8; 32]);

        impl $name {
            /// 32 zero bytes.
            pub const ZERO: Self = Self([0; 32]);

            /// From bytes in memory order.
            #[must_use]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes in memory order.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut bytes = self.0;
                if $reversed {
                    bytes.reverse();
                }
                f.write_str(&hex::encode(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = HashError;

            fn from_str(text: &str) -> Result<Self, HashError> {
                let mut bytes = parse(text)?;
                if $reversed {
                    bytes.reverse();
                }
                Ok(Self(bytes))
            }
        }
    };
}

hash_type!(
    /// `sha256d` of the work header; prints byte-reversed, so that leading zeros show the work.
    BlockId, true);
hash_type!(
    /// The block id of genesis, which pins every rule parameter of a chain; prints as a block id does.
    GenesisId, true);
hash_type!(
    /// What a signature signs: `tagged("starling/tx", genesis_id || body || policy)`, stable under
    /// re-signing.
    TxId, false);
hash_type!(
    /// `tagged("starling/wtx", tx)`: names one exact encoding of a transaction, signatures included.
    Wtxid, false);
hash_type!(
    /// Root of the Merkle tree over a body's `wtxid`s.
    TxRoot, false);
hash_type!(
    /// Root of the sparse Merkle tree over the state after a block.
    StateRoot, false);
hash_type!(
    /// Root of the mountain range over all blocks before one.
    HistoryRoot, false);
hash_type!(
    /// `tagged("starling/content", content)`: what the coinbase commits to.
    Commitment, false);

impl From<GenesisId> for BlockId {
    fn from(id: GenesisId) -> Self {
        Self(id.0)
    }
}

impl From<BlockId> for GenesisId {
    fn from(id: BlockId) -> Self {
        Self(id.0)
    }
}

impl GenesisId {
    /// The first four bytes as a little-endian number: the cheap filter against other chains' transactions.
    #[must_use]
    pub fn chain_id(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_le_bytes([a, b, c, d])
    }
}

fn parse(text: &str) -> Result<[u8; 32], HashError> {
    let refuse = || HashError(text.chars().take(SHOWN_CHARS).collect());
    if text.len() != 64 || text.bytes().any(|c| !matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(refuse());
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
    Ok(bytes)
}
