//! Many signatures at once: batches over all cores, and the culprit of a failed one found by halving it.
//!
//! A batch is one sum, `z1 (R1 + k1 A1 - S1 B) + z2 (R2 + k2 A2 - S2 B) + ...`, with 128 unpredictable bits
//! in each coefficient z. If all its members hold under the cofactored equation, it is of small order
//! whatever the coefficients; if one does not, it is of small order with a chance of about 2^-128, which
//! nobody can influence. So the verdict is that of asking one by one, whatever the threads and the
//! coefficients.
//!
//! A batch only ever says yes. Of one that does not, [`verify`](super::verify) has the last word, one by one.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_zebra::Signature;
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use thiserror::Error;

use super::{KnownKeys, SignatureCheck, SignatureError, Signed, check_encoding};

/// Signatures in a batch, at most. Somewhat more make each dearer again, for the library's windows grow in
/// steps: the best is just below 800 terms, of which each signature by a key of its own brings two.
const MOST_IN_BATCH: usize = 384;
/// Signatures in a batch, at least, where there are that many: each costs a fifth more than in a large one,
/// so fewer would keep one more core busy and gain little.
const FEWEST_IN_BATCH: usize = 16;
/// From this many terms on it is cheaper to add terms of nothing until there are [`FEWEST_IN_BUCKETS`].
const FEWEST_PADDED: usize = 90;
/// From this many terms on the library sorts them into buckets (Pippenger) instead of tabling each (Straus).
const FEWEST_IN_BUCKETS: usize = 190;
/// Bytes of a coefficient.
const COEFFICIENT_BYTES: usize = 16;

const _: () = assert!(1 <= FEWEST_IN_BATCH && FEWEST_IN_BATCH <= MOST_IN_BATCH);

/// The first signature of a batch that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("signature {index}: {error}")]
pub struct BatchError {
    /// Its place in the batch, from 0; all before it are valid.
    pub index: usize,
    /// The rule it breaks: what [`verify`](super::verify) says of it.
    pub error: SignatureError,
}

/// Checks many signatures by every rule, on all cores of the current rayon pool. None is fine. Keys found in
/// `keys` cost less, and those of valid signatures enter it; the verdict is the same whatever is in it.
///
/// # Errors
///
/// The lowest index at which [`verify`](super::verify) refuses, with its error.
pub fn verify_batch(checks: &[SignatureCheck], keys: &KnownKeys) -> Result<(), BatchError> {
    let signed: Vec<Signed<'_>> = checks.iter().map(Signed::from).collect();
    Batches { keys, entropy: getrandom::fill }.first_refused(&signed)
}

/// What fills a buffer with unpredictable bytes: the operating system, or a test.
pub(super) type Entropy = fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// [`verify_batch`] for messages of any length and any source of randomness.
#[derive(Clone, Copy)]
pub(super) struct Batches<'k> {
    pub(super) keys: &'k KnownKeys,
    pub(super) entropy: Entropy,
}

impl Batches<'_> {
    pub(super) fn first_refused(self, signed: &[Signed<'_>]) -> Result<(), BatchError> {
        let encodings = signed.iter().enumerate().try_for_each(|(index, one)| {
            check_encoding(one.key, one.signature).map_err(|error| BatchError { index, error })
        });
        // Only what comes before a bad encoding can still be a lower culprit.
        let encoded = &signed[..encodings.map_or_else(|refused| refused.index, |()| signed.len())];
        let size = batch_size(encoded.len(), rayon::current_num_threads());
        let culprit = encoded.par_chunks(size).enumerate().find_map_first(|(nth, batch)| {
            self.first_unequal(batch).map(|(index, error)| BatchError { index: nth * size + index, error })
        });
        culprit.map_or(encodings, Err)
    }

    /// The first of these well-encoded signatures that breaks a rule on points.
    fn first_unequal(self, signed: &[Signed<'_>]) -> Option<(usize, SignatureError)> {
        if signed.len() <= 1 {
            return one_by_one(signed);
        }
        match self.all_equal(signed) {
            Ok(true) => None,
            Ok(false) => {
                let (low, high) = signed.split_at(signed.len() / 2);
                self.first_unequal(low)
                    .or_else(|| self.first_unequal(high).map(|(index, error)| (low.len() + index, error)))
            }
            // Coefficients that somebody could foresee prove nothing; one by one needs none.
            Err(_) => one_by_one(signed),
        }
    }

    /// Whether a random combination of these signatures' equations holds; an error if there is no randomness.
    fn all_equal(self, signed: &[Signed<'_>]) -> Result<bool, getrandom::Error> {
        let mut coefficients = vec![0; COEFFICIENT_BYTES * signed.len()];
        (self.entropy)(&mut coefficients)?;
        let Some(sum) = Sum::of(signed, &coefficients, self.keys) else { return Ok(false) };
        let equal = sum.is_small_order();
        if equal {
            sum.new_keys.into_iter().for_each(|(key, point)| self.keys.insert(key, point));
        }
        Ok(equal)
    }
}

/// Signatures in each batch of `count`, so that the threads have equal shares.
fn batch_size(count: usize, threads: usize) -> usize {
    let rounds = count.div_ceil(threads * MOST_IN_BATCH).max(1);
    count.div_ceil(threads * rounds).clamp(FEWEST_IN_BATCH, MOST_IN_BATCH)
}

fn one_by_one(signed: &[Signed<'_>]) -> Option<(usize, SignatureError)> {
    signed.iter().enumerate().find_map(|(index, one)| one.check_equation().err().map(|error| (index, error)))
}

/// The sum of a batch, as terms to be added up: a scalar and a point each.
struct Sum {
    scalars: Vec<Scalar>,
    points: Vec<EdwardsPoint>,
    /// The keys among the points that had to be decoded.
    new_keys: Vec<([u8; 32], EdwardsPoint)>,
}

impl Sum {
    /// None if an encoding is no point.
    fn of(signed: &[Signed<'_>], coefficients: &[u8], keys: &KnownKeys) -> Option<Self> {
        let most_terms = (2 * signed.len() + 1).max(FEWEST_IN_BUCKETS);
        let mut sum = Self {
            scalars: Vec::with_capacity(most_terms),
            points: Vec::with_capacity(most_terms),
            new_keys: Vec::new(),
        };
        let (coefficients, _) = coefficients.as_chunks::<COEFFICIENT_BYTES>();
        let mut base = Scalar::ZERO;
        // All signatures by one key share its term.
        let mut by_key: Vec<(&Signed<'_>, &[u8; COEFFICIENT_BYTES])> =
            signed.iter().zip(coefficients).collect();
        by_key.sort_unstable_by_key(|(one, _)| one.key);
        for same in by_key.chunk_by(|(one, _), (next, _)| one.key == next.key) {
            let mut of_key = Scalar::ZERO;
            for (one, coefficient) in same {
                let signature = Signature::from_bytes(one.signature);
                let nonce = CompressedEdwardsY(*signature.r_bytes()).decompress()?;
                let scalar = Scalar::from_canonical_bytes(*signature.s_bytes()).into_option()?;
                let coefficient = Scalar::from(u128::from_le_bytes(**coefficient));
                sum.add(coefficient, nonce);
                of_key += coefficient * one.challenge();
                base -= coefficient * scalar;
            }
            let key = same.first()?.0.key;
            let point = sum.point(key, keys)?;
            sum.add(of_key, point);
        }
        sum.add(base, ED25519_BASEPOINT_POINT);
        if (FEWEST_PADDED..FEWEST_IN_BUCKETS).contains(&sum.points.len()) {
            sum.scalars.resize(FEWEST_IN_BUCKETS, Scalar::ZERO);
            sum.points.resize(FEWEST_IN_BUCKETS, EdwardsPoint::identity());
        }
        Some(sum)
    }

    /// What a key decodes to, if anything.
    fn point(&mut self, key: &[u8; 32], keys: &KnownKeys) -> Option<EdwardsPoint> {
        if let Some(point) = keys.get(key) {
            return Some(point);
        }
        let point = CompressedEdwardsY(*key).decompress()?;
        self.new_keys.push((*key, point));
        Some(point)
    }

    fn add(&mut self, scalar: Scalar, point: EdwardsPoint) {
        self.scalars.push(scalar);
        self.points.push(point);
    }

    fn is_small_order(&self) -> bool {
        EdwardsPoint::vartime_multiscalar_mul(&self.scalars, &self.points).is_small_order()
    }
}

impl Signed<'_> {
    /// `k = SHA-512(R || A || message) mod L`.
    fn challenge(&self) -> Scalar {
        let nonce = *Signature::from_bytes(self.signature).r_bytes();
        let hash = Sha512::new().chain_update(nonce).chain_update(self.key).chain_update(self.message);
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }
}

#[cfg(test)]
mod tests;
