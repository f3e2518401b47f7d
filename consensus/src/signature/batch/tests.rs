//! Who is named in a batch, at every place, and that neither threads nor a dead generator change it.

use super::*;
use crate::signature::tests::{crafted, honest};
use crate::signature::verify;

/// [`verify_batch`] without keys that are known.
fn verify_all(checks: &[SignatureCheck]) -> Result<(), BatchError> {
    verify_batch(checks, &KnownKeys::none())
}

fn refused_with(signed: &[Signed<'_>], entropy: Entropy) -> Result<(), BatchError> {
    Batches { keys: &KnownKeys::none(), entropy }.first_refused(signed)
}

fn many(count: u64) -> Vec<SignatureCheck> {
    (0..count).map(honest).collect()
}

/// Makes the equation fail, with nothing wrong in the bytes.
fn spoil(check: &mut SignatureCheck) -> SignatureError {
    check.message[31] ^= 0x80;
    SignatureError::Wrong { key: check.key }
}

/// Breaks a rule on bytes.
fn misencode(check: &mut SignatureCheck) -> SignatureError {
    check.key = [0; 32];
    SignatureError::KeySmallOrder { key: check.key }
}

#[test]
fn nothing_to_check_is_fine() {
    assert_eq!(verify_all(&[]), Ok(()));
}

#[test]
fn valid_batches_of_every_small_size_hold() {
    let checks = many(20);
    for count in 0..=checks.len() {
        assert_eq!(verify_all(&checks[..count]), Ok(()));
    }
}

#[test]
fn one_bad_signature_is_named_at_every_place() {
    let good = many(600);
    assert_eq!(verify_all(&good), Ok(()));
    (0..good.len()).into_par_iter().for_each(|index| {
        let mut checks = good.clone();
        let error = spoil(&mut checks[index]);
        assert_eq!(verify_all(&checks), Err(BatchError { index, error }));
    });
}

#[test]
fn one_bad_encoding_is_named_at_every_place() {
    let good = many(70);
    for index in 0..good.len() {
        let mut checks = good.clone();
        let error = misencode(&mut checks[index]);
        assert_eq!(verify_all(&checks), Err(BatchError { index, error }));
    }
}

#[test]
fn of_several_the_first_is_named_whatever_rule_it_breaks() {
    let good = many(600);
    for (first, second) in [(0, 599), (17, 18), (100, 300), (299, 300), (511, 512), (598, 599)] {
        for (first_break, second_break) in
            [(spoil as fn(&mut _) -> _, misencode as fn(&mut _) -> _), (misencode, spoil), (spoil, spoil)]
        {
            let mut checks = good.clone();
            let error = first_break(&mut checks[first]);
            second_break(&mut checks[second]);
            assert_eq!(verify_all(&checks), Err(BatchError { index: first, error }));
        }
    }
    let mut all_bad = good;
    let errors: Vec<SignatureError> = all_bad.iter_mut().map(spoil).collect();
    assert_eq!(verify_all(&all_bad), Err(BatchError { index: 0, error: errors[0] }));
}

#[test]
fn repeated_keys_and_repeated_signatures_hold() {
    let mut checks = vec![honest(1); 100];
    assert_eq!(verify_all(&checks), Ok(()));
    let error = spoil(&mut checks[99]);
    assert_eq!(verify_all(&checks), Err(BatchError { index: 99, error }));
}

#[test]
fn crafted_valid_signatures_hold_together() {
    let valid: Vec<SignatureCheck> = crafted().into_iter().filter(|check| verify(check).is_ok()).collect();
    assert_eq!(valid.len(), 72);
    let signed: Vec<Signed<'_>> = valid.iter().map(Signed::from).collect();
    let batches = Batches { keys: &KnownKeys::none(), entropy: getrandom::fill };
    for _ in 0..50 {
        assert_eq!(verify_all(&valid), Ok(()));
        // The batch itself says so: whoever adds torsion does not make it fall apart into single ones.
        assert_eq!(batches.all_equal(&signed), Ok(true));
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_verdict() {
    let mut checks = many(600);
    let error = spoil(&mut checks[400]);
    spoil(&mut checks[590]);
    for threads in [1, 2, 3, 16] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| verify_all(&checks)), Err(BatchError { index: 400, error }));
    }
}

#[test]
fn a_later_batch_that_fails_sooner_does_not_win() {
    // Two threads with four batches each: one finds its culprit in its first, the other in its last.
    let batch = MOST_IN_BATCH;
    let mut checks = many(8 * u64::try_from(batch).unwrap());
    let index = 4 * batch - 1;
    let error = spoil(&mut checks[index]);
    spoil(&mut checks[4 * batch]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for _ in 0..10 {
        assert_eq!(pool.install(|| verify_all(&checks)), Err(BatchError { index, error }));
    }
}

#[test]
fn threads_have_equal_shares() {
    assert_eq!(batch_size(0, 2), FEWEST_IN_BATCH);
    assert_eq!(batch_size(20, 16), FEWEST_IN_BATCH);
    assert_eq!(batch_size(100, 2), 50);
    assert_eq!(batch_size(2 * MOST_IN_BATCH, 2), MOST_IN_BATCH);
    assert_eq!(batch_size(2 * MOST_IN_BATCH + 1, 2), MOST_IN_BATCH / 2 + 1);
    assert_eq!(batch_size(100_000, 4), 379);
}

/// Foreseeable bytes, under which any batch holds: every coefficient is zero.
fn zeros(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    bytes.fill(0);
    Ok(())
}

/// The same, with a word that they are worthless.
fn dead(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    bytes.fill(0);
    Err(getrandom::Error::UNSUPPORTED)
}

#[test]
fn without_randomness_signatures_are_checked_one_by_one() {
    let mut checks = many(100);
    let signed: Vec<Signed<'_>> = checks.iter().map(Signed::from).collect();
    assert_eq!(refused_with(&signed, dead), Ok(()));

    let error = spoil(&mut checks[70]);
    let signed: Vec<Signed<'_>> = checks.iter().map(Signed::from).collect();
    assert_eq!(refused_with(&signed, dead), Err(BatchError { index: 70, error }));
    assert_eq!(refused_with(&signed, zeros), Ok(()), "the batch does rest on its coefficients");
}

#[test]
fn the_error_says_which_and_why() {
    let mut checks = many(3);
    let error = spoil(&mut checks[2]);
    let refused = verify_all(&checks).unwrap_err();
    assert_eq!(refused.to_string(), format!("signature 2: {error}"));
}
