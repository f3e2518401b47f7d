//! The reader under every decoder, and the names of what decoders refuse.
//!
//! Fields are read left to right, and the first violation is the error that is told.

use crate::target::TargetError;
use thiserror::Error;

/// Why bytes are not what they claim to be. [`DecodeError::code`] is the stable name in
/// `docs/spec/errors.md`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end inside a field.
    #[error("the bytes end {missing} short of the field at byte {at}")]
    Truncated {
        /// Offset of the field.
        at: usize,
        /// Bytes that are missing.
        missing: usize,
    },
    /// Bytes follow after the last field.
    #[error("{0} bytes follow after the end")]
    TrailingBytes(usize),
    /// Over a size limit.
    #[error("{size} bytes are over the limit of {limit}")]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A transaction of a version that does not exist.
    #[error("transaction version {0} is unknown; this is version 1")]
    BadVersion(u8),
    /// A payload of a kind that does not exist.
    #[error("payload kind {0} is unknown; 0 is a transfer")]
    BadPayloadKind(u8),
    /// A transfer to nobody.
    #[error("a transfer needs at least one output")]
    NoOutputs,
    /// An output of nothing.
    #[error("output {0} has the amount 0; the least is 1 mote")]
    ZeroAmount(usize),
    /// An amount above 2^100.
    #[error("the amount {0} is over 2^100 motes")]
    AmountTooLarge(u128),
    /// A memo above 128 bytes.
    #[error("the memo has {0} bytes; 128 are allowed")]
    MemoTooLong(usize),
    /// A policy of a kind that does not exist.
    #[error("policy kind {0} is unknown; 0 is a single key, 1 is m of n")]
    BadPolicyKind(u8),
    /// A threshold of 0, or above the number of keys.
    #[error("{m} of {n} keys cannot be asked for")]
    BadThreshold {
        /// Signatures asked for.
        m: u8,
        /// Keys given.
        n: u8,
    },
    /// Fewer than 2 keys or more than 16.
    #[error("a policy of {0} keys; 2 to 16 are allowed")]
    BadKeyCount(u8),
    /// Keys of a policy out of order or repeated.
    #[error("key {0} of the policy is not above the one before it")]
    KeysNotAscending(usize),
    /// A bitmap that does not name exactly m of the n keys.
    #[error("the bitmap {bitmap:#06x} does not name exactly {m} of {n} keys")]
    BadBitmap {
        /// The bitmap.
        bitmap: u16,
        /// Signatures asked for.
        m: u8,
        /// Keys of the policy.
        n: u8,
    },
    /// `work.version & 0xe000001f != 0x20000000`.
    #[error("work header version {0:08x}: the top three bits must be 001 and the low five 0")]
    BadHeaderVersion(u32),
    /// A content of a version that does not exist.
    #[error("content version {0} is unknown; this is version 1")]
    BadContentVersion(u16),
    /// The coinbase script would be over 100 bytes.
    #[error("{0} bytes of extra make the coinbase script longer than 100 bytes")]
    ExtraTooLong(usize),
    /// The coinbase script would be under 2 bytes.
    #[error("{0} bytes of extra make the coinbase script shorter than 2 bytes")]
    ExtraTooShort(usize),
    /// Compact bits that name no target.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A flag, kind or count in a message that means nothing.
    #[error("{what} cannot be {value}")]
    BadField {
        /// Name of the field.
        what: &'static str,
        /// Its value.
        value: u64,
    },
}

impl DecodeError {
    /// The stable snake-case name of the refusal (`docs/spec/errors.md`).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::TrailingBytes(_) => "trailing_bytes",
            Self::TooLarge { .. } => "too_large",
            Self::BadVersion(_) => "bad_version",
            Self::BadPayloadKind(_) => "bad_payload_kind",
            Self::NoOutputs => "no_outputs",
            Self::ZeroAmount(_) => "zero_amount",
            Self::AmountTooLarge(_) => "amount_too_large",
            Self::MemoTooLong(_) => "memo_too_long",
            Self::BadPolicyKind(_) => "bad_policy_kind",
            Self::BadThreshold { .. } => "bad_threshold",
            Self::BadKeyCount(_) => "bad_key_count",
            Self::KeysNotAscending(_) => "keys_not_ascending",
            Self::BadBitmap { .. } => "bad_bitmap",
            Self::BadHeaderVersion(_) => "bad_header_version",
            Self::BadContentVersion(_) => "bad_content_version",
            Self::ExtraTooLong(_) => "extra_too_long",
            Self::ExtraTooShort(_) => "extra_too_short",
            Self::Target(error) => error.code(),
            Self::BadField { .. } => "bad_field",
        }
    }
}

/// Reads fixed-width little-endian fields off a slice; never reads past it, never allocates.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let left = self.remaining();
        if count > left {
            return Err(DecodeError::Truncated { at: self.at, missing: count - left });
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Two bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Sixteen bytes, little-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn u128(&mut self) -> Result<u128, DecodeError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] when anything is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            more => Err(DecodeError::TrailingBytes(more)),
        }
    }
}

/// Refuses `size` above `limit`.
///
/// # Errors
/// [`DecodeError::TooLarge`].
pub fn at_most(size: usize, limit: usize) -> Result<(), DecodeError> {
    if size > limit { Err(DecodeError::TooLarge { size, limit }) } else { Ok(()) }
}
