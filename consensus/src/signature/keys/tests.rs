//! What enters, what leaves, and that the verdict is the same whoever is in.

use super::*;
use crate::signature::tests::{crafted, honest};
use crate::signature::{BatchError, SignatureCheck, SignatureError, verify, verify_batch};
use curve25519_dalek::edwards::CompressedEdwardsY;
use rayon::prelude::*;

fn many(count: u64) -> Vec<SignatureCheck> {
    (0..count).map(honest).collect()
}

#[test]
fn keys_of_valid_signatures_enter_once_with_their_points() {
    let keys = KnownKeys::new(1 << 20);
    assert!(keys.is_empty());
    let mut checks = many(100);
    checks.extend(many(50));
    for _ in 0..2 {
        assert_eq!(verify_batch(&checks, &keys), Ok(()));
        assert_eq!(keys.len(), 100);
    }
    for check in &checks {
        assert_eq!(keys.get(&check.key), CompressedEdwardsY(check.key).decompress());
    }
    assert_eq!(keys.get(&honest(100).key), None);
}

#[test]
fn a_key_enters_only_with_a_valid_signature() {
    let keys = KnownKeys::new(1 << 20);
    let mut checks = many(64);
    checks[40].message[0] ^= 1;
    let key = checks[40].key;
    let refused = Err(BatchError { index: 40, error: SignatureError::Wrong { key } });
    assert_eq!(verify_batch(&checks, &keys), refused);
    assert_eq!(keys.get(&key), None);
    // Known or not, a wrong signature is wrong.
    assert_eq!(verify_batch(&many(64), &keys), Ok(()));
    assert!(keys.get(&key).is_some());
    assert_eq!(verify_batch(&checks, &keys), refused);
}

#[test]
fn crafted_keys_are_kept_as_they_are_torsion_included() {
    let keys = KnownKeys::new(1 << 20);
    let valid: Vec<SignatureCheck> = crafted().into_iter().filter(|check| verify(check).is_ok()).collect();
    for _ in 0..20 {
        assert_eq!(verify_batch(&valid, &keys), Ok(()));
    }
    assert!(valid.iter().all(|check| keys.get(&check.key) == CompressedEdwardsY(check.key).decompress()));
}

#[test]
fn the_bound_holds_and_those_who_sign_on_stay() {
    let max_bytes = 1 << 18;
    let keys = KnownKeys::new(max_bytes);
    let regular = honest(u64::MAX);
    let count = 3 * u64::try_from(keys.capacity()).unwrap();
    for number in (0..count).step_by(50) {
        let mut checks: Vec<SignatureCheck> = (number..number + 50).map(honest).collect();
        checks.push(regular);
        assert_eq!(verify_batch(&checks, &keys), Ok(()));
        assert!(keys.len() <= keys.capacity() && keys.bytes() <= max_bytes);
        assert!(keys.get(&regular.key).is_some());
    }
    assert_eq!(keys.get(&honest(0).key), None, "left long ago");
}

#[test]
fn none_is_ever_kept_without_room() {
    for keys in [KnownKeys::none(), KnownKeys::new(100_000)] {
        assert_eq!(verify_batch(&many(20), &keys), Ok(()));
        assert_eq!((keys.len(), keys.capacity(), keys.bytes()), (0, 0, 0));
    }
}

#[test]
fn many_threads_share_them() {
    let keys = KnownKeys::new(1 << 18);
    let good = many(400);
    (0u64..200).into_par_iter().for_each(|turn| {
        let start = usize::try_from(turn * 37 % 350).unwrap();
        let mut checks = good[start..start + 50].to_vec();
        assert_eq!(verify_batch(&checks, &keys), Ok(()));
        checks[7].message[3] ^= 4;
        assert_eq!(verify_batch(&checks, &keys).map_err(|refused| refused.index), Err(7));
    });
    assert!(keys.len() <= 400);
}
