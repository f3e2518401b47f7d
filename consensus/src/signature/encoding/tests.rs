//! The tables and bounds of the byte rules, against the curve itself.

use std::collections::BTreeSet;

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use proptest::prelude::*;

use super::*;
use crate::signature::tests::honest;

/// `encode(decode(b)) == b`, or nothing where the bytes decode to no point.
fn survives_decoding(encoding: [u8; 32]) -> Option<bool> {
    let point = CompressedEdwardsY(encoding).decompress()?;
    Some(point.compress().to_bytes() == encoding)
}

/// A little-endian number plus a small one.
fn plus(mut number: [u8; 32], more: u8) -> [u8; 32] {
    let mut carry = u16::from(more);
    for byte in &mut number {
        let [low, high] = (u16::from(*byte) + carry).to_le_bytes();
        (*byte, carry) = (low, u16::from(high));
    }
    number
}

fn with_scalar(scalar: [u8; 32]) -> Result<(), SignatureError> {
    let check = honest(5);
    let mut signature = check.signature;
    signature[32..].copy_from_slice(&scalar);
    check_encoding(&check.key, &signature)
}

fn with_nonce(nonce: [u8; 32]) -> Result<(), SignatureError> {
    let check = honest(5);
    let mut signature = check.signature;
    signature[..32].copy_from_slice(&nonce);
    check_encoding(&check.key, &signature)
}

#[test]
fn small_order_lists_the_eight_torsion_points() {
    let listed = BTreeSet::from(SMALL_ORDER);
    let torsion = BTreeSet::from(EIGHT_TORSION.map(|point| point.compress().to_bytes()));
    assert_eq!(listed, torsion);
    assert_eq!(listed.len(), 8);
    let signature = honest(5).signature;
    for key in SMALL_ORDER {
        assert_eq!(check_encoding(&key, &signature), Err(SignatureError::KeySmallOrder { key }));
        assert_eq!(with_nonce(key), Ok(()), "R may be of small order");
    }
}

#[test]
fn the_scalar_is_below_the_group_order() {
    let mut below = GROUP_ORDER;
    below[0] -= 1;
    assert_eq!(with_scalar(below), Ok(()));
    assert_eq!(with_scalar([0; 32]), Ok(()));
    for scalar in [GROUP_ORDER, plus(GROUP_ORDER, 1), number(0, 0, 0x11), number(0, 0, 0x20), [0xff; 32]] {
        assert_eq!(with_scalar(scalar), Err(SignatureError::ScalarNotReduced { scalar }));
    }
    // The bound is the order of the library's scalars.
    let reduced = |bytes| bool::from(curve25519_dalek::Scalar::from_canonical_bytes(bytes).is_some());
    assert!(reduced(below) && !reduced(GROUP_ORDER));
}

#[test]
fn every_encoding_with_y_not_reduced_is_refused() {
    let signature = honest(5).signature;
    let mut decodable = 0;
    for more in 0..19 {
        for sign in [0, SIGN] {
            let key = signed(plus(FIELD_ORDER, more), sign);
            assert_eq!(check_encoding(&key, &signature), Err(SignatureError::KeyNotCanonical { key }));
            assert_eq!(with_nonce(key), Err(SignatureError::NonceNotCanonical { nonce: key }));
            decodable += usize::from(survives_decoding(key) == Some(false));
        }
    }
    // With the two signed zeros, the list that ZIP 215 admits.
    assert_eq!(decodable + SIGNED_ZEROS.len(), 26);
}

#[test]
fn the_sign_on_a_zero_x_is_refused() {
    let signature = honest(5).signature;
    for key in SIGNED_ZEROS {
        assert_eq!(survives_decoding(key), Some(false));
        assert_eq!(check_encoding(&key, &signature), Err(SignatureError::KeyNotCanonical { key }));
        assert_eq!(with_nonce(key), Err(SignatureError::NonceNotCanonical { nonce: key }));
    }
}

#[test]
fn the_largest_y_is_canonical() {
    let mut largest = FIELD_ORDER;
    largest[0] -= 1;
    assert_eq!(survives_decoding(largest), Some(true));
    assert_eq!(with_nonce(largest), Ok(()));
}

proptest! {
    #[test]
    fn canonical_is_what_survives_decoding(
        mut encoding in any::<[u8; 32]>(),
        edge in any::<bool>(),
        near in prop_oneof![Just(0x00u8), Just(0xff)],
    ) {
        // Near 0, p and 2^255 random bytes alone would never come.
        if edge {
            encoding[1..31].fill(near);
            encoding[31] = (encoding[31] & SIGN) | (near & !SIGN);
        }
        if let Some(expected) = survives_decoding(encoding) {
            prop_assert_eq!(is_canonical(&encoding), expected);
        }
    }
}
