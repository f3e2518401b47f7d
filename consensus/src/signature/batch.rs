//! Many signatures at once: batches over all cores, and the culprit of a failed one found by halving it.
//!
//! The verdict is that of asking one by one, whatever the threads and the random coefficients: under the
//! cofactored equation a batch of valid signatures always holds, and one with an invalid signature fails but
//! for a chance of about 2^-128, which nobody can influence.

use core::convert::Infallible;

use ed25519_zebra::batch::Verifier;
use ed25519_zebra::{Signature, VerificationKeyBytes};
use rand_core::{TryCryptoRng, TryRng, utils};
use rayon::prelude::*;
use thiserror::Error;

use super::{SignatureCheck, SignatureError, Signed, check_encoding};

/// Signatures in a batch, at most. Each costs 60 % of one alone; more in a batch save under 5 % of that.
const MOST_IN_BATCH: usize = 256;
/// Signatures in a batch, at least, where there are that many: each costs 70 % of one alone from here on, so
/// fewer would keep one more core busy and gain little.
const FEWEST_IN_BATCH: usize = 16;

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

/// Checks many signatures by every rule, on all cores of the current rayon pool. None is fine.
///
/// # Errors
///
/// The lowest index at which [`verify`](super::verify) refuses, with its error.
pub fn verify_batch(checks: &[SignatureCheck]) -> Result<(), BatchError> {
    let signed: Vec<Signed<'_>> = checks.iter().map(Signed::from).collect();
    first_refused(&signed, getrandom::fill)
}

/// What fills a buffer with unpredictable bytes: the operating system, or a test.
pub(super) type Entropy = fn(&mut [u8]) -> Result<(), getrandom::Error>;

/// [`verify_batch`] for messages of any length and any source of randomness.
pub(super) fn first_refused(signed: &[Signed<'_>], entropy: Entropy) -> Result<(), BatchError> {
    let encodings = signed.iter().enumerate().try_for_each(|(index, one)| {
        check_encoding(one.key, one.signature).map_err(|error| BatchError { index, error })
    });
    // Only what comes before a bad encoding can still be a lower culprit.
    let encoded = &signed[..encodings.map_or_else(|refused| refused.index, |()| signed.len())];
    let size = encoded.len().div_ceil(rayon::current_num_threads()).clamp(FEWEST_IN_BATCH, MOST_IN_BATCH);
    let culprit = encoded.par_chunks(size).enumerate().find_map_first(|(nth, batch)| {
        first_unequal(batch, entropy).map(|(index, error)| BatchError { index: nth * size + index, error })
    });
    culprit.map_or(encodings, Err)
}

/// The first of these well-encoded signatures that breaks a rule on points.
fn first_unequal(signed: &[Signed<'_>], entropy: Entropy) -> Option<(usize, SignatureError)> {
    if signed.len() <= 1 {
        return one_by_one(signed);
    }
    match all_equal(signed, entropy) {
        Ok(true) => None,
        Ok(false) => {
            let (low, high) = signed.split_at(signed.len() / 2);
            first_unequal(low, entropy)
                .or_else(|| first_unequal(high, entropy).map(|(index, error)| (low.len() + index, error)))
        }
        // Coefficients that somebody could foresee prove nothing; one by one needs none.
        Err(_) => one_by_one(signed),
    }
}

fn one_by_one(signed: &[Signed<'_>]) -> Option<(usize, SignatureError)> {
    signed.iter().enumerate().find_map(|(index, one)| one.check_equation().err().map(|error| (index, error)))
}

/// Whether a random combination of these signatures' equations holds; an error if there is no randomness.
fn all_equal(signed: &[Signed<'_>], entropy: Entropy) -> Result<bool, getrandom::Error> {
    let mut batch = Verifier::new();
    for one in signed {
        batch.queue((
            VerificationKeyBytes::from(*one.key),
            Signature::from_bytes(one.signature),
            one.message,
        ));
    }
    let mut coefficients = Coefficients { entropy, state: Ok(()) };
    let equal = batch.verify(&mut coefficients).is_ok();
    coefficients.state.map(|()| equal)
}

/// The source of a batch's coefficients in the form the library takes, which cannot fail: a failure is kept,
/// and the verdict reached with it thrown away.
struct Coefficients {
    entropy: Entropy,
    state: Result<(), getrandom::Error>,
}

impl TryRng for Coefficients {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.state = self.state.and_then(|()| (self.entropy)(bytes));
        Ok(())
    }
}

impl TryCryptoRng for Coefficients {}

#[cfg(test)]
mod tests;
