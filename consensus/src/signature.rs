//! The signature rule (consensus: Signatures): Ed25519 by ZIP 215, behind stricter rules on the bytes.
//!
//! ZIP 215 asks the cofactored equation `[8][S]B = [8]R + [8][k]A`, the only one for which a batch and its
//! members one by one cannot disagree. It also admits encodings that no honest signer makes;
//! [`check_encoding`] refuses those by their bytes, before any work on the curve, so that each key and each
//! point has one form.
//! Both doors here, [`verify`] and [`verify_batch`], ask both.

mod batch;
mod cache;
mod encoding;
mod generations;
mod keys;

use core::fmt;

use ed25519_zebra::{Signature, VerificationKey};
use thiserror::Error;

pub use batch::{BatchError, verify_batch};
pub use cache::SignatureCache;
pub use encoding::check_encoding;
pub use keys::KnownKeys;

/// One signature to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureCheck {
    /// The public key, the encoding of the point A.
    pub key: [u8; 32],
    /// The encoding of the nonce point R, then the scalar S as 32 bytes little-endian.
    pub signature: [u8; 64],
    /// What was signed: the 32 bytes of the txid (formats: Transaction).
    pub message: [u8; 32],
}

/// Why a signature is refused, one variant per rule. The rules are asked in the order of the variants, so a
/// signature that breaks several has one error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// `S < L`, the order of the base point.
    #[error(
        "the signature's scalar S {} is not below the group order; sign again, S must be reduced",
        Hex(scalar)
    )]
    ScalarNotReduced {
        /// S as given, little-endian.
        scalar: [u8; 32],
    },
    /// A's encoding must be the one that encoding its point gives: y below p, no sign on x = 0.
    #[error("the public key {} is not a canonical encoding; use the key as its signer exports it", Hex(key))]
    KeyNotCanonical {
        /// The encoding of A as given.
        key: [u8; 32],
    },
    /// A must not be one of the eight points of small order, under which anybody can sign.
    #[error("the public key {} is of small order, anybody can sign for it; use another key", Hex(key))]
    KeySmallOrder {
        /// The encoding of A as given.
        key: [u8; 32],
    },
    /// R's encoding must be the one that encoding its point gives. R may be of small order.
    #[error("the signature's point R {} is not a canonical encoding; sign again", Hex(nonce))]
    NonceNotCanonical {
        /// The encoding of R as given.
        nonce: [u8; 32],
    },
    /// A's y must belong to a point of the curve.
    #[error("the public key {} is no point of the curve; check the key for a typing error", Hex(key))]
    KeyNotAPoint {
        /// The encoding of A as given.
        key: [u8; 32],
    },
    /// R's y must belong to a point of the curve.
    #[error("the signature's point R {} is no point of the curve; sign again", Hex(nonce))]
    NonceNotAPoint {
        /// The encoding of R as given.
        nonce: [u8; 32],
    },
    /// `[8][S]B = [8]R + [8][k]A` with `k = SHA-512(R || A || message) mod L`.
    #[error("the signature is not one by the key {} on this message; check chain, key and content", Hex(key))]
    Wrong {
        /// The encoding of A.
        key: [u8; 32],
    },
}

/// Checks one signature by every rule.
///
/// # Errors
///
/// The first rule broken, in the order of [`SignatureError`].
pub fn verify(check: &SignatureCheck) -> Result<(), SignatureError> {
    Signed::from(check).verify()
}

/// A signature on a message of any length: the published vectors sign other things than txids.
#[derive(Clone, Copy)]
struct Signed<'a> {
    key: &'a [u8; 32],
    signature: &'a [u8; 64],
    message: &'a [u8],
}

impl<'a> From<&'a SignatureCheck> for Signed<'a> {
    fn from(check: &'a SignatureCheck) -> Self {
        Self { key: &check.key, signature: &check.signature, message: &check.message }
    }
}

impl Signed<'_> {
    fn verify(&self) -> Result<(), SignatureError> {
        check_encoding(self.key, self.signature)?;
        self.check_equation()
    }

    /// The rules on points, for an encoding already checked.
    fn check_equation(&self) -> Result<(), SignatureError> {
        let signature = Signature::from_bytes(self.signature);
        let key = VerificationKey::try_from(*self.key)
            .map_err(|_| SignatureError::KeyNotAPoint { key: *self.key })?;
        key.verify(&signature, self.message).map_err(|_| {
            // The library has one error for both; R decodes by the same rule as a key.
            let nonce = *signature.r_bytes();
            match VerificationKey::try_from(nonce) {
                Ok(_) => SignatureError::Wrong { key: *self.key },
                Err(_) => SignatureError::NonceNotAPoint { nonce },
            }
        })
    }
}

/// Bytes as lower-case hex, for messages.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
