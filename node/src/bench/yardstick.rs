//! The yardstick R: what a well-known library verifies on all cores when it has nothing else to do.

use super::report::{float, median};
use super::work::Work;
use crate::failure::{Failure, Outcome};
use ed25519_zebra::batch::Verifier;
use ed25519_zebra::{Signature, VerificationKeyBytes};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use rayon::prelude::*;
use starling_consensus::{SignatureCheck, signature_checks};
use starling_primitives::{GenesisId, Transaction};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Signatures in a batch.
const BATCH: usize = 256;
/// Times that everything is verified at the least: the middle one counts.
const LEAST_PASSES: usize = 3;
/// Time that is spent at the least.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// All signatures of some transactions.
pub(super) fn checks(txs: &[Arc<Transaction>], genesis: &GenesisId) -> Vec<SignatureCheck> {
    txs.iter().flat_map(|tx| signature_checks(tx, genesis)).collect()
}

/// Signatures per second: batches of 256, each with the decompression of its keys and points and the hashing
/// of its messages, on all cores.
///
/// # Errors
/// A signature is wrong, or an interruption.
pub(super) fn yardstick(checks: &[SignatureCheck], work: &Work) -> Outcome<f64> {
    let wrong = || Failure::failed("a signature of the benchmark is not taken by the yardstick");
    rate(checks.len(), work, || checks.par_chunks(BATCH).all(verify).then_some(()).ok_or_else(wrong))
}

fn verify(checks: &[SignatureCheck]) -> bool {
    let mut batch = Verifier::new();
    for check in checks {
        let key = VerificationKeyBytes::from(check.key);
        batch.queue((key, Signature::from_bytes(&check.signature), &check.message));
    }
    batch.verify(UnwrapErr(SysRng)).is_ok()
}

/// How many units a second: the middle one of several passes of so many units.
///
/// # Errors
/// Those of a pass, or an interruption.
pub(super) fn rate(units: usize, work: &Work, mut pass: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let units = float(u64::try_from(units).unwrap_or(u64::MAX));
    let begun = Instant::now();
    let mut rates = Vec::new();
    while rates.len() < LEAST_PASSES || begun.elapsed() < LEAST_TIME {
        work.go_on()?;
        let started = Instant::now();
        pass()?;
        rates.push(units / started.elapsed().as_secs_f64());
    }
    median(rates).ok_or_else(|| Failure::failed("nothing was measured"))
}
